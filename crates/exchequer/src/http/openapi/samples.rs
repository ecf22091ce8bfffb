//! Examples of bodies, made from their schemas: what a reader can copy and a tool can fill in.
//!
//! A field's value is, in this order: the schema's own example, its first enum value, a value by the
//! field's name ([`IDS`], [`TEXTS`], [`INTEGERS`]), the word in code that its description begins with, a
//! plain one by its type. A test demands that the required fields of request bodies do not come to the
//! last. Bound: [`MAX_DEPTH`].

use std::fmt;

use serde_json::Value;
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Object, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

use super::Schemas;

/// An example, its fields in the order of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sample {
    Object(Vec<(String, Self)>),
    Array(Vec<Self>),
    /// Anything else.
    Plain(Value),
}

/// Schemas within schemas; ours go four deep.
const MAX_DEPTH: usize = 8;

/// By a field's name, or its end where an underscore begins the row; the first that fits.
const TEXTS: &[(&str, &str)] = &[
    ("_at", "2026-01-31T09:30:00Z"),
    ("at", "2026-01-31T09:30:00Z"),
    ("action", "account.opened"),
    ("address", "192.0.2.7"),
    ("agent", "curl/8.14.1"),
    ("alg", "EdDSA"),
    ("crv", "Ed25519"),
    ("kty", "OKP"),
    ("use", "sig"),
    ("kid", "1"),
    ("x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
    ("method", "totp"),
    ("methods", "totp"),
    ("government_id", "X1234567"),
    ("email", "asha@example.com"),
    ("password", "seven quiet otters by the weir"),
    ("full_name", "Asha Rao"),
    ("phone", "+14155550123"),
    ("name", "Everyday money"),
    ("number", "EX3456789012345676"),
    ("counterparty", "EX3456789012345676"),
    ("currency", "INR"),
    ("memo", "Rent for May"),
    ("reference", "slip 4711"),
    ("reason", "lost card"),
    ("code", "123456"),
    ("refresh_token", "dGhlIHNlY29uZCBvZiBhIHBhaXI"),
    ("access_token", "eyJhbGciOiJFZERTQSIs…"),
    ("token_type", "Bearer"),
    ("next_cursor", "trf_01jz7m5v3k8e9q2r4s6t8w0xyz"),
];

/// What follows the prefix of an id.
const ID: &str = "01jz7m5v3k8e9q2r4s6t8w0xyz";

/// Fields that hold an id, by name; `id` itself by the end or beginning of its schema's name.
const IDS: &[(&str, &str)] = &[
    ("from", "acc"),
    ("to", "acc"),
    ("account", "acc"),
    ("account_id", "acc"),
    ("transfer", "trf"),
    ("transfer_id", "trf"),
    ("hold", "hld"),
    ("hold_id", "hld"),
    ("customer", "cus"),
    ("customer_id", "cus"),
    ("session", "ses"),
    ("session_id", "ses"),
    ("event", "evt"),
    ("staff", "stf"),
    ("maker", "stf"),
    ("decided_by", "stf"),
    ("approval", "apr"),
    ("operator", "stf"),
    ("owner", "cus"),
    ("entry", "trf"),
    ("actor", "cus"),
    ("resource", "acc"),
    ("challenge", "chl"),
    ("request_id", "req"),
    ("card", "crd"),
    ("payment", "pay"),
    ("merchant", "mer"),
    ("settlement_account", "acc"),
    ("duplicate_of", "crd"),
];

const INTEGERS: &[(&str, i64)] = &[
    ("amount", 125_000),
    ("captured", 0),
    ("refunded", 0),
    ("fee", 2_530),
    ("fee_basis_points", 200),
    ("fee_fixed", 30),
    ("refund_limit", 5_000_000),
    ("exp_month", 12),
    ("exp_year", 2_030),
    ("remaining", 125_000),
    ("per_transfer", 1_000_000),
    ("per_day", 5_000_000),
    ("at_least", 50_000),
    ("posted", 500_000),
    ("held", 125_000),
    ("available", 375_000),
    ("balance_after", 375_000),
    ("expires_in", 300),
    ("status", 422),
];

/// An example of a schema.
pub fn sample(schema: &RefOr<Schema>, schemas: &Schemas) -> Sample {
    build(schema, &Place { field: "", within: "", depth: 0 }, schemas)
}

/// What a text or integer field of this name holds in an example; none: nothing better than its type.
pub fn example_of(field: &str, within: &str, kind: &Type) -> Option<Value> {
    match kind {
        Type::String => id_of(field, within).or_else(|| {
            let fits = |name: &str| field == name || name.starts_with('_') && field.ends_with(name);
            TEXTS.iter().find(|(name, _)| fits(name)).map(|(_, text)| Value::from(*text))
        }),
        Type::Integer => {
            INTEGERS.iter().find(|(name, _)| *name == field).map(|(_, value)| Value::from(*value))
        }
        Type::Boolean => Some(Value::from(false)),
        Type::Object | Type::Number | Type::Array | Type::Null => None,
    }
}

impl Sample {
    /// As JSON; the fields in alphabetical order, whichever map serde_json is built with.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by(|(a, _), (b, _)| a.cmp(b));
                let fields = fields.into_iter().map(|(name, v)| (name.clone(), v.to_value()));
                Value::Object(fields.collect())
            }
            Self::Array(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Self::Plain(value) => value.clone(),
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        match self {
            Self::Object(fields) if fields.is_empty() => f.write_str("{}"),
            Self::Object(fields) => {
                f.write_str("{")?;
                for (i, (name, value)) in fields.iter().enumerate() {
                    let comma = if i == 0 { "" } else { "," };
                    let name = Value::from(name.as_str());
                    write!(f, "{comma}\n{:indent$}{name}: ", "", indent = indent + 2)?;
                    value.write(f, indent + 2)?;
                }
                write!(f, "\n{:indent$}}}", "")
            }
            Self::Array(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { ", " })?;
                    item.write(f, indent)?;
                }
                f.write_str("]")
            }
            Self::Plain(value) => write!(f, "{value}"),
        }
    }
}

/// Indented JSON.
impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

/// Where a value stands.
struct Place<'p> {
    field: &'p str,
    /// Name of the schema around it.
    within: &'p str,
    depth: usize,
}

fn build(schema: &RefOr<Schema>, place: &Place<'_>, schemas: &Schemas) -> Sample {
    let deeper = |within| Place { field: place.field, within, depth: place.depth + 1 };
    if place.depth > MAX_DEPTH {
        return Sample::Plain(Value::Null);
    }
    let schema = match schema {
        RefOr::Ref(reference) => {
            let name = super::schema_name(reference);
            return schemas.get(name).map_or(Sample::Plain(Value::Null), |schema| {
                build(schema, &deeper(name), schemas)
            });
        }
        RefOr::T(schema) => schema,
    };
    match schema {
        Schema::Array(array) => match &array.items {
            ArrayItems::RefOrSchema(items) => {
                Sample::Array(vec![build(items, &deeper(place.within), schemas)])
            }
            ArrayItems::False => Sample::Array(Vec::new()),
        },
        Schema::Object(object) => build_object(object, place, schemas),
        Schema::OneOf(one) => choice(&one.items, place, schemas),
        Schema::AnyOf(any) => choice(&any.items, place, schemas),
        Schema::AllOf(all) => {
            let parts = all.items.iter().map(|item| build(item, &deeper(place.within), schemas));
            Sample::Object(parts.flat_map(Sample::fields).collect())
        }
        // The enum of another crate may grow; what is new there has no example here.
        _ => Sample::Plain(Value::Null),
    }
}

impl Sample {
    fn fields(self) -> Vec<(String, Self)> {
        match self {
            Self::Object(fields) => fields,
            Self::Array(_) | Self::Plain(_) => Vec::new(),
        }
    }
}

/// The first that is not null.
fn choice(items: &[RefOr<Schema>], place: &Place<'_>, schemas: &Schemas) -> Sample {
    let is_null = |item: &&RefOr<Schema>| matches!(item, RefOr::T(Schema::Object(object)) if main_type(object) == &Type::Null);
    let deeper = Place { depth: place.depth + 1, ..*place };
    items
        .iter()
        .find(|item| !is_null(item))
        .map_or(Sample::Plain(Value::Null), |item| build(item, &deeper, schemas))
}

fn build_object(object: &Object, place: &Place<'_>, schemas: &Schemas) -> Sample {
    let given = object.example.as_ref().or_else(|| object.examples.first());
    let given = given.or_else(|| object.enum_values.as_ref()?.first());
    if let Some(value) = given {
        return Sample::Plain(value.clone());
    }
    let kind = main_type(object);
    match kind {
        Type::Object => {
            let mut fields: Vec<_> = object
                .properties
                .iter()
                .map(|(field, schema)| {
                    let place = Place { field, within: place.within, depth: place.depth + 1 };
                    (field.clone(), build(schema, &place, schemas))
                })
                .collect();
            if let Some(AdditionalProperties::RefOr(schema)) =
                object.additional_properties.as_deref()
            {
                let place = Place { field: "", within: "", depth: place.depth + 1 };
                fields.push(("name".to_owned(), build(schema, &place, schemas)));
            }
            Sample::Object(fields)
        }
        Type::Null => Sample::Plain(Value::Null),
        other => Sample::Plain(
            example_of(place.field, place.within, other)
                .or_else(|| described(object, other))
                .unwrap_or_else(|| plain(other)),
        ),
    }
}

/// The first word of a description such as "`open`, `frozen` or `closed`".
fn described(object: &Object, kind: &Type) -> Option<Value> {
    let (word, _) = object.description.as_deref()?.strip_prefix('`')?.split_once('`')?;
    (*kind == Type::String).then(|| Value::from(word))
}

fn plain(kind: &Type) -> Value {
    match kind {
        Type::Integer | Type::Number => Value::from(1),
        Type::Array => Value::Array(Vec::new()),
        Type::String | Type::Boolean | Type::Object | Type::Null => Value::from("text"),
    }
}

static OBJECT: Type = Type::Object;

/// The type of a schema that may also be null.
fn main_type(object: &Object) -> &Type {
    match &object.schema_type {
        SchemaType::Type(kind) => kind,
        SchemaType::Array(kinds) => {
            kinds.iter().find(|kind| **kind != Type::Null).unwrap_or(&Type::Null)
        }
        SchemaType::AnyValue => &OBJECT,
    }
}

/// An id: `id` is that of the schema it stands in (`Transfer`, `HoldView`), others go by name.
fn id_of(field: &str, within: &str) -> Option<Value> {
    let within = within.to_ascii_lowercase();
    let prefix = if field == "id" {
        let ends = IDS.iter().find(|(name, _)| within.ends_with(name));
        ends.or_else(|| IDS.iter().find(|(name, _)| within.starts_with(name)))
    } else {
        IDS.iter().find(|(name, _)| *name == field)
    };
    prefix.map(|(_, prefix)| Value::from(format!("{prefix}_{ID}")))
}

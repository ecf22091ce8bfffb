//! Schemas for people: the fields of an object as a list of terms, the type of a value in words.

use std::fmt::{self, Display, Formatter};

use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Object, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

use super::markdown::Inline;
use super::markup::escape;
use crate::http::openapi::{Schemas, schema_name};

/// The fields of an object, also one made of parts, or of each alternative; nothing for a plain value.
pub struct Fields<'s> {
    pub schema: &'s RefOr<Schema>,
    pub schemas: &'s Schemas,
}

/// What a value is, in a few words.
pub struct Kind<'s> {
    pub schema: &'s RefOr<Schema>,
    pub schemas: &'s Schemas,
}

/// One line of such a list; also for the parameters of an operation.
pub struct Term<'s> {
    pub name: &'s str,
    pub kind: Kind<'s>,
    pub required: bool,
    pub description: &'s str,
}

/// The anchor of a schema that has a part of the page.
pub fn anchor(name: &str) -> String {
    format!("schema-{name}")
}

/// Whether a schema has a part of its own: it has fields, alternatives or parts.
pub fn is_structured(schema: &RefOr<Schema>) -> bool {
    match schema {
        RefOr::T(Schema::Object(object)) => !object.properties.is_empty(),
        RefOr::T(Schema::OneOf(one)) => one.items.len() > 1,
        RefOr::T(Schema::AllOf(all)) => all.items.len() > 1,
        RefOr::T(_) | RefOr::Ref(_) => false,
    }
}

/// What the schema says of itself, or what it refers to does.
pub fn description<'s>(schema: &'s RefOr<Schema>, schemas: &'s Schemas) -> &'s str {
    let own = match schema {
        RefOr::Ref(reference) => Some(reference.description.as_str()),
        RefOr::T(Schema::Object(object)) => object.description.as_deref(),
        RefOr::T(Schema::Array(array)) => array.description.as_deref(),
        RefOr::T(Schema::OneOf(one)) => one.description.as_deref(),
        RefOr::T(Schema::AllOf(all)) => all.description.as_deref(),
        RefOr::T(Schema::AnyOf(any)) => any.description.as_deref(),
        RefOr::T(_) => None,
    };
    let own = own.unwrap_or_default();
    match schema {
        RefOr::Ref(reference) if own.is_empty() => schemas
            .get(schema_name(reference))
            .map_or("", |referred| description(referred, schemas)),
        RefOr::Ref(_) | RefOr::T(_) => own,
    }
}

impl Display for Fields<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.schema {
            RefOr::Ref(reference) => match self.schemas.get(schema_name(reference)) {
                Some(schema) => Fields { schema, ..*self }.fmt(f),
                None => Ok(()),
            },
            RefOr::T(Schema::Object(object)) if !object.properties.is_empty() => {
                f.write_str("<dl class=\"fields\">\n")?;
                for (name, schema) in &object.properties {
                    let kind = Kind { schema, schemas: self.schemas };
                    let required = object.required.contains(name);
                    let description = description(schema, self.schemas);
                    Term { name, kind, required, description }.fmt(f)?;
                }
                f.write_str("</dl>\n")
            }
            RefOr::T(Schema::OneOf(one)) => {
                f.write_str("<ul class=\"choices\">\n")?;
                for schema in &one.items {
                    write!(f, "<li>{}", Kind { schema, schemas: self.schemas })?;
                    Fields { schema, ..*self }.fmt(f)?;
                    f.write_str("</li>\n")?;
                }
                f.write_str("</ul>\n")
            }
            RefOr::T(Schema::AllOf(all)) => {
                all.items.iter().try_for_each(|schema| Fields { schema, ..*self }.fmt(f))
            }
            RefOr::T(_) => Ok(()),
        }
    }
}

impl Display for Term<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let optional = if self.required { "" } else { " <span class=\"optional\">optional</span>" };
        writeln!(
            f,
            "<div><dt><code>{}</code> <span class=\"kind\">{}</span>{optional}</dt>",
            escape(self.name),
            self.kind,
        )?;
        if !self.description.is_empty() {
            writeln!(f, "<dd>{}</dd>", Inline(self.description))?;
        }
        f.write_str("</div>\n")
    }
}

impl Display for Kind<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let of = |schema| Kind { schema, ..*self };
        match self.schema {
            RefOr::Ref(reference) => {
                let name = schema_name(reference);
                match self.schemas.get(name) {
                    Some(schema) if !is_structured(schema) => of(schema).fmt(f),
                    Some(_) | None => {
                        write!(f, "<a href=\"#{}\">{}</a>", escape(&anchor(name)), escape(name))
                    }
                }
            }
            RefOr::T(Schema::Object(object)) => self.object(object, f),
            RefOr::T(Schema::Array(array)) => match &array.items {
                ArrayItems::RefOrSchema(items) => write!(f, "list of {}", of(items)),
                ArrayItems::False => f.write_str("list"),
            },
            RefOr::T(Schema::OneOf(one)) => self.any(&one.items, " or ", f),
            RefOr::T(Schema::AnyOf(any)) => self.any(&any.items, " or ", f),
            RefOr::T(Schema::AllOf(all)) => self.any(&all.items, " and ", f),
            RefOr::T(_) => f.write_str("value"),
        }
    }
}

impl Kind<'_> {
    fn any(&self, items: &[RefOr<Schema>], word: &str, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, schema) in items.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { word })?;
            Kind { schema, ..*self }.fmt(f)?;
        }
        Ok(())
    }

    fn object(&self, object: &Object, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(values) = &object.enum_values {
            for (i, value) in values.iter().enumerate() {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let word = if i == 0 { "" } else { " or " };
                write!(f, "{word}<code>{}</code>", escape(&text))?;
            }
            return Ok(());
        }
        match &object.schema_type {
            SchemaType::Type(kind) => f.write_str(word(kind))?,
            SchemaType::Array(kinds) => {
                f.write_str(&kinds.iter().map(word).collect::<Vec<_>>().join(" or "))?;
            }
            SchemaType::AnyValue => f.write_str("any value")?,
        }
        if let Some(AdditionalProperties::RefOr(schema)) = object.additional_properties.as_deref() {
            write!(f, " of {}", Kind { schema, ..*self })?;
        }
        limits(object, f)
    }
}

fn word(kind: &Type) -> &'static str {
    match kind {
        Type::Object => "object",
        Type::String => "string",
        Type::Integer => "integer",
        Type::Number => "number",
        Type::Boolean => "boolean",
        Type::Array => "list",
        Type::Null => "null",
    }
}

/// What the schema bounds: `integer, 1 to 100`.
fn limits(object: &Object, f: &mut Formatter<'_>) -> fmt::Result {
    let number = |number: &Option<utoipa::Number>| {
        number.as_ref().and_then(|n| serde_json::to_value(n).ok()).map(|n| n.to_string())
    };
    match (number(&object.minimum), number(&object.maximum)) {
        (Some(least), Some(most)) => write!(f, ", {} to {}", escape(&least), escape(&most))?,
        (Some(least), None) => write!(f, ", at least {}", escape(&least))?,
        (None, Some(most)) => write!(f, ", at most {}", escape(&most))?,
        (None, None) => {}
    }
    if let Some(most) = object.max_length {
        write!(f, ", at most {most} characters")?;
    }
    // A description says it better than an expression does.
    if let (Some(pattern), None) = (&object.pattern, &object.description) {
        write!(f, ", <code>{}</code>", escape(pattern))?;
    }
    Ok(())
}

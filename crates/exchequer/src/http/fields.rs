//! Fields of a body, checked and all faults told at once.

use std::str::FromStr;

use money::{Amount, AmountError, Currency, CurrencyError};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use vault::SecretString;

use super::problem::{FieldProblem, Problem};

/// Characters of a memo, a name and other short texts.
pub const MAX_TEXT_CHARS: usize = 140;

/// An amount as written by the client: kept as its JSON token, because `1.0`, `1e3` and `"5"` are not
/// amounts even where they are numerically one.
#[derive(Debug)]
pub struct MinorUnits(Box<RawValue>);

impl<'de> Deserialize<'de> for MinorUnits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self)
    }
}

impl PartialSchema for MinorUnits {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(1))
            .maximum(Some(9_007_199_254_740_991_i64))
            .description(Some("Minor units of the currency, as a JSON integer token"))
            .into()
    }
}

impl ToSchema for MinorUnits {
    fn name() -> std::borrow::Cow<'static, str> {
        "MinorUnits".into()
    }
}

/// A text of a body that is nobody's to see: wiped when it is dropped.
pub struct SecretText(SecretString);

impl SecretText {
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(SecretString::new).map(Self)
    }
}

/// Collects what is wrong with the fields of one body.
#[derive(Debug, Default)]
pub struct Fields(Vec<FieldProblem>);

impl Fields {
    pub fn refuse(&mut self, field: &str, code: &'static str, detail: impl Into<String>) {
        self.0.push(FieldProblem { field: field.to_owned(), code, detail: detail.into() });
    }

    /// 1 to 9007199254740991, as an integer token.
    pub fn amount(&mut self, field: &str, token: &MinorUnits) -> Option<Amount> {
        let text = token.0.get();
        let integer = !text.is_empty()
            && text.strip_prefix('-').unwrap_or(text).bytes().all(|b| b.is_ascii_digit());
        if !integer {
            let detail = "an integer number of minor units, without point, exponent or quotes";
            self.refuse(field, "invalid", detail);
            return None;
        }
        match text.parse::<i64>().map_err(|_| AmountError::TooLarge).and_then(Amount::new) {
            Ok(amount) => Some(amount),
            Err(AmountError::NotPositive) => {
                self.refuse(field, "not_positive", "at least 1");
                None
            }
            Err(AmountError::TooLarge) => {
                self.refuse(field, "too_large", "at most 9007199254740991");
                None
            }
        }
    }

    /// ISO 4217, upper case, with a minor unit.
    pub fn currency(&mut self, field: &str, code: &str) -> Option<Currency> {
        match Currency::from_code(code) {
            Ok(currency) => Some(currency),
            Err(CurrencyError::Unknown) => {
                self.refuse(field, "unknown_currency", "an ISO 4217 code in upper case");
                None
            }
            Err(CurrencyError::NoMinorUnit) => {
                self.refuse(field, "no_minor_unit", "a currency with a minor unit");
                None
            }
        }
    }

    pub fn parse<T: FromStr>(&mut self, field: &str, text: &str, wanted: &str) -> Option<T> {
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.refuse(field, "invalid", wanted);
        }
        parsed
    }

    /// A text for people: given back as it came. Control characters are refused (PostgreSQL cannot
    /// keep U+0000, and terminals obey some of the others); the length is in characters.
    pub fn text(&mut self, field: &str, text: &str, least: usize, most: usize) -> Option<String> {
        let length = text.chars().count();
        if length < least {
            self.refuse(field, "too_short", format!("at least {least} character(s)"));
        } else if length > most {
            self.refuse(field, "too_long", format!("at most {most} characters"));
        } else if text.chars().any(char::is_control) {
            self.refuse(field, "control_character", "no control characters");
        } else if least > 0 && text.trim().is_empty() {
            self.refuse(field, "blank", "not only white space");
        } else {
            return Some(text.to_owned());
        }
        None
    }

    /// A text that is kept in the clear: nothing in it may look like a card, a code or a key.
    pub fn plain(&mut self, field: &str, text: &str, least: usize, most: usize) -> Option<String> {
        let text = self.text(field, text, least, most)?;
        if vault::redaction::redact(&text) == text {
            return Some(text);
        }
        self.refuse(field, "secret", "no card numbers, codes, keys or tokens");
        None
    }

    pub fn memo(&mut self, memo: Option<&str>) -> Option<String> {
        memo.and_then(|memo| self.text("memo", memo, 0, MAX_TEXT_CHARS))
    }

    /// The values, when nothing was refused; `None` among them is then impossible.
    pub fn finish<T>(self, values: Option<T>) -> Result<T, Problem> {
        match values {
            Some(values) if self.0.is_empty() => Ok(values),
            _ => Err(Problem::invalid(self.0)),
        }
    }

    /// Moves the faults of one element of a list under its path.
    pub fn nest(&mut self, path: &str, inner: Self) {
        for mut fault in inner.0 {
            fault.field = format!("{path}.{}", fault.field);
            self.0.push(fault);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

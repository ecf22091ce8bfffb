//! What the sandbox gateway and its clients say to each other, in JSON.
//!
//! A request's types have no `Debug`: there is a card number in one.

use money::{Currency, Money, PaymentId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::gateways::Kind;

/// The body of `PUT /v1/operations/{id}`, written.
#[derive(Serialize)]
pub struct Request<'a> {
    pub act: &'static str,
    pub payment: PaymentText,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<bool>,
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    pub is_final: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<CardText<'a>>,
}

#[derive(Serialize)]
pub struct CardText<'a> {
    pub number: &'a str,
    pub exp_month: u8,
    pub exp_year: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cvc: Option<&'a str>,
}

/// The same body, read. What may stand in it depends on the act and is checked by whoever reads it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked<'a> {
    pub act: &'a str,
    pub payment: PaymentText,
    pub amount: Option<i64>,
    pub currency: Option<&'a str>,
    pub capture: Option<bool>,
    #[serde(rename = "final")]
    pub is_final: Option<bool>,
    #[serde(borrow)]
    pub card: Option<CardAsked<'a>>,
}

/// Borrowed from the request's buffer, so that a number with an escape in it is refused, not copied.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardAsked<'a> {
    pub number: &'a str,
    pub exp_month: u8,
    pub exp_year: u16,
    pub cvc: Option<&'a str>,
}

/// The answer about an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub operation: String,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<bool>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Where an operation stands at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Done,
    Refused,
    Running,
    /// It did not happen and cannot any more.
    Closed,
    NeverSeen,
    /// The id stands for another request.
    Conflict,
}

impl Status {
    /// The HTTP status of an answer; a client believes it only where both agree.
    pub const fn http(self) -> u16 {
        match self {
            Self::Done => 200,
            Self::Running => 202,
            Self::Refused => 402,
            Self::NeverSeen => 404,
            Self::Conflict => 409,
            Self::Closed => 410,
        }
    }
}

/// A payment's id as text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PaymentText(pub PaymentId);

impl Serialize for PaymentText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PaymentText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl Answer {
    /// One with nothing but where the operation stands.
    pub fn bare(operation: &str, status: Status) -> Self {
        Self {
            operation: operation.to_owned(),
            status,
            act: None,
            payment: None,
            reference: None,
            amount: None,
            currency: None,
            captured: None,
            code: None,
        }
    }

    pub fn kind(&self) -> Option<Kind> {
        Kind::parse(self.act.as_deref()?)
    }

    /// None where one of the two is missing or is none.
    pub fn money(&self) -> Option<Money> {
        let currency = Currency::from_code(self.currency.as_deref()?).ok()?;
        Some(Money::new(self.amount?, currency))
    }
}

/// First line of a report.
pub const REPORT_HEAD: &str = "operation,kind,payment,reference,amount,currency,fee,at";
/// Begins a report's last line, behind which stands the number of movements: a report without it was cut.
pub const REPORT_END: &str = "end,";
/// Where a notice carries the time and the signature.
pub const SIGNATURE_HEADER: &str = "exchequer-sandbox-signature";

//! What Stripe's answers mean. Pure: an answer and a question in, an outcome out.

use money::{Currency, Money, PaymentId, Timestamp};

use super::wire::{Intent, IntentStatus, Metadata, Movement, Refund, Source};
use crate::gateways::{Asked, Done, Kind, Outcome, ReportLine};

/// What an answer must be about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub id: &'a str,
    pub payment: PaymentId,
    /// The intent's id.
    pub intent: &'a str,
    pub kind: Kind,
    /// Where the question knows them; then another amount is no answer.
    pub money: Option<Money>,
    /// The payment's, where the question knows no money.
    pub currency: Option<Currency>,
    pub capture: Option<bool>,
}

/// Where an operation stands by an intent; `None` where the intent is not the one that was asked for.
pub(super) fn intent(about: About<'_>, intent: &Intent) -> Option<Asked> {
    let is_ours = intent.object == "payment_intent"
        && intent.id == about.intent
        && intent.metadata.payment == Some(about.payment.to_string())
        && is_in(about, &intent.currency)
        && intent.amount > 0;
    if !is_ours {
        return None;
    }
    match about.kind {
        Kind::Authorize => authorization(about, intent),
        Kind::Capture => capture(about, intent),
        Kind::Cancel => Some(cancellation(intent)),
        Kind::Refund => None,
    }
}

/// Where a refund stands; `None` where it is another.
pub(super) fn refund(about: About<'_>, refund: &Refund) -> Option<Asked> {
    let is_ours = refund.object == "refund"
        && refund.metadata.operation.as_deref() == Some(about.id)
        && refund.payment_intent.as_deref() == Some(about.intent)
        && is_in(about, &refund.currency)
        && refund.amount > 0;
    let is_right = about.money.is_none_or(|money| is_money(money, refund.amount, &refund.currency));
    if !is_ours || !is_right {
        return None;
    }
    Some(match refund.status.as_str() {
        "succeeded" => done(&refund.id, refund.amount, false),
        "pending" | "requires_action" => Asked::StillRunning,
        "failed" | "canceled" => {
            let code = refund.failure_reason.clone();
            Asked::Known(Outcome::Refused {
                code: code.unwrap_or_else(|| refund.status.clone()),
                reference: Some(refund.id.clone()),
            })
        }
        _ => return None,
    })
}

/// Whether Stripe counts a currency in the minor units of ISO 4217. It does not for ISK, UGX and MGA, and
/// wants amounts in currencies of three digits to end in zero ("Supported currencies"); those are refused.
pub(super) fn is_offered(currency: Currency) -> bool {
    match currency.digits() {
        0 => !matches!(currency, Currency::ISK | Currency::UGX),
        2 => currency != Currency::MGA,
        _ => false,
    }
}

/// A line of the report; none for what is no card payment (payouts, fees of the account).
pub(super) fn line(movement: &Movement) -> Result<Option<ReportLine>, String> {
    let kind = match movement.r#type.as_str() {
        "charge" | "payment" => Kind::Capture,
        "refund" | "payment_refund" => Kind::Refund,
        _ => return Ok(None),
    };
    let currency = Currency::from_code(&movement.currency.to_ascii_uppercase())
        .map_err(|_| "an unknown currency".to_owned())?;
    let amount =
        if kind == Kind::Refund { movement.amount.checked_neg() } else { Some(movement.amount) };
    let amount = amount.filter(|amount| *amount > 0).ok_or("an amount of the wrong sign")?;
    let nothing = Metadata::default();
    let (intent, metadata) = match &movement.source {
        Some(Source::Whole { payment_intent, metadata, .. }) => {
            (payment_intent.as_deref(), metadata)
        }
        Some(Source::Id(_)) | None => (None, &nothing),
    };
    let named = movement.source.as_ref().map_or(movement.id.as_str(), Source::id);
    // A capture goes by its intent, as the payment does; a refund by itself.
    let reference = if kind == Kind::Capture { intent.unwrap_or(named) } else { named };
    Ok(Some(ReportLine {
        operation: metadata.operation.clone().unwrap_or_default(),
        kind,
        payment: metadata.payment.clone().unwrap_or_default(),
        reference: reference.to_owned(),
        money: Money::new(amount, currency),
        fee: movement.fee,
        at: Timestamp::from_seconds(movement.created),
    }))
}

fn authorization(about: About<'_>, intent: &Intent) -> Option<Asked> {
    let is_right = intent.metadata.operation.as_deref() == Some(about.id)
        && about.money.is_none_or(|money| is_money(money, intent.amount, &intent.currency));
    let is_captured = match intent.capture_method.as_str() {
        "manual" => false,
        "automatic" | "automatic_async" => true,
        _ => return None,
    };
    if !is_right || about.capture.is_some_and(|capture| capture != is_captured) {
        return None;
    }
    Some(match (intent.status, &intent.last_payment_error) {
        (IntentStatus::RequiresPaymentMethod | IntentStatus::Canceled, Some(fault)) => {
            let code = fault.word().unwrap_or("card_declined").to_owned();
            Asked::Known(Outcome::Refused { code, reference: Some(intent.id.clone()) })
        }
        (IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresConfirmation, _) => {
            Asked::NeverSeen
        }
        (IntentStatus::RequiresAction | IntentStatus::Processing, _) => Asked::StillRunning,
        (IntentStatus::RequiresCapture, _) if is_captured => return None,
        (IntentStatus::RequiresCapture, _) => {
            done(&intent.id, intent.amount_capturable.unwrap_or(intent.amount), false)
        }
        (IntentStatus::Succeeded, _) if is_captured => done(&intent.id, received(intent), true),
        (IntentStatus::Succeeded, _) => done(&intent.id, intent.amount, false),
        // It was authorised, and canceled afterwards.
        (IntentStatus::Canceled, None) if intent.latest_charge.is_some() => {
            done(&intent.id, intent.amount, false)
        }
        (IntentStatus::Canceled, None) => Asked::Closed,
    })
    .filter(|asked| about.money.is_none_or(|money| has_amount(asked, money)))
}

fn capture(about: About<'_>, intent: &Intent) -> Option<Asked> {
    let asked = match intent.status {
        IntentStatus::Succeeded => {
            let is_right =
                about.money.is_none_or(|money| is_money(money, received(intent), &intent.currency));
            if !is_right {
                return None;
            }
            done(&intent.id, received(intent), true)
        }
        IntentStatus::RequiresCapture => Asked::NeverSeen,
        IntentStatus::Canceled => Asked::Closed,
        IntentStatus::Processing => Asked::StillRunning,
        IntentStatus::RequiresPaymentMethod
        | IntentStatus::RequiresConfirmation
        | IntentStatus::RequiresAction => refused("not_open", intent),
    };
    Some(asked)
}

fn cancellation(intent: &Intent) -> Asked {
    match intent.status {
        IntentStatus::Canceled => done(&intent.id, intent.amount, false),
        IntentStatus::Succeeded => refused("not_open", intent),
        IntentStatus::Processing => Asked::StillRunning,
        IntentStatus::RequiresPaymentMethod
        | IntentStatus::RequiresConfirmation
        | IntentStatus::RequiresAction
        | IntentStatus::RequiresCapture => Asked::NeverSeen,
    }
}

/// What was taken of an intent that succeeded.
fn received(intent: &Intent) -> i64 {
    intent.amount_received.unwrap_or(intent.amount)
}

fn done(reference: &str, amount: i64, is_captured: bool) -> Asked {
    Asked::Known(Outcome::Done(Done { reference: reference.to_owned(), amount, is_captured }))
}

fn refused(code: &str, intent: &Intent) -> Asked {
    let reference = Some(intent.id.clone());
    Asked::Known(Outcome::Refused { code: code.to_owned(), reference })
}

fn has_amount(asked: &Asked, money: Money) -> bool {
    match asked {
        Asked::Known(Outcome::Done(done)) => done.amount == money.minor(),
        _ => true,
    }
}

fn is_in(about: About<'_>, currency: &str) -> bool {
    about.currency.is_none_or(|asked| asked.code().eq_ignore_ascii_case(currency))
}

/// Stripe writes currencies in lower case.
fn is_money(money: Money, amount: i64, currency: &str) -> bool {
    money.minor() == amount && money.currency().code().eq_ignore_ascii_case(currency)
}

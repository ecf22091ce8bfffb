//! Stripe: one PaymentIntent for each payment, over the form API.
//!
//! `prepare` makes a payment method of the card and an unconfirmed intent (it moves nothing), `submit`
//! confirms, captures, cancels or refunds under our id as `Idempotency-Key`, and `ask` reads. Everything
//! carries our ids as metadata; an answer about others is not believed. A definite 4xx is not believed by
//! itself either: the intent is read, and what it says counts. Stripe keeps idempotency keys for a day, so
//! an operation of yesterday is asked about before it is submitted again.
//!
//! What differs from the sandbox: a card that wants its holder present is refused
//! (`authentication_required`); one capture for each payment, which releases the rest; currencies that
//! Stripe counts in other units are refused; captures, cancellations and refunds cannot be closed ahead, so
//! with `give_up` they stay [`Asked::NeverSeen`]; a report names a capture by its authorisation's operation,
//! in the currency that Stripe settles in.

mod form;
mod judge;
mod report;
mod wire;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use money::{Money, Timestamp};
use serde::de::DeserializeOwned;
use vault::SecretString;
use zeroize::Zeroizing;

use self::form::Form;
use self::judge::About;
use super::client::{Answer, Client, SettingsError, Silence, exchange};
use super::{
    Act, Asked, Day, Gateway, GatewayFault, Kind, Limits, MAX_ANSWER_BYTES, Notice, NoticeRefusal,
    Operation, Outcome, Pending, Prepared, Question, ReportLine, is_operation_id, signature,
};

pub struct Stripe {
    client: Client,
    authorization: HeaderValue,
    /// `whsec_…`
    notices: SecretString,
}

/// Of which the fields in `wire` are.
const VERSION: &str = "2024-06-20";
const SIGNATURE: HeaderName = HeaderName::from_static("stripe-signature");
/// Stripe's most for a list.
const PAGE: usize = 100;
/// A payment with more than 1,000 refunds is asked about by hand.
const MAX_REFUND_PAGES: usize = 10;
/// Bytes of a page of a list whose rows are expanded.
const MAX_PAGE_BYTES: usize = 2 * 1024 * 1024;

impl Stripe {
    /// `url` is `https://api.stripe.com`, or a compatible server's; `key` a secret key, `notices` the
    /// signing secret of the webhook endpoint.
    pub fn new(
        url: &str,
        (key, notices): (&SecretString, SecretString),
        limits: Limits,
    ) -> Result<Self, SettingsError> {
        if key.expose().is_empty() || notices.expose().is_empty() {
            return Err(SettingsError::Secret);
        }
        let text = Zeroizing::new(format!("Bearer {}", key.expose()));
        let mut authorization = HeaderValue::from_str(&text).map_err(|_| SettingsError::Secret)?;
        authorization.set_sensitive(true);
        Ok(Self { client: Client::new(url, limits)?, authorization, notices })
    }

    async fn post(&self, path: &str, key: &str, form: Form) -> Result<Answer, Silence> {
        let request = self
            .request(Method::POST, path)
            .header("idempotency-key", key)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.into_bytes());
        exchange(request, MAX_ANSWER_BYTES).await
    }

    async fn get(&self, path: &str, most: usize) -> Result<Answer, Silence> {
        exchange(self.request(Method::GET, path), most).await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, path);
        request.header(AUTHORIZATION, self.authorization.clone()).header("stripe-version", VERSION)
    }

    async fn make_ready(&self, operation: &Operation<'_>) -> Prepared {
        let Act::Authorize { money, card, capture } = operation.act else {
            return Prepared::Nothing;
        };
        if !is_operation_id(operation.id) {
            return Prepared::Unknown("an id that cannot be sent".to_owned());
        }
        if !judge::is_offered(money.currency()) {
            return Prepared::Refused("currency_not_offered".to_owned());
        }
        let key = format!("{}.card", operation.id);
        let method = match self.post("/v1/payment_methods", &key, Form::card(card)).await {
            Ok(answer) => answer,
            Err(silence) => return Prepared::Unknown(silence.to_string()),
        };
        if let Some(code) = declined(&method) {
            return Prepared::Refused(code);
        }
        let Some(method) = read::<wire::Method>(&method).filter(|m| is_reference(&m.id, "pm_"))
        else {
            return Prepared::Unknown(format!("HTTP {} for a card", method.status));
        };
        let form = Form::intent(operation, (money, capture), &method.id);
        match self.post("/v1/payment_intents", &format!("{}.intent", operation.id), form).await {
            Ok(answer) => prepared(operation, &answer),
            Err(silence) => Prepared::Unknown(silence.to_string()),
        }
    }

    async fn do_it(&self, operation: &Operation<'_>) -> Outcome {
        let Some(about) = about(operation) else {
            return unknown("an operation without the reference of its payment");
        };
        if about.money.is_some_and(|money| !judge::is_offered(money.currency())) {
            return local_refusal("currency_not_offered");
        }
        if let Act::Capture { money, is_final: false } = operation.act
            && let Some(outcome) = self.refuse_part(about, money).await
        {
            return outcome;
        }
        let (path, form) = order(operation, about);
        let answer = match self.post(&path, operation.id, form).await {
            Ok(answer) => answer,
            Err(silence) => return unknown(&silence.to_string()),
        };
        match answer.status {
            200 => self.told(about, &answer).await,
            402 if about.kind == Kind::Authorize => match declined(&answer) {
                Some(code) => Outcome::Refused { code, reference: Some(about.intent.to_owned()) },
                None => unknown("HTTP 402 without a reason"),
            },
            400 | 402 | 404 => self.look_again(about, &answer).await,
            status => unknown(&format!("HTTP {status}")),
        }
    }

    /// Stripe takes one capture, so a part that is not the last can only be the whole.
    async fn refuse_part(&self, about: About<'_>, money: Money) -> Option<Outcome> {
        let answer = self.get(&intent_path(about.intent), MAX_ANSWER_BYTES).await;
        let intent = match &answer {
            Ok(answer) => read::<wire::Intent>(answer),
            Err(silence) => return Some(unknown(&silence.to_string())),
        };
        match intent {
            Some(intent) if intent.amount == money.minor() => None,
            Some(_) => Some(local_refusal("partial_captures_not_offered")),
            None => Some(unknown("an intent that cannot be read")),
        }
    }

    async fn told(&self, about: About<'_>, answer: &Answer) -> Outcome {
        let asked = match about.kind {
            Kind::Refund => read(answer).and_then(|refund| judge::refund(about, &refund)),
            Kind::Authorize | Kind::Capture | Kind::Cancel => {
                let intent = read::<wire::Intent>(answer);
                let wants_its_holder = about.kind == Kind::Authorize
                    && intent
                        .as_ref()
                        .is_some_and(|intent| intent.status == wire::IntentStatus::RequiresAction);
                if wants_its_holder && self.withdraw(about).await == Asked::Closed {
                    return Outcome::Refused {
                        code: "authentication_required".to_owned(),
                        reference: Some(about.intent.to_owned()),
                    };
                }
                intent.and_then(|intent| judge::intent(about, &intent))
            }
        };
        match asked {
            Some(Asked::Known(outcome)) => outcome,
            Some(Asked::Closed) => local_refusal("canceled"),
            Some(_) => unknown("the gateway has not decided"),
            None => unknown("an answer about something else"),
        }
    }

    /// Stripe refused this request; an earlier one with its id may have been taken.
    async fn look_again(&self, about: About<'_>, answer: &Answer) -> Outcome {
        let refusal = read::<wire::Failure>(answer).map(|failure| failure.error);
        // A key that was used for another request says nothing of this one.
        let refusal = refusal.filter(|fault| fault.r#type.as_deref() != Some("idempotency_error"));
        let Some(code) = refusal.as_ref().and_then(wire::Fault::word) else {
            return unknown(&format!("HTTP {} without a reason", answer.status));
        };
        match self.look(about).await {
            Asked::Known(outcome) => outcome,
            Asked::NeverSeen => {
                Outcome::Refused { code: code.to_owned(), reference: Some(about.intent.to_owned()) }
            }
            Asked::Closed => local_refusal("canceled"),
            Asked::StillRunning => unknown("the gateway has not decided"),
            Asked::Unreachable(why) => Outcome::Unknown { why },
        }
    }

    async fn question(&self, question: &Question<'_>) -> Asked {
        let Some(intent) = question.reference else {
            // Without a reference nothing was submitted, and without one nothing ever is.
            return if question.give_up { Asked::Closed } else { Asked::NeverSeen };
        };
        if !is_reference(intent, "pi_") {
            return Asked::Unreachable("a reference that is no intent's".to_owned());
        }
        let (id, payment, kind) = (question.id, question.payment, question.kind);
        let currency = Some(question.currency);
        let about = About { id, payment, intent, kind, money: None, currency, capture: None };
        let asked = self.look(about).await;
        let is_open = matches!(asked, Asked::NeverSeen | Asked::StillRunning);
        if question.give_up && question.kind == Kind::Authorize && is_open {
            return self.withdraw(about).await;
        }
        asked
    }

    async fn look(&self, about: About<'_>) -> Asked {
        if about.kind == Kind::Refund {
            return self.look_for_refund(about).await;
        }
        match self.get(&intent_path(about.intent), MAX_ANSWER_BYTES).await {
            Ok(answer) if answer.status == 200 => read(&answer)
                .and_then(|intent| judge::intent(about, &intent))
                .unwrap_or_else(|| unreachable("an answer about something else")),
            Ok(answer) => unreachable(&format!("HTTP {}", answer.status)),
            Err(silence) => unreachable(&silence.to_string()),
        }
    }

    async fn look_for_refund(&self, about: About<'_>) -> Asked {
        let mut after = String::new();
        for _ in 0..MAX_REFUND_PAGES {
            let path = format!("/v1/refunds?payment_intent={}&limit={PAGE}{after}", about.intent);
            let answer = match self.get(&path, MAX_PAGE_BYTES).await {
                Ok(answer) => answer,
                Err(silence) => return unreachable(&silence.to_string()),
            };
            let Some(list) = read::<wire::List<wire::Refund>>(&answer) else {
                return unreachable(&format!("HTTP {} for a list", answer.status));
            };
            let is_it =
                |refund: &&wire::Refund| refund.metadata.operation.as_deref() == Some(about.id);
            if let Some(refund) = list.data.iter().find(is_it) {
                return judge::refund(about, refund)
                    .unwrap_or_else(|| unreachable("a refund of something else"));
            }
            match list.data.last().filter(|_| list.has_more) {
                Some(last) if is_reference(&last.id, "") => {
                    after = format!("&starting_after={}", last.id);
                }
                Some(_) => return unreachable("a list that cannot be gone through"),
                None => return Asked::NeverSeen,
            }
        }
        unreachable("too many refunds to look through")
    }

    /// Cancels an intent that nobody confirmed, so that nobody can. What was confirmed meanwhile is told.
    async fn withdraw(&self, about: About<'_>) -> Asked {
        let path = format!("{}/cancel", intent_path(about.intent));
        // Without a key: it may be repeated, and under one an early refusal would be repeated, too.
        match exchange(self.request(Method::POST, &path), MAX_ANSWER_BYTES).await {
            // Also where it was refused: the intent's own word counts.
            Ok(_) => match self.look(about).await {
                Asked::Known(outcome) => Asked::Known(outcome),
                Asked::Closed => Asked::Closed,
                Asked::NeverSeen | Asked::StillRunning => Asked::StillRunning,
                Asked::Unreachable(why) => Asked::Unreachable(why),
            },
            Err(silence) => unreachable(&silence.to_string()),
        }
    }
}

impl Gateway for Stripe {
    fn name(&self) -> &'static str {
        "stripe"
    }

    fn prepare<'a>(&'a self, operation: &'a Operation<'a>) -> Pending<'a, Prepared> {
        Box::pin(self.make_ready(operation))
    }

    fn submit<'a>(&'a self, operation: &'a Operation<'a>) -> Pending<'a, Outcome> {
        Box::pin(self.do_it(operation))
    }

    fn ask<'a>(&'a self, question: &'a Question<'a>) -> Pending<'a, Asked> {
        Box::pin(self.question(question))
    }

    fn report(&self, day: Day) -> Pending<'_, Result<Vec<ReportLine>, GatewayFault>> {
        Box::pin(self.movements(day))
    }

    fn read_notice(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Notice, NoticeRefusal> {
        signature::check(self.notices.expose().as_bytes(), (headers, &SIGNATURE), body, now)?;
        let event: wire::Event =
            serde_json::from_slice(body).map_err(|_| NoticeRefusal::Malformed)?;
        let operation = event.data.object.metadata.operation;
        let operation = operation.filter(|id| is_operation_id(id));
        operation.map(|operation| Notice { operation }).ok_or(NoticeRefusal::Malformed)
    }
}

/// None where the id or the reference cannot stand in a request.
fn about<'a>(operation: &Operation<'a>) -> Option<About<'a>> {
    let intent = operation.reference.filter(|reference| is_reference(reference, "pi_"))?;
    let capture = match operation.act {
        Act::Authorize { capture, .. } => Some(capture),
        Act::Capture { .. } | Act::Cancel | Act::Refund { .. } => None,
    };
    let (id, payment, kind) = (operation.id, operation.payment, operation.act.kind());
    let money = operation.act.money();
    let currency = money.map(Money::currency);
    is_operation_id(id).then_some(About { id, payment, intent, kind, money, currency, capture })
}

/// Where an operation goes and what it says.
fn order(operation: &Operation<'_>, about: About<'_>) -> (String, Form) {
    let intent = intent_path(about.intent);
    match operation.act {
        Act::Authorize { .. } => (format!("{intent}/confirm"), Form::new()),
        Act::Capture { money, .. } => {
            (format!("{intent}/capture"), Form::new().field("amount_to_capture", money.minor()))
        }
        Act::Cancel => (format!("{intent}/cancel"), Form::new()),
        Act::Refund { money } => {
            ("/v1/refunds".to_owned(), Form::refund(operation, about.intent, money))
        }
    }
}

/// The intent, where the answer is one of ours that nobody confirmed, or that was confirmed since.
fn prepared(operation: &Operation<'_>, answer: &Answer) -> Prepared {
    let Some(intent) =
        read::<wire::Intent>(answer).filter(|intent| is_reference(&intent.id, "pi_"))
    else {
        return Prepared::Unknown(format!("HTTP {} for an intent", answer.status));
    };
    let about = about(&Operation { reference: Some(&intent.id), ..*operation });
    match about.and_then(|about| judge::intent(about, &intent)) {
        Some(_) => Prepared::Reference(intent.id),
        None => Prepared::Unknown("an intent for something else".to_owned()),
    }
}

/// The reason of an HTTP 402, which Stripe answers where the card was asked and refused.
fn declined(answer: &Answer) -> Option<String> {
    if answer.status != 402 {
        return None;
    }
    let failure: wire::Failure = serde_json::from_slice(&answer.body).ok()?;
    failure.error.word().map(str::to_owned)
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Option<T> {
    serde_json::from_slice(&answer.body).ok()
}

fn intent_path(intent: &str) -> String {
    format!("/v1/payment_intents/{intent}")
}

/// Stripe's ids are letters, digits and underscores; this one goes into a path.
fn is_reference(text: &str, prefix: &str) -> bool {
    text.starts_with(prefix)
        && (prefix.len() + 1..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn local_refusal(code: &str) -> Outcome {
    Outcome::Refused { code: code.to_owned(), reference: None }
}

fn unknown(why: &str) -> Outcome {
    Outcome::Unknown { why: why.to_owned() }
}

fn unreachable(why: &str) -> Asked {
    Asked::Unreachable(why.to_owned())
}

#[cfg(test)]
mod tests;

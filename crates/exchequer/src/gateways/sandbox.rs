//! The client of our own sandbox gateway; docs/sandbox-gateway.md has its routes.
//!
//! One `PUT` for each operation, under its id. An answer is believed where it parses, its status and HTTP's
//! agree, and operation, act, payment, currency and amount are those that were asked for.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use money::{Currency, Money, Timestamp};
use vault::SecretString;
use zeroize::Zeroizing;

use super::client::{Answer as Raw, Client, SettingsError, exchange};
use super::{
    Act, Asked, Day, Done, Gateway, GatewayFault, Kind, Limits, MAX_ANSWER_BYTES, MAX_REPORT_BYTES,
    Notice, NoticeRefusal, Operation, Outcome, Pending, Prepared, Question, ReportLine,
    is_operation_id, signature,
};
use crate::sandbox::wire::{
    Answer, CardText, PaymentText, REPORT_END, REPORT_HEAD, Request, SIGNATURE_HEADER, Status,
};

pub struct Sandbox {
    client: Client,
    authorization: HeaderValue,
    secret: SecretString,
}

/// Bytes of a request with a card in it: allocated once, so that no outgrown buffer keeps a number.
const REQUEST_BYTES: usize = 1_024;
/// Bytes of a refusal's code and of a reference.
const MAX_WORD_BYTES: usize = 128;

impl Sandbox {
    /// `url` is what the gateway prints behind `listening on`; `secret` is the one it was given.
    pub fn new(url: &str, secret: SecretString, limits: Limits) -> Result<Self, SettingsError> {
        if secret.expose().is_empty() {
            return Err(SettingsError::Secret);
        }
        let text = Zeroizing::new(format!("Bearer {}", secret.expose()));
        let mut authorization = HeaderValue::from_str(&text).map_err(|_| SettingsError::Secret)?;
        authorization.set_sensitive(true);
        Ok(Self { client: Client::new(url, limits)?, authorization, secret })
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, path).header(AUTHORIZATION, self.authorization.clone())
    }

    async fn put(&self, operation: &Operation<'_>) -> Outcome {
        let Some(body) = body(operation) else {
            return unknown("an operation that cannot be written");
        };
        let request = self
            .request(Method::PUT, &format!("/v1/operations/{}", operation.id))
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        match exchange(request, MAX_ANSWER_BYTES).await {
            Ok(answer) => outcome(operation, &answer),
            Err(silence) => unknown(&silence.to_string()),
        }
    }

    async fn question(&self, question: &Question<'_>) -> Asked {
        if !is_operation_id(question.id) {
            return Asked::Unreachable("an id that cannot be asked about".to_owned());
        }
        let path = format!("/v1/operations/{}", question.id);
        let request = if question.give_up {
            self.request(Method::POST, &format!("{path}/close"))
        } else {
            self.request(Method::GET, &path)
        };
        match exchange(request, MAX_ANSWER_BYTES).await {
            Ok(answer) => asked(question, &answer),
            Err(silence) => Asked::Unreachable(silence.to_string()),
        }
    }

    async fn day(&self, day: Day) -> Result<Vec<ReportLine>, GatewayFault> {
        let request = self.request(Method::GET, &format!("/v1/reports/{day}"));
        let answer =
            exchange(request, MAX_REPORT_BYTES).await.map_err(|silence| match silence {
                super::client::Silence::TooLong => GatewayFault::TooLong,
                other => GatewayFault::Silent(other.to_string()),
            })?;
        if answer.status != 200 {
            return Err(GatewayFault::Status(answer.status));
        }
        let text = str::from_utf8(&answer.body)
            .map_err(|_| GatewayFault::Malformed("not UTF-8".to_owned()))?;
        report(text)
    }
}

impl Gateway for Sandbox {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn prepare<'a>(&'a self, _: &'a Operation<'a>) -> Pending<'a, Prepared> {
        Box::pin(std::future::ready(Prepared::Nothing))
    }

    fn submit<'a>(&'a self, operation: &'a Operation<'a>) -> Pending<'a, Outcome> {
        Box::pin(self.put(operation))
    }

    fn ask<'a>(&'a self, question: &'a Question<'a>) -> Pending<'a, Asked> {
        Box::pin(self.question(question))
    }

    fn report(&self, day: Day) -> Pending<'_, Result<Vec<ReportLine>, GatewayFault>> {
        Box::pin(self.day(day))
    }

    fn read_notice(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Notice, NoticeRefusal> {
        let name = HeaderName::from_static(SIGNATURE_HEADER);
        signature::check(self.secret.expose().as_bytes(), (headers, &name), body, now)?;
        let told: Answer = serde_json::from_slice(body).map_err(|_| NoticeRefusal::Malformed)?;
        if !is_operation_id(&told.operation) {
            return Err(NoticeRefusal::Malformed);
        }
        Ok(Notice { operation: told.operation })
    }
}

/// None where the id cannot stand in a path. The buffer is wiped when the request is through.
fn body(operation: &Operation<'_>) -> Option<Bytes> {
    if !is_operation_id(operation.id) {
        return None;
    }
    let money = operation.act.money();
    let bare = Request {
        act: operation.act.kind().as_str(),
        payment: PaymentText(operation.payment),
        amount: money.map(Money::minor),
        currency: money.map(|money| money.currency().code()),
        capture: None,
        is_final: None,
        card: None,
    };
    let request = match &operation.act {
        Act::Authorize { card, capture, .. } => Request {
            capture: Some(*capture),
            card: Some(CardText {
                number: str::from_utf8(card.number.expose()).ok()?,
                exp_month: card.expiry.month(),
                exp_year: card.expiry.year(),
                cvc: card.cvv.as_ref().map(SecretString::expose),
            }),
            ..bare
        },
        Act::Capture { is_final, .. } => Request { is_final: Some(*is_final), ..bare },
        Act::Cancel | Act::Refund { .. } => bare,
    };
    let mut text = Zeroizing::new(Vec::with_capacity(REQUEST_BYTES));
    serde_json::to_writer(&mut *text, &request).ok()?;
    Some(Bytes::from_owner(text))
}

/// What an answer to [`Operation`] says, if it is to be believed.
fn outcome(operation: &Operation<'_>, raw: &Raw) -> Outcome {
    let answer = match read(operation.id, raw) {
        Ok(answer) => answer,
        Err(why) => return unknown(&why),
    };
    let about = (operation.payment.to_string(), operation.act.kind());
    match answer.status {
        Status::Done => {
            let money = answer.money();
            let is_captured = answer.captured;
            let Some(done) = done(&about, &answer) else {
                return unknown("an answer about something else");
            };
            if operation.act.money().is_some_and(|asked| money != Some(asked)) {
                return unknown("an answer of another amount");
            }
            match &operation.act {
                Act::Authorize { capture, .. } if is_captured != Some(*capture) => {
                    unknown("an answer of another way to capture")
                }
                _ => Outcome::Done(done),
            }
        }
        Status::Refused => {
            refused(&about, answer).unwrap_or_else(|| unknown("a refusal of something else"))
        }
        Status::Closed => Outcome::Refused { code: "closed".to_owned(), reference: None },
        Status::Running => unknown("the gateway has not decided"),
        Status::Conflict => unknown("the gateway has another request under this id"),
        Status::NeverSeen => unknown("an answer to another question"),
    }
}

fn asked(question: &Question<'_>, raw: &Raw) -> Asked {
    let answer = match read(question.id, raw) {
        Ok(answer) => answer,
        Err(why) => return Asked::Unreachable(why),
    };
    let about = (question.payment.to_string(), question.kind);
    let known = match answer.status {
        Status::Running => return Asked::StillRunning,
        Status::NeverSeen => return Asked::NeverSeen,
        Status::Closed => return Asked::Closed,
        Status::Conflict => None,
        Status::Done if answer.currency.as_deref() != Some(question.currency.code()) => None,
        Status::Done => done(&about, &answer).map(Outcome::Done),
        Status::Refused => refused(&about, answer),
    };
    known.map_or_else(
        || Asked::Unreachable("an answer about something else".to_owned()),
        Asked::Known,
    )
}

/// The answer, where it is one, about this operation, and HTTP says the same.
fn read(id: &str, raw: &Raw) -> Result<Answer, String> {
    let status = raw.status;
    let answer: Answer = serde_json::from_slice(&raw.body)
        .map_err(|_| format!("HTTP {status} without an answer"))?;
    if answer.operation != id {
        return Err("an answer about another operation".to_owned());
    }
    if answer.status.http() != status {
        return Err(format!("HTTP {status} with an answer of another status"));
    }
    Ok(answer)
}

fn done((payment, kind): &(String, Kind), answer: &Answer) -> Option<Done> {
    let money = answer.money()?;
    let is_same = answer.payment.as_ref() == Some(payment) && answer.kind() == Some(*kind);
    let reference = answer.reference.as_deref().filter(|reference| is_word(reference))?;
    let is_captured = answer.captured?;
    let done = Done { reference: reference.to_owned(), amount: money.minor(), is_captured };
    (is_same && done.amount >= 0).then_some(done)
}

fn refused((payment, kind): &(String, Kind), answer: Answer) -> Option<Outcome> {
    let is_same = answer.payment.as_ref() == Some(payment) && answer.kind() == Some(*kind);
    let code = answer.code.filter(|code| is_word(code))?;
    is_same.then_some(Outcome::Refused { code, reference: answer.reference.filter(|r| is_word(r)) })
}

/// Printable, without blanks, and short: it goes into rows and logs.
fn is_word(text: &str) -> bool {
    (1..=MAX_WORD_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn unknown(why: &str) -> Outcome {
    Outcome::Unknown { why: why.to_owned() }
}

/// A report with its head, its lines and its end; anything else is malformed, a missing end too.
fn report(text: &str) -> Result<Vec<ReportLine>, GatewayFault> {
    let malformed = |what: &str| GatewayFault::Malformed(what.to_owned());
    let mut lines = text.lines();
    if lines.next() != Some(REPORT_HEAD) {
        return Err(malformed("another head"));
    }
    let mut found = Vec::new();
    for line in lines.by_ref() {
        if let Some(count) = line.strip_prefix(REPORT_END) {
            let is_whole = count.parse() == Ok(found.len()) && lines.next().is_none();
            return is_whole.then_some(found).ok_or_else(|| malformed("another number of lines"));
        }
        let number = found.len() + 2;
        found.push(report_line(line).ok_or_else(|| malformed(&format!("line {number}")))?);
    }
    Err(malformed("it was cut"))
}

fn report_line(line: &str) -> Option<ReportLine> {
    let fields: Vec<&str> = line.split(',').collect();
    let &[operation, kind, payment, reference, amount, currency, fee, at] = fields.as_slice()
    else {
        return None;
    };
    let amount: i64 = amount.parse().ok().filter(|amount| *amount > 0)?;
    Some(ReportLine {
        operation: Some(operation).filter(|id| is_operation_id(id))?.to_owned(),
        kind: Kind::parse(kind).filter(|kind| matches!(kind, Kind::Capture | Kind::Refund))?,
        payment: Some(payment).filter(|id| is_operation_id(id))?.to_owned(),
        reference: Some(reference).filter(|reference| is_word(reference))?.to_owned(),
        money: Money::new(amount, Currency::from_code(currency).ok()?),
        fee: fee.parse().ok()?,
        at: at.parse().ok()?,
    })
}

#[cfg(test)]
mod tests;

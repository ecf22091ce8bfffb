//! `/transfers/{id}`: one transfer, for whoever sent or received it; to keep or to print.
//! `/transfers/{id}/receipt`: the same signed for by the bank, as the file that the API gives.

use askama::Template;
use http::{HeaderValue, header};
use serde::Deserialize;

use crate::answer::{Answer, Outcome};
use crate::callers::Customer;
use crate::form::segment;
use crate::frame::{Frame, Who};
use crate::show::dates::Moment;
use crate::show::money;
use crate::words::Words;

/// A transfer, as the API tells it.
#[derive(Debug, Deserialize)]
struct Transfer {
    id: String,
    amount: i64,
    currency: String,
    memo: Option<String>,
    posted_at: String,
    kind: String,
    direction: String,
    reference: Option<String>,
    payer: Party,
    payee: Party,
}

#[derive(Debug, Deserialize)]
struct Party {
    account: String,
    number: String,
    name: Option<String>,
    own: bool,
}

#[derive(Template)]
#[template(path = "accounts/receipt.html")]
struct ReceiptPage<'a> {
    frame: Frame<'a>,
    transfer: &'a Transfer,
    title: &'static str,
    amount: String,
    kind: &'static str,
    posted: Moment,
    memo: Option<&'a str>,
    payer: Side<'a>,
    payee: Side<'a>,
    /// The own account that it is an entry of.
    account: Option<&'a str>,
    /// The transfer that this one takes back.
    reverses: Option<&'a str>,
    may_repeat: bool,
    may_add: bool,
}

/// A party, as it is shown.
struct Side<'a> {
    name: &'a str,
    /// Empty of the bank.
    number: &'a str,
}

pub async fn show(customer: Customer) -> Outcome {
    let id = segment(customer.segment(0));
    let transfer: Transfer = customer.get(format!("/v1/transfers/{id}")).receive().await?;
    let words = customer.words();
    let w = &words.accounts;
    let title = match transfer.direction.as_str() {
        "out" => w.sent,
        "in" => w.received,
        _ => w.moved,
    };
    let is_to_other = transfer.kind == "transfer" && transfer.direction == "out";
    let own = [&transfer.payer, &transfer.payee].into_iter().find(|party| party.own);
    let reference = transfer.reference.as_deref();
    let page = ReceiptPage {
        frame: customer.frame(title),
        title,
        amount: money(transfer.amount, &transfer.currency, customer.language()),
        kind: kind(words, &transfer.kind),
        posted: Moment::new(&transfer.posted_at, customer.language()),
        memo: transfer.memo.as_deref().filter(|memo| !memo.is_empty()),
        payer: side(words, &transfer.payer),
        payee: side(words, &transfer.payee),
        account: own.map(|party| party.account.as_str()),
        reverses: reference.filter(|id| id.starts_with("trf_")),
        may_repeat: is_to_other,
        may_add: is_to_other && transfer.payee.name.is_none(),
        transfer: &transfer,
    };
    Answer::page(&page)
}

/// What `exchequer receipt verify` takes, byte by byte as the API gave it.
pub async fn signed(customer: Customer) -> Outcome {
    let id = segment(customer.segment(0));
    let (mut headers, body) = customer.get(format!("/v1/transfers/{id}/receipt")).file().await?;
    let name = format!("attachment; filename=\"{id}.receipt.json\"");
    // The API has found the id, so it is one: letters, digits and a line.
    let name = HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("attachment"));
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(Answer::File(headers, body))
}

fn side<'a>(words: &'static Words, party: &'a Party) -> Side<'a> {
    if party.number == "bank" {
        return Side { name: words.accounts.bank, number: "" };
    }
    Side { name: party.name.as_deref().unwrap_or_default(), number: &party.number }
}

/// Why money moved; a kind that this page does not know is a posting of the bank's.
fn kind(words: &Words, kind: &str) -> &'static str {
    let w = &words.accounts;
    match kind {
        "transfer" => w.kind_transfer,
        "deposit" => w.kind_deposit,
        "withdrawal" => w.kind_withdrawal,
        "capture" => w.kind_capture,
        "reversal" => w.kind_reversal,
        "payout" => w.kind_payout,
        _ => w.kind_other,
    }
}

//! `/accounts/{id}/statement`: a period of an account, as a file.
//!
//! Without a format it is the form that asks for one. A statement's days are UTC, as its own text says.

use askama::Template;
use http::StatusCode;

use super::{Account, named};
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Customer;
use crate::form::{self, segment};
use crate::frame::{Choice, Field, Frame, Select, Who};
use crate::show::dates;
use crate::trouble::Trouble;

/// As the API calls them.
const FORMATS: [&str; 3] = ["pdf", "csv", "camt053"];
/// What the form begins with: a month, today included.
const DAYS_BEFORE: i64 = -30;

#[derive(Template)]
#[template(path = "accounts/statement.html")]
struct StatementPage<'a> {
    frame: Frame<'a>,
    account: &'a Account,
    from: Field<'a>,
    to: Field<'a>,
    format: Select<'a>,
    refusal: Option<String>,
}

pub async fn show(customer: Customer) -> Outcome {
    let account = named(&customer).await?;
    let query = customer.query();
    let Some(format) = query.some("format") else { return page(&customer, &account, None) };
    let asked = form::query(&[
        ("from", &query.text("from")),
        ("to", &query.text("to")),
        ("format", known(&format)),
    ]);
    let path = format!("/v1/accounts/{}/statement?{asked}", segment(&account.id));
    match customer.get(path).file().await {
        Ok((headers, body)) => Ok(Answer::File(headers, body)),
        Err(refused) if refused.status == 422 => page(&customer, &account, Some(&refused)),
        Err(refused) => Err(Trouble::from(refused)),
    }
}

/// Nothing but what people read: JSON is for programs.
fn known(format: &str) -> &str {
    FORMATS.into_iter().find(|known| *known == format).unwrap_or("pdf")
}

fn page(customer: &Customer, account: &Account, refused: Option<&Refused>) -> Outcome {
    let words = customer.words();
    let w = &words.accounts;
    let query = customer.query();
    // Of UTC, as the days of a statement.
    let today: String = customer.site().settings.clock.now().to_string().chars().take(10).collect();
    let start = dates::shifted_day(&today, DAYS_BEFORE).unwrap_or_else(|| today.clone());
    let is_fresh = !query.has("format");
    let day = |name, label, begins: &str| {
        let value = if is_fresh { begins.to_owned() } else { query.text(name) };
        let field = Field::text(name, label, &value).optional();
        Field { kind: "date", max_chars: 10, ..field }.fault(words.fault_of(refused, name))
    };
    let chosen = known(query.raw("format"));
    let labels = [w.as_pdf, w.as_csv, w.as_camt053];
    let choice = |(format, label): (&str, &str)| Choice {
        value: format.to_owned(),
        label: label.to_owned(),
        is_chosen: format == chosen,
    };
    let page = StatementPage {
        frame: customer.frame(w.statements),
        account,
        from: day("from", w.from_day, &start),
        to: day("to", w.to_day, &today),
        format: Select {
            name: "format",
            label: w.format,
            choices: FORMATS.into_iter().zip(labels).map(choice).collect(),
            hint: None,
            fault: words.fault_of(refused, "format"),
        },
        refusal: refused.map(|refused| words.refusal(refused)),
    };
    let status = refused.map_or(200, |refused| refused.status);
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}

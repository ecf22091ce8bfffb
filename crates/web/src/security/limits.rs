//! `/security/limits`: the customer's own limits, for each currency that they have an account in.

use askama::Template;
use futures_util::future::try_join_all;
use http::StatusCode;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::deed;
use crate::accounts;
use crate::answer::{Answer, Outcome};
use crate::api::Refused;
use crate::callers::Customer;
use crate::form::segment;
use crate::frame::{Field, Frame, Who};
use crate::show::{money, plain, typed};
use crate::step_up::{self, Stop};
use crate::trouble::Trouble;
use crate::words::{Security, put};

const LIMITS: &str = "/security/limits";
/// As the API and the form call them.
const NAMES: [&str; 4] = ["per_transfer", "per_day", "per_week", "per_month"];

/// Minor units.
#[derive(Deserialize)]
struct Limits {
    currency: String,
    per_transfer: Option<i64>,
    per_day: Option<i64>,
    per_week: Option<i64>,
    per_month: Option<i64>,
    spent_day: i64,
    spent_week: i64,
    spent_month: i64,
}

/// One limit on a page.
struct Row {
    label: &'static str,
    limit: Option<String>,
    spent: Option<String>,
}

struct Table {
    currency: String,
    title: String,
    change: String,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "security/limits.html")]
struct LimitsPage<'a> {
    frame: Frame<'a>,
    tables: Vec<Table>,
}

#[derive(Template)]
#[template(path = "security/limits_edit.html")]
struct EditPage<'a> {
    frame: Frame<'a>,
    title: String,
    currency: &'a str,
    fields: Vec<Field<'a>>,
    refusal: Option<String>,
}

/// What was typed for each limit, and what is wrong with it.
type Typed = [(String, Option<String>); 4];

pub async fn show(customer: Customer) -> Outcome {
    let currencies = accounts::currencies(&customer).await?;
    let asked = currencies.iter().map(|currency| read(&customer, currency));
    let found: Vec<Limits> = try_join_all(asked).await?;
    let tables = found.iter().map(|limits| table(&customer, limits)).collect();
    let frame = customer.frame(customer.words().security.tab_limits);
    Answer::page(&LimitsPage { frame, tables })
}

pub async fn edit(customer: Customer) -> Outcome {
    let limits = read(&customer, customer.segment(0)).await?;
    let held = limits.held().map(|(limit, _)| {
        let text = limit.map(|minor| plain(minor, &limits.currency, customer.language()));
        (text.unwrap_or_default(), None)
    });
    page(&customer, &limits.currency, (held, None))
}

/// An empty field is no limit.
pub async fn set(customer: Customer) -> Outcome {
    let (words, form) = (customer.words(), customer.form());
    let currency = read(&customer, customer.segment(0)).await?.currency;
    let mut body = Map::new();
    let mut faulty = false;
    let entered: Typed = NAMES.map(|name| {
        let text = form.text(name);
        if text.is_empty() {
            return (text, None);
        }
        match typed::parse(&text, &currency) {
            Ok(minor) => {
                body.insert(name.to_owned(), minor.into());
                (text, None)
            }
            Err(fault) => {
                faulty = true;
                (text, Some(fault.text(words).to_owned()))
            }
        }
    });
    if faulty {
        let summary = words.trouble.summary.to_owned();
        return page(&customer, &currency, (entered, Some((422, summary))));
    }
    let deed = deed_of(&customer, &currency, &body);
    let act = customer.put(format!("/v1/limits/{}", segment(&currency)));
    let act = act.json(&Value::Object(body));
    match step_up::through::<IgnoredAny>(&customer, &deed, act).await {
        Ok(_) => Answer::to("/security/limits?done=limits_set"),
        Err(Stop::Page(page)) => page,
        Err(Stop::Refused(refused)) if refused.status == 422 => {
            let mut entered = entered;
            for (name, slot) in NAMES.iter().zip(&mut entered) {
                slot.1 = words.fault_of(Some(&refused), name);
            }
            let why = (refused.status, words.refusal(&refused));
            page(&customer, &currency, (entered, Some(why)))
        }
        Err(Stop::Refused(refused)) => Err(Trouble::from(*refused)),
    }
}

/// The first own limit that a payment passes, and what it leaves; none where it is not one's own.
pub async fn passed(
    customer: &Customer,
    currency: &str,
    amount: i64,
) -> Result<Option<(&'static str, String)>, Refused> {
    let limits = read(customer, currency).await?;
    let held = labels(&customer.words().security).into_iter().zip(limits.held());
    let left = |(label, (limit, spent)): (&'static str, (Option<i64>, Option<i64>))| {
        let left = limit?.saturating_sub(spent.unwrap_or_default()).max(0);
        (amount > left).then(|| (label, money(left, currency, customer.language())))
    };
    Ok(held.into_iter().find_map(left))
}

async fn read(customer: &Customer, currency: &str) -> Result<Limits, Refused> {
    customer.get(format!("/v1/limits/{}", segment(currency))).receive().await
}

/// What the customer confirms: every limit, as it will be.
fn deed_of(customer: &Customer, currency: &str, body: &Map<String, Value>) -> step_up::Deed {
    let w = &customer.words().security;
    let facts = NAMES.iter().zip(labels(w)).map(|(name, label)| {
        let limit = body.get(*name).and_then(Value::as_i64);
        let limit = limit.map(|minor| money(minor, currency, customer.language()));
        (label, limit.unwrap_or_else(|| w.no_limit.to_owned()))
    });
    let facts: Vec<(&str, String)> = facts.collect();
    let facts: Vec<(&str, &str)> =
        facts.iter().map(|(label, value)| (*label, value.as_str())).collect();
    let action = format!("{LIMITS}/{currency}");
    deed(&put(w.deed_limits, currency), &facts, &action, LIMITS)
}

fn page(
    customer: &Customer,
    currency: &str,
    (entered, refusal): (Typed, Option<(u16, String)>),
) -> Outcome {
    let w = &customer.words().security;
    let parts = NAMES.into_iter().zip(labels(w)).zip(entered);
    let fields = parts.map(|((name, label), (text, fault))| {
        let field =
            Field { inputmode: "decimal", max_chars: 40, ..Field::text(name, label, &text) };
        field.optional().fault(fault)
    });
    let title = put(w.limits_change, currency);
    let status = refusal.as_ref().map_or(200, |(status, _)| *status);
    let page = EditPage {
        frame: customer.frame(&title),
        title,
        currency,
        fields: fields.collect(),
        refusal: refusal.map(|(_, text)| text),
    };
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}

fn table(customer: &Customer, limits: &Limits) -> Table {
    let w = &customer.words().security;
    let amount = |minor: i64| money(minor, &limits.currency, customer.language());
    let rows = labels(w).into_iter().zip(limits.held()).map(|(label, (limit, spent))| Row {
        label,
        limit: limit.map(amount),
        spent: spent.map(amount),
    });
    Table {
        currency: limits.currency.clone(),
        title: put(w.limits_of, &limits.currency),
        change: put(w.limits_change, &limits.currency),
        rows: rows.collect(),
    }
}

const fn labels(w: &Security) -> [&'static str; 4] {
    [w.per_transfer, w.per_day, w.per_week, w.per_month]
}

impl Limits {
    /// Each limit, and what counts against it.
    const fn held(&self) -> [(Option<i64>, Option<i64>); 4] {
        [
            (self.per_transfer, None),
            (self.per_day, Some(self.spent_day)),
            (self.per_week, Some(self.spent_week)),
            (self.per_month, Some(self.spent_month)),
        ]
    }
}

//! `/console/accounts`: an account's standing, its entries, and what may be done with it.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::cash;
use super::desk::{Done, Misread, Page};
use super::parts::{Act, Cell, Facts, Filter, Input, Part, Section, Table};
use super::said;
use crate::answer::{Answer, Outcome};
use crate::api::{List, Refused};
use crate::callers::Operator;
use crate::form::{query, segment};
use crate::show::typed;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages
        .operator(Method::GET, PATH, "read_accounts", find)
        .operator(Method::POST, PATH, "read_accounts", look)
        .operator(Method::GET, "/console/accounts/{id}", "read_accounts", show)
        .operator(Method::GET, "/console/accounts/{id}/statement", "read_accounts", statement)
        .operator(Method::POST, "/console/accounts/{id}/freeze", "freeze_account", |operator| {
            change(operator, "freeze", "frozen")
        })
        .operator(Method::POST, "/console/accounts/{id}/unfreeze", "unfreeze_account", |operator| {
            change(operator, "unfreeze", "unfrozen")
        })
        .operator(Method::POST, "/console/accounts/{id}/close", "close_account", |operator| {
            change(operator, "close", "closed")
        })
        .operator(Method::POST, "/console/accounts/{id}/limits", "set_limits", limits)
}

const PATH: &str = "/console/accounts";
pub const API: &str = "/v1/staff/accounts/";

/// As operators see one.
#[derive(Deserialize)]
pub struct Account {
    pub id: String,
    pub number: String,
    pub name: String,
    pub currency: String,
    pub status: String,
    pub balance: Balance,
    pub opened_at: String,
    /// Of a customer; none for the bank's own.
    pub owner: Option<String>,
    pub limits: Limits,
}

/// Minor units.
#[derive(Deserialize)]
pub struct Balance {
    pub posted: i64,
    pub held: i64,
    pub available: i64,
}

/// Minor units; none is no limit.
#[derive(Deserialize)]
pub struct Limits {
    pub per_transfer: Option<i64>,
    pub per_day: Option<i64>,
}

#[derive(Deserialize)]
struct Entry {
    transfer_id: String,
    amount: i64,
    balance_after: i64,
    counterparty: String,
    memo: Option<String>,
    posted_at: String,
}

/// The forms of a statement; the last are files.
const FORMATS: [(&str, &str); 4] =
    [("pdf", "PDF"), ("csv", "CSV"), ("camt053", "camt.053 (XML)"), ("json", "JSON")];

async fn find(operator: Operator) -> Outcome {
    find_page(&operator, None)
}

/// By id or by number, to the account's page.
async fn look(operator: Operator) -> Outcome {
    let typed = operator.form().text("account");
    if typed.starts_with("acc_") {
        return Answer::to(format!("{PATH}/{}", segment(&typed)));
    }
    let asked = format!("/v1/staff/accounts?number={}", segment(&typed));
    let found = match operator.get(asked).receive::<List<Account>>().await {
        Ok(list) => list.data.into_iter().next(),
        Err(refused) if refused.code == "invalid_fields" => {
            return find_page(
                &operator,
                Some("This is no number of an account: a digit is wrong."),
            );
        }
        Err(refused) => return Err(refused.into()),
    };
    match found {
        Some(account) => Answer::to(format!("{PATH}/{}", segment(&account.id))),
        None => find_page(&operator, Some("No customer's account has this number.")),
    }
}

fn find_page(operator: &Operator, fault: Option<&'static str>) -> Outcome {
    let account = Input::text("account", "Account's number or id")
        .hint("As EX12 3456 7890 1234 56, or acc_01hz… in the trail.")
        .value(operator.form().text("account"));
    let filter = operator.discreet(PATH, "Open", account);
    let page = operator.page("Accounts", &[]).section(Section::new("", vec![Part::Filter(filter)]));
    match fault {
        Some(fault) => page.misasked(&Misread::new("account", fault).into()).show(),
        None => page.show(),
    }
}

async fn show(operator: Operator) -> Outcome {
    page(&operator).await?.show()
}

async fn change(operator: Operator, verb: &'static str, notice: &'static str) -> Outcome {
    let path = operator.path_of(API, &format!("/{verb}"));
    match operator.change(path).receive::<Done>().await {
        Ok(done) => done.leads_to(&here(&operator), notice),
        Err(refused) => page(&operator).await?.answer(&operator, Some(&refused)),
    }
}

/// Empty is no limit.
async fn limits(operator: Operator) -> Outcome {
    let account = one(&operator).await?;
    match set(&operator, &account).await {
        Ok(done) => done.leads_to(&here(&operator), "limits_set"),
        Err(refused) => page(&operator).await?.answer(&operator, Some(&refused)),
    }
}

async fn set(operator: &Operator, account: &Account) -> Result<Done, Refused> {
    let limit = |name: &str| match operator.form().some(name) {
        None => Ok(Value::Null),
        Some(_) => typed_amount(operator, name, &account.currency).map(Value::from),
    };
    let body = json!({ "per_transfer": limit("per_transfer")?, "per_day": limit("per_day")? });
    operator.change(operator.path_of(API, "/limits")).json(&body).receive().await
}

/// A file of the API, as it is.
async fn statement(operator: Operator) -> Outcome {
    let asked = operator.query();
    let (from, to, format) = (asked.text("from"), asked.text("to"), asked.text("format"));
    let wanted = query(&[("from", &from), ("to", &to), ("format", &format)]);
    let path = operator.path_of(API, &format!("/statement?{wanted}"));
    match operator.get(path).file().await {
        Ok((headers, body)) => Ok(Answer::File(headers, body)),
        Err(refused) if refused.code == "invalid_fields" => {
            page(&operator).await?.misasked(&refused).show()
        }
        Err(refused) => Err(refused.into()),
    }
}

/// The account of this page's path.
pub async fn one(operator: &Operator) -> Result<Account, Refused> {
    operator.get(operator.path_of(API, "")).receive().await
}

/// The path of the account's page.
pub fn here(operator: &Operator) -> String {
    operator.path_of("/console/accounts/", "")
}

/// An amount as it was typed in a field; minor units.
pub fn typed_amount(operator: &Operator, field: &str, currency: &str) -> Result<i64, Misread> {
    typed::parse(operator.form().raw(field), currency)
        .map_err(|fault| Misread::new(field, fault.text(operator.words())))
}

/// Some accounts, as rows.
pub fn table(accounts: Vec<Account>) -> Table {
    let row = |account: Account| {
        vec![
            Cell::link(format!("{PATH}/{}", segment(&account.id)), account.name),
            Cell::code(account.number),
            Cell::standing(&account.status),
            Cell::money(account.balance.posted, &account.currency),
            Cell::money(account.balance.available, &account.currency),
        ]
    };
    let rows = accounts.into_iter().map(row).collect();
    let heads = &["Name", "Number", "Standing", "#Balance", "#Available"];
    Table::whole("Accounts", heads, rows, "There is no account.")
}

pub async fn page(operator: &Operator) -> Result<Page<'_>, Refused> {
    let path = operator.list_path(&operator.path_of(API, "/entries"), &["cursor"]);
    let entries = operator.get(path).receive::<List<Entry>>();
    let (account, entries) = tokio::try_join!(one(operator), entries)?;
    let title = format!("{} {}", account.name, account.number);
    let rows =
        entries.data.into_iter().map(|entry| row(operator, &account.currency, entry)).collect();
    let heads = &["Posted", "From or to", "Memo", "#Amount", "#Balance after", "Transfer"];
    let table = Table::whole("Entries", heads, rows, "Nothing was posted yet.")
        .next(operator.more(entries.next_cursor.as_deref()));
    Ok(operator
        .page(&title, &[(PATH, "Accounts")])
        .standing(&account.status)
        .section(Section::new("", vec![Part::Facts(facts(operator, &account))]))
        .acts("Change", acts(operator, &account))
        .section(Section::new("Entries", vec![Part::Table(table)]))
        .section(Section::new("Statement", vec![Part::Filter(statement_form(operator))])))
}

fn row(operator: &Operator, currency: &str, entry: Entry) -> Vec<Cell> {
    vec![
        Cell::Time(entry.posted_at),
        Cell::text(entry.counterparty),
        Cell::maybe(entry.memo),
        Cell::money(entry.amount, currency),
        Cell::money(entry.balance_after, currency),
        operator.about(&entry.transfer_id),
    ]
}

fn facts(operator: &Operator, account: &Account) -> Facts {
    let money = |minor| Cell::money(minor, &account.currency);
    let limit = |limit: Option<i64>| limit.map_or(Cell::text("No limit"), money);
    let fact = |label: &str, value: Cell| (label.to_owned(), value);
    let owner = account.owner.as_deref();
    Facts(vec![
        fact("Balance", money(account.balance.posted)),
        fact("Held", money(account.balance.held)),
        fact("Available", money(account.balance.available)),
        fact("Currency", Cell::text(&account.currency)),
        fact("Most for one transfer", limit(account.limits.per_transfer)),
        fact("Most in 24 hours", limit(account.limits.per_day)),
        fact("Owner", owner.map_or(Cell::text("The bank"), |owner| operator.about(owner))),
        fact("Id", Cell::code(&account.id)),
        fact("Opened", Cell::Time(account.opened_at.clone())),
    ])
}

fn acts(operator: &Operator, account: &Account) -> Vec<Act> {
    let act = |title, verb: &str, text| Act {
        text,
        ..operator.act(title, format!("{PATH}/{}/{verb}", segment(&account.id)))
    };
    let is = |status: &str| account.status == status;
    let mut acts = cash::acts(operator, account);
    if is("open") && operator.may("freeze_account") {
        let text = "No money goes in or out until somebody opens it again. The customer sees it on the account's page.";
        acts.push(act("Freeze", "freeze", text).danger());
    }
    if is("frozen") && operator.may("unfreeze_account") {
        acts.push(act("Open again", "unfreeze", "Money can go in and out again."));
    }
    if !is("closed") && operator.may("set_limits") {
        let typed = |limit: Option<i64>| {
            limit.map_or_else(String::new, |minor| plain(minor, &account.currency))
        };
        let text =
            "Empty is no limit. For more to leave than today, a second operator has to approve.";
        let limit =
            |name, label, value| Input::text(name, label).optional().value(typed(value)).long(40);
        acts.push(
            act("Set limits", "limits", text)
                .input(limit("per_transfer", "Most for one transfer", account.limits.per_transfer))
                .input(limit("per_day", "Most in 24 hours", account.limits.per_day)),
        );
    }
    if !is("closed") && operator.may("close_account") {
        let text = "For good. The balance has to be zero and nothing may be held.";
        acts.push(act("Close", "close", text).danger());
    }
    acts
}

/// As it can be typed again.
fn plain(minor: i64, currency: &str) -> String {
    crate::show::plain(minor, currency, crate::language::Language::English)
}

/// The API's file under this page's path.
fn statement_form(operator: &Operator) -> Filter {
    let day = |name, label| Input { kind: "date", ..Input::text(name, label) };
    let inputs =
        vec![day("from", "From"), day("to", "To"), Input::choice("format", "As", &FORMATS)];
    let filter = operator.filter("", "Get the statement", inputs);
    Filter { action: format!("{}/statement", here(operator)), ..filter }
}

/// Said of an account where only its id is known.
pub fn known(account: Option<&Account>) -> Vec<(String, Cell)> {
    let Some(account) = account else { return Vec::new() };
    vec![
        ("Account's name".to_owned(), Cell::text(&account.name)),
        ("Account's number".to_owned(), Cell::code(&account.number)),
        ("Standing".to_owned(), Cell::standing(&account.status)),
        (
            "Balance".to_owned(),
            Cell::Amount(said::money(account.balance.posted, &account.currency)),
        ),
    ]
}

//! All forms of all pages: found, compared with the table, and filled with every string.

use std::collections::{BTreeMap, BTreeSet};

use testkit::browser::Page;

use super::world::World;
use super::{Fillings, is_clean, is_there};

/// A form that is to be found on a page by itself: where, where it goes, and what may be typed into it.
struct Row {
    at: &'static str,
    action: &'static str,
    fields: &'static [&'static str],
    /// What is sent beside what is typed, so that the form is refused, or does nothing that ends the test.
    beside: &'static [(&'static str, &'static str)],
}

const fn row(at: &'static str, action: &'static str, fields: &'static [&'static str]) -> Row {
    Row { at, action, fields, beside: &[] }
}

/// Every form with a field for text, by the page where it is found.
const FORMS: &[Row] = &[
    row("/sign-in", "/sign-in", &["email", "password"]),
    row("/sign-up", "/sign-up", &["email", "full_name", "password", "phone"]),
    row("/forgot", "/forgot", &["email"]),
    row("/reset?token=x", "/reset", &["new_password"]),
    // Opened accounts would be hundreds: it is refused for another field.
    Row { beside: &[("currency", "XAU")], ..row("/welcome", "/welcome", &["name"]) },
    Row { beside: &[("currency", "XAU")], ..row("/accounts/new", "/accounts", &["name"]) },
    row("/accounts/{id}", "/accounts/{id}", &["from", "max_amount", "min_amount", "query", "to"]),
    row("/accounts/{id}/statement", "/accounts/{id}/statement", &["from", "to"]),
    row("/send", "/send/review", &["amount", "memo", "name", "to"]),
    row("/payees/new", "/payees/review", &["account", "name"]),
    row("/security/factors/phone", "/security/factors/phone", &["phone"]),
    row("/security/factors/key", "/security/factors/key", &["name"]),
    row("/security/factors/{id}", "/security/factors/{id}/rename", &["name"]),
    row(
        "/security/limits/{currency}",
        "/security/limits/{currency}",
        &["per_day", "per_month", "per_transfer", "per_week"],
    ),
    row("/security/alerts/{currency}", "/security/alerts/{currency}", &["at_least"]),
    row("/security/password", "/security/password", &["current_password", "new_password"]),
    row("/console/sign-in", "/console/sign-in", &["email", "password"]),
    row("/console/customers", "/console/customers", &["query"]),
    row("/console/accounts", "/console/accounts", &["account"]),
    row("/console/accounts/{id}", "/console/accounts/{id}/deposit", &["amount", "reference"]),
    row("/console/accounts/{id}", "/console/accounts/{id}/withdraw", &["amount", "reference"]),
    row("/console/accounts/{id}", "/console/accounts/{id}/limits", &["per_day", "per_transfer"]),
    row("/console/accounts/{id}", "/console/accounts/{id}/statement", &["from", "to"]),
    row("/console/transfers/{id}", "/console/transfers/{id}/reverse", &["amount", "reason"]),
    row("/console/payments", "/console/payments", &["merchant"]),
    row("/console/payments/{id}", "/console/payments/{id}/refund", &["amount", "reason"]),
    row(
        "/console/merchants",
        "/console/merchants",
        &["fee_basis_points", "fee_fixed", "name", "refund_limit", "settlement_account"],
    ),
    row(
        "/console/merchants/{id}",
        "/console/merchants/{id}/terms",
        &["fee_basis_points", "fee_fixed", "name", "refund_limit", "settlement_account"],
    ),
    row(
        "/console/merchants/{id}",
        "/console/merchants/{id}/keys",
        &["addresses", "days", "name", "public_key", "routes"],
    ),
    row("/console/merchants/{id}", "/console/merchants/{id}/keys/{key}/rotate", &["public_key"]),
    row(
        "/console/events",
        "/console/events",
        &["action", "actor", "from", "outcome", "resource", "to"],
    ),
];

/// Forms that do what they are for with whatever is typed: [`super::stored`] has them.
const TAKEN: &[(&str, &[&str])] = &[
    ("/console/approvals/{id}/reject", &["reason"]),
    ("/console/reconciliation/{id}/resolve", &["note"]),
    ("/console/customers/{id}/reveal", &["purpose"]),
];

/// Forms of a password and a code, of which nothing comes back and a few wrong ones lock: `console::access` has them.
const QUIET: &[(&str, &[&str])] = &[
    ("/console/access", &["code", "current_password", "new_password"]),
    ("/console/access/authenticator", &["code", "current_password"]),
];

/// Paths of forms with ids of things in them, as the table names them.
fn pattern(action: &str) -> String {
    let is_id = |part: &str| {
        part.split_once('_').is_some_and(|(kind, rest)| kind.len() == 3 && rest.len() == 26)
    };
    let parts: Vec<_> = action
        .split('/')
        .map(|part| match part {
            "INR" => "{currency}",
            part if is_id(part) => "{id}",
            part => part,
        })
        .collect();
    parts.join("/")
}

type Found = BTreeMap<String, BTreeSet<String>>;

fn note(found: &mut Found, page: &Page) {
    for form in page.forms().iter().filter(|form| !form.typed.is_empty()) {
        let path = form.action.split('?').next().unwrap_or_default();
        let names = form.typed.iter().map(|field| field.name.clone());
        found.entry(pattern(path)).or_default().extend(names);
    }
}

/// A field that is new to a page is new to this test: it fails until the table has it, and then every string is typed
/// into it.
#[tokio::test]
async fn the_table_has_every_field_of_every_page() {
    let world = World::new().await;
    let mut found = Found::new();
    for (method, path, _) in web::pages() {
        if method != "GET" || path.starts_with("/assets") {
            continue;
        }
        let mut seen = 0;
        for browser in world.everybody() {
            let page = browser.get(&world.real(path)).await;
            seen += usize::from(page.status == 200);
            note(&mut found, &page);
        }
        let is_file = path.ends_with("/statement") || path.ends_with("/export");
        assert!(seen > 0 || is_file, "nobody sees {path} as {}", world.real(path));
    }
    let rows = FORMS.iter().map(|row| (row.action, row.fields));
    let rows = rows.chain(TAKEN.iter().chain(QUIET).copied());
    let mut known: Found = BTreeMap::new();
    for (action, fields) in rows {
        known
            .entry(action.replace("{key}", "{id}"))
            .or_default()
            .extend(fields.iter().map(|name| (*name).to_owned()));
    }
    assert_eq!(found, known);
}

#[tokio::test]
async fn every_string_in_every_field_of_the_customers_bank_comes_back_as_itself() {
    comes_back(|row| !row.at.starts_with("/console")).await;
}

#[tokio::test]
async fn every_string_in_the_fields_of_the_consoles_lists_and_accounts_comes_back_as_itself() {
    comes_back(|row| row.at.starts_with("/console") && !row.at.starts_with(MERCHANTS)).await;
}

#[tokio::test]
async fn every_string_in_the_fields_about_merchants_comes_back_as_itself() {
    comes_back(|row| row.at.starts_with(MERCHANTS)).await;
}

const MERCHANTS: &str = "/console/merchants";

/// Whatever was typed is in its field again, or stands where the form has led; passwords alone are in neither.
async fn comes_back(is_meant: impl Fn(&Row) -> bool) {
    let world = World::new().await;
    let rows: Vec<_> = FORMS.iter().filter(|row| is_meant(row)).collect();
    let mut answers = 0;
    for row in &rows {
        let action = world.real(row.action);
        let (browser, page) = world.with_form(row.at, &action).await;
        let form = page.form(&action);
        let but: Vec<_> = row.beside.iter().map(|(name, _)| *name).collect();
        for texts in Fillings::of(&form, &but) {
            let fresh = testkit::client::key();
            let mut filled: Vec<(&str, &str)> =
                texts.iter().map(|(name, text)| (&**name, &**text)).collect();
            filled.extend(row.beside);
            if form.value("key").is_some() {
                filled.push(("key", &fresh));
            }
            let answer = browser.submit(&form, &filled).await;
            answers += 1;
            is_clean(&answer);
            for field in &form.typed {
                let Some((_, text)) = texts.iter().find(|(name, _)| *name == field.name) else {
                    continue;
                };
                if field.kind == "password" {
                    let mut again =
                        answer.forms().into_iter().filter(|again| again.action == form.action);
                    assert!(
                        again.all(|again| again.value(&field.name) == Some("")),
                        "{}",
                        row.action
                    );
                    continue;
                }
                let found = is_there(&answer, &form.action, (&field.name, text));
                assert!(
                    found,
                    "{} {}: {text:?} is not on {}: {}",
                    row.action, field.name, answer.path, answer.html
                );
            }
        }
    }
    assert!(answers > 2 * rows.len(), "{answers}");
}

//! `/console/customers`: found by name, e-mail or telephone, shown masked, and let in or not.
//!
//! The unmasked name and addresses stand only in the answer to the form that gave a purpose, which the API records.
//! What is looked for is personal, too: it is typed into a form that is posted, and the address of what was found
//! carries it sealed, for this operator and an hour.

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::accounts::{self, Account};
use super::desk::{Done, Page, seen};
use super::parts::{Act, Cell, Facts, Input, Link, Part, Section, Table};
use super::said;
use crate::answer::{Answer, Outcome};
use crate::api::{List, Refused};
use crate::callers::Operator;
use crate::carried;
use crate::form::{self, segment};
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages
        .operator(Method::GET, PATH, "read_customers", search)
        .operator(Method::POST, PATH, "read_customers", look)
        .operator(Method::GET, "/console/customers/{id}", "read_customers", show)
        .operator(Method::POST, "/console/customers/{id}/lock", "lock_customer", |operator| {
            change(operator, "lock", "customer_locked")
        })
        .operator(Method::POST, "/console/customers/{id}/unlock", "unlock_customer", |operator| {
            change(operator, "unlock", "customer_unlocked")
        })
        .operator(
            Method::POST,
            "/console/customers/{id}/sign-out",
            "sign_out_customer",
            |operator| change(operator, "sign_out", "customer_signed_out"),
        )
        .operator(Method::POST, "/console/customers/{id}/disable", "disable_customer", |operator| {
            change(operator, "disable", "customer_disabled")
        })
        .operator(Method::POST, "/console/customers/{id}/enable", "enable_customer", |operator| {
            change(operator, "enable", "customer_enabled")
        })
        .operator(Method::POST, "/console/customers/{id}/reveal", "reveal_customer", reveal)
}

const PATH: &str = "/console/customers";
/// In place of the name of who has left long ago.
const ERASED: &str = "Erased customer";
const API: &str = "/v1/staff/customers/";
/// What a sealed text of these pages is.
const SOUGHT: &str = "a customer sought";
const SOUGHT_SECONDS: i64 = 3600;

/// As the API shows one to operators: masked.
#[derive(Deserialize)]
struct Found {
    id: String,
    /// None of who is erased.
    full_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    status: String,
    created_at: String,
    erased_at: Option<String>,
}

impl Found {
    fn name(&self) -> &str {
        self.full_name.as_deref().unwrap_or(ERASED)
    }
}

#[derive(Deserialize)]
struct Customer {
    #[serde(flatten)]
    found: Found,
    email_verified: bool,
    factors: Vec<String>,
    sessions: i64,
    outgoing_stopped: bool,
}

/// What a purpose was given for.
#[derive(Deserialize)]
struct Revealed {
    full_name: String,
    email: String,
    phone: Option<String>,
}

/// Said of a customer where only the id is known: nothing for whoever may not see customers.
pub async fn known(operator: &Operator, id: &str) -> Result<Vec<(String, Cell)>, Refused> {
    if !operator.may("read_customers") {
        return Ok(Vec::new());
    }
    let found = operator.get(format!("{API}{}", segment(id))).receive().await;
    let Some(Customer { found, .. }) = seen(found)? else { return Ok(Vec::new()) };
    Ok(vec![
        ("Name".to_owned(), Cell::text(found.name())),
        ("E-mail".to_owned(), Cell::maybe(found.email)),
        ("Standing".to_owned(), Cell::standing(&found.status)),
    ])
}

/// To the page of what is found.
async fn look(operator: Operator) -> Outcome {
    let query = operator.form().text("query");
    if query.is_empty() {
        return Answer::to(PATH);
    }
    let sealed =
        carried::seal(&operator, (SOUGHT, &operator.member().id), (&query, SOUGHT_SECONDS));
    Answer::to(format!("{PATH}?{}", form::query(&[("sought", &sealed)])))
}

async fn search(operator: Operator) -> Outcome {
    let Some(sealed) = operator.query().some("sought") else {
        return search_page(&operator, "").show();
    };
    let Some(query) = carried::open(&operator, (SOUGHT, &operator.member().id), &sealed) else {
        let mut page = search_page(&operator, "");
        page.refusal = Some("That was looked for too long ago, or by somebody else.".to_owned());
        return page.show();
    };
    let page = search_page(&operator, &query);
    let cursor = operator.query().text("cursor");
    let asked = form::query(&[("query", &query), ("cursor", &cursor)]);
    let path = format!("/v1/staff/customers?{asked}");
    let list: List<Found> = match operator.get(path).receive().await {
        Ok(list) => list,
        Err(refused) if refused.code == "invalid_fields" => return page.misasked(&refused).show(),
        Err(refused) => return Err(refused.into()),
    };
    let rows = list.data.into_iter().map(row).collect();
    let heads = &["Name", "E-mail", "Telephone", "Standing", "Since"];
    let table = Table::whole("Customers found", heads, rows, "Nobody was found.")
        .next(operator.more(list.next_cursor.as_deref()));
    page.section(Section::new("Found", vec![Part::Table(table)])).show()
}

fn search_page<'v>(operator: &'v Operator, typed: &str) -> Page<'v> {
    let query = Input::text("query", "Name, e-mail, telephone or id")
        .hint("Words of a name whole and in any order; an e-mail whole; a telephone as +919876543210.")
        .long(254)
        .value(typed);
    let filter = operator.discreet(PATH, "Find", query);
    operator
        .page("Customers", &[])
        .lead("Who looked for whom is in the trail. Names and addresses are masked.")
        .section(Section::new("", vec![Part::Filter(filter)]))
}

fn row(found: Found) -> Vec<Cell> {
    vec![
        Cell::link(format!("{PATH}/{}", segment(&found.id)), found.name()),
        Cell::maybe(found.email),
        Cell::maybe(found.phone),
        Cell::standing(&found.status),
        Cell::Time(found.created_at),
    ]
}

async fn show(operator: Operator) -> Outcome {
    page(&operator, None).await?.show()
}

async fn change(operator: Operator, verb: &'static str, notice: &'static str) -> Outcome {
    let path = operator.path_of(API, &format!("/{verb}"));
    match operator.change(path).receive::<Done>().await {
        Ok(done) => done.leads_to(&operator.path_of("/console/customers/", ""), notice),
        Err(refused) => page(&operator, None).await?.answer(&operator, Some(&refused)),
    }
}

async fn reveal(operator: Operator) -> Outcome {
    let body = json!({ "purpose": operator.form().text("purpose") });
    let asked = operator.post(operator.path_of(API, "/reveal")).json(&body);
    match asked.receive::<Revealed>().await {
        Ok(revealed) => page(&operator, Some(revealed)).await?.show(),
        Err(refused) => page(&operator, None).await?.answer(&operator, Some(&refused)),
    }
}

async fn page(operator: &Operator, revealed: Option<Revealed>) -> Result<Page<'_>, Refused> {
    let customer = operator.get(operator.path_of(API, "")).receive::<Customer>();
    let accounts = async {
        if !operator.may("read_accounts") {
            return Ok(None);
        }
        let list = operator.get(operator.path_of(API, "/accounts?limit=100"));
        list.receive::<List<Account>>().await.map(Some)
    };
    let (customer, accounts) = tokio::try_join!(customer, accounts)?;
    let found = &customer.found;
    let mut page = operator.page(found.name(), &[(PATH, "Customers")]).standing(&found.status);
    if let Some(revealed) = revealed {
        page = page.section(unmasked(revealed));
    }
    page = page.section(Section::new("", vec![Part::Facts(facts(&customer))]));
    if let Some(accounts) = accounts {
        let table = accounts::table(accounts.data);
        page = page.section(Section::new("Accounts", vec![Part::Table(table)]));
    }
    let acts = acts(operator, found);
    page = page.acts("Change", acts);
    if operator.may("read_events") {
        let link = |query: &str, text: &str| Link {
            to: format!("/console/events?{query}={}", segment(&found.id)),
            text: text.to_owned(),
        };
        let links = vec![
            link("resource", "What was done about this customer"),
            link("actor", "What this customer did"),
        ];
        page = page.section(Section::new("Trail", vec![Part::Links(links)]));
    }
    Ok(page)
}

fn facts(customer: &Customer) -> Facts {
    let found = &customer.found;
    let yes = |is: bool, yes: &str, no: &str| Cell::text(if is { yes } else { no });
    let factors: Vec<_> = customer.factors.iter().map(|factor| said::words(factor)).collect();
    let fact = |label: &str, value: Cell| (label.to_owned(), value);
    if let Some(erased_at) = &found.erased_at {
        return Facts(vec![
            fact("Id", Cell::code(&found.id)),
            fact("Customer since", Cell::Time(found.created_at.clone())),
            fact("Erased", Cell::Time(erased_at.clone())),
        ]);
    }
    Facts(vec![
        fact("Id", Cell::code(&found.id)),
        fact("E-mail", Cell::maybe(found.email.as_deref())),
        fact("E-mail proven", yes(customer.email_verified, "Yes", "No")),
        fact("Telephone", Cell::maybe(found.phone.as_deref())),
        fact("Second factors", Cell::maybe(Some(factors.join(", ")))),
        fact("Live sessions", Cell::count(customer.sessions)),
        fact(
            "Outgoing money",
            yes(customer.outgoing_stopped, "Stopped by the customer", "Allowed"),
        ),
        fact("Customer since", Cell::Time(found.created_at.clone())),
    ])
}

fn unmasked(revealed: Revealed) -> Section {
    let facts = Facts(vec![
        ("Full name".to_owned(), Cell::Text(revealed.full_name)),
        ("E-mail".to_owned(), Cell::Text(revealed.email)),
        ("Telephone".to_owned(), Cell::maybe(revealed.phone)),
    ]);
    Section::new("Unmasked", vec![Part::Facts(facts)])
        .text("Shown on this page only, and recorded with your purpose.")
}

fn acts(operator: &Operator, found: &Found) -> Vec<Act> {
    let act = |title, verb: &str, text| Act {
        text,
        ..operator.act(title, format!("{PATH}/{}/{verb}", segment(&found.id)))
    };
    let is = |status: &str| found.status == status;
    let mut acts = Vec::new();
    if is("erased") {
        return acts;
    }
    if operator.may("reveal_customer") {
        let purpose = Input::text("purpose", "Purpose")
            .hint("8 to 200 characters: why you have to know, as for whom and what.")
            .long(200);
        let text =
            "Shows the name, e-mail and telephone once. Your purpose is recorded in the trail.";
        acts.push(act("Show name and addresses", "reveal", text).input(purpose));
    }
    if is("active") && operator.may("sign_out_customer") {
        let text =
            "Ends all of the customer's sessions and tells them. They may sign in again at once.";
        acts.push(act("Sign out everywhere", "sign-out", text));
    }
    if is("active") && operator.may("lock_customer") {
        let text = "The customer is signed out everywhere and cannot sign in. Money that is due still comes in.";
        acts.push(act("Lock", "lock", text).danger());
    }
    if is("locked") && operator.may("unlock_customer") {
        let text = "A second operator approves it. The customer can then sign in again.";
        acts.push(act("Unlock", "unlock", text));
    }
    if !is("disabled") && operator.may("disable_customer") {
        let text = "Ends the customer's access for good, until somebody gives it back.";
        acts.push(act("End access", "disable", text).danger());
    }
    if is("disabled") && operator.may("enable_customer") {
        let text = "A second operator approves it. The customer can then sign in again.";
        acts.push(act("Give access back", "enable", text));
    }
    acts
}

//! `/console/approvals`: acts that wait for a second operator, and deciding them.
//!
//! An approval does what was asked for, to the last field, so its page shows every field of it ([`super::deed`]). One's own
//! are marked and offer no decision; the API refuses one all the same.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::deed;
use super::desk::Page;
use super::names::{Merchants, Names};
use super::parts::{Act, Cell, Facts, Input, Part, Section, Table};
use super::said;
use crate::answer::{Answer, Outcome};
use crate::api::{List, Refused};
use crate::callers::Operator;
use crate::form::segment;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages
        .operator(Method::GET, PATH, "follow_approvals", list)
        .operator(Method::GET, "/console/approvals/{id}", "follow_approvals", show)
        .operator(Method::POST, "/console/approvals/{id}/approve", "decide_approvals", |operator| {
            decide(operator, "approve")
        })
        .operator(Method::POST, "/console/approvals/{id}/reject", "decide_approvals", |operator| {
            decide(operator, "reject")
        })
        .operator(
            Method::POST,
            "/console/approvals/{id}/withdraw",
            "withdraw_approval",
            |operator| decide(operator, "withdraw"),
        )
}

const PATH: &str = "/console/approvals";
const API: &str = "/v1/staff/approvals/";
const STATUSES: [(&str, &str); 6] = [
    ("", "All"),
    ("pending", "Pending"),
    ("approved", "Approved"),
    ("rejected", "Rejected"),
    ("withdrawn", "Withdrawn"),
    ("expired", "Expired"),
];

#[derive(Deserialize)]
pub struct Approval {
    pub id: String,
    pub kind: String,
    pub status: String,
    pub maker: String,
    /// All that the act takes, by its kind.
    pub request: Value,
    pub created_at: String,
    pub expires_at: String,
    pub decided_at: Option<String>,
    pub decided_by: Option<String>,
    pub reason: Option<String>,
    pub outcome: Option<Became>,
}

/// What became of an approved act: one of the two.
#[derive(Deserialize)]
pub struct Became {
    pub resource: Option<String>,
    pub refusal: Option<String>,
}

async fn list(operator: Operator) -> Outcome {
    let filter = operator.filter(PATH, "Show", vec![Input::choice("status", "Status", &STATUSES)]);
    let page = operator.page("Approvals", &[]).lead(lead(&operator));
    let page = page.section(Section::new("", vec![Part::Filter(filter)]));
    let path = operator.list_path("/v1/staff/approvals", &["status", "cursor"]);
    let list = operator.get(path).receive::<List<Approval>>();
    let (list, names) = tokio::try_join!(list, Names::all(&operator))?;
    let named = list.data.iter().any(|approval| approval.request.get("merchant").is_some());
    let merchants = if named { Merchants::all(&operator).await? } else { Merchants::default() };
    let row = |approval: &Approval| {
        let to = format!("{PATH}/{}", segment(&approval.id));
        vec![
            Cell::link(to, deed::title(&approval.kind)),
            Cell::standing(&approval.status),
            Cell::Text(deed::summary(approval, &merchants)),
            names.cell(&operator, &approval.maker),
            Cell::Time(approval.created_at.clone()),
            Cell::Time(approval.expires_at.clone()),
        ]
    };
    let rows = list.data.iter().map(row).collect();
    let heads = &["Act", "Status", "What", "Asked by", "Asked", "Ends"];
    let table = Table::whole("Approvals, newest first", heads, rows, "There are no such acts.")
        .next(operator.more(list.next_cursor.as_deref()));
    page.section(Section::new("", vec![Part::Table(table)])).show()
}

fn lead(operator: &Operator) -> &'static str {
    if operator.may("decide_approvals") || operator.may("read_all_approvals") {
        "Acts that need two: nobody approves what they asked for themselves."
    } else {
        "What you asked for, and what became of it."
    }
}

async fn show(operator: Operator) -> Outcome {
    page(&operator).await?.show()
}

async fn decide(operator: Operator, verb: &'static str) -> Outcome {
    let mut asked = operator.change(operator.path_of(API, &format!("/{verb}")));
    if verb == "reject" {
        asked = asked.json(&json!({ "reason": operator.form().text("reason") }));
    }
    match asked.receive::<Approval>().await {
        Ok(approval) => {
            let notice = match (verb, approval.outcome) {
                ("approve", Some(Became { refusal: Some(_), .. })) => "refused",
                ("approve", _) => "approved",
                ("reject", _) => "rejected",
                _ => "withdrawn",
            };
            Answer::to(format!("{}?done={notice}", operator.path_of("/console/approvals/", "")))
        }
        Err(refused) => page(&operator).await?.answer(&operator, Some(&refused)),
    }
}

async fn page(operator: &Operator) -> Result<Page<'_>, Refused> {
    let approval = operator.get(operator.path_of(API, "")).receive::<Approval>();
    let (approval, names) = tokio::try_join!(approval, Names::all(operator))?;
    let is_own = approval.maker == operator.member().id;
    let mut page = operator
        .page(deed::title(&approval.kind), &[(PATH, "Approvals")])
        .standing(&approval.status);
    if is_own && approval.status == "pending" {
        page = page.lead("You asked for this yourself: somebody else has to approve it.");
    }
    let facts = deed::facts(operator, &names, &approval).await?;
    page = page
        .section(Section::new("What will be done", vec![Part::Facts(Facts(facts))]))
        .section(Section::new("Asked for", vec![Part::Facts(asked(operator, &names, &approval))]))
        .acts("Decide", acts(operator, &approval, is_own));
    if approval.decided_at.is_some() {
        let part = Part::Facts(decided(operator, &names, &approval));
        page = page.section(Section::new("Decision", vec![part]));
    }
    Ok(page)
}

fn asked(operator: &Operator, names: &Names, approval: &Approval) -> Facts {
    let fact = |label: &str, value: Cell| (label.to_owned(), value);
    Facts(vec![
        fact("By", names.cell(operator, &approval.maker)),
        fact("Operator's id", Cell::code(&approval.maker)),
        fact("At", Cell::Time(approval.created_at.clone())),
        fact("Can be approved until", Cell::Time(approval.expires_at.clone())),
        fact("Id", Cell::code(&approval.id)),
    ])
}

fn decided(operator: &Operator, names: &Names, approval: &Approval) -> Facts {
    let fact = |label: &str, value: Cell| (label.to_owned(), value);
    let by = approval.decided_by.as_deref();
    let mut facts = vec![
        fact(
            "By",
            by.map_or(Cell::text("Nobody: its time was over"), |by| names.cell(operator, by)),
        ),
        fact("At", Cell::time(approval.decided_at.as_deref())),
    ];
    if let Some(reason) = &approval.reason {
        facts.push(fact("Reason", Cell::text(reason)));
    }
    if let Some(became) = &approval.outcome {
        facts.push(match (&became.resource, &became.refusal) {
            (Some(resource), _) => fact("Done", operator.about(resource)),
            (None, refusal) => {
                let code = refusal.as_deref().map(said::words).unwrap_or_default();
                fact("Not done", Cell::Text(format!("It had become impossible: {code}")))
            }
        });
    }
    Facts(facts)
}

fn acts(operator: &Operator, approval: &Approval, is_own: bool) -> Vec<Act> {
    let act = |title, verb: &str, text| Act {
        text,
        ..operator.act(title, format!("{PATH}/{}/{verb}", segment(&approval.id)))
    };
    if approval.status != "pending" {
        return Vec::new();
    }
    if is_own {
        let text = "It is over then, and nothing is done.";
        let may = operator.may("withdraw_approval");
        return if may { vec![act("Withdraw", "withdraw", text)] } else { Vec::new() };
    }
    let may = operator.may("decide_approvals") && operator.may(deed::decided_with(&approval.kind));
    if !may {
        return Vec::new();
    }
    let reason = Input::text("reason", "Reason").hint("Who asked will read it.");
    vec![
        act("Approve", "approve", "It is done at once, exactly as it stands above."),
        act("Reject", "reject", "Nothing is done.").danger().input(reason),
    ]
}

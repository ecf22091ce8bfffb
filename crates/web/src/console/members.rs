//! `/console/members`: the operators, whose access is ended, and whose sign-in is reset. A first password is shown in the
//! answer to the form, and never again.

use http::Method;
use serde::Deserialize;

use super::desk::{Done, Waiting};
use super::parts::{Cell, Link, Part, Secret, Section, Table};
use crate::answer::Outcome;
use crate::api::{List, Refused};
use crate::callers::Operator;
use crate::form::segment;
use crate::table::Pages;

pub fn pages(pages: Pages) -> Pages {
    pages
        .operator(Method::GET, PATH, "read_members", show)
        .operator(Method::POST, "/console/members/{id}/disable", "disable_member", |operator| {
            change(operator, "disable", "member_disabled")
        })
        .operator(Method::POST, "/console/members/{id}/sign-out", "sign_out_member", |operator| {
            change(operator, "sign_out", "member_signed_out")
        })
        .operator(Method::POST, "/console/members/{id}/enable", "enable_member", |operator| {
            change(operator, "enable", "member_enabled")
        })
        .operator(Method::POST, "/console/members/{id}/reset", "reset_member", reset)
}

const PATH: &str = "/console/members";

#[derive(Deserialize)]
struct Member {
    id: String,
    email: String,
    role: String,
    status: String,
    created_at: String,
    renewal: String,
    last_signed_in_at: Option<String>,
}

/// A reset that was done, or waits.
#[derive(Deserialize)]
struct Reset {
    approval: Option<Waiting>,
    /// Where it waits.
    secret: Option<String>,
    first_password: Option<String>,
}

async fn show(operator: Operator) -> Outcome {
    page(&operator, Vec::new(), None).await
}

/// Not led on: the first password is in no other answer.
async fn reset(operator: Operator) -> Outcome {
    let path = operator.path_of("/v1/staff/members/", "/reset");
    let reset: Reset = match operator.change(path).receive().await {
        Ok(reset) => reset,
        Err(refused) => return page(&operator, Vec::new(), Some(&refused)).await,
    };
    let mut first = Vec::new();
    if let Some(waiting) = &reset.approval {
        let text = "The reset waits for another administrator. Until then the operator signs in as before, and the first \
                    password opens nothing.";
        let to = format!("/console/approvals/{}", segment(&waiting.id));
        first.push(Part::Text(text.to_owned()));
        first.push(Part::Links(vec![Link { to, text: "See what waits".to_owned() }]));
    }
    if let Some(value) = reset.first_password.or(reset.secret) {
        first.push(Part::Secret(Secret {
            label: "The first password",
            text: "Give it to the operator, and to nobody else: it is shown on this page only. It serves for 72 hours and \
                   once, to choose a password and enrol an authenticator.",
            value,
        }));
    }
    page(&operator, first, None).await
}

async fn change(operator: Operator, verb: &'static str, notice: &'static str) -> Outcome {
    let path = operator.path_of("/v1/staff/members/", &format!("/{verb}"));
    match operator.change(path).receive::<Done>().await {
        Ok(done) => done.leads_to(PATH, notice),
        Err(refused) => page(&operator, Vec::new(), Some(&refused)).await,
    }
}

async fn page(operator: &Operator, mut first: Vec<Part>, refused: Option<&Refused>) -> Outcome {
    let path = operator.list_path("/v1/staff/members", &["cursor"]);
    let list: List<Member> = operator.get(path).receive().await?;
    let rows = list.data.into_iter().map(|member| row(operator, member)).collect();
    let heads = &["E-mail", "Role", "Access", "Since", "Last sign-in", "Id", "Change"];
    let table = Table::whole("Operators", heads, rows, "There are no operators.")
        .next(operator.more(list.next_cursor.as_deref()));
    first.push(Part::Table(table));
    operator
        .page("Operators", &[])
        .lead("New operators are made on the bank's own machine, with “exchequer staff create”.")
        .section(Section::new("", first))
        .answer(operator, refused)
}

fn row(operator: &Operator, member: Member) -> Vec<Cell> {
    let path = |verb| format!("{PATH}/{}/{verb}", member.id);
    let is_disabled = member.status == "disabled";
    let is_other = member.id != operator.member().id;
    let mut acts = Vec::new();
    if !is_other {
        acts.push(Cell::text("This is you"));
        acts.push(Cell::link("/console/access", "Your password and authenticator"));
    }
    if is_other && is_disabled && operator.may("enable_member") {
        let mut act = operator.act("Give access back", path("enable"));
        act.text = "A second administrator approves it. They can then sign in again.";
        acts.push(Cell::Act(Box::new(act)));
    }
    if is_other && !is_disabled && operator.may("sign_out_member") {
        let mut act = operator.act("Sign out", path("sign-out"));
        act.text = "Ends all of their sessions. They may sign in again at once.";
        acts.push(Cell::Act(Box::new(act)));
    }
    if is_other && operator.may("reset_member") {
        let mut act = operator.act("Reset the sign-in", path("reset")).danger();
        act.text = "For a lost authenticator or a password that others know. A second administrator approves it; then \
                    what they sign in with opens nothing any more, and a first password stands in its place.";
        acts.push(Cell::Act(Box::new(act)));
    }
    if is_other && !is_disabled && operator.may("disable_member") {
        let mut act = operator.act("End access", path("disable")).danger();
        act.text =
            "They are signed out at once, and what they asked for cannot be approved any more.";
        acts.push(Cell::Act(Box::new(act)));
    }
    let mut standing = vec![Cell::standing(&member.status)];
    if member.renewal != "nothing" {
        standing.push(Cell::text("First password"));
    }
    vec![
        Cell::text(member.email),
        Cell::text(member.role),
        Cell::Stack(standing),
        Cell::Time(member.created_at),
        Cell::time(member.last_signed_in_at.as_deref()),
        Cell::code(member.id),
        if acts.is_empty() { Cell::Nothing } else { Cell::Stack(acts) },
    ]
}

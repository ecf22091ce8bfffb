//! `/console/members`: the operators, and whose access is ended.

use http::Method;
use serde::Deserialize;

use super::desk::Done;
use super::parts::{Cell, Part, Section, Table};
use crate::answer::Outcome;
use crate::api::{List, Refused};
use crate::callers::Operator;
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
}

const PATH: &str = "/console/members";

#[derive(Deserialize)]
struct Member {
    id: String,
    email: String,
    role: String,
    status: String,
    created_at: String,
}

async fn show(operator: Operator) -> Outcome {
    page(&operator, None).await
}

async fn change(operator: Operator, verb: &'static str, notice: &'static str) -> Outcome {
    let path = operator.path_of("/v1/staff/members/", &format!("/{verb}"));
    match operator.change(path).receive::<Done>().await {
        Ok(done) => done.leads_to(PATH, notice),
        Err(refused) => page(&operator, Some(&refused)).await,
    }
}

async fn page(operator: &Operator, refused: Option<&Refused>) -> Outcome {
    let path = operator.list_path("/v1/staff/members", &["cursor"]);
    let list: List<Member> = operator.get(path).receive().await?;
    let rows = list.data.into_iter().map(|member| row(operator, member)).collect();
    let heads = &["E-mail", "Role", "Access", "Since", "Id", "Change"];
    let table = Table::whole("Operators", heads, rows, "There are no operators.")
        .next(operator.more(list.next_cursor.as_deref()));
    operator
        .page("Operators", &[])
        .lead("New operators are made on the bank's own machine, with “exchequer staff create”.")
        .section(Section::new("", vec![Part::Table(table)]))
        .answer(operator, refused)
}

fn row(operator: &Operator, member: Member) -> Vec<Cell> {
    let path = |verb| format!("{PATH}/{}/{verb}", member.id);
    let is_disabled = member.status == "disabled";
    let is_other = member.id != operator.member().id;
    let mut acts = Vec::new();
    if !is_other {
        acts.push(Cell::text("This is you"));
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
    if is_other && !is_disabled && operator.may("disable_member") {
        let mut act = operator.act("End access", path("disable")).danger();
        act.text =
            "They are signed out at once, and what they asked for cannot be approved any more.";
        acts.push(Cell::Act(Box::new(act)));
    }
    vec![
        Cell::text(member.email),
        Cell::text(member.role),
        Cell::standing(&member.status),
        Cell::Time(member.created_at),
        Cell::code(member.id),
        if acts.is_empty() { Cell::Nothing } else { Cell::Stack(acts) },
    ]
}

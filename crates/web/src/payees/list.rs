//! `/payees`: the list, with who has to wait.

use askama::Template;
use money::Timestamp;

use super::Payee;
use crate::answer::{Answer, Outcome};
use crate::api::List;
use crate::callers::Customer;
use crate::form;
use crate::frame::{Frame, Who};
use crate::show::dates::{self, Moment};
use crate::words::put;

const PAGE_PAYEES: u32 = 50;

#[derive(Template)]
#[template(path = "payees/list.html")]
struct ListPage<'a> {
    frame: Frame<'a>,
    rows: Vec<Row>,
    more: Option<String>,
}

struct Row {
    payee: Payee,
    added: Moment,
    /// Until when large amounts have to wait.
    cooling: Option<String>,
    send_to: String,
    remove_who: String,
}

pub async fn show(customer: Customer) -> Outcome {
    let query = form::query(&[
        ("limit", &PAGE_PAYEES.to_string()),
        ("cursor", customer.query().raw("cursor")),
    ]);
    let list: List<Payee> = customer.get(format!("/v1/beneficiaries?{query}")).receive().await?;
    let w = &customer.words().payees;
    let now = customer.site().settings.clock.now();
    let row = |payee: Payee| {
        let is_cooling = payee.trusted_at.parse().is_ok_and(|at: Timestamp| at > now);
        let until = dates::moment(&payee.trusted_at, customer.language());
        Row {
            added: Moment::day(&payee.created_at, customer.language()),
            cooling: is_cooling.then(|| put(w.cooling, &until)),
            send_to: put(w.send_to, &payee.name),
            remove_who: put(w.remove_who, &payee.name),
            payee,
        }
    };
    let page = ListPage {
        frame: customer.frame(w.title),
        rows: list.data.into_iter().map(row).collect(),
        more: list
            .next_cursor
            .map(|cursor| format!("/payees?{}", form::query(&[("cursor", &cursor)]))),
    };
    Answer::page(&page)
}

//! The same tables as plain text and Markdown: for the command line, `docs/api.md` and the snapshots.

use std::fmt::Display;

use crate::http::codes::Code;
use crate::http::openapi::tag_of;
use crate::http::routes::{Access, Route, Routes};
use crate::staff::model::{Permission, Role};

/// `exchequer routes`: method, path, caller, name; aligned, in the order of the table.
pub fn routes_text(routes: &Routes) -> String {
    let head = ["METHOD", "PATH", "CALLER", "NAME"].map(str::to_owned);
    let lines = routes.table().map(|route| {
        [route.method.to_string(), route.path.to_owned(), caller(route), route.name.to_owned()]
    });
    aligned(std::iter::once(head).chain(lines).collect())
}

/// What anybody may call, and why.
pub fn public_text(routes: &Routes) -> String {
    let lines = routes.table().filter_map(|route| match route.access {
        Access::Public(why) => {
            Some([route.method.to_string(), route.path.to_owned(), why.to_owned()])
        }
        Access::Customer | Access::Merchant | Access::Staff(_) => None,
    });
    aligned(lines.collect())
}

/// Which role may call what: a line per role and permission, and the routes behind it.
pub fn permissions_text(routes: &Routes) -> String {
    let mut lines = Vec::new();
    for role in Role::ALL {
        for permission in Permission::ALL.iter().filter(|permission| role.permits(**permission)) {
            let behind = routes.table().filter(|route| route.access == Access::Staff(*permission));
            for route in behind {
                let call = format!("{} {}", route.method, route.path);
                lines.push([role.as_str().to_owned(), permission.as_str().to_owned(), call]);
            }
        }
    }
    aligned(lines)
}

/// Every code: code, status, title, advice.
pub fn codes_text() -> String {
    let line = |code: &Code| {
        let status = code.status().to_string();
        let texts = [code.as_str(), &status, code.title(), code.advice()];
        texts.map(str::to_owned)
    };
    aligned(Code::ALL.iter().map(line).collect())
}

/// Every code, as Markdown.
pub fn codes_table() -> String {
    let rows = Code::ALL.iter().map(|code| {
        let name = format!("`{}`", code.as_str());
        row(&[&name, &code.status(), &code.title(), &code.advice()])
    });
    table("| code | status | meaning | what to do |", rows)
}

/// Every route, as Markdown.
pub fn routes_table(routes: &Routes) -> String {
    let rows = routes.table().map(|route| {
        let call = format!("`{} {}`", route.method, route.path);
        let key = if route.once { "yes" } else { "" };
        row(&[&tag_of(route).title, &call, &route.summary, &caller(route), &key])
    });
    table("| part | call | does | caller | `Idempotency-Key` |", rows)
}

fn caller(route: &Route) -> String {
    match route.access {
        Access::Public(_) => "public".to_owned(),
        Access::Customer => "customer".to_owned(),
        Access::Merchant => "merchant".to_owned(),
        Access::Staff(permission) => format!("staff:{}", permission.as_str()),
    }
}

/// Columns padded to their longest cell, two spaces between them, no space at a line's end.
fn aligned<const N: usize>(lines: Vec<[String; N]>) -> String {
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn table(head: &str, rows: impl Iterator<Item = String>) -> String {
    let columns = head.matches('|').count().saturating_sub(1);
    let rule = format!("|{}", "--|".repeat(columns));
    [head.to_owned(), rule].into_iter().chain(rows).map(|line| line + "\n").collect()
}

fn row(cells: &[&dyn Display]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.to_string().replace('|', "\\|")).collect();
    format!("| {} |", cells.join(" | "))
}

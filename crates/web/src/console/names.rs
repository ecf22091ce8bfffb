//! Operators by their e-mails and merchants by their names, where whoever looks may know them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::merchants::Merchant;
use super::parts::Cell;
use crate::api::{List, Refused};
use crate::callers::Operator;

/// E-mails of operators by their ids. A bank with more than a page of the API's list has the rest by their ids.
pub struct Names(BTreeMap<String, String>);

/// Names of merchants by their ids, of the first page of the API's list; the rest by their ids.
#[derive(Default)]
pub struct Merchants(BTreeMap<String, String>);

#[derive(Deserialize)]
struct Named {
    id: String,
    email: String,
}

impl Names {
    /// Empty for whoever may not see the operators.
    pub async fn all(operator: &Operator) -> Result<Self, Refused> {
        if !operator.may("read_members") {
            return Ok(Self(BTreeMap::new()));
        }
        let list: List<Named> = operator.get("/v1/staff/members?limit=100").receive().await?;
        Ok(Self(list.data.into_iter().map(|member| (member.id, member.email)).collect()))
    }

    /// Whoever has this id: an operator by e-mail, anybody else with a link.
    pub fn cell(&self, operator: &Operator, id: &str) -> Cell {
        if id == operator.member().id {
            return Cell::text("You");
        }
        self.0.get(id).map_or_else(|| operator.about(id), Cell::text)
    }
}

impl Merchants {
    /// Empty for whoever may not see them.
    pub async fn all(operator: &Operator) -> Result<Self, Refused> {
        if !operator.may("read_merchants") {
            return Ok(Self::default());
        }
        let list: List<Merchant> = operator.get("/v1/staff/merchants?limit=100").receive().await?;
        let names = list.data.into_iter().map(|merchant| (merchant.id, merchant.name));
        Ok(Self(names.collect()))
    }

    /// The name, else the id.
    pub fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.0.get(id).map_or(id, String::as_str)
    }

    /// The name with a link, where this operator may see it.
    pub fn cell(&self, operator: &Operator, id: &str) -> Cell {
        match operator.about(id) {
            Cell::Link(link) => Cell::link(link.to, self.name(id)),
            other => other,
        }
    }
}

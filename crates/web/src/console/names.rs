//! Operators by their e-mails, where whoever looks may know them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::parts::Cell;
use crate::api::{List, Refused};
use crate::callers::Operator;

/// E-mails of operators by their ids. A bank with more than a page of the API's list has the rest by their ids.
pub struct Names(BTreeMap<String, String>);

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

//! Looking customers up, and the audit trail.
//!
//! A search is itself an event, since who looked for whom matters; so it writes.

use money::{CustomerId, EventId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::accounts::api::PageQuery;
use crate::bank::Tools;
use crate::customers::model::{Customer, Email, Phone};
use crate::customers::{self, SearchKey};
use crate::events;
use crate::events::model::{EventFilter, EventView};
use crate::http::{Answer, Page, Problem, Query, Reply, Route, Routes, Staff};
use crate::staff::model::Permission;

pub fn routes(routes: Routes) -> Routes {
    routes
        .staff(
            Permission::ReadCustomers,
            Route::get("/v1/staff/customers", "searchCustomers", "Look a customer up, exactly"),
            search,
        )
        .staff(
            Permission::ReadEvents,
            Route::get("/v1/staff/events", "listEvents", "The audit trail, newest first"),
            list,
        )
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct CustomerQuery {
    /// A whole e-mail address, a phone number in E.164, or a customer's id.
    query: String,
    /// 1 to 100; 20 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    /// `noun.verb`, as `account.frozen`; transfers are under `transfer.posted`.
    action: Option<String>,
    /// The id that the event is about.
    resource: Option<String>,
    /// 1 to 100; 20 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before. With a filter, a page can be short or empty and still have one:
    /// only so many events are looked at for one answer.
    cursor: Option<String>,
}

/// A customer as an operator sees them.
#[derive(Serialize, ToSchema)]
#[schema(as = FoundCustomer)]
pub struct FoundCustomerView {
    id: String,
    full_name: String,
    /// The first character and the domain.
    email: String,
    /// The last four digits.
    phone: Option<String>,
    /// `active`, `locked` or `disabled`.
    status: &'static str,
    created_at: String,
}

async fn search(
    caller: Staff,
    Query(query): Query<CustomerQuery>,
) -> Answer<Page<FoundCustomerView>> {
    let (limit, after) = PageQuery::of(query.limit, query.cursor).read::<CustomerId>()?;
    let key = search_key(&query.query).ok_or_else(|| {
        let wanted = "an e-mail address, a phone number in E.164, or a customer's id";
        Problem::field("query", "invalid", wanted)
    })?;
    // One more than is shown tells whether there is a next page.
    let most = limit.saturating_add(1);
    let customers = caller
        .write("customers.search", move |tx, act| {
            let found = customers::search(tx, &act.tools, (&key, after.as_ref()), most)?;
            let ids: Vec<String> = found.iter().map(|customer| customer.id.to_string()).collect();
            let after = json!({ "query": trace(&act.tools, &key), "found": ids });
            let (action, resource) = ("customer.searched", "customers");
            events::record(tx, act, action, resource, "done", Some(&after))?;
            Ok(found)
        })
        .await?;
    let data: Vec<_> = customers.iter().map(customer_view).collect();
    Ok(Reply::ok(&Page::cut(data, limit, |last| last.id.clone())))
}

async fn list(caller: Staff, Query(query): Query<EventQuery>) -> Answer<Page<EventView>> {
    let (limit, before) = PageQuery::of(query.limit, query.cursor.clone()).read::<EventId>()?;
    for (field, value) in [("action", &query.action), ("resource", &query.resource)] {
        // PostgreSQL takes no U+0000 in a text.
        if value.as_ref().is_some_and(|text| text.chars().any(char::is_control)) {
            return Err(Problem::field(field, "control_character", "no control characters"));
        }
    }
    let filter = EventFilter { action: query.action, resource: query.resource };
    let slice = caller
        .read("events.list", move |tx| Ok(events::list(tx, &filter, before.as_ref(), limit)?))
        .await?;
    let data = slice.events.into_iter().map(|(_, event)| event).collect();
    let next_cursor = slice.next.map(|id| id.to_string());
    Ok(Reply::ok(&Page { data, next_cursor }))
}

/// A `+` that nobody escaped arrives as a space.
fn search_key(text: &str) -> Option<SearchKey> {
    let text = text.strip_prefix(' ').map_or_else(|| text.to_owned(), |rest| format!("+{rest}"));
    let id = text.parse().ok().map(SearchKey::Id);
    id.or_else(|| text.parse::<Email>().ok().map(SearchKey::Email))
        .or_else(|| text.parse::<Phone>().ok().map(SearchKey::Phone))
}

/// What the event keeps of a search.
fn trace(tools: &Tools, key: &SearchKey) -> serde_json::Value {
    match key {
        SearchKey::Id(id) => json!({ "id": id.to_string() }),
        SearchKey::Email(email) => {
            json!({ "email": events::hashed(tools, "email", email.as_str()) })
        }
        SearchKey::Phone(phone) => {
            json!({ "phone": events::hashed(tools, "phone", phone.as_str()) })
        }
    }
}

pub(super) fn customer_view(customer: &Customer) -> FoundCustomerView {
    FoundCustomerView {
        id: customer.id.to_string(),
        full_name: customer.full_name.clone(),
        email: customer.email.masked(),
        phone: customer.phone.as_ref().map(Phone::masked),
        status: customer.standing.as_str(),
        created_at: customer.created_at.to_string(),
    }
}

#[cfg(test)]
mod tests;

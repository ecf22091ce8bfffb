//! Customers as operators see them: looked up, looked at masked, and unmasked for a purpose.
//!
//! A search and an unmasking are events themselves, since who looked for whom matters; so they write.

use money::{AccountId, CustomerId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::accounts::{StaffAccountView, view as account_view};
use super::found;
use crate::accounts;
use crate::accounts::api::PageQuery;
use crate::bank::Tools;
use crate::customers::model::{Customer, Email, Phone};
use crate::customers::standing::Standing;
use crate::customers::{self, Known, SearchKey, names};
use crate::events;
use crate::http::fields::Fields;
use crate::http::{Answer, Code, Json, Page, Path, Problem, Query, Reply, Route, Routes, Staff};
use crate::staff::model::Permission;

pub fn routes(routes: Routes) -> Routes {
    routes
        .staff(
            Permission::ReadCustomers,
            Route::get("/v1/staff/customers", "searchCustomers", "Look customers up"),
            search,
        )
        .staff(
            Permission::ReadCustomers,
            Route::get("/v1/staff/customers/{id}", "getCustomerAsStaff", "One customer, masked"),
            profile,
        )
        .staff(
            Permission::ReadAccounts,
            Route::get(
                "/v1/staff/customers/{id}/accounts",
                "listAccountsAsStaff",
                "A customer's accounts, oldest first",
            ),
            list_accounts,
        )
        .staff(
            Permission::RevealCustomer,
            Route::post(
                "/v1/staff/customers/{id}/reveal",
                "revealCustomer",
                "A customer's name and addresses, for a purpose that is recorded",
            )
            .without_key()
            .answers(200)
            .refuses(&[Code::CustomerErased]),
            reveal,
        )
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct CustomerQuery {
    /// A whole e-mail address, a phone number in E.164, a customer's id, or 1 to 8 whole words of a name, in any order.
    query: String,
    /// 1 to 100; 20 when absent.
    limit: Option<i64>,
    /// `next_cursor` of the page before. Of common words a page can be short or empty and still have one: only so many
    /// customers are looked at for one answer.
    cursor: Option<String>,
}

/// What an unmasking is for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevealCustomer {
    /// 8 to 200 characters; stands in the event.
    #[schema(example = "called about a card, ticket 4711")]
    purpose: String,
}

/// A customer as an operator sees them.
#[derive(Serialize, ToSchema)]
#[schema(as = FoundCustomer)]
pub struct FoundCustomerView {
    pub id: String,
    /// The first character of each word; null of who is erased.
    #[schema(example = "A*** R***")]
    full_name: Option<String>,
    /// The first character and the domain; null of who is erased.
    email: Option<String>,
    /// The last four digits.
    phone: Option<String>,
    /// `active`, `locked`, `disabled` or `erased`.
    status: &'static str,
    created_at: String,
    /// When the customer, who had left long ago, was erased.
    erased_at: Option<String>,
}

/// A customer as an operator looks at them.
#[derive(Serialize, ToSchema)]
pub struct CustomerProfile {
    #[serde(flatten)]
    customer: FoundCustomerView,
    /// Whether the address is proven.
    email_verified: bool,
    /// Kinds of their second factors: `webauthn`, `totp`, `sms`.
    #[schema(example = json!(["totp"]))]
    factors: Vec<&'static str>,
    /// Live ones.
    sessions: usize,
    /// Whether they have stopped all outgoing payments.
    outgoing_stopped: bool,
}

/// A customer unmasked.
#[derive(Serialize, ToSchema)]
pub struct RevealedCustomer {
    id: String,
    full_name: String,
    email: String,
    /// E.164.
    phone: Option<String>,
}

/// Characters of a purpose: fewer say nothing.
pub(crate) const PURPOSE_CHARS: (usize, usize) = (8, 200);

async fn search(
    caller: Staff,
    Query(query): Query<CustomerQuery>,
) -> Answer<Page<FoundCustomerView>> {
    let (limit, after) = PageQuery::of(query.limit, query.cursor).read::<CustomerId>()?;
    let key = search_key(&query.query).ok_or_else(|| {
        let wanted =
            "an e-mail address, a phone number in E.164, a customer's id, or words of a name";
        Problem::field("query", "invalid", wanted)
    })?;
    let found = caller
        .write("customers.search", move |tx, act| {
            let found = customers::search(tx, &act.tools, (&key, after.as_ref()), limit)?;
            let ids: Vec<String> = found.customers.iter().map(|c| c.id().to_string()).collect();
            let after = json!({ "query": trace(&act.tools, &key), "found": ids });
            let (action, resource) = ("customer.searched", "customers");
            events::record(tx, act, action, resource, "done", Some(&after))?;
            Ok(found)
        })
        .await?;
    let data = found.customers.iter().map(known_view).collect();
    let next_cursor = found.next.map(|id| id.to_string());
    Ok(Reply::ok(&Page { data, next_cursor }))
}

async fn profile(caller: Staff, Path(id): Path<CustomerId>) -> Answer<CustomerProfile> {
    let act = caller.act();
    let profile =
        caller.read("staff.get_customer", move |tx| Ok(customers::profile(tx, &act, &id)?)).await?;
    let profile = found(profile)?;
    Ok(Reply::ok(&CustomerProfile {
        customer: known_view(&profile.customer),
        email_verified: match &profile.customer {
            Known::Here(customer) => customer.email_verified,
            Known::Erased(_) => false,
        },
        factors: profile.factors.iter().map(|kind| kind.as_str()).collect(),
        sessions: profile.sessions,
        outgoing_stopped: profile.outgoing_stopped,
    }))
}

async fn list_accounts(
    caller: Staff,
    (Path(id), Query(page)): (Path<CustomerId>, Query<PageQuery>),
) -> Answer<Page<StaffAccountView>> {
    let (limit, after) = page.read::<AccountId>()?;
    let tools = caller.bank().tools().clone();
    // One more than is shown tells whether there is a next page.
    let most = limit.saturating_add(1);
    let rows = caller
        .read("staff.list_accounts", move |tx| {
            if customers::known(tx, &tools, &id)?.is_none() {
                return Err(Problem::new(Code::NotFound));
            }
            Ok(accounts::list(tx, &id, after.as_ref(), most)?)
        })
        .await?;
    let rows = Page::cut(rows, limit, |last| last.row().account.id.to_string());
    let data = rows.data.iter().map(|owned| account_view(owned.row())).collect();
    Ok(Reply::ok(&Page { data, next_cursor: rows.next_cursor }))
}

/// Not under a key: what is personal is not kept with one, and each answer is an event of its own.
async fn reveal(
    caller: Staff,
    (Path(id), Json(body)): (Path<CustomerId>, Json<RevealCustomer>),
) -> Answer<RevealedCustomer> {
    let mut fields = Fields::default();
    let (least, most) = PURPOSE_CHARS;
    let purpose = fields.plain("purpose", body.purpose.trim(), least, most);
    let purpose = fields.finish(purpose)?;
    let customer = caller
        .write("staff.reveal_customer", move |tx, act| customers::reveal_in(tx, act, &id, &purpose))
        .await??;
    Ok(Reply::ok(&RevealedCustomer {
        id: customer.id.to_string(),
        full_name: customer.full_name,
        email: customer.email.as_str().to_owned(),
        phone: customer.phone.map(|phone| phone.as_str().to_owned()),
    }))
}

/// A `+` that nobody escaped arrives as a space.
fn search_key(text: &str) -> Option<SearchKey> {
    let phone = text.strip_prefix(' ').map_or_else(|| text.to_owned(), |rest| format!("+{rest}"));
    let id = text.parse().ok().map(SearchKey::Id);
    id.or_else(|| text.parse::<Email>().ok().map(SearchKey::Email))
        .or_else(|| phone.parse::<Phone>().ok().map(SearchKey::Phone))
        .or_else(|| names::asked(text).map(SearchKey::Name))
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
        SearchKey::Name(words) => {
            let hashed = |word: &String| events::hashed(tools, "full_name_word", word);
            json!({ "name": words.iter().map(hashed).collect::<Vec<_>>() })
        }
    }
}

pub(super) fn customer_view(customer: &Customer) -> FoundCustomerView {
    FoundCustomerView {
        id: customer.id.to_string(),
        full_name: Some(names::masked(&customer.full_name)),
        email: Some(customer.email.masked()),
        phone: customer.phone.as_ref().map(Phone::masked),
        status: customer.standing.as_str(),
        created_at: customer.created_at.to_string(),
        erased_at: None,
    }
}

fn known_view(known: &Known) -> FoundCustomerView {
    match known {
        Known::Here(customer) => customer_view(customer),
        Known::Erased(erased) => FoundCustomerView {
            id: erased.id.to_string(),
            full_name: None,
            email: None,
            phone: None,
            status: Standing::Erased.as_str(),
            created_at: erased.created_at.to_string(),
            erased_at: Some(erased.erased_at.to_string()),
        },
    }
}

#[cfg(test)]
mod tests;

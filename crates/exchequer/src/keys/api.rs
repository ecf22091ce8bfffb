//! `/v1/staff/data_keys`: what keys the bank has, and asking for the end of one. Never a key.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vault::{KeyState, Purpose};

use super::store::{self, KeyRow};
use crate::approvals::api::ask;
use crate::approvals::deed::{Deed, KeyVersion};
use crate::http::fields::Fields;
use crate::http::{Answer, Code, Json, Nothing, Page, Reply, Route, Routes, Staff};
use crate::staff::model::Permission;

pub fn routes(routes: Routes) -> Routes {
    routes
        .staff(
            Permission::ManageKeys,
            Route::get(
                "/v1/staff/data_keys",
                "listDataKeys",
                "The bank's keys, by purpose and version",
            ),
            list,
        )
        .staff(
            Permission::ManageKeys,
            Route::post(
                "/v1/staff/data_keys/destroy",
                "destroyDataKey",
                "Have a retired key destroyed as soon as nothing is left under it",
            )
            .answers(200)
            .refuses(&[Code::NotFound, Code::DataKeyDestroyed, Code::DataKeyInUse])
            .may_wait(),
            destroy,
        )
}

/// Which key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DestroyDataKey {
    /// As `card_data`.
    #[schema(example = "card_data")]
    purpose: String,
    /// Counted from 1.
    #[schema(example = 1)]
    version: u32,
}

/// A version of a data key, without the key.
#[derive(Serialize, ToSchema)]
#[schema(as = DataKey)]
pub struct DataKeyView {
    pub purpose: &'static str,
    /// Counted from 1.
    pub version: u32,
    /// `active`, `retired` or `destroyed`.
    pub state: &'static str,
    pub created_at: String,
    pub retired_at: Option<String>,
    /// When its destruction was approved: it goes as soon as no value is left under it.
    pub destruction_approved_at: Option<String>,
    /// How often it has sealed.
    pub sealings: u64,
}

impl From<&KeyRow> for DataKeyView {
    fn from(row: &KeyRow) -> Self {
        Self {
            purpose: row.key.purpose.as_str(),
            version: row.key.version,
            state: row.key.state.as_str(),
            created_at: row.key.created_at.to_string(),
            retired_at: row
                .key
                .retired_at
                .filter(|_| row.key.state != KeyState::Active)
                .map(|at| at.to_string()),
            destruction_approved_at: row.destruction_approved_at.map(|at| at.to_string()),
            sealings: row.key.sealings,
        }
    }
}

async fn list(caller: Staff, _: Nothing) -> Answer<Page<DataKeyView>> {
    let rows = caller.read("keys.list", |tx| Ok(store::rows(tx)?)).await?;
    let data = rows.iter().map(DataKeyView::from).collect();
    Ok(Reply::ok(&Page { data, next_cursor: None }))
}

async fn destroy(caller: Staff, Json(body): Json<DestroyDataKey>) -> Answer<DataKeyView> {
    let mut fields = Fields::default();
    let purpose = Purpose::parse(&body.purpose);
    if purpose.is_none() {
        fields.refuse("purpose", "invalid", Purpose::ALL.map(Purpose::as_str).join(", "));
    }
    let purpose = fields.finish(purpose)?;
    let key = (purpose, body.version);
    caller
        .once("keys.ask_destroy", move |tx, act| {
            if let Err(problem) = super::retired_in(tx, key)? {
                return Ok(Err(problem));
            }
            if act.tools.config().approvals.are_required {
                let (purpose, version) = (purpose.as_str().to_owned(), key.1);
                return ask(tx, act, Deed::DestroyKey(KeyVersion { purpose, version }));
            }
            let approved = super::approve_destruction_in(tx, act, key)?;
            Ok(approved.map(|row| Reply::ok(&DataKeyView::from(&row))))
        })
        .await
}

//! Entries and transfers of anybody, as operators read them.

use money::{AccountId, TransferId};
use serde::Serialize;
use store::rows::TransferKind;
use utoipa::ToSchema;

use super::found;
use crate::accounts;
use crate::accounts::api::{PageQuery, bad_cursor};
use crate::accounts::model::EntryView;
use crate::http::{Answer, Code, Page, Path, Problem, Query, Reply, Route, Routes, Staff};
use crate::staff::model::Permission;
use crate::transfers;
use crate::transfers::model::TransferView;

pub fn routes(routes: Routes) -> Routes {
    routes
        .staff(
            Permission::ReadAccounts,
            Route::get(
                "/v1/staff/accounts/{id}/entries",
                "listEntriesAsStaff",
                "Entries of any account, newest first",
            ),
            entries,
        )
        .staff(
            Permission::ReadAccounts,
            Route::get("/v1/staff/transfers/{id}", "getTransferAsStaff", "Any transfer"),
            transfer,
        )
}

/// A transfer with what its parties do not see of it.
#[derive(Serialize, ToSchema)]
pub struct StaffTransfer {
    #[serde(flatten)]
    transfer: TransferView,
    /// `transfer`, `deposit`, `withdrawal`, `capture`, `reversal`, `card_capture`, `card_fee`, …
    kind: &'static str,
    /// Minor units of it that were sent back so far.
    reversed: i64,
    /// Of a reversal: the transfer that it sends back.
    #[schema(example = "trf_01jz7m5v3k8e9q2r4s6t8w0xyz")]
    reverses: Option<String>,
}

async fn entries(
    caller: Staff,
    (Path(id), Query(page)): (Path<AccountId>, Query<PageQuery>),
) -> Answer<Page<EntryView>> {
    let (limit, from) = page.read::<TransferId>()?;
    let page = caller
        .read("staff.entries", move |tx| {
            let row = accounts::get_any(tx, &id)?.ok_or_else(|| Problem::new(Code::NotFound))?;
            accounts::entries_of(tx, &row.account, from.as_ref(), limit)?.ok_or_else(bad_cursor)
        })
        .await?;
    Ok(Reply::ok(&page))
}

async fn transfer(caller: Staff, Path(id): Path<TransferId>) -> Answer<StaffTransfer> {
    let row = caller
        .read("staff.get_transfer", move |tx| {
            let Some(row) = tx.transfer(&id)? else { return Ok(None) };
            let reversed = transfers::reversed(tx, &id)?;
            Ok(Some((row, reversed)))
        })
        .await?;
    let (row, reversed) = found(row)?;
    let reverses = row.reference.filter(|_| row.kind == TransferKind::Reversal);
    Ok(Reply::ok(&StaffTransfer {
        transfer: TransferView::from(&row),
        kind: row.kind.as_str(),
        reversed,
        reverses: reverses.map(|id| TransferId::from_bytes(id).to_string()),
    }))
}

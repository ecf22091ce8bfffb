//! `/v1/staff/merchants`: what operators do for merchants.

mod keys;

use money::MerchantId;
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) use self::keys::{MAX_LIFE_SECONDS, MAX_OVERLAP_SECONDS};
use super::model::{Fees, MerchantView};
use super::{Terms, store};
use crate::accounts::api::PageQuery;
use crate::approvals::api::ask;
use crate::approvals::deed::{Deed, MerchantTerms, NewTerms, Payout};
use crate::http::fields::{Fields, MAX_TEXT_CHARS};
use crate::http::{
    Answer, Code, Json, Nothing, Page, Path, Problem, Query, Reply, Route, Routes, Staff,
};
use crate::staff::model::Permission;
use crate::transfers::model::TransferView;

pub fn routes(routes: Routes) -> Routes {
    let routes = routes
        .staff(
            Permission::ManageMerchants,
            Route::post("/v1/staff/merchants", "createMerchant", "Take a merchant on")
                .refuses(&[Code::AccountNotFound, Code::AccountClosed]),
            create,
        )
        .staff(
            Permission::ReadMerchants,
            Route::get("/v1/staff/merchants", "listMerchants", "All merchants, oldest first"),
            list,
        )
        .staff(
            Permission::ReadMerchants,
            Route::get("/v1/staff/merchants/{id}", "getMerchant", "One merchant"),
            get,
        )
        .staff(
            Permission::ManageMerchants,
            Route::put(
                "/v1/staff/merchants/{id}",
                "changeMerchant",
                "Change terms, suspend, resume",
            )
            .refuses(&[Code::AccountNotFound, Code::AccountClosed])
            .may_wait(),
            change,
        )
        .staff(
            Permission::SettleMerchants,
            Route::post(
                "/v1/staff/merchants/{id}/settle",
                "settleMerchant",
                "Pay live money out to the settlement account",
            )
            .refuses(&[Code::NothingToSettle, Code::AccountFrozen, Code::AccountClosed])
            .may_wait(),
            settle,
        );
    keys::routes(routes)
}

/// A merchant and its terms.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateMerchant {
    /// 1 to 140 characters.
    name: String,
    /// Id of a customer's account that live money is paid out to.
    settlement_account: Option<String>,
    /// Hundredths of a per cent of each capture, 0 to 10000; 0 when absent.
    fee_basis_points: Option<i64>,
    /// Minor units of each capture, 0 to 1000000; 0 when absent.
    fee_fixed: Option<i64>,
    /// Minor units: the most that it gives back of one payment by itself; all when absent.
    refund_limit: Option<i64>,
}

/// All terms anew, and whether the merchant may do anything.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMerchant {
    /// 1 to 140 characters.
    name: String,
    /// Id of a customer's account; none when absent.
    settlement_account: Option<String>,
    /// Hundredths of a per cent of each capture, 0 to 10000.
    fee_basis_points: i64,
    /// Minor units of each capture, 0 to 1000000.
    fee_fixed: i64,
    /// Minor units: the most that it gives back of one payment by itself; all when absent.
    refund_limit: Option<i64>,
    /// `active` or `suspended`: a suspended merchant's keys do nothing.
    #[schema(example = "active")]
    status: String,
}

/// All of a capture.
pub(crate) const MAX_FEE_BASIS_POINTS: i64 = 10_000;
pub(crate) const MAX_FEE_FIXED: i64 = 1_000_000;
/// Of any amount.
pub(crate) const MAX_REFUND_LIMIT: i64 = 9_007_199_254_740_991;

fn terms(
    fields: &mut Fields,
    (name, settlement): (&str, Option<&str>),
    (basis_points, fixed): (i64, i64),
    refund_limit: Option<i64>,
) -> Option<Terms> {
    let name = fields.plain("name", name, 1, MAX_TEXT_CHARS);
    let settlement =
        settlement.map(|text| fields.parse("settlement_account", text, "the id of an account"));
    if !(0..=MAX_FEE_BASIS_POINTS).contains(&basis_points) {
        fields.refuse("fee_basis_points", "out_of_range", format!("0 to {MAX_FEE_BASIS_POINTS}"));
    }
    if !(0..=MAX_FEE_FIXED).contains(&fixed) {
        fields.refuse("fee_fixed", "out_of_range", format!("0 to {MAX_FEE_FIXED}"));
    }
    if refund_limit.is_some_and(|limit| !(0..=MAX_REFUND_LIMIT).contains(&limit)) {
        fields.refuse("refund_limit", "out_of_range", format!("0 to {MAX_REFUND_LIMIT}"));
    }
    let fees = Fees { basis_points, fixed };
    Some(Terms { name: name?, settlement: settlement.flatten(), fees, refund_limit })
}

async fn create(caller: Staff, Json(body): Json<CreateMerchant>) -> Answer<MerchantView> {
    let mut fields = Fields::default();
    let fees = (body.fee_basis_points.unwrap_or(0), body.fee_fixed.unwrap_or(0));
    let names = (body.name.as_str(), body.settlement_account.as_deref());
    let terms = terms(&mut fields, names, fees, body.refund_limit);
    let terms = fields.finish(terms)?;
    caller
        .once("merchants.create", move |tx, act| {
            let made = super::create_in(tx, act, &terms)?;
            Ok(made.map(|row| Reply::created(&MerchantView::from(&row)).about(&row.id)))
        })
        .await
}

async fn change(
    caller: Staff,
    (Path(id), Json(body)): (Path<MerchantId>, Json<ChangeMerchant>),
) -> Answer<MerchantView> {
    let mut fields = Fields::default();
    let fees = (body.fee_basis_points, body.fee_fixed);
    let names = (body.name.as_str(), body.settlement_account.as_deref());
    let terms = terms(&mut fields, names, fees, body.refund_limit);
    let is_active = match body.status.as_str() {
        "active" => Some(true),
        "suspended" => Some(false),
        _ => {
            fields.refuse("status", "invalid", "active or suspended");
            None
        }
    };
    let (terms, is_active) = fields.finish(terms.zip(is_active))?;
    let changed = caller
        .write("merchants.change", move |tx, act| {
            let before = match super::lock_in(tx, &id, &terms)? {
                Ok(row) => MerchantTerms::from(&row),
                Err(problem) => return Ok(Err(problem)),
            };
            let wanted = MerchantTerms::new(&terms, is_active);
            // What favours the merchant takes two operators; all else is done at once.
            if act.tools.config().approvals.are_required && wanted.favour_more_than(&before) {
                let merchant = id.to_string();
                return ask(
                    tx,
                    act,
                    Deed::ChangeMerchant(NewTerms { merchant, terms: wanted, before }),
                );
            }
            let changed = super::change_in(tx, act, &id, (&terms, is_active))?;
            Ok(changed.map(|row| Reply::ok(&MerchantView::from(&row))))
        })
        .await?;
    caller.bank().merchant_keys().forget_all_of(&id);
    changed
}

async fn list(caller: Staff, Query(page): Query<PageQuery>) -> Answer<Page<MerchantView>> {
    let (limit, after) = (page.limit()?, page.cursor::<MerchantId>()?);
    // One more than is shown tells whether there is a next page.
    let most = limit.saturating_add(1);
    let found =
        caller.read("merchants.list", move |tx| Ok(store::list(tx, after.as_ref(), most)?)).await?;
    let data: Vec<MerchantView> = found.iter().map(MerchantView::from).collect();
    Ok(Reply::ok(&Page::cut(data, limit, |last| last.id.clone())))
}

async fn get(caller: Staff, Path(id): Path<MerchantId>) -> Answer<MerchantView> {
    let found = caller.read("merchants.get", move |tx| Ok(store::find(tx, &id)?)).await?;
    let row = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Reply::ok(&MerchantView::from(&row)))
}

async fn settle(
    caller: Staff,
    (Path(id), Nothing): (Path<MerchantId>, Nothing),
) -> Answer<TransferView> {
    caller
        .once("merchants.settle", move |tx, act| {
            let due = match super::due_in(tx, act, &id)? {
                Ok(due) => due,
                Err(problem) => return Ok(Err(problem)),
            };
            if act.tools.config().approvals.is_large(due.amount.get(), due.currency) {
                return ask(
                    tx,
                    act,
                    Deed::SettleMerchant(Payout {
                        merchant: id.to_string(),
                        to: due.to.to_string(),
                        amount: due.amount.get(),
                        currency: due.currency.code().to_owned(),
                    }),
                );
            }
            let settled = super::pay_out_in(tx, act, &id, &due)?;
            Ok(settled.map(|row| Reply::created(&TransferView::from(&row)).about(&row.id)))
        })
        .await
}

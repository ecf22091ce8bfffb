//! `/v1/staff/merchants`: what operators do for merchants.

use money::{KeyId, MerchantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::keys::{Mode, Network, RouteRule};
use super::model::{Fees, KeyView, MAX_RULES, MerchantView};
use super::{MadeKey, NewKey, Terms, store};
use crate::accounts::api::PageQuery;
use crate::bank::Tools;
use crate::http::fields::{Fields, MAX_TEXT_CHARS};
use crate::http::input::Optional;
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
                .refuses(&[Code::AccountNotFound]),
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
            .refuses(&[Code::AccountNotFound]),
            change,
        )
        .staff(
            Permission::SettleMerchants,
            Route::post(
                "/v1/staff/merchants/{id}/settle",
                "settleMerchant",
                "Pay live money out to the settlement account",
            )
            .refuses(&[
                Code::NothingToSettle,
                Code::AccountFrozen,
                Code::AccountClosed,
            ]),
            settle,
        );
    key_routes(routes)
}

fn key_routes(routes: Routes) -> Routes {
    routes
        .staff(
            Permission::ManageMerchants,
            Route::post(
                "/v1/staff/merchants/{id}/keys",
                "makeMerchantKey",
                "A key to sign requests with; its secret is shown once",
            )
            .refuses(&[Code::TooManyKeys]),
            make_key,
        )
        .staff(
            Permission::ReadMerchants,
            Route::get("/v1/staff/merchants/{id}/keys", "listMerchantKeys", "A merchant's keys"),
            list_keys,
        )
        .staff(
            Permission::ManageMerchants,
            Route::post(
                "/v1/staff/merchant_keys/{id}/rotate",
                "rotateMerchantKey",
                "A new key in place of one, which serves on for a while",
            )
            .refuses(&[Code::KeyRevoked, Code::TooManyKeys]),
            rotate_key,
        )
        .staff(
            Permission::ManageMerchants,
            Route::post(
                "/v1/staff/merchant_keys/{id}/revoke",
                "revokeMerchantKey",
                "End a key at once",
            )
            .answers(200)
            .refuses(&[Code::KeyRevoked]),
            revoke_key,
        )
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
    /// `active` or `suspended`: a suspended merchant's keys do nothing.
    #[schema(example = "active")]
    status: String,
}

/// A key, and what it may do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeMerchantKey {
    /// `test` (when absent) or `live`.
    mode: Option<String>,
    /// 1 to 140 characters, for operators.
    name: Option<String>,
    /// 64 hex digits: the public half of the merchant's own Ed25519 key. Without it the bank makes a
    /// secret for HMAC-SHA256.
    public_key: Option<String>,
    /// As `POST /v1/payments` or `GET /v1/*`, at most 20; every route when absent.
    routes: Option<Vec<String>>,
    /// Addresses or networks, as `192.0.2.0/24`, at most 20; from everywhere when absent.
    addresses: Option<Vec<String>>,
    /// Seconds from now; for good when absent.
    expires_in: Option<i64>,
}

/// A new key with the rules of the old one.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateMerchantKey {
    /// Seconds that the old key serves on, 0 to 2592000; 86400 when absent.
    overlap: Option<i64>,
    /// As for a new key.
    public_key: Option<String>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeMerchantKey)]
pub struct MadeKeyView {
    #[serde(flatten)]
    key: KeyView,
    /// Shown now and never again: sign with these bytes as they stand. Null for a key whose private half is
    /// the merchant's.
    secret: Option<String>,
}

const MAX_FEE_FIXED: i64 = 1_000_000;
const MAX_OVERLAP_SECONDS: i64 = 2_592_000;
const OVERLAP_SECONDS: i64 = 86_400;
/// Ten years.
const MAX_LIFE_SECONDS: i64 = 315_360_000;

fn terms(
    fields: &mut Fields,
    (name, settlement): (&str, Option<&str>),
    (basis_points, fixed): (i64, i64),
) -> Option<Terms> {
    let name = fields.plain("name", name, 1, MAX_TEXT_CHARS);
    let settlement =
        settlement.map(|text| fields.parse("settlement_account", text, "the id of an account"));
    if !(0..=10_000).contains(&basis_points) {
        fields.refuse("fee_basis_points", "out_of_range", "0 to 10000");
    }
    if !(0..=MAX_FEE_FIXED).contains(&fixed) {
        fields.refuse("fee_fixed", "out_of_range", format!("0 to {MAX_FEE_FIXED}"));
    }
    let fees = Fees { basis_points, fixed };
    Some(Terms { name: name?, settlement: settlement.flatten(), fees })
}

impl MakeMerchantKey {
    fn check(self, tools: &Tools) -> Result<NewKey, Problem> {
        let mut fields = Fields::default();
        let mode = Mode::parse(self.mode.as_deref().unwrap_or("test"));
        if mode.is_none() {
            fields.refuse("mode", "invalid", "test or live");
        }
        let name = fields.plain("name", self.name.as_deref().unwrap_or("key"), 1, MAX_TEXT_CHARS);
        let public = self.public_key.as_deref().map(|text| public_key(&mut fields, text));
        let routes = self.routes.unwrap_or_default();
        let addresses = self.addresses.unwrap_or_default();
        rules::<RouteRule>(&mut fields, "routes", &routes);
        rules::<Network>(&mut fields, "addresses", &addresses);
        if self.expires_in.is_some_and(|seconds| !(1..=MAX_LIFE_SECONDS).contains(&seconds)) {
            fields.refuse("expires_in", "out_of_range", format!("1 to {MAX_LIFE_SECONDS} seconds"));
        }
        let now = tools.now();
        let new = mode.zip(name).map(|(mode, name)| NewKey {
            mode,
            name,
            public: public.flatten(),
            routes,
            addresses,
            expires_at: self.expires_in.map(|seconds| now.plus_seconds(seconds)),
        });
        fields.finish(new)
    }
}

fn rules<T: std::str::FromStr<Err: ToString>>(fields: &mut Fields, name: &str, texts: &[String]) {
    if texts.len() > MAX_RULES {
        fields.refuse(name, "too_many", format!("at most {MAX_RULES}"));
    }
    for (i, text) in texts.iter().enumerate().take(MAX_RULES) {
        if let Err(error) = text.parse::<T>() {
            fields.refuse(&format!("{name}[{i}]"), "invalid", error.to_string());
        }
    }
}

fn public_key(fields: &mut Fields, text: &str) -> Option<[u8; 32]> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    if key.is_none() {
        fields.refuse("public_key", "invalid", "64 hex digits");
    }
    key
}

async fn create(caller: Staff, Json(body): Json<CreateMerchant>) -> Answer<MerchantView> {
    let mut fields = Fields::default();
    let fees = (body.fee_basis_points.unwrap_or(0), body.fee_fixed.unwrap_or(0));
    let terms = terms(&mut fields, (&body.name, body.settlement_account.as_deref()), fees);
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
    let terms = terms(&mut fields, (&body.name, body.settlement_account.as_deref()), fees);
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
            super::change_in(tx, act, &id, (&terms, is_active))
        })
        .await??;
    caller.bank().merchant_keys().forget_all_of(&id);
    Ok(Reply::ok(&MerchantView::from(&changed)))
}

async fn list(caller: Staff, Query(page): Query<PageQuery>) -> Answer<Page<MerchantView>> {
    let (limit, after) = (page.limit()?, page.cursor::<MerchantId>()?);
    // One more than is shown tells whether there is a next page.
    let most = limit.saturating_add(1);
    let mut found =
        caller.read("merchants.list", move |tx| Ok(store::list(tx, after.as_ref(), most)?)).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let data: Vec<MerchantView> = found.iter().map(MerchantView::from).collect();
    let next_cursor = data.last().filter(|_| more).map(|last| last.id.clone());
    Ok(Reply::ok(&Page { data, next_cursor }))
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
            let settled = super::settle_in(tx, act, &id)?;
            Ok(settled.map(|row| Reply::created(&TransferView::from(&row)).about(&row.id)))
        })
        .await
}

async fn make_key(
    caller: Staff,
    (Path(id), Json(body)): (Path<MerchantId>, Json<MakeMerchantKey>),
) -> Answer<MadeKeyView> {
    let wanted = body.check(caller.bank().tools())?;
    caller
        .once("merchants.make_key", move |tx, act| {
            Ok(super::make_key_in(tx, act, &id, &wanted)?.map(|made| shown(&made)))
        })
        .await
}

async fn rotate_key(
    caller: Staff,
    (Path(id), Optional(body)): (Path<KeyId>, Optional<RotateMerchantKey>),
) -> Answer<MadeKeyView> {
    let mut fields = Fields::default();
    let public = body.public_key.as_deref().map(|text| public_key(&mut fields, text));
    let overlap = body.overlap.unwrap_or(OVERLAP_SECONDS);
    if !(0..=MAX_OVERLAP_SECONDS).contains(&overlap) {
        fields.refuse("overlap", "out_of_range", format!("0 to {MAX_OVERLAP_SECONDS} seconds"));
    }
    let wanted = fields.finish(Some((public.flatten(), overlap)))?;
    let made = caller
        .once("merchants.rotate_key", move |tx, act| {
            Ok(super::rotate_key_in(tx, act, &id, wanted)?.map(|made| shown(&made)))
        })
        .await;
    caller.bank().merchant_keys().forget(&id);
    made
}

async fn revoke_key(caller: Staff, (Path(id), Nothing): (Path<KeyId>, Nothing)) -> Answer<KeyView> {
    let revoked = caller
        .once("merchants.revoke_key", move |tx, act| {
            let revoked = super::revoke_key_in(tx, act, &id)?;
            Ok(revoked.map(|row| Reply::ok(&KeyView::from(&row)).about(&row.id)))
        })
        .await;
    caller.bank().merchant_keys().forget(&id);
    revoked
}

async fn list_keys(caller: Staff, Path(id): Path<MerchantId>) -> Answer<Page<KeyView>> {
    let found = caller
        .read("merchants.keys", move |tx| {
            if store::find(tx, &id)?.is_none() {
                return Err(Problem::new(Code::NotFound));
            }
            Ok(store::keys_of(tx, &id)?)
        })
        .await?;
    Ok(Reply::ok(&Page { data: found.iter().map(KeyView::from).collect(), next_cursor: None }))
}

fn shown(made: &MadeKey) -> Reply<MadeKeyView> {
    let secret = made.secret.as_ref().map(|secret| secret.expose().to_owned());
    let view = MadeKeyView { key: KeyView::from(&made.row), secret };
    Reply::created(&view).about(&made.row.id)
}

//! Merchants' keys, as operators make, list and end them.
//!
//! A key of live mode waits for a second operator, since whoever has it moves the merchant's money. Its secret is
//! drawn when it is asked for and shown to who asked, who hands it on; it signs nothing before the approval.

use data_encoding::HEXLOWER;
use money::{KeyId, MerchantId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::approvals::api::ask_key;
use crate::approvals::deed::{self as waiting, Deed};
use crate::bank::Tools;
use crate::http::fields::{Fields, MAX_TEXT_CHARS};
use crate::http::input::Optional;
use crate::http::{Answer, Code, Json, Nothing, Page, Path, Problem, Reply, Route, Routes, Staff};
use crate::merchants::keys::{Mode, Network, RouteRule};
use crate::merchants::model::{KeyView, MAX_RULES};
use crate::merchants::{self, DrawnKey, MadeKey, NewKey, store};
use crate::staff::model::Permission;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .staff(
            Permission::ManageMerchants,
            Route::post(
                "/v1/staff/merchants/{id}/keys",
                "makeMerchantKey",
                "A key to sign requests with; its secret is shown once",
            )
            .refuses(&[Code::TooManyKeys])
            .may_wait(),
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
            .refuses(&[Code::KeyRevoked, Code::TooManyKeys])
            .may_wait(),
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

pub(crate) const MAX_OVERLAP_SECONDS: i64 = 2_592_000;
const OVERLAP_SECONDS: i64 = 86_400;
/// Ten years.
pub(crate) const MAX_LIFE_SECONDS: i64 = 315_360_000;

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

async fn make_key(
    caller: Staff,
    (Path(id), Json(body)): (Path<MerchantId>, Json<MakeMerchantKey>),
) -> Answer<MadeKeyView> {
    let wanted = body.check(caller.bank().tools())?;
    caller
        .once("merchants.make_key", move |tx, act| {
            if wanted.mode == Mode::Test || !act.tools.config().approvals.are_required {
                return Ok(merchants::make_key_in(tx, act, &id, &wanted)?.map(|made| shown(&made)));
            }
            if let Err(problem) = merchants::check_room_in(tx, act, &id)? {
                return Ok(Err(problem));
            }
            let drawn = merchants::draw_key(act, &id, &wanted)?;
            let deed = Deed::MakeMerchantKey(described(&drawn, wanted.public));
            ask_key(tx, act, deed, handed_over(&drawn))
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
            let (public, overlap_seconds) = wanted;
            let old = match merchants::lock_key_in(tx, &id)? {
                Ok(old) => old,
                Err(problem) => return Ok(Err(problem)),
            };
            if old.mode == Mode::Test || !act.tools.config().approvals.are_required {
                let made = merchants::rotate_key_in(tx, act, &id, wanted)?;
                return Ok(made.map(|made| shown(&made)));
            }
            if let Err(problem) = merchants::check_room_in(tx, act, &old.merchant)? {
                return Ok(Err(problem));
            }
            let drawn = merchants::draw_successor(act, &old, public)?;
            let new = described(&drawn, public);
            let rotation = waiting::Rotation { old: id.to_string(), overlap_seconds, new };
            ask_key(tx, act, Deed::RotateMerchantKey(rotation), handed_over(&drawn))
        })
        .await;
    caller.bank().merchant_keys().forget(&id);
    made
}

async fn revoke_key(caller: Staff, (Path(id), Nothing): (Path<KeyId>, Nothing)) -> Answer<KeyView> {
    let revoked = caller
        .once("merchants.revoke_key", move |tx, act| {
            let revoked = merchants::revoke_key_in(tx, act, &id)?;
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

/// A drawn key as it waits.
fn described(drawn: &DrawnKey, public: Option<[u8; 32]>) -> waiting::NewKey {
    let row = &drawn.row;
    waiting::NewKey {
        key: row.id.to_string(),
        merchant: row.merchant.to_string(),
        name: row.name.clone(),
        public_key: public.map(|public| HEXLOWER.encode(&public)),
        routes: row.routes.clone(),
        addresses: row.addresses.clone(),
        expires_at: row.expires_at.map(Timestamp::micros),
    }
}

/// What waits beside it, and what is shown now.
fn handed_over(drawn: &DrawnKey) -> (&[u8], Option<String>) {
    (&drawn.material, drawn.secret.as_ref().map(|secret| secret.expose().to_owned()))
}

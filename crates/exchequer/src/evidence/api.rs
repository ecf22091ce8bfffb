//! `/v1/log/checkpoint`, `/v1/log/consistency`, `/v1/transfers/{id}/receipt`, `/v1/staff/log/{id}`.

use ::store::Tx;
use data_encoding::BASE64;
use money::{EventId, TransferId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use super::model::{RowKey, Table};
use super::outside::keys_for;
use super::proofs::{Shown, checkpoint_in, growth_in, shown_in};
use super::receipt::SignedReceipt;
use super::salts;
use super::store::{self, KeptSalt};
use super::tiles;
use crate::bank::Tools;
use crate::events::readers::record_reading;
use crate::http::fields::Fields;
use crate::http::input::BodySchema;
use crate::http::reply::RawReply;
use crate::http::routes::Output;
use crate::http::{
    Answer, Code, Customer, Nothing, Path, Problem, Public, Query, Reply, Route, Routes, Staff,
};
use crate::staff::model::Permission;
use crate::transfers::receipt;

const TEXT: &str = "text/plain; charset=utf-8";
/// Who has a checkpoint can only be shown that the log grew from it if anybody may ask.
const WHY: &str = "whoever keeps checkpoints of the log holds the bank to them; they say how many rows there are, and no more";

pub fn routes(routes: Routes) -> Routes {
    tiles::routes(routes)
        .public(
            WHY,
            Route::get(
                "/v1/log/checkpoint",
                "getCheckpoint",
                "The newest signed checkpoint of the log",
            )
            // Of a log without a leaf.
            .refuses(&[Code::NotFound])
            .never_kept(),
            checkpoint,
        )
        .public(
            WHY,
            Route::get(
                "/v1/log/consistency",
                "getLogConsistency",
                "That the log of one size begins with that of another",
            )
            .refuses(&[Code::NotFound]),
            consistency,
        )
        .public(
            WHY,
            Route::get("/v1/log/keys", "getLogKeys", "The keys that checkpoints are signed with")
                .never_kept(),
            keys,
        )
        .customer(
            Route::get(
                "/v1/transfers/{id}/receipt",
                "getReceipt",
                "A transfer, signed for by the bank",
            )
            .refuses(&[Code::ReceiptNotReady]),
            signed_receipt,
        )
        .staff(
            Permission::ReadEvents,
            Route::get(
                "/v1/staff/log/{id}",
                "getLogProof",
                "Where an event or transfer stands in the log, with its proof",
            )
            .refuses(&[Code::ReceiptNotReady]),
            proof,
        )
}

/// A signed note.
struct NoteFile;

impl Output for NoteFile {
    fn describe() -> Option<BodySchema> {
        let name = "Checkpoint".to_owned();
        let schema = ObjectBuilder::new().schema_type(Type::String).description(Some(
            "A signed note (C2SP tlog-checkpoint): origin, number of leaves and root in a line each, and the signature.",
        ));
        let schemas = vec![(name.clone(), schema.into())];
        Some(BodySchema { media_type: TEXT, schemas, name })
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct SizesQuery {
    /// Leaves of the smaller log, at least 1.
    from: i64,
    /// Leaves of the larger one.
    to: i64,
}

/// Hashes that lead from the one root to the other.
#[derive(Serialize, ToSchema)]
#[schema(as = LogConsistency)]
pub struct ConsistencyView {
    /// Leaves of the smaller log.
    from: i64,
    /// Leaves of the larger one.
    to: i64,
    /// Base64, as RFC 6962 §2.1.2 has them.
    proof: Vec<String>,
}

/// Keys, each as whoever verifies takes it.
#[derive(Serialize, ToSchema)]
#[schema(as = LogKeys)]
pub struct LogKeysView {
    /// The log's name.
    #[schema(example = "bank.example/v1/log")]
    origin: String,
    /// `name+hash+key` (C2SP signed-note), the one that signs now first.
    keys: Vec<String>,
}

/// Where a row stands in the log.
#[derive(Serialize, ToSchema)]
#[schema(as = LogProof)]
pub struct ProofView {
    /// `events` or `transfers`.
    #[schema(example = "events")]
    table: &'static str,
    /// The number of the leaf, from 0.
    index: u64,
    /// How many leaves the log had.
    size: u64,
    /// The leaf, base64.
    leaf: String,
    /// Its hash, base64.
    leaf_hash: String,
    /// Base64, as RFC 6962 §2.1.1 has them.
    proof: Vec<String>,
    /// The signed note.
    checkpoint: String,
}

async fn checkpoint(caller: Public, _: Nothing) -> Answer<NoteFile> {
    let newest = caller.read("log.checkpoint", |tx| Ok(checkpoint_in(tx)?)).await?;
    let newest = newest.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Reply::raw(RawReply::new(200, TEXT, newest.note.into())))
}

async fn consistency(caller: Public, Query(sizes): Query<SizesQuery>) -> Answer<ConsistencyView> {
    let SizesQuery { from, to } = sizes;
    let mut fields = Fields::default();
    let mut count = |name: &'static str, size: i64| {
        let count = u64::try_from(size).ok().filter(|count| *count > 0);
        if count.is_none() {
            fields.refuse(name, "out_of_range", "a number of leaves, at least 1");
        }
        count
    };
    let sizes = count("from", from).zip(count("to", to));
    let sizes = fields.finish(sizes)?;
    let proof = caller.read("log.consistency", move |tx| Ok(growth_in(tx, sizes)?)).await?;
    let proof = proof.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Reply::ok(&ConsistencyView {
        from,
        to,
        proof: proof.iter().map(|hash| BASE64.encode(hash)).collect(),
    }))
}

async fn keys(caller: Public, _: Nothing) -> Answer<LogKeysView> {
    let tools = caller.bank().tools();
    let origin = tools.config().evidence.origin.clone();
    let keys = keys_for(&origin, &tools.keyring()).iter().map(ToString::to_string).collect();
    Ok(Reply::ok(&LogKeysView { origin, keys }))
}

async fn signed_receipt(caller: Customer, Path(id): Path<TransferId>) -> Answer<SignedReceipt> {
    let (customer, tools) = (caller.id(), caller.bank().tools().clone());
    let found = caller
        .read("log.receipt", move |tx| {
            let Some(_visible) = receipt::receipt(tx, &tools, &customer, &id)? else {
                return Ok(Err(Problem::new(Code::NotFound)));
            };
            let key = RowKey { id: *id.bytes(), table: Table::Transfers };
            let Some(shown) = shown_in(tx, &key)? else {
                return Ok(Err(Problem::new(Code::ReceiptNotReady)));
            };
            Ok(receipt_of(tx, &tools, &shown)?.ok_or_else(|| Problem::new(Code::NotFound)))
        })
        .await?;
    Ok(Reply::ok(&found?))
}

fn receipt_of(
    tx: &mut Tx<'_>,
    tools: &Tools,
    shown: &Shown,
) -> Result<Option<SignedReceipt>, ::store::DbError> {
    let person = shown.row.person();
    let salt = match store::salt(tx, &person)? {
        KeptSalt::Sealed(sealed) => Some(salts::open(&tools.keyring(), &person, &sealed)?),
        KeptSalt::Unmade | KeptSalt::Destroyed => None,
    };
    Ok(SignedReceipt::of(shown, salt.as_ref()))
}

async fn proof(caller: Staff, Path(id): Path<EventId>) -> Answer<ProofView> {
    let found = caller
        .read("log.proof", move |tx| {
            let mut is_row = false;
            for table in Table::ALL {
                let key = RowKey { id: *id.bytes(), table };
                if let Some(shown) = shown_in(tx, &key)? {
                    return Ok(Ok(shown));
                }
                is_row |= store::count(tx, table, (&key.id, &key.id))? > 0;
            }
            let code = if is_row { Code::ReceiptNotReady } else { Code::NotFound };
            Ok(Err(Problem::new(code)))
        })
        .await??;
    record_reading(&caller, &json!({ "id": id.to_string() })).await?;
    Ok(Reply::ok(&ProofView {
        table: found.row.key().table.name(),
        index: found.index,
        size: found.size,
        leaf: BASE64.encode(&found.leaf),
        leaf_hash: BASE64.encode(&found.hash),
        proof: found.proof.iter().map(|hash| BASE64.encode(hash)).collect(),
        checkpoint: found.checkpoint,
    }))
}

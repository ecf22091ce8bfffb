//! SQL of approvals. The act is sealed together with who asked and when, bound to its row: changed or moved to
//! another row, it does not open; with another maker or another time beside it, the row is refused as corrupt.

use money::{ApprovalId, KeyId, StaffId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{DbError, Row, Tx, params};
use vault::{Place, Sealing};

use super::deed::Deed;
use super::model::{Approval, Outcome, Status};
use crate::bank::{Act, Tools};

macro_rules! select {
    () => {
        "SELECT id, kind, status, maker, request, created_at, expires_at, decided_at, decided_by, reason, \
         resource, refusal, material FROM approvals "
    };
}

/// What `request` seals.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    deed: Deed,
    maker: String,
    address: String,
    /// Microseconds since 1970.
    created_at: i64,
    expires_at: i64,
}

/// An approval, and the sealed material of a key.
pub(super) type Found = (Approval, Option<Vec<u8>>);

pub(super) fn insert(
    tx: &mut Tx<'_>,
    act: &Act,
    approval: &Approval,
    material: Option<&[u8]>,
) -> Result<(), DbError> {
    let sealed = Sealed {
        deed: approval.deed.clone(),
        maker: approval.maker.to_string(),
        address: approval.address.clone(),
        created_at: approval.created_at.micros(),
        expires_at: approval.expires_at.micros(),
    };
    let text = serde_json::to_string(&sealed)
        .map_err(|error| DbError::Corrupt(format!("an act that is no JSON: {error}")))?;
    let request = act.tools.seal(&place(&approval.id), &text)?;
    // A public key stands in the act itself.
    let material = material
        .filter(|_| approval.deed.draws_a_secret())
        .map(|material| moved(&act.tools, approval, material, Towards::Waiting))
        .transpose()?;
    tx.execute(
        "INSERT INTO approvals (id, kind, status, maker, request, material, slot, created_at, expires_at) \
         VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8)",
        params![
            &approval.id,
            approval.deed.kind(),
            &approval.maker,
            &request,
            material.as_deref(),
            approval.deed.slot().as_deref(),
            approval.created_at,
            approval.expires_at
        ],
    )?;
    Ok(())
}

pub(super) fn lock(
    tx: &mut Tx<'_>,
    tools: &Tools,
    id: &ApprovalId,
) -> Result<Option<Found>, DbError> {
    let sql = concat!(select!(), "WHERE id = $1 ORDER BY id");
    tx.query_locked(sql, params![id])?.first().map(|row| read(tools, row)).transpose()
}

/// The one that waits in a slot.
pub(super) fn lock_slot(
    tx: &mut Tx<'_>,
    tools: &Tools,
    slot: &str,
) -> Result<Option<Approval>, DbError> {
    let sql = concat!(select!(), "WHERE slot = $1 ORDER BY id");
    let rows = tx.query_locked(sql, params![slot])?;
    rows.first().map(|row| read(tools, row).map(|(approval, _)| approval)).transpose()
}

pub(super) fn find(
    tx: &mut Tx<'_>,
    tools: &Tools,
    id: &ApprovalId,
) -> Result<Option<Approval>, DbError> {
    let row = tx.query_opt(concat!(select!(), "WHERE id = $1"), params![id])?;
    row.map(|row| read(tools, &row).map(|(approval, _)| approval)).transpose()
}

/// Up to `most`, newest first, before the one named; of all makers or one, of all statuses or one.
pub(super) fn list(
    tx: &mut Tx<'_>,
    tools: &Tools,
    (maker, status): (Option<&StaffId>, Option<Status>),
    (before, most): (Option<&ApprovalId>, i64),
) -> Result<Vec<Approval>, DbError> {
    // No id is all ones.
    let last = ApprovalId::from_bytes([0xff; 16]);
    let before = before.unwrap_or(&last);
    let rows = match (maker, status) {
        (None, None) => {
            let sql = concat!(select!(), "WHERE id < $1 ORDER BY id DESC LIMIT $2");
            tx.query(sql, params![before, most])?
        }
        (None, Some(status)) => {
            let sql = concat!(select!(), "WHERE status = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
            tx.query(sql, params![status.code(), before, most])?
        }
        (Some(maker), status) => {
            let sql = concat!(
                select!(),
                "WHERE maker = $1 AND (CAST($2 AS BIGINT) < 0 OR status = $2) AND id < $3 ORDER BY id DESC LIMIT $4"
            );
            tx.query(sql, params![maker, status.map_or(-1, Status::code), before, most])?
        }
    };
    rows.iter().map(|row| read(tools, row).map(|(approval, _)| approval)).collect()
}

/// How many of a maker's wait; counts up to `most`.
pub(super) fn count_waiting(tx: &mut Tx<'_>, maker: &StaffId, most: i64) -> Result<i64, DbError> {
    tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM (SELECT id FROM approvals WHERE maker = $1 AND status = 0 \
         LIMIT $2) AS waiting",
        params![maker, most],
    )?
    .int(0)
}

/// Pending ones whose time is over, oldest first, after the one named.
pub(super) fn overdue(
    tx: &mut Tx<'_>,
    now: Timestamp,
    (after, most): (&ApprovalId, i64),
) -> Result<Vec<ApprovalId>, DbError> {
    let rows = tx.query(
        "SELECT id FROM approvals WHERE status = 0 AND id > $1 AND expires_at <= $2 ORDER BY id LIMIT $3",
        params![after, now, most],
    )?;
    rows.iter().map(|row| row.id(0)).collect()
}

/// Writes the decision; false where there is one already.
pub(super) fn decide(tx: &mut Tx<'_>, approval: &Approval) -> Result<bool, DbError> {
    let (resource, refusal) = match &approval.outcome {
        None => (None, None),
        Some(Outcome::Done(id)) => (Some(id.as_str()), None),
        Some(Outcome::Refused(code)) => (None, Some(code.as_str())),
    };
    let rows = tx.execute(
        "UPDATE approvals SET status = $2, decided_at = $3, decided_by = $4, reason = $5, resource = $6, \
         refusal = $7, slot = NULL, material = NULL WHERE id = $1 AND status = 0",
        params![
            &approval.id,
            approval.status.code(),
            approval.decided_at,
            approval.decided_by.as_ref(),
            approval.reason.as_deref(),
            resource,
            refusal
        ],
    )?;
    Ok(rows == 1)
}

fn read(tools: &Tools, row: &Row) -> Result<Found, DbError> {
    let id: ApprovalId = row.id(0)?;
    let damaged = |what: &str| DbError::Corrupt(format!("{id}: {what}"));
    let text = tools.unseal(&place(&id), row.blob(4)?)?;
    let sealed: Sealed = serde_json::from_str(text.expose())
        .map_err(|_| damaged("what was sealed is not an act"))?;
    let (maker, created_at, expires_at): (StaffId, _, _) = (row.id(3)?, row.time(5)?, row.time(6)?);
    let is_as_asked = sealed.deed.kind() == row.text(1)?
        && sealed.maker == maker.to_string()
        && sealed.created_at == created_at.micros()
        && sealed.expires_at == expires_at.micros();
    if !is_as_asked {
        return Err(damaged("the row is not what was asked"));
    }
    let outcome = match (row.text_opt(10)?, row.text_opt(11)?) {
        (Some(id), None) => Some(Outcome::Done(id.to_owned())),
        (None, Some(code)) => Some(Outcome::Refused(code.to_owned())),
        (None, None) => None,
        (Some(_), Some(_)) => return Err(damaged("done and refused")),
    };
    let approval = Approval {
        id,
        deed: sealed.deed,
        maker,
        address: sealed.address,
        status: Status::from_code(row.int(2)?).ok_or_else(|| damaged("a status"))?,
        created_at,
        expires_at,
        decided_at: row.time_opt(7)?,
        decided_by: row.id_opt(8)?,
        reason: row.text_opt(9)?.map(str::to_owned),
        outcome,
    };
    let material = row
        .blob_opt(12)?
        .map(|material| moved(tools, &approval, material, Towards::Key))
        .transpose()?;
    Ok((approval, material))
}

/// Where sealed material is moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Towards {
    /// The row of its approval, whose seal a rotation finds.
    Waiting,
    /// The row that its key will have.
    Key,
}

/// The same material, sealed for the other row.
fn moved(
    tools: &Tools,
    approval: &Approval,
    sealed: &[u8],
    towards: Towards,
) -> Result<Vec<u8>, DbError> {
    let damaged = |why: String| DbError::Corrupt(format!("{}: its key: {why}", approval.id));
    let of_approval = Place { table: "approvals", column: "material", row: approval.id.bytes() };
    let (ring, sealing) = (tools.keyring(), Sealing::MerchantSecrets);
    if let Deed::ResetMember(_) = &approval.deed {
        // The hash of a first password has no row of its own to be sealed for.
        let done = match towards {
            Towards::Waiting => ring.seal_for(sealing, tools.rng(), &of_approval, sealed),
            Towards::Key => {
                ring.open_for(sealing, &of_approval, sealed).map(|plain| plain.expose().to_vec())
            }
        };
        return done.map_err(|error| damaged(error.to_string()));
    }
    let key: KeyId = match &approval.deed {
        Deed::MakeMerchantKey(new) => &new.key,
        Deed::RotateMerchantKey(rotation) => &rotation.new.key,
        _ => return Err(damaged("no key is asked for".to_owned())),
    }
    .parse()
    .map_err(|_| damaged("no id".to_owned()))?;
    let of_key = Place { table: "merchant_keys", column: "material", row: key.bytes() };
    let (from, to) = match towards {
        Towards::Waiting => (of_key, of_approval),
        Towards::Key => (of_approval, of_key),
    };
    let plain = ring.open_for(sealing, &from, sealed).map_err(|e| damaged(e.to_string()))?;
    ring.seal_for(sealing, tools.rng(), &to, plain.expose()).map_err(|e| damaged(e.to_string()))
}

fn place(id: &ApprovalId) -> Place<'_> {
    Place { table: "approvals", column: "request", row: id.bytes() }
}

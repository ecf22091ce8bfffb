//! The keys of a running node: opened once, and again whenever their table has changed.
//!
//! A job looks each second ([`refresh`]); who seals, opens or verifies takes the ring that is there without a
//! lock, and keeps it for as long as it needs it. A ring that was replaced is gone, keys wiped, when the last of
//! them is done. What cannot be opened leaves the ring that stands, and is said in the log.

use std::sync::{Arc, Mutex, PoisonError};

use ::store::DbError;
use ::store::rows::Origin;
use arc_swap::{ArcSwap, Guard};
use money::Timestamp;
use vault::{
    Cipher, KeyError, KeyState, Keyring, MasterKey, Purpose, ROTATED_AFTER, Sealing, WrappedKey,
};

use super::master::{Master, MasterError};
use super::{KeyAct, RotationRefusal, SETTLED_SECONDS, rotate, store};
use crate::bank::Bank;

/// The keys that are in use, and what opens new ones.
pub struct KeyHolder {
    ring: ArcSwap<Keyring>,
    master: Arc<Master>,
    seen: Mutex<Seen>,
    rotated_after: u64,
    cipher: Cipher,
}

/// What the ring was made of, and what is still to be told.
struct Seen {
    rows: Vec<WrappedKey>,
    chosen: Vec<(Purpose, u32)>,
    /// Rows that did not open, and when they are tried again.
    refused: Option<(Vec<WrappedKey>, Timestamp)>,
    /// Of rings that were replaced.
    untold: Vec<Uses>,
    told_at: Timestamp,
    /// A walk that could change nothing is not repeated before.
    walk_at: Timestamp,
}

type Uses = (Sealing, u32, u64);

/// Uses are told when there are so many, or after [`TOLD_EVERY_SECONDS`].
const TOLD_AT: u64 = 1 << 16;
const TOLD_EVERY_SECONDS: i64 = 60;
/// Seconds after its retirement that a version seals no more, whatever else fails: well before it may be
/// destroyed.
const STOPPED_AFTER_SECONDS: i64 = SETTLED_SECONDS / 2;
/// Seconds until what did not open is tried again.
const TRIED_AGAIN_SECONDS: i64 = 10;

impl KeyHolder {
    pub async fn open(
        master: Master,
        rows: Vec<WrappedKey>,
        now: Timestamp,
    ) -> Result<Self, MasterError> {
        let ring = master.keyring(&rows, now).await?;
        Ok(Self::of(ring, master, rows, now))
    }

    /// The same where the master key is at hand.
    pub fn open_here(
        master: MasterKey,
        rows: Vec<WrappedKey>,
        now: Timestamp,
    ) -> Result<Self, KeyError> {
        let ring = Keyring::open(&master, &rows, now)?;
        Ok(Self::of(ring, Master::File(master), rows, now))
    }

    fn of(ring: Keyring, master: Master, rows: Vec<WrappedKey>, now: Timestamp) -> Self {
        let seen = Seen {
            chosen: Keyring::chosen(&rows, now),
            rows: comparable(rows),
            refused: None,
            untold: Vec::new(),
            told_at: now,
            walk_at: Timestamp::EPOCH,
        };
        Self {
            ring: ArcSwap::from_pointee(ring),
            master: Arc::new(master),
            seen: Mutex::new(seen),
            rotated_after: ROTATED_AFTER,
            cipher: Cipher::default(),
        }
    }

    /// Seals with this cipher from now on, and opens what either has sealed.
    #[must_use]
    pub fn sealing_with(mut self, cipher: Cipher) -> Self {
        let ring = Arc::into_inner(self.ring.into_inner())
            .unwrap_or_else(|| unreachable!("nobody has the ring of a holder that is not shared"));
        self.ring = ArcSwap::from_pointee(ring.sealing_with(cipher));
        self.cipher = cipher;
        self
    }

    /// The next version is made after so many sealings; for tests.
    #[must_use]
    pub fn rotating_after(mut self, sealings: u64) -> Self {
        self.rotated_after = sealings;
        self
    }

    /// The ring of this moment. Whoever does several things that belong together takes it once.
    pub fn ring(&self) -> Guard<Arc<Keyring>> {
        self.ring.load()
    }

    /// What opens the keys of this bank.
    pub fn master(&self) -> &Arc<Master> {
        &self.master
    }

    pub(super) fn walk_at(&self) -> Timestamp {
        self.seen().walk_at
    }

    pub(super) fn walk_again_at(&self, at: Timestamp) {
        self.seen().walk_at = at;
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        // Each part is whole whenever the lock is given back.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a ring of these rows would be another one.
    fn is_stale(&self, rows: &[WrappedKey], now: Timestamp) -> bool {
        let seen = self.seen();
        if let Some((refused, again_at)) = &seen.refused
            && refused == rows
            && now < *again_at
        {
            return false;
        }
        seen.rows != rows || seen.chosen != Keyring::chosen(rows, now)
    }

    /// What was retired for so long seals no more, where this node could not open what came after: an
    /// operator may be about to destroy it, and a value of it would then be lost.
    fn stop_retired(&self, rows: &[WrappedKey], now: Timestamp) {
        let ring = self.ring();
        for sealing in Sealing::ALL {
            let (purpose, version) = (sealing.purpose(), ring.active_version(sealing));
            let is_over = |row: &WrappedKey| {
                let retired_at = row.retired_at.unwrap_or(row.created_at);
                row.state != KeyState::Active
                    && retired_at.plus_seconds(STOPPED_AFTER_SECONDS) <= now
            };
            let row = rows.iter().find(|row| (row.purpose, row.version) == (purpose, version));
            if row.is_none_or(is_over) {
                ring.learn_uses((sealing, version, u64::MAX));
            }
        }
    }

    fn replace(&self, ring: Keyring, rows: Vec<WrappedKey>, now: Timestamp) {
        let old = self.ring.swap(Arc::new(ring));
        let mut seen = self.seen();
        seen.untold.extend(old.take_uses());
        seen.chosen = Keyring::chosen(&rows, now);
        seen.rows = rows;
        seen.refused = None;
        seen.walk_at = now;
    }

    /// What is to be told now: nothing, most of the time.
    fn due_uses(&self, now: Timestamp) -> Vec<Uses> {
        let ring = self.ring();
        let mut seen = self.seen();
        let is_time = now >= seen.told_at.plus_seconds(TOLD_EVERY_SECONDS);
        let mut due = std::mem::take(&mut seen.untold);
        if is_time || ring.untold_uses() >= TOLD_AT.min(self.rotated_after) {
            seen.told_at = now;
            due.extend(ring.take_uses());
        }
        due
    }
}

/// Looks whether the table has changed, tells uses, and makes the next version of what was used enough.
/// Gives how many rows it changed.
pub async fn refresh(bank: &Bank) -> Result<u64, DbError> {
    let rows = comparable(bank.db().read("keys.list", store::list).await?);
    let (holder, now) = (bank.tools().keys(), bank.tools().now());
    if holder.is_stale(&rows, now) {
        match holder.master.keyring(&rows, now).await {
            Ok(ring) => {
                holder.replace(ring.sealing_with(holder.cipher), rows.clone(), now);
                tracing::info!("the data keys have changed; the new ones are in use");
            }
            Err(error) => {
                tracing::error!(%error, "the data keys have changed and do not open; the old ones stay");
                let again_at = now.plus_seconds(TRIED_AGAIN_SECONDS);
                holder.seen().refused = Some((rows.clone(), again_at));
            }
        }
    }
    holder.stop_retired(&rows, now);
    tell(bank, holder, now).await
}

async fn tell(bank: &Bank, holder: &KeyHolder, now: Timestamp) -> Result<u64, DbError> {
    let due = holder.due_uses(now);
    let mut changed = 0;
    for (place, &(sealing, version, uses)) in due.iter().enumerate() {
        let key = (sealing.purpose(), version);
        let told = bank.db().write("keys.tell", move |tx| store::add_uses(tx, key, uses)).await;
        match told {
            Ok(Some(sealings)) => {
                holder.ring().learn_uses((sealing, version, sealings));
                changed += 1;
                if sealings >= holder.rotated_after {
                    changed += rotate_used(bank, holder, key, now).await?;
                }
            }
            Ok(None) => {}
            Err(error) => {
                holder.seen().untold.extend_from_slice(&due[place..]);
                return Err(error);
            }
        }
    }
    Ok(changed)
}

/// The next version of a key that was used as often as one should, unless there is one.
async fn rotate_used(
    bank: &Bank,
    holder: &KeyHolder,
    (purpose, version): (Purpose, u32),
    now: Timestamp,
) -> Result<u64, DbError> {
    let rows = bank.db().read("keys.list", store::list).await?;
    let is_active = rows
        .iter()
        .any(|row| (row.purpose, row.version, row.state) == (purpose, version, KeyState::Active));
    if !is_active {
        return Ok(0);
    }
    let act = KeyAct {
        master: Arc::clone(&holder.master),
        rng: bank.tools().rng().clone(),
        now,
        origin: Origin::system("keys.refresh"),
    };
    let name = purpose.as_str();
    match rotate(bank.db(), &act, purpose).await {
        Ok(Ok(next)) => {
            tracing::warn!(
                purpose = name,
                version = next,
                "a data key was used up; the next is made"
            );
            Ok(1)
        }
        // Another node was faster.
        Ok(Err(RotationRefusal::Meanwhile(_))) => Ok(0),
        Ok(Err(refusal)) => Err(DbError::Corrupt(format!("{name} was not rotated: {refusal}"))),
        Err(error) => {
            tracing::error!(purpose = name, %error, "a data key is used up and cannot be rotated");
            Ok(0)
        }
    }
}

/// Without what changes all the time.
fn comparable(mut rows: Vec<WrappedKey>) -> Vec<WrappedKey> {
    for row in &mut rows {
        row.sealings = 0;
    }
    rows
}

//! Salts: what a person's values are committed to with. One for each person, made when the first row of theirs becomes
//! a leaf, sealed in the database, and destroyed for good ([`super::shred`]).
//!
//! Bound: [`MOST`] are remembered; then all are read again. A salt is remembered only when its transaction is
//! committed.

use std::collections::HashMap;
use std::sync::Arc;

use ::store::{Db, DbError, Tx};
use vault::{Keyring, Place};

use super::leaf::Salt;
use super::model::RowId;
use super::store::{self, KeptSalt};
use crate::bank::Tools;

/// Some 4 MiB.
const MOST: usize = 10_000;

#[derive(Default)]
pub struct Salts(HashMap<RowId, Arc<Salt>>);

/// Salts that one append needs, and those of them that it makes.
pub struct Wanted {
    pub known: HashMap<RowId, Arc<Salt>>,
    /// Person and sealed salt.
    pub made: Vec<(RowId, Vec<u8>)>,
}

impl Salts {
    /// Salts of these persons, made where there are none. One of whom it was destroyed gets another that nobody keeps:
    /// nothing can be shown of what is written after it.
    pub async fn of(
        &mut self,
        db: &Db,
        tools: &Tools,
        persons: &[RowId],
    ) -> Result<Wanted, DbError> {
        if self.0.len() > MOST {
            self.0.clear();
        }
        let mut wanted = Wanted { known: HashMap::new(), made: Vec::new() };
        let mut asked = Vec::new();
        for person in persons {
            match self.0.get(person) {
                Some(salt) => _ = wanted.known.insert(*person, Arc::clone(salt)),
                None => asked.push(*person),
            }
        }
        if asked.is_empty() {
            return Ok(wanted);
        }
        let look = move |tx: &mut Tx<'_>| -> Result<Vec<_>, DbError> {
            asked.iter().map(|person| Ok((*person, store::salt(tx, person)?))).collect()
        };
        for (person, kept) in db.read("log.salts", look).await? {
            let salt = match kept {
                KeptSalt::Sealed(sealed) => {
                    let salt = Arc::new(open(&tools.keyring(), &person, &sealed)?);
                    self.0.insert(person, Arc::clone(&salt));
                    salt
                }
                KeptSalt::Destroyed => Arc::new(Salt::new(&tools.rng().bytes::<32>())),
                KeptSalt::Unmade => {
                    let bytes = zeroize::Zeroizing::new(tools.rng().bytes::<32>());
                    let sealed =
                        tools.keyring().seal(tools.rng(), &place(&person), bytes.as_slice());
                    let sealed = sealed.map_err(corrupt)?;
                    wanted.made.push((person, sealed));
                    Arc::new(Salt::new(bytes.as_slice()))
                }
            };
            wanted.known.insert(person, salt);
        }
        Ok(wanted)
    }

    /// What was made is in the database now.
    pub fn learn(&mut self, wanted: &Wanted) {
        for (person, _) in &wanted.made {
            if let Some(salt) = wanted.known.get(person) {
                self.0.insert(*person, Arc::clone(salt));
            }
        }
    }
}

/// A salt for somebody who has none, sealed.
pub fn make(tools: &Tools, person: &RowId) -> Result<Vec<u8>, DbError> {
    let bytes = zeroize::Zeroizing::new(tools.rng().bytes::<32>());
    tools.keyring().seal(tools.rng(), &place(person), bytes.as_slice()).map_err(corrupt)
}

pub fn open(keys: &Keyring, person: &RowId, sealed: &[u8]) -> Result<Salt, DbError> {
    let bytes = keys.open_sealed(&place(person), sealed).map_err(corrupt)?;
    Ok(Salt::new(bytes.expose()))
}

fn place(person: &RowId) -> Place<'_> {
    Place { table: "log_salts", column: "salt", row: person }
}

fn corrupt(error: vault::SealError) -> DbError {
    DbError::Corrupt(format!("a salt of the log: {error}"))
}

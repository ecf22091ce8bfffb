//! Leaves, made again from their rows.

use ::store::{DbError, Tx};
use merkle::{Hash, TileId, leaf_hash};
use std::collections::HashMap;

use super::{Trust, damaged};
use crate::evidence::bundle::{Bundle, Entry};
use crate::evidence::leaf::{BundleKey, Salt, encode};
use crate::evidence::model::{CoveredRow, RowId, RowKey, Table};
use crate::evidence::salts;
use crate::evidence::store::{self as log, KeptSalt, Read};
use crate::verify::model::{Finding, Step, Stop};

/// Rows read at once for a bundle, which has them nearly in a row.
const NEIGHBOURS: i64 = 1_024;
/// Salts that are remembered.
const MOST_SALTS: usize = 10_000;

pub struct Leaves<'t> {
    trust: &'t Trust,
    /// None: destroyed.
    salts: HashMap<RowId, Option<Salt>>,
}

impl<'t> Leaves<'t> {
    pub fn new(trust: &'t Trust) -> Self {
        Self { trust, salts: HashMap::new() }
    }

    /// Holds the rows of a bundle against its tile; gives how many were not compared in what is personal.
    pub fn check(&mut self, tx: &mut Tx<'_>, bundle: &Bundle, hashes: &[Hash]) -> Step<u64> {
        let rows = rows(tx, bundle, |table, id, why| {
            let key = RowKey { id, table };
            Err(damaged(table.name(), key.text(), DbError::Corrupt(why)))
        })?;
        let key = BundleKey::new(&bundle.secret);
        let mut sealed = 0_u64;
        for ((index, entry), hash) in (bundle.first()..).zip(&bundle.entries).zip(hashes) {
            let Some(row) = rows.get(&entry.key) else {
                let found = "no such row: it was deleted";
                return Err(
                    wrong(entry, format!("the row of leaf {index}"), found.to_owned()).into()
                );
            };
            if leaf_hash(&encode(row, &key.commitment(index, row), &entry.personal)) != *hash {
                return Err(changed((index, entry, row), (bundle, &key, hash)).into());
            }
            match self.salt(tx, &row.person())? {
                Some(salt) if salt.personal(row).commitment() != entry.personal => {
                    let expected = format!("memo, address and agent as leaf {index} has them");
                    return Err(wrong(entry, expected, "others: it was edited".to_owned()).into());
                }
                Some(_) => {}
                None => sealed = sealed.saturating_add(1),
            }
        }
        Ok(sealed)
    }

    fn salt(&mut self, tx: &mut Tx<'_>, person: &RowId) -> Step<Option<&Salt>> {
        let Some(keys) = &self.trust.keys else { return Ok(None) };
        if self.salts.len() > MOST_SALTS {
            self.salts.clear();
        }
        if !self.salts.contains_key(person) {
            let id = data_encoding::HEXLOWER.encode(person);
            let opened = match log::salt(tx, person)? {
                KeptSalt::Unmade => {
                    let expected = "what this person's values are committed to with";
                    return Err(Finding::new("log_salts", id, expected, "no such row").into());
                }
                KeptSalt::Destroyed => None,
                KeptSalt::Sealed(sealed) => Some(
                    salts::open(keys, person, &sealed)
                        .map_err(|error| damaged("log_salts", id, error))?,
                ),
            };
            self.salts.insert(*person, opened);
        }
        Ok(self.salts.get(person).and_then(Option::as_ref))
    }
}

/// A leaf, made again; without its row where that is gone, cannot be read, or is not as the leaf has it.
pub struct Made {
    pub index: u64,
    pub hash: Hash,
    pub row: Option<(CoveredRow, Vec<u8>)>,
}

/// The leaves of a bundle, in their order; nobody is told of what is wrong with a row here.
pub fn made_in(tx: &mut Tx<'_>, bundle: &Bundle) -> Result<Vec<Made>, DbError> {
    let hashes = log::tile(tx, TileId { level: 0, number: bundle.number })?;
    let mut rows = match rows(tx, bundle, |_, _, _| Ok(())) {
        Ok(rows) => rows,
        Err(Stop::Db(error)) => return Err(error),
        Err(Stop::Wrong(finding)) => return Err(DbError::Corrupt(finding.to_string())),
    };
    let key = BundleKey::new(&bundle.secret);
    let each = (bundle.first()..).zip(&bundle.entries).zip(hashes);
    Ok(each
        .map(|((index, entry), hash)| {
            let row = rows.remove(&entry.key).and_then(|row| {
                let leaf = encode(&row, &key.commitment(index, &row), &entry.personal);
                (leaf_hash(&leaf) == hash).then_some((row, leaf))
            });
            Made { index, hash, row }
        })
        .collect())
}

/// What became of a row whose leaf is another: it stands at another place, or is not what it was.
fn changed(
    (index, entry, row): (u64, &Entry, &CoveredRow),
    (bundle, key, hash): (&Bundle, &BundleKey, &Hash),
) -> Finding {
    let places = (bundle.first()..).take(bundle.entries.len());
    let made = |place: u64| leaf_hash(&encode(row, &key.commitment(place, row), &entry.personal));
    match places.into_iter().find(|place| made(*place) == *hash) {
        Some(place) => {
            let expected = format!("the row of leaf {index}");
            wrong(entry, expected, format!("that of leaf {place}: they were reordered"))
        }
        None => wrong(
            entry,
            format!("the row as leaf {index} has it"),
            "another: it was edited".to_owned(),
        ),
    }
}

fn wrong(entry: &Entry, expected: String, found: String) -> Finding {
    Finding::new(entry.key.table.name(), entry.key.text(), expected, found)
}

/// What is done about a row that cannot be read.
type OnDamage = fn(Table, RowId, String) -> Step;

/// The rows that a bundle names, as far as they are there.
fn rows(
    tx: &mut Tx<'_>,
    bundle: &Bundle,
    on_damage: OnDamage,
) -> Step<HashMap<RowKey, CoveredRow>> {
    let mut rows = HashMap::new();
    for table in Table::ALL {
        let keys = || bundle.entries.iter().map(|entry| entry.key).filter(|key| key.table == table);
        let (Some(from), Some(to)) =
            (keys().map(|key| key.id).min(), keys().map(|key| key.id).max())
        else {
            continue;
        };
        let found = log::rows(tx, table, (&from, &to), NEIGHBOURS)?;
        let is_all = i64::try_from(found.len()).is_ok_and(|found| found < NEIGHBOURS);
        take(&mut rows, found, on_damage)?;
        for key in keys().filter(|_| !is_all) {
            if !rows.contains_key(&key) {
                let found = log::rows(tx, table, (&key.id, &key.id), 1)?;
                take(&mut rows, found, on_damage)?;
            }
        }
    }
    Ok(rows)
}

fn take(rows: &mut HashMap<RowKey, CoveredRow>, found: Vec<Read>, on_damage: OnDamage) -> Step {
    for row in found {
        match row {
            Read::Whole(row) => _ = rows.insert(row.key(), *row),
            Read::Damaged { table, id, why } => on_damage(table, id, why)?,
        }
    }
    Ok(())
}

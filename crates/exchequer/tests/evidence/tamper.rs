//! Whoever has the database, its triggers and no key changes something, a thousand times: it is found and named.

use exchequer::evidence::prove::Trust;
use exchequer::verify::model::Finding;
use money::Rng;
use store::{DbError, Kind, Tx, params};
use testkit::TestBank;

use crate::Town;

/// On a server each is some milliseconds of round trips.
const ON_SQLITE: u64 = 1_000;
const ON_POSTGRES: u64 = 150;

/// What was done, and what must be named.
struct Done {
    what: &'static str,
    /// The rows one of which must be named; empty: any of the table.
    ids: Vec<[u8; 16]>,
    table: &'static str,
}

type Row = [u8; 16];

/// Numbers of a seed.
struct Chance(Rng);

impl Chance {
    fn below(&self, end: usize) -> usize {
        let bytes = self.0.bytes::<8>();
        usize::try_from(u64::from_le_bytes(bytes) % u64::try_from(end).expect("fits"))
            .expect("fits")
    }

    fn of<T: Copy>(&self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

const EVENT_EDITS: &[&str] = &[
    "UPDATE events SET at = at + 1 WHERE id = $1",
    "UPDATE events SET action = action || 'x' WHERE id = $1",
    "UPDATE events SET resource = resource || 'x' WHERE id = $1",
    "UPDATE events SET outcome = outcome || 'x' WHERE id = $1",
    "UPDATE events SET before = COALESCE(before, '') || '{}' WHERE id = $1",
    "UPDATE events SET after = COALESCE(after, '') || ' ' WHERE id = $1",
    "UPDATE events SET subject = CASE WHEN subject IS NULL THEN id ELSE NULL END WHERE id = $1",
    "UPDATE events SET request = id WHERE id = $1",
    "UPDATE events SET origin = (SELECT o.id FROM origins AS o WHERE o.id <> events.origin \
     ORDER BY o.id LIMIT 1) \
     WHERE id = $1",
];
const TRANSFER_EDITS: &[&str] = &[
    "UPDATE transfers SET amount = amount + 1 WHERE id = $1",
    "UPDATE transfers SET currency = 'EUR' WHERE id = $1",
    "UPDATE transfers SET kind = kind + 1 WHERE id = $1",
    "UPDATE transfers SET posted_at = posted_at - 1 WHERE id = $1",
    "UPDATE transfers SET memo = COALESCE(memo, '') || 'x' WHERE id = $1",
    "UPDATE transfers SET memo = CASE WHEN memo IS NULL THEN '' ELSE NULL END WHERE id = $1",
    "UPDATE transfers SET debit_account = id WHERE id = $1",
    "UPDATE transfers SET credit_account = id WHERE id = $1",
    "UPDATE transfers SET debit_balance = debit_balance + 1 WHERE id = $1",
    "UPDATE transfers SET credit_balance = credit_balance + 1 WHERE id = $1",
    "UPDATE transfers SET debit_number = debit_number + 1 WHERE id = $1",
    "UPDATE transfers SET credit_previous = id WHERE id = $1",
    "UPDATE transfers SET reference = id WHERE id = $1",
    "UPDATE transfers SET request = id WHERE id = $1",
    "UPDATE transfers SET debit_account = credit_account, credit_account = debit_account WHERE id = $1",
];
const ORIGIN_EDITS: &[&str] = &[
    "UPDATE origins SET address = address || '9' WHERE id = $1",
    "UPDATE origins SET agent = agent || 'x' WHERE id = $1",
    "UPDATE origins SET actor_kind = actor_kind || 'x' WHERE id = $1",
    "UPDATE origins SET first_seen_at = first_seen_at + 1 WHERE id = $1",
    "UPDATE origins SET session = CASE WHEN session IS NULL THEN id ELSE NULL END WHERE id = $1",
    "DELETE FROM origins WHERE id = $1",
];

fn ids(tx: &mut Tx<'_>, sql: &'static str) -> Result<Vec<Row>, DbError> {
    tx.query(sql, &[])?.iter().map(|row| row.bytes(0)).collect()
}

fn events(tx: &mut Tx<'_>) -> Result<Vec<Row>, DbError> {
    ids(tx, "SELECT id FROM events ORDER BY id")
}

fn transfers(tx: &mut Tx<'_>) -> Result<Vec<Row>, DbError> {
    ids(tx, "SELECT id FROM transfers ORDER BY id")
}

fn edit(tx: &mut Tx<'_>, chance: &Chance) -> Result<Done, DbError> {
    let (table, id, sql) = match chance.below(3) {
        0 => ("events", chance.of(&events(tx)?), chance.of(EVENT_EDITS)),
        1 => ("transfers", chance.of(&transfers(tx)?), chance.of(TRANSFER_EDITS)),
        _ => {
            let id = chance.of(&ids(tx, "SELECT id FROM origins ORDER BY id")?);
            assert_eq!(tx.execute(chance.of(ORIGIN_EDITS), params![&id])?, 1);
            // Any row that came from there.
            return Ok(Done { what: "an origin was edited", ids: Vec::new(), table: "" });
        }
    };
    assert_eq!(tx.execute(sql, params![&id])?, 1, "{sql}");
    Ok(Done { what: "a row was edited", ids: vec![id], table })
}

fn delete(tx: &mut Tx<'_>, chance: &Chance) -> Result<Done, DbError> {
    let (table, id, sql) = if chance.below(2) == 0 {
        ("events", chance.of(&events(tx)?), "DELETE FROM events WHERE id = $1")
    } else {
        ("transfers", chance.of(&transfers(tx)?), "DELETE FROM transfers WHERE id = $1")
    };
    assert_eq!(tx.execute(sql, params![&id])?, 1);
    Ok(Done { what: "a row was deleted", ids: vec![id], table })
}

fn insert(tx: &mut Tx<'_>, chance: &Chance, kind: Kind) -> Result<Done, DbError> {
    const EVENT: &str = "INSERT INTO events (id, at, origin, request, action, resource, outcome) \
         SELECT $2, at, origin, request, action, resource, outcome FROM events WHERE id = $1";
    const EVENT_TYPED: &str = "INSERT INTO events (id, at, origin, request, action, resource, outcome) \
         SELECT CAST($2 AS BYTEA), at, origin, request, action, resource, outcome FROM events \
         WHERE id = $1";
    const TRANSFER: &str = "INSERT INTO transfers SELECT $2, debit_account, credit_account, amount, \
         currency, kind, posted_at, debit_number, debit_previous, debit_balance, credit_number, \
         credit_previous, credit_balance, memo, reference, origin, request FROM transfers \
         WHERE id = $1";
    const TRANSFER_TYPED: &str = "INSERT INTO transfers SELECT CAST($2 AS BYTEA), debit_account, \
         credit_account, amount, currency, kind, posted_at, debit_number, debit_previous, \
         debit_balance, credit_number, credit_previous, credit_balance, memo, reference, origin, \
         request FROM transfers WHERE id = $1";
    let is_sqlite = kind == Kind::Sqlite;
    let (table, of, sql) = if chance.below(2) == 0 {
        let settled = settled(events(tx)?);
        ("events", chance.of(&settled), if is_sqlite { EVENT } else { EVENT_TYPED })
    } else {
        ("transfers", chance.of(&transfers(tx)?), if is_sqlite { TRANSFER } else { TRANSFER_TYPED })
    };
    // A neighbour of another row in time.
    let mut id = of;
    id[8 + chance.below(8)] ^= 1 << chance.below(6);
    assert_eq!(tx.execute(sql, params![&of, &id])?, 1);
    Ok(Done { what: "a row was inserted", ids: vec![id], table })
}

/// Those that are not so young that a row beside them could still become a leaf.
fn settled(mut ids: Vec<Row>) -> Vec<Row> {
    let millis = |id: &Row| id[..6].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let newest = ids.last().map(millis).expect("there are some");
    ids.retain(|id| millis(id) + 121_000 < newest);
    ids
}

/// Two leaves change places, in the bundle and in the tile.
fn reorder(tx: &mut Tx<'_>, chance: &Chance) -> Result<Done, DbError> {
    let bundle = i64::try_from(chance.below(2)).expect("fits");
    let row = tx.query_one("SELECT entries FROM log_bundles WHERE number = $1", params![bundle])?;
    let mut entries: Vec<[u8; 49]> = row.blob(0)?.as_chunks().0.to_vec();
    let sql = "SELECT hashes FROM log_tiles WHERE level = 0 AND number = $1";
    let mut hashes: Vec<[u8; 32]> =
        tx.query_one(sql, params![bundle])?.blob(0)?.as_chunks().0.to_vec();
    let a = chance.below(entries.len() - 1);
    let b = a + 1 + chance.below(entries.len() - a - 1);
    entries.swap(a, b);
    // A careless attacker forgets the tile.
    if chance.below(4) > 0 {
        hashes.swap(a, b);
    }
    let sql = "UPDATE log_bundles SET entries = $2 WHERE number = $1";
    tx.execute(sql, params![bundle, &entries.concat()])?;
    let sql = "UPDATE log_tiles SET hashes = $2 WHERE level = 0 AND number = $1";
    tx.execute(sql, params![bundle, &hashes.concat()])?;
    let named = |entry: &[u8; 49]| entry[1..17].try_into().expect("16 bytes");
    let ids = vec![named(&entries[a]), named(&entries[b])];
    let table = if entries[a][0] == 1 { "events" } else { "transfers" };
    Ok(Done { what: "leaves were reordered", ids, table })
}

/// The end is cut off: the rows alone, or the log with them, or all of it and its checkpoints, which is a rollback.
fn truncate(tx: &mut Tx<'_>, chance: &Chance, is_whole: bool) -> Result<Done, DbError> {
    let rows = tx.query("SELECT size FROM log_checkpoints ORDER BY size", &[])?;
    let sizes: Vec<i64> = rows.iter().map(|row| row.int(0)).collect::<Result<_, _>>()?;
    let size = sizes[chance.below(sizes.len() - 1)];
    let gone = leaves_behind(tx, size)?;
    for (table, id) in &gone {
        let sql = match table {
            1 => "DELETE FROM events WHERE id = $1",
            _ => "DELETE FROM transfers WHERE id = $1",
        };
        tx.execute(sql, params![id])?;
    }
    if !is_whole && chance.below(2) == 0 {
        let table = if gone[0].0 == 1 { "events" } else { "transfers" };
        return Ok(Done { what: "rows were cut off", ids: vec![gone[0].1], table });
    }
    cut(tx, size)?;
    if is_whole {
        tx.execute("DELETE FROM log_checkpoints WHERE size > $1", params![size])?;
        return Ok(Done { what: "all was rolled back", ids: Vec::new(), table: "checkpoints" });
    }
    Ok(Done { what: "the log was cut off", ids: Vec::new(), table: "log_checkpoints" })
}

/// Table and id of each leaf from a number on.
fn leaves_behind(tx: &mut Tx<'_>, size: i64) -> Result<Vec<(u8, Row)>, DbError> {
    let rows = tx.query("SELECT entries FROM log_bundles ORDER BY number", &[])?;
    let mut leaves = Vec::new();
    for row in &rows {
        let entries = row.blob(0)?.as_chunks::<49>().0;
        leaves.extend(entries.iter().map(|e| (e[0], e[1..17].try_into().expect("16 bytes"))));
    }
    Ok(leaves.split_off(usize::try_from(size).expect("fits")))
}

/// The log's own tables, as they were at a size.
fn cut(tx: &mut Tx<'_>, size: i64) -> Result<(), DbError> {
    let (full, rest) = (size / 256, size % 256);
    tx.execute("DELETE FROM log_bundles WHERE number > $1", params![full])?;
    tx.execute("DELETE FROM log_tiles WHERE level = 0 AND number > $1", params![full])?;
    if full == 0 {
        tx.execute("DELETE FROM log_tiles WHERE level > 0", &[])?;
    }
    let row = tx.query_one("SELECT entries FROM log_bundles WHERE number = $1", params![full])?;
    let entries = row.blob(0)?[..usize::try_from(rest * 49).expect("fits")].to_vec();
    let highest = entries.as_chunks::<49>().0.iter().map(|e| e[1..17].to_vec()).max();
    let sql = "UPDATE log_bundles SET entries = $2, highest = $3 WHERE number = $1";
    tx.execute(sql, params![full, &entries, &highest.expect("some")])?;
    let sql = "SELECT hashes FROM log_tiles WHERE level = 0 AND number = $1";
    let row = tx.query_one(sql, params![full])?;
    let hashes = row.blob(0)?[..usize::try_from(rest * 32).expect("fits")].to_vec();
    let sql = "UPDATE log_tiles SET hashes = $2 WHERE level = 0 AND number = $1";
    tx.execute(sql, params![full, &hashes])?;
    tx.execute("UPDATE log_state SET size = $1", params![size])?;
    Ok(())
}

fn tamper(tx: &mut Tx<'_>, seed: u64, kind: Kind) -> Result<Done, DbError> {
    let chance = Chance(Rng::seeded(seed));
    match seed % 6 {
        0 => edit(tx, &chance),
        1 => delete(tx, &chance),
        2 => insert(tx, &chance, kind),
        3 => reorder(tx, &chance),
        4 => truncate(tx, &chance, false),
        _ => truncate(tx, &chance, true),
    }
}

fn named(done: &Done, finding: &Finding) -> bool {
    let text = |id: &Row| match done.table {
        "events" => money::EventId::from_bytes(*id).to_string(),
        _ => money::TransferId::from_bytes(*id).to_string(),
    };
    let is_row = done.ids.is_empty()
        || done.ids.iter().any(|id| {
            let other = money::EventId::from_bytes(*id).to_string();
            finding.id == text(id) || finding.id == other
        });
    let is_table = match done.table {
        "" => finding.table == "events" || finding.table == "transfers",
        _ if done.ids.len() > 1 => finding.table == "events" || finding.table == "transfers",
        table => finding.table == table,
    };
    is_row && is_table
}

/// Some 400 leaves in two bundles, and what was kept outside.
async fn prepared() -> (Town, Trust) {
    let town = Town::of(TestBank::new().await).await;
    town.write().await;
    for n in 0..340_i64 {
        town.pay(1 + n, (n % 3 == 0).then_some("for the flat")).await;
        if n % 20 == 0 {
            town.write().await;
            town.bank.advance(5);
        }
    }
    town.write().await;
    // Behind this, what was there is settled.
    town.bank.advance(250);
    let mut asha = town.asha.clone();
    town.bank.sign_in(&mut asha).await;
    town.write().await;
    let town = Town { asha, ..town };
    let read = |tx: &mut Tx<'_>| {
        let sql = "SELECT note FROM log_checkpoints ORDER BY size DESC LIMIT 1";
        Ok::<_, DbError>(tx.query_one(sql, &[])?.text(0)?.to_owned())
    };
    let newest = town.bank.bank().db().read("newest", read).await.expect("a checkpoint");
    let trust = Trust { outside: vec![newest], ..town.trust() };
    (town, trust)
}

// PCI DSS 10.3.4: whatever is changed in the trail is found, and its first row named.
#[tokio::test]
async fn whatever_is_done_to_the_database_is_found_and_named() {
    let (town, trust) = prepared().await;
    let kind = town.bank.bank().db().kind();
    let times = if kind == Kind::Sqlite { ON_SQLITE } else { ON_POSTGRES };
    town.found(trust.clone(), |_| Ok(())).await.expect("nothing is wrong yet");
    let mut unseen = Vec::new();
    for seed in 0..times {
        let done = std::sync::Arc::new(std::sync::Mutex::new(None));
        let keep = std::sync::Arc::clone(&done);
        let found = town.found(trust.clone(), move |tx| {
            *keep.lock().expect("free") = Some(tamper(tx, seed, kind)?);
            Ok(())
        });
        let found = found.await;
        let done = done.lock().expect("free").take().expect("something was done");
        match found {
            Err(finding) if named(&done, &finding) => {}
            Err(finding) => unseen.push(format!("{seed}: {}, but {finding}", done.what)),
            Ok(_) => unseen.push(format!("{seed}: {}, and nothing was found", done.what)),
        }
    }
    assert!(unseen.is_empty(), "{} of {times}:\n{}", unseen.len(), unseen.join("\n"));
}

/// Without any key what is personal is not compared; all the rest is.
#[tokio::test]
async fn a_copy_is_proven_without_keys() {
    let (town, trust) = prepared().await;
    let now = town.bank.clock().now();
    let bare = Trust { outside: trust.outside, ..Trust::nothing(now) };
    let proven = town.found(bare.clone(), |_| Ok(())).await.expect("it is right");
    assert_eq!((proven.signed, proven.sealed), (0, proven.leaves));
    let memo = "UPDATE transfers SET memo = 'x' WHERE memo IS NOT NULL";
    let found = town.found(bare.clone(), |tx| tx.execute(memo, &[]).map(drop)).await;
    assert!(found.is_ok(), "memos are not compared without keys");
    let found = town.found(town.trust(), |tx| tx.execute(memo, &[]).map(drop)).await;
    assert_eq!(found.expect_err("with keys they are").table, "transfers");
    let amount = "UPDATE transfers SET credit_balance = credit_balance + 1 WHERE amount = 7";
    let found = town.found(bare, |tx| tx.execute(amount, &[]).map(drop)).await;
    assert_eq!(found.expect_err("balances are").table, "transfers");
    // A key of somebody else has signed nothing.
    let other = merkle::VerifierKey::new("127.0.0.1:0/v1/log", [1; 32]);
    let strange = Trust { verifier: other, ..Trust::nothing(now) };
    let found = town.found(strange, |_| Ok(())).await.expect_err("not signed with it");
    assert_eq!(found.table, "log_checkpoints");
}

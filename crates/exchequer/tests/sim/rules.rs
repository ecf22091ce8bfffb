//! What is always true of what is committed, asked of the rows themselves and not of the code that wrote them.

use std::collections::HashSet;

use exchequer::bank::{Own, own_account};
use exchequer::gateways::Kind;
use exchequer::merchants::keys::Mode;
use exchequer::payments::model::{State, operation};
use money::{Currency, PaymentId};
use store::stepped::Stepper;
use store::{DbError, Tx, params};

use crate::gateway::SimGateway;
use crate::wishes::{Makes, Wish};

/// A query that finds nothing while a rule holds, and the rule.
const RULES: [(&str, &str); 9] = [
    (
        "debits are credits, posted and held",
        "SELECT a.currency FROM balances AS b JOIN accounts AS a ON a.place = b.place \
         GROUP BY a.currency HAVING SUM(debits_posted) <> SUM(credits_posted) \
         OR SUM(debits_held) <> SUM(credits_held)",
    ),
    (
        "no account passes its overdraft",
        "SELECT place FROM balances WHERE bounded = 1 \
         AND credits_posted - debits_posted - debits_held + overdraft_limit < 0",
    ),
    (
        "what is posted is the sum of transfers",
        "SELECT a.number FROM accounts AS a JOIN balances AS b ON b.place = a.place WHERE \
         b.debits_posted <> (SELECT COALESCE(SUM(t.amount), 0) FROM transfers AS t \
           WHERE t.debit_account = a.id) \
         OR b.credits_posted <> (SELECT COALESCE(SUM(t.amount), 0) FROM transfers AS t \
           WHERE t.credit_account = a.id)",
    ),
    (
        "what is held is the sum of open holds",
        "SELECT a.number FROM accounts AS a JOIN balances AS b ON b.place = a.place WHERE \
         b.debits_held <> (SELECT COALESCE(SUM(h.amount - h.captured), 0) FROM holds AS h \
           WHERE h.debit_account = a.id AND h.status = 0) \
         OR b.credits_held <> (SELECT COALESCE(SUM(h.amount - h.captured), 0) FROM holds AS h \
           WHERE h.credit_account = a.id AND h.status = 0)",
    ),
    (
        "one key, one transfer",
        "SELECT memo FROM transfers WHERE memo LIKE 'transfer-%' GROUP BY memo HAVING COUNT(*) > 1",
    ),
    (
        "one key, one hold",
        "SELECT memo FROM holds WHERE memo LIKE 'hold-%' GROUP BY memo HAVING COUNT(*) > 1",
    ),
    ("one key, one payment", "SELECT metadata FROM payments GROUP BY metadata HAVING COUNT(*) > 1"),
    (
        "one key, one capture and one refund",
        "SELECT amount FROM payment_steps WHERE kind IN (1, 3) \
         GROUP BY payment, kind, amount HAVING COUNT(*) > 1",
    ),
    (
        "no more is captured than authorised, nor given back than captured, and what is under way is counted",
        "SELECT p.amount FROM payments AS p WHERE captured + capturing > amount \
         OR refunded + refunding > captured \
         OR refunding <> (SELECT COALESCE(SUM(s.amount), 0) FROM payment_steps AS s \
           WHERE s.payment = p.id AND s.kind = 3 AND s.state < 2) \
         OR refunded <> (SELECT COALESCE(SUM(s.amount), 0) FROM payment_steps AS s \
           WHERE s.payment = p.id AND s.kind = 3 AND s.state = 2)",
    ),
];

/// After every commit.
pub fn always(disk: &Stepper) -> Result<(), String> {
    read(disk, |tx| {
        for (rule, sql) in RULES {
            if let Some(row) = tx.query(sql, &[])?.first() {
                return Ok(Err(format!("{rule}: {row:?}")));
            }
        }
        changes_have_events(tx)
    })
}

/// Nothing that anybody was told of is gone.
pub fn durable(disk: &Stepper, wishes: &[Wish]) -> Result<(), String> {
    read(disk, |tx| {
        for wish in wishes {
            let Some((200..300, body)) = &wish.answer else { continue };
            let answer: serde_json::Value =
                serde_json::from_slice(body).expect("an answer is JSON");
            let id = answer["id"].as_str().unwrap_or_default();
            let sql = match wish.makes {
                Makes::Transfer => "SELECT amount FROM transfers WHERE id = $1",
                Makes::Hold => "SELECT amount FROM holds WHERE id = $1",
                Makes::Payment => "SELECT amount FROM payments WHERE id = $1",
                Makes::Refund => "SELECT amount FROM payment_steps WHERE id = $1 AND kind = 3",
                Makes::Nothing => continue,
            };
            let bytes = bytes_of(wish.makes, id);
            let found =
                tx.query_opt(sql, params![&bytes[..]])?.map(|row| row.int(0)).transpose()?;
            if found != wish.body["amount"].as_i64() {
                return Ok(Err(format!("{} was answered {id} and has {found:?}", wish.key)));
            }
        }
        Ok(Ok(()))
    })
}

/// At rest: nothing is unknown, and the gateway's books are the bank's.
pub fn at_rest(disk: &Stepper, gateway: &SimGateway) -> Result<(), String> {
    let state = gateway.state();
    let mut left = state.charges.clone();
    let mut owed = 0_i64;
    for charge in state.charges.values() {
        owed += charge.captured - charge.refunded;
    }
    read(disk, |tx| {
        let sql = "SELECT id, state, captured, refunded FROM payments";
        for row in tx.query(sql, &[])? {
            let id: PaymentId = row.id(0)?;
            let state = State::from_code(row.int(1)?).expect("a state");
            let (captured, refunded) = (row.int(2)?, row.int(3)?);
            let charge = left.remove(&id);
            let is_right = match (state, charge) {
                (State::Declined, None) => captured == 0,
                (State::Authorized, Some(charge)) => charge.is_open,
                (State::Captured, Some(charge)) => !charge.is_open && captured > 0,
                (State::Canceled, Some(charge)) => !charge.is_open && captured == 0,
                _ => false,
            };
            let theirs = charge.map_or((0, 0), |charge| (charge.captured, charge.refunded));
            if !is_right || theirs != (captured, refunded) {
                let ours = format!("{state:?}, {captured} captured, {refunded} refunded");
                return Ok(Err(format!("{id} is {ours}; at the gateway {charge:?}")));
            }
        }
        if !left.is_empty() {
            return Ok(Err(format!("charges of nobody: {left:?}")));
        }
        let clearing = own_account(Own::Clearing(Mode::Test), Currency::INR);
        let sql = "SELECT b.debits_posted - b.credits_posted FROM balances AS b \
             JOIN accounts AS a ON a.place = b.place WHERE a.id = $1";
        let booked = tx.query_opt(sql, params![&clearing])?.map_or(Ok(0), |row| row.int(0))?;
        Ok(if booked == owed {
            Ok(())
        } else {
            Err(format!("the gateway owes {owed}, and {booked} is booked"))
        })
    })
}

/// Steps, holds and differences that are not at their end.
pub fn open_things(disk: &Stepper) -> Result<i64, String> {
    let sql = "SELECT CAST((SELECT COUNT(*) FROM payment_steps WHERE state < 2) AS BIGINT)";
    read(disk, |tx| Ok(Ok(tx.query_one(sql, &[])?.int(0)?)))
}

/// Steps that were done, that were refused, and that were unknown for a while.
pub fn steps(disk: &Stepper) -> Result<[u64; 3], String> {
    let sql = "SELECT (SELECT COUNT(*) FROM payment_steps WHERE state = 2), \
         (SELECT COUNT(*) FROM payment_steps WHERE state = 3), \
         (SELECT COUNT(*) FROM events WHERE action = 'payment.unknown')";
    read(disk, |tx| {
        let row = tx.query_one(sql, &[])?;
        Ok(Ok([row.int(0)?, row.int(1)?, row.int(2)?].map(i64::unsigned_abs)))
    })
}

/// Differences that reports of the gateway showed.
pub fn differences(disk: &Stepper) -> Result<i64, String> {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM differences";
    read(disk, |tx| Ok(Ok(tx.query_one(sql, &[])?.int(0)?)))
}

fn changes_have_events(tx: &mut Tx<'_>) -> Result<Result<(), String>, DbError> {
    let sql = "SELECT action, resource, json_extract(after, '$.step') FROM events \
         WHERE action LIKE 'payment.%' OR action LIKE 'refund.%' OR action = 'hold.placed'";
    let (mut made, mut ended) = (HashSet::new(), HashSet::new());
    for row in tx.query(sql, &[])? {
        match (row.text(0)?, row.text_opt(2)?) {
            ("payment.created" | "refund.created" | "hold.placed", _) => {
                made.insert(row.text(1)?.to_owned());
            }
            ("payment.unknown", _) | (_, None) => {}
            (_, Some(step)) => {
                ended.insert(step.to_owned());
            }
        }
    }
    for row in tx.query("SELECT id FROM holds", &[])? {
        let hold: money::HoldId = row.id(0)?;
        if !made.contains(&hold.to_string()) {
            return Ok(Err(format!("{hold} has no event")));
        }
    }
    for row in tx.query("SELECT id, kind, state FROM payment_steps", &[])? {
        let step: PaymentId = row.id(0)?;
        let kind = Kind::from_code(row.int(1)?).expect("a kind");
        let name = operation(kind, step.bytes());
        let is_made = made.contains(&name) || matches!(kind, Kind::Capture | Kind::Cancel);
        if !is_made || (row.int(2)? >= 2 && !ended.contains(&name)) {
            return Ok(Err(format!("{name} lacks an event")));
        }
    }
    Ok(Ok(()))
}

/// An id of a text of the API; all kinds have the same bytes.
fn bytes_of(makes: Makes, id: &str) -> [u8; 16] {
    let bytes = match makes {
        Makes::Transfer => id.parse().map(|id: money::TransferId| *id.bytes()),
        Makes::Hold => id.parse().map(|id: money::HoldId| *id.bytes()),
        Makes::Payment => id.parse().map(|id: PaymentId| *id.bytes()),
        Makes::Refund | Makes::Nothing => id.parse().map(|id: money::RefundId| *id.bytes()),
    };
    bytes.unwrap_or_else(|error| panic!("{id}: {error}"))
}

fn read<T>(
    disk: &Stepper,
    call: impl FnOnce(&mut Tx<'_>) -> Result<Result<T, String>, DbError>,
) -> Result<T, String> {
    disk.look(call).map_err(|error| format!("the rows cannot be read: {error}"))?
}

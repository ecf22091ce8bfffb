//! SQL of alerts: choices, what waits to be told, what was told, and the transfers that are looked at.

use money::{Currency, CustomerId, MessageId, Money, Timestamp, TransferId};
use store::rows::TransferKind;
use store::{DbError, Param, Row, Tx, params};

use super::model::{Choice, Direction, Gathered, Key, Listed, Told, Waiting};
use super::words::{Line, Other};

/// A customer's own choice.
pub(super) struct Chosen {
    pub choice: Choice,
    /// What was posted before is not told.
    pub enabled_at: Timestamp,
}

/// A transfer of some customer's account, and what its customers have chosen.
pub(super) struct Moved {
    pub id: TransferId,
    pub posted_at: Timestamp,
    pub amount: i64,
    pub currency: Currency,
    pub payer: Option<Side>,
    pub payee: Option<Side>,
}

pub(super) struct Side {
    pub customer: CustomerId,
    pub chosen: Option<Chosen>,
}

/// Transfers that are looked at by one text.
pub(super) const LOOKED_AT: usize = 32;

const CHOSEN: &str = "SELECT enabled, at_least, enabled_at FROM payment_alerts \
     WHERE customer = $1 AND currency = $2";
const CHOOSE: &str = "INSERT INTO payment_alerts (customer, currency, enabled, at_least, enabled_at, \
     changed_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (customer, currency) DO UPDATE SET \
     enabled = excluded.enabled, at_least = excluded.at_least, enabled_at = excluded.enabled_at, \
     changed_at = excluded.changed_at";
const MOVED: &str = "SELECT t.id, t.posted_at, t.amount, t.currency, \
     d.owner, p.enabled, p.at_least, p.enabled_at, c.owner, q.enabled, q.at_least, q.enabled_at \
     FROM transfers AS t JOIN accounts AS d ON d.id = t.debit_account \
     JOIN accounts AS c ON c.id = t.credit_account \
     LEFT JOIN payment_alerts AS p ON p.customer = d.owner AND p.currency = t.currency \
     LEFT JOIN payment_alerts AS q ON q.customer = c.owner AND q.currency = t.currency \
     WHERE (d.owner IS NOT NULL OR c.owner IS NOT NULL) AND t.id IN ( \
     $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,  \
     $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)";
const NAMED: &str = "SELECT t.amount, t.currency, t.kind, t.posted_at, d.owner, d.number, c.owner, \
     c.number FROM transfers AS t JOIN accounts AS d ON d.id = t.debit_account \
     JOIN accounts AS c ON c.id = t.credit_account WHERE t.id = $1";
const GATHERED_ONE: &str = "SELECT payments, amount, listed FROM alerts_gathered \
     WHERE customer = $1 AND currency = $2 AND direction = $3";
const GATHERED: &str = "SELECT payments, amount, listed, currency, direction FROM alerts_gathered \
     WHERE customer = $1 ORDER BY currency, direction LIMIT $2";
const GATHER: &str = "INSERT INTO alerts_gathered (customer, currency, direction, payments, amount, \
     listed) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (customer, currency, direction) DO UPDATE \
     SET payments = excluded.payments, amount = excluded.amount, listed = excluded.listed";
const TOLD: &str =
    "SELECT hour_at, incoming, outgoing, message, due_at FROM alerts_told WHERE customer = $1";
const SAVE_TOLD: &str = "INSERT INTO alerts_told (customer, hour_at, incoming, outgoing, message, \
     due_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (customer) DO UPDATE SET \
     hour_at = excluded.hour_at, incoming = excluded.incoming, outgoing = excluded.outgoing, message = excluded.message, due_at = excluded.due_at";
const DUE: &str = "SELECT customer FROM alerts_told WHERE due_at > $1 AND due_at <= $2 \
     ORDER BY due_at, customer LIMIT $3";

/// What the customer chose for a currency.
pub(super) fn chosen(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    currency: Currency,
) -> Result<Option<Chosen>, DbError> {
    let row = tx.query_opt(CHOSEN, params![customer, currency])?;
    row.map(|row| read_chosen(&row, 0)).transpose().map(Option::flatten)
}

/// Whatever else is about what this customer chose waits.
pub(super) fn lock(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    let sql = "SELECT id FROM customers WHERE id = $1 ORDER BY id";
    tx.query_locked(sql, params![customer])?;
    Ok(())
}

pub(super) fn save_choice(
    tx: &mut Tx<'_>,
    (customer, currency): (&CustomerId, Currency),
    (choice, enabled_at): (&Choice, Timestamp),
    now: Timestamp,
) -> Result<(), DbError> {
    let enabled = i64::from(choice.enabled);
    tx.execute(CHOOSE, params![customer, currency, enabled, choice.at_least, enabled_at, now])?;
    Ok(())
}

/// Whether any customer has chosen to be told.
pub(super) fn is_wanted(tx: &mut Tx<'_>) -> Result<bool, DbError> {
    let sql = "SELECT customer FROM payment_alerts WHERE enabled = 1 AND customer > $1 LIMIT 1";
    // No id is all zeros.
    Ok(tx.query_opt(sql, params![&[0_u8; 16]])?.is_some())
}

/// Of at most [`LOOKED_AT`] transfers those with a customer on either side.
pub(super) fn moved(tx: &mut Tx<'_>, ids: &[TransferId]) -> Result<Vec<Moved>, DbError> {
    let Some(last) = ids.last() else { return Ok(Vec::new()) };
    let places = (0..LOOKED_AT).map(|place| ids.get(place).unwrap_or(last));
    let places: Vec<Param<'_>> = places.map(Param::from).collect();
    tx.query(MOVED, &places)?.iter().map(read_moved).collect()
}

/// A payment as its customer is told of it; none where no account in it is theirs.
pub(super) fn named(
    tx: &mut Tx<'_>,
    (customer, direction): (&CustomerId, Direction),
    id: &TransferId,
) -> Result<Option<Line>, DbError> {
    let Some(row) = tx.query_opt(NAMED, params![id])? else { return Ok(None) };
    let side = |owner: usize| {
        let who: Option<CustomerId> = row.id_opt(owner)?;
        Ok::<_, DbError>((who, row.text(owner.saturating_add(1))?.to_owned()))
    };
    let (payer, payee) = (side(4)?, side(6)?);
    let ((owner, own), (other_owner, other)) = match direction {
        Direction::In => (payee, payer),
        Direction::Out => (payer, payee),
    };
    if owner.as_ref() != Some(customer) {
        return Ok(None);
    }
    let other = match other_owner {
        None => Other::Bank,
        Some(other_owner) if other_owner == *customer => Other::Own(other),
        Some(_) => Other::Somebody(other),
    };
    Ok(Some(Line {
        direction,
        money: Money::new(row.int(0)?, row.currency(1)?),
        kind: TransferKind::from_code(row.int(2)?)?.as_str(),
        posted_at: row.time(3)?,
        own,
        other,
    }))
}

/// Adds to what waits for a customer. The job's place is locked by the caller, so nobody else adds.
pub(super) fn gather(
    tx: &mut Tx<'_>,
    (customer, currency, direction): &Key,
    more: &Gathered,
) -> Result<(), DbError> {
    let key = params![customer, *currency, direction.code()];
    let row = tx.query_opt(GATHERED_ONE, key)?;
    let mut all = row.map_or_else(|| Ok(Gathered::default()), |row| read_gathered(&row))?;
    all.add(more);
    let listed: Vec<u8> = all.listed.iter().flat_map(written).collect();
    let code = direction.code();
    tx.execute(GATHER, params![customer, *currency, code, all.payments, all.amount, &listed])?;
    Ok(())
}

/// What waits for a customer.
pub(super) fn gathered(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    most: i64,
) -> Result<Vec<Waiting>, DbError> {
    let rows = tx.query(GATHERED, params![customer, most])?;
    let read = |row: &Row| {
        let code = row.int(4)?;
        let direction = Direction::from_code(code)
            .ok_or_else(|| DbError::Corrupt(format!("a payment's direction {code}")))?;
        Ok(((row.currency(3)?, direction), read_gathered(row)?))
    };
    rows.iter().map(read).collect()
}

/// What was told to a customer lately.
pub(super) fn told(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<Told, DbError> {
    let Some(row) = tx.query_opt(TOLD, params![customer])? else { return Ok(Told::NOTHING) };
    let message: Option<MessageId> = row.id_opt(3)?;
    let (incoming, outgoing) = (row.int(1)?, row.int(2)?);
    Ok(Told { hour_at: row.time(0)?, incoming, outgoing, message, due_at: row.time_opt(4)? })
}

pub(super) fn save_told(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    told: &Told,
) -> Result<(), DbError> {
    let Told { hour_at, incoming, outgoing, message, due_at } = told;
    let message = message.as_ref();
    let values = params![customer, *hour_at, *incoming, *outgoing, message, *due_at];
    tx.execute(SAVE_TOLD, values)?;
    Ok(())
}

/// Customers who are to be told of something after one moment and up to another, the longest waiting first.
pub(super) fn due(
    tx: &mut Tx<'_>,
    (after, until): (Timestamp, Timestamp),
    most: i64,
) -> Result<Vec<CustomerId>, DbError> {
    let rows = tx.query(DUE, params![after, until, most])?;
    rows.iter().map(|row| row.id(0)).collect()
}

/// What waited for a customer was told.
pub(super) fn clear(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    tx.execute("DELETE FROM alerts_gathered WHERE customer = $1", params![customer])?;
    Ok(())
}

/// Removes what a customer chose, what waits for them and what they were told.
pub(crate) fn erase_in(tx: &mut Tx<'_>, customer: &CustomerId) -> Result<(), DbError> {
    tx.execute("DELETE FROM payment_alerts WHERE customer = $1", params![customer])?;
    clear(tx, customer)?;
    tx.execute("DELETE FROM alerts_told WHERE customer = $1", params![customer])?;
    Ok(())
}

/// From the column of `enabled` on; none where there is no row.
fn read_chosen(row: &Row, from: usize) -> Result<Option<Chosen>, DbError> {
    let Some(enabled) = row.int_opt(from)? else { return Ok(None) };
    let at_least = row.int_opt(from.saturating_add(1))?;
    let choice = Choice { enabled: enabled == 1, at_least };
    Ok(Some(Chosen { choice, enabled_at: row.time(from.saturating_add(2))? }))
}

fn read_moved(row: &Row) -> Result<Moved, DbError> {
    let side = |from: usize| {
        let customer: Option<CustomerId> = row.id_opt(from)?;
        let chosen = read_chosen(row, from.saturating_add(1))?;
        Ok::<_, DbError>(customer.map(|customer| Side { customer, chosen }))
    };
    Ok(Moved {
        id: row.id(0)?,
        posted_at: row.time(1)?,
        amount: row.int(2)?,
        currency: row.currency(3)?,
        payer: side(4)?,
        payee: side(8)?,
    })
}

fn read_gathered(row: &Row) -> Result<Gathered, DbError> {
    let (all, rest) = row.blob(2)?.as_chunks::<LISTED_BYTES>();
    let listed: Option<Vec<Listed>> = all.iter().map(read_listed).collect();
    let listed = listed.filter(|_| rest.is_empty());
    let listed = listed.ok_or_else(|| DbError::Corrupt("gathered payments are cut".to_owned()))?;
    Ok(Gathered { payments: row.int(0)?, amount: row.int(1)?, listed })
}

/// An amount, and an id.
const LISTED_BYTES: usize = 24;

fn written(one: &Listed) -> impl Iterator<Item = u8> {
    one.amount.to_be_bytes().into_iter().chain(*one.id.bytes())
}

fn read_listed(bytes: &[u8; LISTED_BYTES]) -> Option<Listed> {
    let (amount, id) = bytes.split_first_chunk::<8>()?;
    let id = id.first_chunk::<16>()?;
    Some(Listed { amount: i64::from_be_bytes(*amount), id: TransferId::from_bytes(*id) })
}

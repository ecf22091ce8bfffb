//! SQL of the outbox. Destination and content are sealed, bound to table, column and row.

use money::{MessageId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{DbError, Row, Tx, params};
use vault::{Indexes, Place};

use super::model::{Channel, MAX_PAUSE_SECONDS, Message, Status};
use crate::bank::{Act, Tools};

/// A message as the delivery works on it.
#[derive(Clone)]
pub(super) struct Due {
    pub id: MessageId,
    pub purpose: String,
    /// Tries so far.
    pub attempts: i64,
    pub expires_at: Timestamp,
    /// Written for nobody: it is ended as if it had been sent.
    pub is_pretended: bool,
    created_at: Timestamp,
    next_at: Timestamp,
    destination_sealed: Option<Vec<u8>>,
    content_sealed: Option<Vec<u8>>,
}

/// What is sealed as a message's text.
#[derive(Serialize, Deserialize)]
pub(super) struct Content {
    pub subject: Option<String>,
    pub text: String,
}

/// A message of the demo's inbox.
pub(super) struct Shown {
    pub id: MessageId,
    pub channel: Channel,
    pub purpose: String,
    pub destination: String,
    pub content: Content,
    pub created_at: Timestamp,
}

const TABLE: &str = "outbox";
const DESTINATION: &str = "destination_sealed";
const TEXT: &str = "text_sealed";

/// The channel of a row that nobody gets, so that it counts for its destination alone: with invented addresses, of
/// which there are as many as a stranger likes, the mails of all others cannot be used up.
const NO_CHANNEL: &str = "none";

/// Adds a message.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    act: &Act,
    id: &MessageId,
    message: &Message,
    row: &NewRow,
) -> Result<(), DbError> {
    let content = Content { subject: message.subject.clone(), text: message.text.clone() };
    let content = serde_json::to_string(&content)
        .map_err(|error| DbError::Corrupt(format!("a message's content: {error}")))?;
    let channel = match row.kept {
        Kept::Message => message.channel.as_str(),
        Kept::Pretence | Kept::Count => NO_CHANNEL,
    };
    let has_content = row.kept != Kept::Count;
    let destination_sealed = act.tools.seal(&place(DESTINATION, id), &message.destination)?;
    let content_sealed = act.tools.seal(&place(TEXT, id), &content)?;
    tx.execute(
        "INSERT INTO outbox (id, channel, purpose, counted, destination_sealed, \
         destination_index, text_sealed, status, attempts, next_at, created_at, expires_at, \
         sent_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $9, $10, $11)",
        params![
            id,
            channel,
            message.purpose,
            i64::from(row.is_counted),
            Some(&destination_sealed).filter(|_| has_content),
            &row.index,
            Some(&content_sealed).filter(|_| has_content),
            row.status.code(),
            act.now,
            act.now.plus_seconds(message.lives_seconds),
            Some(act.now).filter(|_| row.status == Status::Sent)
        ],
    )?;
    Ok(())
}

/// What of a new row is not the message's.
pub(super) struct NewRow {
    pub index: [u8; 32],
    pub status: Status,
    pub is_counted: bool,
    pub kept: Kept,
}

/// What a row is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Message,
    /// Nobody gets it. It is written, waits and is emptied like one that somebody gets, so that neither the time of the
    /// answer nor the size of the database tells them apart.
    Pretence,
    /// An empty row that counts for its destination.
    Count,
}

/// Makes whoever else sends to this destination wait for the end of this transaction, so that two do not
/// both see the last free place.
pub(super) fn lock_destination(
    tx: &mut Tx<'_>,
    index: &[u8; 32],
    now: Timestamp,
) -> Result<(), DbError> {
    let beginning = index.first_chunk::<16>();
    tx.execute(
        "INSERT INTO outbox_destinations (destination, last_at) VALUES ($1, $2) \
         ON CONFLICT (destination) DO UPDATE SET last_at = EXCLUDED.last_at",
        params![beginning, now],
    )?;
    Ok(())
}

/// What a cap looks at: a window before now, and as much after it, since clocks of nodes differ. What is later still
/// was written by a clock that was wrong, and must not keep anybody waiting until then.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub now: Timestamp,
    pub seconds: i64,
}

impl Window {
    fn begin(self) -> Timestamp {
        self.now.plus_seconds(self.seconds.saturating_neg())
    }

    fn end(self) -> Timestamp {
        self.now.plus_seconds(self.seconds)
    }
}

/// When the message was made that fills the cap: the `most`-th newest to a destination in the window.
pub(super) fn filling_destination(
    tx: &mut Tx<'_>,
    indexes: &Indexes,
    window: Window,
    most: i64,
) -> Result<Option<Timestamp>, DbError> {
    let mut newest: Vec<Timestamp> = Vec::new();
    for index in indexes.iter() {
        let rows = tx.query(
            "SELECT created_at FROM outbox WHERE counted = 1 AND destination_index = $1 \
             AND created_at > $2 AND created_at <= $3 ORDER BY created_at DESC LIMIT $4",
            params![index, window.begin(), window.end(), most],
        )?;
        for row in &rows {
            newest.push(row.time(0)?);
        }
    }
    newest.sort_unstable_by(|a, b| b.cmp(a));
    let last = usize::try_from(most.saturating_sub(1)).unwrap_or(usize::MAX);
    Ok(newest.get(last).copied())
}

/// The same over a whole channel.
pub(super) fn filling_channel(
    tx: &mut Tx<'_>,
    channel: Channel,
    window: Window,
    most: i64,
) -> Result<Option<Timestamp>, DbError> {
    let row = tx.query_opt(
        "SELECT created_at FROM outbox WHERE counted = 1 AND channel = $1 \
         AND created_at > $2 AND created_at <= $3 ORDER BY created_at DESC LIMIT 1 OFFSET $4",
        params![channel.as_str(), window.begin(), window.end(), most.saturating_sub(1)],
    )?;
    row.map(|row| row.time(0)).transpose()
}

/// Messages of a channel that are due, the longest waiting first; then those whose next try is further off than any
/// pause: the clock was set back since, and they are not to wait until it is there again. Two ranges of one index.
pub(super) fn due(
    tx: &mut Tx<'_>,
    channel: Channel,
    now: Timestamp,
    most: i64,
) -> Result<Vec<Due>, DbError> {
    due_of(tx, channel.as_str(), now, most)
}

/// The same of what is pretended.
pub(super) fn due_pretended(
    tx: &mut Tx<'_>,
    now: Timestamp,
    most: i64,
) -> Result<Vec<Due>, DbError> {
    due_of(tx, NO_CHANNEL, now, most)
}

fn due_of(
    tx: &mut Tx<'_>,
    channel: &'static str,
    now: Timestamp,
    most: i64,
) -> Result<Vec<Due>, DbError> {
    let (begin, farthest) = (Timestamp::MIN, now.plus_seconds(MAX_PAUSE_SECONDS));
    let mut due = due_between(tx, channel, (begin, now), most)?;
    let room = most.saturating_sub(i64::try_from(due.len()).unwrap_or(i64::MAX));
    if room > 0 {
        due.extend(due_between(tx, channel, (farthest, Timestamp::MAX), room)?);
    }
    Ok(due)
}

/// After the one moment and up to the other.
fn due_between(
    tx: &mut Tx<'_>,
    channel: &'static str,
    (after, until): (Timestamp, Timestamp),
    most: i64,
) -> Result<Vec<Due>, DbError> {
    let rows = tx.query(
        "SELECT id, purpose, attempts, expires_at, next_at, created_at, destination_sealed, \
         text_sealed FROM outbox WHERE status = 0 AND channel = $1 AND next_at > $2 \
         AND next_at <= $3 ORDER BY next_at, id LIMIT $4",
        params![channel, after, until, most],
    )?;
    rows.iter().map(|row| read_due(row, channel == NO_CHANNEL)).collect()
}

/// Whether a message is still to be delivered; none that is gone is.
pub fn is_waiting(tx: &mut Tx<'_>, id: &MessageId) -> Result<bool, DbError> {
    let row = tx.query_opt("SELECT status FROM outbox WHERE id = $1", params![id])?;
    row.map_or(Ok(false), |row| Ok(row.int(0)? == Status::Waiting.code()))
}

/// Whether fewer messages of a channel than so many wait to be delivered.
pub fn has_room(tx: &mut Tx<'_>, channel: Channel, most: i64) -> Result<bool, DbError> {
    let sql = "SELECT id FROM outbox WHERE status = 0 AND channel = $1 ORDER BY next_at LIMIT 1 OFFSET $2";
    let last = tx.query_opt(sql, params![channel.as_str(), most.saturating_sub(1)])?;
    Ok(last.is_none())
}

/// Leases a message until a time: false where somebody else was faster.
pub(super) fn lease(
    tx: &mut Tx<'_>,
    due: &Due,
    until: Timestamp,
    attempts: i64,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE outbox SET next_at = $3, attempts = $4 \
         WHERE id = $1 AND status = 0 AND next_at = $2",
        params![&due.id, due.next_at, until, attempts],
    )?;
    Ok(changed == 1)
}

/// Gives a leased message back for another try at a time.
pub(super) fn postpone(
    tx: &mut Tx<'_>,
    id: &MessageId,
    leased_until: Timestamp,
    next_at: Timestamp,
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE outbox SET next_at = $3 WHERE id = $1 AND status = 0 AND next_at = $2",
        params![id, leased_until, next_at],
    )?;
    Ok(changed == 1)
}

/// Ends a message whose `next_at` is still as it was seen, and empties it.
pub(super) fn finish(
    tx: &mut Tx<'_>,
    id: &MessageId,
    seen: Timestamp,
    (status, now): (Status, Timestamp),
) -> Result<bool, DbError> {
    let changed = tx.execute(
        "UPDATE outbox SET status = $3, sent_at = $4, destination_sealed = NULL, \
         text_sealed = NULL WHERE id = $1 AND status = 0 AND next_at = $2",
        params![id, seen, status.code(), Some(now).filter(|_| status == Status::Sent)],
    )?;
    Ok(changed == 1)
}

/// The newest messages that still have their text.
pub(super) fn newest(tx: &mut Tx<'_>, tools: &Tools, most: i64) -> Result<Vec<Shown>, DbError> {
    let rows = tx.query(
        "SELECT id, channel, purpose, destination_sealed, text_sealed, created_at FROM outbox \
         WHERE text_sealed IS NOT NULL AND channel <> $2 ORDER BY id DESC LIMIT $1",
        params![most, NO_CHANNEL],
    )?;
    rows.iter().map(|row| read_shown(tools, row)).collect()
}

impl Due {
    /// What it was when it was found.
    pub(super) fn seen(&self) -> Timestamp {
        self.next_at
    }

    pub(super) fn lives_seconds(&self) -> i64 {
        self.expires_at.micros_since(self.created_at).div_euclid(1_000_000)
    }

    /// Destination and content, opened.
    pub(super) fn open(&self, tools: &Tools) -> Result<(String, Content), DbError> {
        let gone = || DbError::Corrupt(format!("the waiting message {} is empty", self.id));
        let destination = self.destination_sealed.as_ref().ok_or_else(gone)?;
        let content = self.content_sealed.as_ref().ok_or_else(gone)?;
        open(tools, &self.id, destination, content)
    }
}

fn open(
    tools: &Tools,
    id: &MessageId,
    destination: &[u8],
    content: &[u8],
) -> Result<(String, Content), DbError> {
    let destination = tools.unseal(&place(DESTINATION, id), destination)?;
    let content = tools.unseal(&place(TEXT, id), content)?;
    // serde's error could repeat a piece of the text.
    let content = serde_json::from_str(content.expose())
        .map_err(|_| DbError::Corrupt(format!("the message {id} has lost its form")))?;
    Ok((destination.expose().to_owned(), content))
}

fn read_due(row: &Row, is_pretended: bool) -> Result<Due, DbError> {
    Ok(Due {
        id: row.id(0)?,
        purpose: row.text(1)?.to_owned(),
        attempts: row.int(2)?,
        expires_at: row.time(3)?,
        is_pretended,
        next_at: row.time(4)?,
        created_at: row.time(5)?,
        destination_sealed: row.blob_opt(6)?.map(<[u8]>::to_vec),
        content_sealed: row.blob_opt(7)?.map(<[u8]>::to_vec),
    })
}

fn read_shown(tools: &Tools, row: &Row) -> Result<Shown, DbError> {
    let id = row.id(0)?;
    let channel = Channel::parse(row.text(1)?)
        .ok_or_else(|| DbError::Corrupt(format!("the message {id} has an unknown channel")))?;
    let (destination, content) = open(tools, &id, row.blob(3)?, row.blob(4)?)?;
    Ok(Shown {
        id,
        channel,
        purpose: row.text(2)?.to_owned(),
        destination,
        content,
        created_at: row.time(5)?,
    })
}

fn place<'a>(column: &'static str, id: &'a MessageId) -> Place<'a> {
    Place { table: TABLE, column, row: id.bytes() }
}

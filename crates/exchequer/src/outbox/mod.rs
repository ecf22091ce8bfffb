//! The outbox: messages to people, written in the transaction of what they tell and delivered after it.
//!
//! A verb calls [`send_in`] or [`notify_in`]; the row is there if and only if the act is. `job` delivers:
//! it leases a message, sends it without a transaction open, and marks it. So a message arrives **at
//! least once**: a crash between sending and marking sends it again. Mails carry the message's id as
//! `Message-ID`, by which mailboxes know the repetition; text messages have nothing of the kind.
//!
//! What is pretended, for an address that nobody gets a mail at, is a row like the others until the delivery of mails empties
//! it: a shorter row took less time, by which addresses could be told apart.
//!
//! Destination and text are sealed, bound to their row, and emptied when the message is sent, has failed
//! or is too late. A code that is too late is not sent. Nothing of a text is ever logged or answered.
//!
//! Caps, against whoever earns by having codes sent: per destination and purpose (any hour, any day; exact, since
//! senders to one destination lock its row) and per channel (any hour; that many, and at most one more
//! for each writing connection). What is pretended counts for its destination only: a stranger who invents addresses
//! uses up nobody's mails. What a registration sends counts the same way. A refusal is an event and a 429. Notices are not capped away: by e-mail
//! they always go and count nowhere, since each is caused by an act that is itself bounded (those about payments are not, and
//! wait where many mails do: [`has_room`]); by text
//! message they go as a copy, within caps of their own so that they cannot use up the codes', and only to
//! numbers that somebody has proven to be theirs.
//!
//! Without a server or a gateway: a demo bank shows messages at `/demo/inbox`; in a real bank text
//! messages are refused ([`SendRefusal::NotOffered`]) and mails wait until they are too late.

pub mod api;
mod gateways;
pub(crate) mod job;
mod mail;
pub mod model;
mod sms;
mod store;

use ::store::{DbError, Tx};
use money::{CustomerId, MessageId, Timestamp};
use serde_json::json;
use vault::Indexes;

pub use self::gateways::{Gateways, install_cryptography};
#[cfg(test)]
pub use self::model::MAX_MAIL_CHARS;
use self::model::Status;
pub use self::model::{Channel, Message, Notice, masked_number};
use self::store::{Kept, NewRow, Window};
pub use self::store::{has_room, is_waiting};
use crate::bank::{Act, Tools};
use crate::config::Config;
use crate::customers::model::Phone;
use crate::http::{Code, Problem};
use crate::{customers, events};

/// Why a message is not sent, in the order in which it is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendRefusal {
    /// The bank has no gateway for text messages.
    NotOffered,
    /// Numbers of that country are not served.
    NotServed,
    /// Seconds until the destination has room.
    TooManyForDestination { retry_after: u32 },
    /// Seconds until the channel has room.
    TooManyInAll { retry_after: u32 },
}

/// How long a notice is tried: a mail server's bad week.
const NOTICE_LIVES_SECONDS: i64 = 7 * 86_400;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// Puts a message into the outbox: a code or a token that somebody asked for. A refusal is recorded.
pub fn send_in(
    tx: &mut Tx<'_>,
    act: &Act,
    message: &Message,
) -> Result<Result<MessageId, SendRefusal>, DbError> {
    send(tx, act, message, Kind::Asked)
}

/// The work of [`send_in`], caps included, for a message that nobody must get: what an unknown address is
/// sent. The row it leaves counts for its destination, not for the channel, and is emptied by the delivery.
pub fn pretend_in(
    tx: &mut Tx<'_>,
    act: &Act,
    message: &Message,
) -> Result<Result<MessageId, SendRefusal>, DbError> {
    send(tx, act, message, Kind::Pretended)
}

/// What somebody sends to an address by registering it. It counts for that address alone, as what is pretended does:
/// whoever registers many keeps nobody's mails back. Refused by the caps of its purpose, and recorded then.
pub fn introduce_in(
    tx: &mut Tx<'_>,
    act: &Act,
    message: &Message,
) -> Result<Result<MessageId, SendRefusal>, DbError> {
    match send(tx, act, message, Kind::Counted)? {
        Ok(_counted) => send(tx, act, message, Kind::Notice),
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// Tells somebody by e-mail, always, what the bank itself has done: there is nothing that they could do against it.
pub fn inform_in(
    tx: &mut Tx<'_>,
    act: &Act,
    destination: &str,
    notice: &Notice,
) -> Result<(), DbError> {
    inform_once_in(tx, act, destination, notice).map(|_message| ())
}

/// The same, for whoever asks later whether it was delivered. A mail of this kind is never refused.
pub fn inform_once_in(
    tx: &mut Tx<'_>,
    act: &Act,
    destination: &str,
    notice: &Notice,
) -> Result<Option<MessageId>, DbError> {
    let mail = Message {
        channel: Channel::Email,
        destination: destination.to_owned(),
        purpose: notice.purpose,
        subject: Some(notice.subject.to_owned()),
        text: format!("{}\n\nTime: {}\n\nFor questions call us.\n", notice.text, act.now),
        lives_seconds: NOTICE_LIVES_SECONDS,
    };
    Ok(send(tx, act, &mail, Kind::Notice)?.ok())
}

/// Tells a customer what they should know, by e-mail, always.
pub fn notify_in(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    notice: &Notice,
) -> Result<(), DbError> {
    let found = customers::get(tx, &act.tools, customer)?
        .ok_or_else(|| DbError::Corrupt(format!("a notice to {customer}, who is nobody")))?;
    // No name: whoever registers somebody else's address chooses it, and would choose what the bank writes there.
    let text = format!(
        "{}\n\nTime: {}\n\nIf this was not you, change your password and call us.\n",
        notice.text, act.now
    );
    let mail = Message {
        channel: Channel::Email,
        destination: found.email.as_str().to_owned(),
        purpose: notice.purpose,
        subject: Some(notice.subject.to_owned()),
        text,
        lives_seconds: NOTICE_LIVES_SECONDS,
    };
    // A mail of this kind is never refused.
    let _queued = send(tx, act, &mail, Kind::Notice)?;
    Ok(())
}

/// A notice to one destination that is not the customer's own e-mail: an operator, or the number or address
/// of a factor. By e-mail it is never refused; by text message it is left out, with an event, where there is
/// no gateway or its cap is reached. The destination must be proven.
pub fn notify_at_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (channel, destination): (Channel, &str),
    notice: &Notice,
) -> Result<(), DbError> {
    let message = Message {
        channel,
        destination: destination.to_owned(),
        purpose: notice.purpose,
        subject: Some(notice.subject.to_owned()).filter(|_| channel == Channel::Email),
        text: format!("{} If this was not you, call us.", notice.text),
        lives_seconds: match channel {
            Channel::Email => NOTICE_LIVES_SECONDS,
            Channel::Sms => DAY,
        },
    };
    let _queued_or_refused = send(tx, act, &message, Kind::Notice)?;
    Ok(())
}

/// The copy of a notice to the number of somebody's factor.
pub fn notify_number_in(
    tx: &mut Tx<'_>,
    act: &Act,
    number: &str,
    notice: &Notice,
) -> Result<(), DbError> {
    notify_at_in(tx, act, (Channel::Sms, number), notice)
}

/// Says at the start of a bank what it cannot send.
pub fn warn_of_gaps(config: &Config) {
    if !is_offered(config, Channel::Email) {
        tracing::warn!(
            "no mail server (mail_smtp_url): notices and reset tokens stay in the outbox"
        );
    }
    if !is_offered(config, Channel::Sms) {
        tracing::warn!("no gateway (sms_gateway_url): text messages are no second factor here");
    }
}

/// Whether messages of a channel go anywhere.
pub fn is_offered(config: &Config, channel: Channel) -> bool {
    match way(config, channel) {
        Way::Gateway | Way::Inbox => true,
        Way::Nowhere => false,
    }
}

/// Whether codes may be sent to a number at all: asked before it becomes somebody's factor.
///
/// Errors: `NotOffered`, `NotServed`.
pub fn check_number(config: &Config, number: &Phone) -> Result<(), SendRefusal> {
    if !is_offered(config, Channel::Sms) {
        return Err(SendRefusal::NotOffered);
    }
    if !model::is_served(number.as_str(), &config.messages.sms_prefixes) {
        return Err(SendRefusal::NotServed);
    }
    Ok(())
}

impl SendRefusal {
    fn outcome(self) -> &'static str {
        match self {
            Self::NotOffered => "not_offered",
            Self::NotServed => "not_served",
            Self::TooManyForDestination { .. } => "too_many_for_destination",
            Self::TooManyInAll { .. } => "too_many_in_all",
        }
    }
}

impl From<SendRefusal> for Problem {
    fn from(refusal: SendRefusal) -> Self {
        let wait = |detail: &str, retry_after| Self {
            retry_after_seconds: Some(retry_after),
            ..Self::new(Code::TooManyMessages).detail(detail)
        };
        match refusal {
            SendRefusal::NotOffered => Self::new(Code::SmsNotOffered),
            SendRefusal::NotServed => {
                Self::field("phone", "not_served", "numbers of this country are not served")
            }
            SendRefusal::TooManyForDestination { retry_after } => {
                wait("to this address or number", retry_after)
            }
            SendRefusal::TooManyInAll { retry_after } => wait("by this channel", retry_after),
        }
    }
}

/// Where messages of a channel go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Gateway,
    /// The demo's page.
    Inbox,
    Nowhere,
}

fn way(config: &Config, channel: Channel) -> Way {
    let has_gateway = match channel {
        Channel::Email => config.messages.mail.is_some(),
        Channel::Sms => config.messages.sms.is_some(),
    };
    match (has_gateway, config.demo) {
        (true, _) => Way::Gateway,
        (false, true) => Way::Inbox,
        (false, false) => Way::Nowhere,
    }
}

/// Why a message is sent, which decides what counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Asked,
    Pretended,
    /// A row that counts, before a notice that does not.
    Counted,
    Notice,
}

fn send(
    tx: &mut Tx<'_>,
    act: &Act,
    message: &Message,
    kind: Kind,
) -> Result<Result<MessageId, SendRefusal>, DbError> {
    let config = act.tools.config();
    let id: MessageId = act.id();
    let is_counted = kind != Kind::Notice || message.channel == Channel::Sms;
    let indexes = destination_indexes(&act.tools, message, kind);
    let way = way(config, message.channel);
    if let Err(refusal) = admit(tx, act, message, (way, &indexes, is_counted))? {
        record_refusal(tx, act, message, (&id, refusal))?;
        return Ok(Err(refusal));
    }
    let status = match (kind, way) {
        (Kind::Counted, _) => Status::TooLate,
        // Shown at once: there is nothing to wait for.
        (_, Way::Inbox) => Status::Sent,
        (_, Way::Gateway | Way::Nowhere) => Status::Waiting,
    };
    let kept = match kind {
        Kind::Asked | Kind::Notice => Kept::Message,
        Kind::Pretended => Kept::Pretence,
        Kind::Counted => Kept::Count,
    };
    let row = NewRow { index: *indexes.active(), status, is_counted, kept };
    store::insert(tx, act, &id, message, &row)?;
    Ok(Ok(id))
}

fn admit(
    tx: &mut Tx<'_>,
    act: &Act,
    message: &Message,
    (way, indexes, is_counted): (Way, &Indexes, bool),
) -> Result<Result<(), SendRefusal>, DbError> {
    let messages = &act.tools.config().messages;
    let caps = messages.caps;
    let channel_hour = match message.channel {
        Channel::Email => caps.mail_hour,
        Channel::Sms => {
            if way == Way::Nowhere {
                return Ok(Err(SendRefusal::NotOffered));
            }
            if !model::is_served(&message.destination, &messages.sms_prefixes) {
                return Ok(Err(SendRefusal::NotServed));
            }
            caps.sms_hour
        }
    };
    if !is_counted {
        return Ok(Ok(()));
    }
    store::lock_destination(tx, indexes.active(), act.now)?;
    let window = |seconds| Window { now: act.now, seconds };
    for (seconds, most) in [(HOUR, caps.destination_hour), (DAY, caps.destination_day)] {
        let filling = store::filling_destination(tx, indexes, window(seconds), i64::from(most))?;
        if let Some(retry_after) = until_room(act.now, filling, seconds) {
            return Ok(Err(SendRefusal::TooManyForDestination { retry_after }));
        }
    }
    let most = i64::from(channel_hour);
    let filling = store::filling_channel(tx, message.channel, window(HOUR), most)?;
    Ok(match until_room(act.now, filling, HOUR) {
        Some(retry_after) => Err(SendRefusal::TooManyInAll { retry_after }),
        None => Ok(()),
    })
}

/// Seconds, rounded up, until the message that fills a window has left it.
fn until_room(now: Timestamp, filling: Option<Timestamp>, window: i64) -> Option<u32> {
    let micros = filling?.plus_seconds(window).micros_since(now);
    let seconds = micros.saturating_add(999_999).saturating_div(1_000_000).max(1);
    Some(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// Each purpose has caps of its own, and notices together: reset tokens that a stranger asks for must not use up
/// the codes of the customer's own sign-in.
fn destination_indexes(tools: &Tools, message: &Message, kind: Kind) -> Indexes {
    let label = match kind {
        Kind::Asked | Kind::Pretended | Kind::Counted => message.purpose,
        Kind::Notice => "notice",
    };
    let channel = message.channel.as_str();
    let text = format!("{label}:{channel}:{}", message.destination);
    tools.keyring().blind_indexes("outbox.destination", text.as_bytes())
}

fn record_refusal(
    tx: &mut Tx<'_>,
    act: &Act,
    message: &Message,
    (id, refusal): (&MessageId, SendRefusal),
) -> Result<(), DbError> {
    let after = json!({
        "channel": message.channel.as_str(),
        "purpose": message.purpose,
        "destination": events::hashed(&act.tools, "destination", &message.destination),
    });
    let outcome = refusal.outcome();
    events::record(tx, act, "message.refused", &id.to_string(), outcome, Some(&after))
}

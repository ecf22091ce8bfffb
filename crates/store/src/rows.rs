//! The rows of the ledger's tables as Rust values.

use std::sync::Arc;

use ledger::AccountStatus;
use money::{
    AccountId, Currency, CustomerId, EventId, RequestId, SessionId, Timestamp, TransferId,
};
use vault::token::sha256;

use crate::DbError;

/// Who acts, from where. One row for each session, address and agent; the id is a hash of the rest,
/// so that every node gives the same origin the same id without asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    id: [u8; 16],
    actor_kind: &'static str,
    actor: Option<[u8; 16]>,
    session: Option<SessionId>,
    address: String,
    agent: String,
}

impl Origin {
    /// `actor_kind` is `customer`, `staff`, `merchant`, `public` or `system`; `address` and `agent` are
    /// what the connection and the `User-Agent` header said.
    pub fn new(
        actor_kind: &'static str,
        actor: Option<[u8; 16]>,
        session: Option<SessionId>,
        address: String,
        agent: String,
    ) -> Arc<Self> {
        let mut text = Vec::with_capacity(128);
        for part in [
            actor_kind.as_bytes(),
            actor.as_ref().map_or(&[][..], |a| a),
            session.as_ref().map_or(&[][..], |s| s.bytes()),
            address.as_bytes(),
            agent.as_bytes(),
        ] {
            text.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            text.extend_from_slice(part);
        }
        let mut id = [0; 16];
        id.copy_from_slice(&sha256(&text)[..16]);
        Arc::new(Self { id, actor_kind, actor, session, address, agent })
    }

    /// What the bank does by itself: jobs, seeding, the command line.
    pub fn system(name: &str) -> Arc<Self> {
        Self::new("system", None, None, String::new(), name.to_owned())
    }

    pub fn id(&self) -> &[u8; 16] {
        &self.id
    }

    pub fn actor_kind(&self) -> &'static str {
        self.actor_kind
    }

    pub fn actor(&self) -> Option<&[u8; 16]> {
        self.actor.as_ref()
    }

    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn agent(&self) -> &str {
        &self.agent
    }
}

/// One event: a change, or a refusal that matters.
#[derive(Debug, Clone)]
pub struct EventRow {
    pub id: EventId,
    pub at: Timestamp,
    pub origin: Arc<Origin>,
    pub request: RequestId,
    /// `noun.verb`, as `account.opened`.
    pub action: &'static str,
    /// The id of what it is about.
    pub resource: String,
    /// `done`, or the code of the refusal.
    pub outcome: &'static str,
    /// The customer whose safety it is about, if it is about that.
    pub subject: Option<CustomerId>,
    /// JSON objects; sensitive fields only as keyed hashes.
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TransferKind {
    Transfer,
    Deposit,
    Withdrawal,
    Capture,
    Reversal,
    /// A card payment's captured money, from the gateway's clearing to the merchant.
    CardCapture,
    /// What the bank takes of it.
    CardFee,
    /// Money of a refund that a gateway is about to be asked for: from the merchant, set aside.
    RefundSetAside,
    /// The gateway has refunded: from what was set aside to its clearing.
    RefundPaid,
    /// The gateway has not refunded: back to the merchant.
    RefundReturned,
    /// A merchant's money, to the account that it is settled to.
    Payout,
    /// What a gateway's report says and the books do not: to or from suspense.
    Difference,
    /// The charge of a payment that failed here, given back by the gateway: from suspense to its clearing.
    ChargeReversed,
    /// What a gateway keeps of what it owes the bank; the other way where it gives a fee back.
    GatewayFee,
}

impl TransferKind {
    pub const ALL: [Self; 14] = [
        Self::Transfer,
        Self::Deposit,
        Self::Withdrawal,
        Self::Capture,
        Self::Reversal,
        Self::CardCapture,
        Self::CardFee,
        Self::RefundSetAside,
        Self::RefundPaid,
        Self::RefundReturned,
        Self::Payout,
        Self::Difference,
        Self::ChargeReversed,
        Self::GatewayFee,
    ];

    /// Whether `reference` names what it is about: a hold, a transfer, a payment or one of its steps, a
    /// merchant, a difference to a report. A line of a report names its fee's transfer itself.
    pub fn has_reference(self) -> bool {
        match self {
            Self::Transfer | Self::Deposit | Self::Withdrawal | Self::GatewayFee => false,
            Self::Capture
            | Self::Reversal
            | Self::CardCapture
            | Self::CardFee
            | Self::RefundSetAside
            | Self::RefundPaid
            | Self::RefundReturned
            | Self::Payout
            | Self::Difference
            | Self::ChargeReversed => true,
        }
    }

    pub fn code(self) -> i64 {
        match self {
            Self::Transfer => 1,
            Self::Deposit => 2,
            Self::Withdrawal => 3,
            Self::Capture => 4,
            Self::Reversal => 5,
            Self::CardCapture => 6,
            Self::CardFee => 7,
            Self::RefundSetAside => 8,
            Self::RefundPaid => 9,
            Self::RefundReturned => 10,
            Self::Payout => 11,
            Self::Difference => 12,
            Self::ChargeReversed => 13,
            Self::GatewayFee => 14,
        }
    }

    pub fn from_code(code: i64) -> Result<Self, DbError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.code() == code)
            .ok_or_else(|| DbError::Corrupt(format!("transfer kind {code}")))
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdrawal",
            Self::Capture => "capture",
            Self::Reversal => "reversal",
            Self::CardCapture => "card_capture",
            Self::CardFee => "card_fee",
            Self::RefundSetAside => "refund_set_aside",
            Self::RefundPaid => "refund_paid",
            Self::RefundReturned => "refund_returned",
            Self::Payout => "payout",
            Self::Difference => "difference",
            Self::ChargeReversed => "charge_reversed",
            Self::GatewayFee => "gateway_fee",
        }
    }
}

/// A posted transfer with its two entries; immutable once written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferRow {
    pub id: TransferId,
    pub debit: Side,
    pub credit: Side,
    pub amount: i64,
    pub currency: Currency,
    pub kind: TransferKind,
    pub posted_at: Timestamp,
    pub memo: Option<String>,
    /// The hold it captures or the transfer it reverses, by kind.
    pub reference: Option<[u8; 16]>,
    pub origin: [u8; 16],
    pub request: RequestId,
}

/// An account's closing balance of a day that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRow {
    pub account: AccountId,
    /// Days since 1970, UTC.
    pub day: i64,
    /// Minor units.
    pub posted: i64,
    /// The newest entry until then.
    pub last_entry: Option<TransferId>,
}

/// One account's entry of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    pub account: AccountId,
    pub number: i64,
    pub previous: Option<TransferId>,
    pub balance: i64,
}

/// What the idempotency table says of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    pub request_hash: [u8; 16],
    pub status: i64,
    /// The id of what the request made.
    pub resource: Option<[u8; 16]>,
    /// `None`: the answer is a pure function of the immutable row `resource`.
    pub answer: Option<Vec<u8>>,
}

/// A client's key, bound to its principal and route, and the request it came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnceKey {
    /// Over (principal, route, key): at least 80 bits of hash, so that nobody can search another
    /// principal's scope. A key that is a UUID gives its first 48 bits besides, in front: keys
    /// ordered by time (RFC 9562 §5.7) are then neighbours in the index, and an index that is hit at
    /// random costs more than all the rest of a transfer.
    pub scope: [u8; 16],
    pub request_hash: [u8; 16],
    /// The hash under other versions of its key, as a node that uses one of them, or a request from before a
    /// rotation, has stored it; zeros where there are fewer.
    pub other_hashes: [[u8; 16]; OTHER_HASHES],
}

/// Versions of the key of request hashes besides the one in use.
pub const OTHER_HASHES: usize = 3;

impl OnceKey {
    /// `principal` is the caller's kind and id; `route` its method and pattern; `request` the path, query
    /// and body as received.
    pub fn new(principal: &[u8], route: &str, key: &str, request: &[&[u8]]) -> Self {
        let mut scope = short_hash(&[principal, route.as_bytes(), key.as_bytes()]);
        if let Some(time) = uuid_time(key) {
            scope[..6].copy_from_slice(&time);
        }
        let none = [[0; 16]; OTHER_HASHES];
        Self { scope, request_hash: short_hash(request), other_hashes: none }
    }

    /// Whether a stored hash is that of this request.
    pub fn is_request(&self, stored: &[u8; 16]) -> bool {
        // Zeros are no hash, but with a chance of 2^-128 for each request.
        *stored == self.request_hash || (*stored != [0; 16] && self.other_hashes.contains(stored))
    }
}

/// The first 48 bits of a UUID in its text form, 8-4-4-4-12 hexadecimal digits.
fn uuid_time(key: &str) -> Option<[u8; 6]> {
    let bytes = key.as_bytes();
    let is_uuid = bytes.len() == 36
        && bytes.iter().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if !is_uuid {
        return None;
    }
    let digits = |range| u64::from_str_radix(key.get(range)?, 16).ok();
    let time = digits(0..8)? << 16 | digits(9..13)?;
    let [_, _, time @ ..] = time.to_be_bytes();
    Some(time)
}

pub(crate) fn status_code(status: AccountStatus) -> i64 {
    match status {
        AccountStatus::Open => 0,
        AccountStatus::Frozen => 1,
        AccountStatus::Closed => 2,
    }
}

/// The status column of an account.
pub fn account_status(code: i64) -> Result<AccountStatus, DbError> {
    match code {
        0 => Ok(AccountStatus::Open),
        1 => Ok(AccountStatus::Frozen),
        2 => Ok(AccountStatus::Closed),
        other => Err(DbError::Corrupt(format!("account status {other}"))),
    }
}

/// SHA-256 over length-prefixed parts, cut to 128 bits.
fn short_hash(parts: &[&[u8]]) -> [u8; 16] {
    let mut text = Vec::with_capacity(256);
    for part in parts {
        text.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        text.extend_from_slice(part);
    }
    let mut short = [0; 16];
    short.copy_from_slice(&sha256(&text)[..16]);
    short
}

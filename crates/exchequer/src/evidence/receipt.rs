//! Receipts: a transfer (a card payment: [`super::payment`]) that the bank has signed for, to be checked by anybody with the bank's key and nothing else.
//!
//! The facts, the leaf that has them, the way from the leaf to a root, and the signed checkpoint that says the root. The
//! leaf shows no balance and no other party's address: those are commitments. The memo is opened by a key that opens
//! nothing else. Checking costs some forty hashes and one signature. Pure.

use data_encoding::{BASE64, HEXLOWER};
use merkle::{Checkpoint, Hash, VerifierKey, check_inclusion, leaf_hash};
use money::{AccountId, Timestamp, TransferId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vault::sha256;

use super::leaf::{self, Salt, memo_commitment, memo_of};
use super::model::{Facts, Table};
use super::payment::PaymentReceipt;
use super::proofs::Shown;

/// The version of the document.
const VERSION: u32 = 1;

/// A receipt.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SignedReceipt)]
pub struct SignedReceipt {
    /// 1.
    pub version: u32,
    pub transfer: ReceiptFacts,
    /// The leaf, base64: version and table, then each field with its length before it.
    pub leaf: String,
    /// The leaf's number, from 0.
    pub index: u64,
    /// How many leaves the log had.
    pub size: u64,
    /// Hashes beside the way from the leaf to the root, base64, the lowest first (RFC 6962).
    pub proof: Vec<String>,
    /// The signed note (C2SP tlog-checkpoint).
    pub checkpoint: String,
    /// What opens the memo; absent where it was forgotten with its person.
    pub opening: Option<MemoOpening>,
}

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptFacts {
    pub id: String,
    pub from: String,
    pub to: String,
    /// Minor units.
    pub amount: i64,
    pub currency: String,
    /// RFC 3339, UTC, to the microsecond.
    pub posted_at: String,
    pub memo: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoOpening {
    /// Base64.
    pub key: String,
    /// The commitment to address and agent, base64.
    pub origin: String,
}

/// Why a receipt shows nothing, in the order in which it is checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    #[error("this is not a receipt: {0}")]
    Malformed(String),
    #[error("the leaf says something else than the receipt: {0}")]
    Facts(&'static str),
    #[error("the memo is not the one in the leaf")]
    Memo,
    #[error("the checkpoint is not signed with this key: {0}")]
    Checkpoint(String),
    #[error("the leaf is not in the log that was signed")]
    Inclusion,
    /// Of a payment alone, as the others are.
    #[error("the bank has signed for another payment, or for other steps of it")]
    Statement,
    #[error("{operation}: the log says something else: {what}")]
    Step { operation: String, what: &'static str },
    #[error("the steps say something else than the payment: {0}")]
    Total(&'static str),
}

/// A receipt of either kind.
#[derive(Debug, Clone)]
pub enum Receipt {
    Transfer(Box<SignedReceipt>),
    Payment(Box<PaymentReceipt>),
}

impl Receipt {
    /// Reads a receipt, finds out which kind it is, and checks all of it against the bank's key.
    pub fn verify(text: &str, key: &VerifierKey) -> Result<Self, ReceiptError> {
        let read: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| ReceiptError::Malformed(error.to_string()))?;
        if read.get("payment").is_some() {
            return PaymentReceipt::verify(text, key).map(|read| Self::Payment(Box::new(read)));
        }
        SignedReceipt::verify(text, key).map(|read| Self::Transfer(Box::new(read)))
    }
}

impl std::fmt::Display for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Transfer(receipt) => receipt.fmt(f),
            Self::Payment(receipt) => receipt.fmt(f),
        }
    }
}

impl SignedReceipt {
    /// None for what is no transfer. Without the payer's salt the memo cannot be opened.
    pub fn of(shown: &Shown, salt: Option<&Salt>) -> Option<Self> {
        let Facts::Transfer(transfer) = &shown.row.facts else { return None };
        let opening = salt.map(|salt| MemoOpening {
            key: BASE64.encode(&salt.memo_key(&shown.row)),
            origin: BASE64.encode(&salt.personal(&shown.row).origin),
        });
        Some(Self {
            version: VERSION,
            transfer: ReceiptFacts {
                id: TransferId::from_bytes(shown.row.id).to_string(),
                from: AccountId::from_bytes(transfer.debit.account).to_string(),
                to: AccountId::from_bytes(transfer.credit.account).to_string(),
                amount: transfer.amount,
                currency: transfer.currency.clone(),
                posted_at: Timestamp::from_micros(transfer.posted_at).to_string(),
                memo: memo_of(&shown.row).filter(|_| opening.is_some()).map(str::to_owned),
            },
            leaf: BASE64.encode(&shown.leaf),
            index: shown.index,
            size: shown.size,
            proof: shown.proof.iter().map(|hash| BASE64.encode(hash)).collect(),
            checkpoint: shown.checkpoint.clone(),
            opening,
        })
    }

    /// Reads a receipt and checks all of it against the bank's key.
    pub fn verify(text: &str, key: &VerifierKey) -> Result<Self, ReceiptError> {
        let malformed = |why: &str| ReceiptError::Malformed(why.to_owned());
        let receipt: Self = serde_json::from_str(text)
            .map_err(|error| ReceiptError::Malformed(error.to_string()))?;
        if receipt.version != VERSION {
            return Err(malformed("another version"));
        }
        let leaf = BASE64.decode(receipt.leaf.as_bytes()).map_err(|_| malformed("the leaf"))?;
        let fields = leaf::fields(&leaf, Table::Transfers).ok_or_else(|| malformed("the leaf"))?;
        let personal = receipt.same_facts(&fields)?;
        if let Some(opening) = &receipt.opening {
            let memo = memo_commitment(&hash(&opening.key)?, receipt.transfer.memo.as_deref());
            if sha256(&[memo, hash(&opening.origin)?].concat()) != personal {
                return Err(ReceiptError::Memo);
            }
        } else if receipt.transfer.memo.is_some() {
            return Err(ReceiptError::Memo);
        }
        let said = Checkpoint::verified(&receipt.checkpoint, std::slice::from_ref(key))
            .map_err(|error| ReceiptError::Checkpoint(error.to_string()))?;
        let proof: Vec<Hash> =
            receipt.proof.iter().map(|text| hash(text)).collect::<Result<_, _>>()?;
        let place = (receipt.index, receipt.size);
        let is_in = said.size == receipt.size
            && check_inclusion(&leaf_hash(&leaf), place, &proof, &said.root).is_ok();
        if is_in { Ok(receipt) } else { Err(ReceiptError::Inclusion) }
    }

    /// Whether the leaf has the receipt's facts; gives its personal commitment.
    fn same_facts(&self, fields: &[Option<&[u8]>]) -> Result<Hash, ReceiptError> {
        let [
            Some(id),
            Some(from),
            Some(to),
            Some(amount),
            Some(currency),
            Some(_),
            Some(at),
            _,
            _,
            Some(personal),
        ] = fields
        else {
            return Err(ReceiptError::Malformed("the leaf".to_owned()));
        };
        let facts = &self.transfer;
        let time: Option<Timestamp> = facts.posted_at.parse().ok();
        let account = |text: &str| text.parse::<AccountId>().map(|id| *id.bytes()).ok();
        let same = [
            ("id", facts.id.parse::<TransferId>().is_ok_and(|known| known.bytes()[..] == **id)),
            ("from", account(&facts.from).is_some_and(|known| known[..] == **from)),
            ("to", account(&facts.to).is_some_and(|known| known[..] == **to)),
            ("amount", facts.amount.to_be_bytes()[..] == **amount),
            ("currency", facts.currency.as_bytes() == *currency),
            ("posted_at", time.is_some_and(|time| time.micros().to_be_bytes()[..] == **at)),
        ];
        if let Some((name, _)) = same.into_iter().find(|(_, is_same)| !is_same) {
            return Err(ReceiptError::Facts(name));
        }
        Hash::try_from(*personal).map_err(|_| ReceiptError::Malformed("the leaf".to_owned()))
    }
}

impl std::fmt::Display for SignedReceipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ReceiptFacts { id, from, to, amount, currency, posted_at, memo } = &self.transfer;
        writeln!(f, "The bank has signed for this transfer:")?;
        writeln!(f, "  transfer  {id}\n  from      {from}\n  to        {to}")?;
        writeln!(f, "  amount    {amount} {currency} (minor units)\n  posted    {posted_at}")?;
        if let Some(memo) = memo {
            // Whoever wrote it does not write to this terminal.
            writeln!(f, "  memo      {}", memo.escape_debug())?;
        }
        let hash = leaf::VERSION;
        let leaf = BASE64.decode(self.leaf.as_bytes()).unwrap_or_default();
        let named = HEXLOWER.encode(&leaf_hash(&leaf));
        writeln!(f, "  leaf      {} of {}, version {hash}, {named}", self.index, self.size)
    }
}

pub(super) fn hash(text: &str) -> Result<Hash, ReceiptError> {
    let bytes = BASE64.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| ReceiptError::Malformed("a hash".to_owned()))
}

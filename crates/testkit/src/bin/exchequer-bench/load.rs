//! What is asked of a bank: transfers of one minor unit between members that chance picks.
//!
//! Each has a key of its own, a UUID in its text form as a client would send it: of version 7 (ordered
//! by time) or of version 4 (random). Pairs come from a fixed seed, keys never twice.

use std::sync::Arc;

use exchequer::transfers::door::Wanted;
use money::{Amount, Clock, Currency, IdMint, Rng, TransferId};
use store::posting::{Party, PostOrder};
use store::rows::{OnceKey, Origin, TransferKind};

use crate::Result;
use crate::bank::{Member, Opened, rupees};

const ROUTE: &str = "POST /v1/transfers";

/// How the idempotency keys are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// UUIDv7, the recommended practice.
    Ordered,
    /// UUIDv4.
    Random,
}

impl Keys {
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "ordered" => Ok(Self::Ordered),
            "random" => Ok(Self::Random),
            other => Err(format!("`{other}` are no keys: `ordered` or `random`").into()),
        }
    }
}

pub struct Load {
    members: Arc<[Member]>,
    keys: Keys,
    mint: IdMint,
    pairs: Rng,
    random: Rng,
    origin: Arc<Origin>,
    amount: Amount,
    currency: Currency,
}

impl Load {
    /// One caller's; `number` tells callers apart.
    pub fn new(opened: &Opened, keys: Keys, number: u32) -> Result<Self> {
        let seed = u64::from_le_bytes(Rng::System.bytes());
        let agent = format!("exchequer-bench/{number}");
        Ok(Self {
            members: Arc::clone(&opened.members),
            keys,
            mint: IdMint::new(Rng::seeded(seed)),
            pairs: Rng::seeded(u64::from(number)),
            random: Rng::seeded(seed.wrapping_add(1)),
            origin: Origin::new("system", None, None, "127.0.0.1".to_owned(), agent),
            amount: Amount::MIN,
            currency: rupees()?,
        })
    }

    pub fn wanted(&self) -> Wanted {
        let (payer, payee) = self.pair();
        Wanted {
            kind: TransferKind::Transfer,
            debit: Party::Own { owner: payer.owner, account: payer.account },
            credit: Party::Payee(payee.account),
            amount: self.amount,
            currency: self.currency,
            memo: None,
            key: self.key(payer),
            origin: Arc::clone(&self.origin),
            request: self.mint.mint(Clock::System.now()),
        }
    }

    pub fn orders(&self, count: u32) -> Vec<PostOrder> {
        (0..count).map(|_| self.order()).collect()
    }

    fn order(&self) -> PostOrder {
        let wanted = self.wanted();
        PostOrder {
            id: self.mint.mint(Clock::System.now()),
            kind: wanted.kind,
            debit: wanted.debit,
            credit: wanted.credit,
            amount: wanted.amount,
            currency: wanted.currency,
            memo: wanted.memo,
            reference: None,
            key: Some(wanted.key),
            linked_with_next: false,
            origin: wanted.origin,
            request: wanted.request,
        }
    }

    fn pair(&self) -> (Member, Member) {
        let count = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        let payer = self.pairs.below(count);
        // Any of the others: a step of 1 to count - 1 round the circle.
        let payee = (payer + 1 + self.pairs.below(count - 1)) % count;
        (self.members[payer as usize], self.members[payee as usize])
    }

    fn key(&self, payer: Member) -> OnceKey {
        let text = match self.keys {
            Keys::Ordered => time_ordered_uuid(&self.mint),
            Keys::Random => uuid_text(self.random.bytes()),
        };
        OnceKey::new(payer.owner.bytes(), ROUTE, &text, &[text.as_bytes()])
    }
}

/// A UUID of version 7 that no other call of the mint gives.
pub fn time_ordered_uuid(mint: &IdMint) -> String {
    let id: TransferId = mint.mint(Clock::System.now());
    uuid_text(*id.bytes())
}

/// RFC 9562 §4: 8-4-4-4-12 hexadecimal digits.
fn uuid_text(bytes: [u8; 16]) -> String {
    let digits = format!("{:032x}", u128::from_be_bytes(bytes));
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}

//! Who has the keys of card numbers: the bank itself, or a vault that is a process of its own.
//!
//! Embedded, sealing and opening are done where the transaction is. With a vault the bank has no key that opens a
//! number or makes a fingerprint: it sends the number it was given and gets it back sealed and marked, and sends a
//! sealed one and gets the number for as long as it asks the gateway. The vault counts and records each number that
//! it opens in a database of its own before it answers. Order: the vault is asked before the transaction that keeps
//! what it said, so that a vault that is away leaves nothing behind. What the bank's process can do with a vault and
//! what it cannot stands in `docs/vault.md`.

pub mod client;
pub mod frames;
mod refusals;
pub mod server;
mod way;

#[cfg(test)]
mod tests;

use ::store::{DbError, Replacement, Tx};
use money::{CardId, MerchantId};
use tokio::sync::watch;
use vault::card::Number;
use vault::{Place, Sealing, sealed_with};
use zeroize::Zeroizing;

use self::client::Client;
use self::frames::{Ask, MAX_VALUES, Mark, Reason, Reply, Resealed};
use super::{NewCard, RevealPurpose, store};
use crate::bank::{Bank, Tools};
use crate::config::Cards;
use crate::http::{Code, Problem};

/// Who has the keys.
pub enum Keeper {
    Bank,
    Vault(Client),
}

/// A number that was sealed for a card, and by what it is known.
pub struct Taken {
    pub card: CardId,
    pub sealed: Vec<u8>,
    /// The newest first.
    pub marks: Vec<Mark>,
}

/// What a transaction on cards works with.
pub enum Held<T> {
    /// The bank has the keys, and uses them in the transaction.
    ByTheBank,
    /// The vault was asked before it; none where there was nothing to ask for.
    ByTheVault(Option<T>),
}

/// A sealed number that may be opened.
pub struct SealedNumber {
    pub merchant: MerchantId,
    pub card: CardId,
    pub sealed: Vec<u8>,
}

/// Why the vault did not do it, in the order in which it is found out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeeperError {
    #[error("the card vault cannot be reached: {0}")]
    Away(&'static str),
    #[error("the card vault at this socket belongs to user {uid}")]
    Impostor { uid: u32 },
    #[error("the card vault does not prove itself: {0}")]
    Unproven(tls::client::Unproven),
    #[error("the card vault speaks another version")]
    Version,
    #[error("the card vault takes this process for a stranger")]
    Stranger,
    #[error("the card vault has opened as many numbers as it may")]
    Capped { retry_seconds: u32 },
    #[error("a sealed card number does not open in the card vault")]
    Damaged,
    #[error("the card vault cannot do it: {0}")]
    Refused(&'static str),
}

impl KeeperError {
    /// Whether a bank starts all the same. Each connection over a network is proven anew, so that cards alone are refused
    /// for as long as the vault's or the bank's certificate is not believed; at a socket that is a fault of the settings.
    const fn lets_start(&self, is_far: bool) -> bool {
        match self {
            Self::Away(_) => true,
            Self::Unproven(_) | Self::Stranger => is_far,
            Self::Impostor { .. }
            | Self::Version
            | Self::Capped { .. }
            | Self::Damaged
            | Self::Refused(_) => false,
        }
    }
}

impl Keeper {
    pub fn new(cards: &Cards) -> Self {
        cards.vault.as_ref().map_or(Self::Bank, |vault| Self::Vault(Client::new(vault.clone())))
    }
}

impl Taken {
    /// Sealed and marked with the bank's own keys.
    pub fn here(
        tools: &Tools,
        (merchant, card): (&MerchantId, CardId),
        number: &Number,
        wants_token: bool,
    ) -> Result<Self, DbError> {
        let ring = tools.keyring();
        let place = Place { table: "cards", column: "number", row: card.bytes() };
        let sealed = ring
            .seal_for(Sealing::CardData, tools.rng(), &place, number.expose())
            .map_err(|error| DbError::Corrupt(format!("a card was not sealed: {error}")))?;
        let mark = |key: &vault::CardTokenKeys| {
            let token = if wants_token {
                let made = key.tokens.tokenize(*merchant, number);
                let failed = |error| DbError::Corrupt(format!("a card's token: {error}"));
                Some(made.map_err(failed)?.as_str().to_owned())
            } else {
                None
            };
            let fingerprint = key.fingerprints.of(*merchant, number);
            Ok(Mark { version: key.version, fingerprint, token })
        };
        let marks = ring.card_tokens().iter().map(mark).collect::<Result<_, DbError>>()?;
        Ok(Self { card, sealed, marks })
    }
}

impl Client {
    /// Has a number sealed for a card.
    pub async fn take(
        &self,
        (merchant, card): (&MerchantId, CardId),
        new: &NewCard,
    ) -> Result<Taken, KeeperError> {
        let number = Zeroizing::new(new.number.expose().to_vec());
        let ask = Ask::Take { merchant: *merchant, card, wants_token: new.wants_token, number };
        match self.ask(&ask).await? {
            Reply::Taken { sealed, marks } if !marks.is_empty() => {
                Ok(Taken { card, sealed, marks })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Has a number opened, for a purpose and in answer to something.
    pub async fn open(
        &self,
        sealed: SealedNumber,
        (purpose, about): (RevealPurpose, &str),
    ) -> Result<Number, KeeperError> {
        let SealedNumber { merchant, card, sealed } = sealed;
        let about = about.to_owned();
        let ask = Ask::Open { merchant, card, purpose: purpose.code(), about, sealed };
        match self.ask(&ask).await? {
            Reply::Number(digits) => std::str::from_utf8(&digits)
                .ok()
                .and_then(|text| Number::parse(text).ok())
                .ok_or(KeeperError::Refused("what it opened is no number")),
            other => Err(unexpected(&other)),
        }
    }

    async fn version(&self) -> Result<u32, KeeperError> {
        match self.ask(&Ask::Status).await? {
            Reply::Status { version } => Ok(version),
            other => Err(unexpected(&other)),
        }
    }

    async fn reseal(&self, values: Vec<(CardId, Vec<u8>)>) -> Result<Vec<Resealed>, KeeperError> {
        let count = values.len();
        match self.ask(&Ask::Reseal { values }).await? {
            Reply::Resealed(values) if values.len() == count => Ok(values),
            other => Err(unexpected(&other)),
        }
    }
}

/// The key of a request was released, or a card was made, between the look before the vault was asked and the
/// transaction: the same request, sent again, finds what there is now.
pub(crate) fn released() -> DbError {
    DbError::Busy("the request was decided by another one meanwhile".to_owned())
}

/// A refusal, or an answer to another question.
fn unexpected(reply: &Reply) -> KeeperError {
    let Reply::Refused { reason, retry_seconds } = reply else {
        return KeeperError::Refused("its answer is to another question");
    };
    match reason {
        Reason::Version => KeeperError::Version,
        Reason::Malformed => KeeperError::Refused("it cannot read what it is asked"),
        Reason::Stranger => KeeperError::Stranger,
        Reason::Capped => KeeperError::Capped { retry_seconds: *retry_seconds },
        Reason::Damaged => KeeperError::Damaged,
        Reason::Unavailable => KeeperError::Refused("its database or its keys do not answer"),
    }
}

/// Whether the newest number that the bank keeps opens where the bank would have it opened.
///
/// Errors: a text for whoever starts the bank, when it does not. A vault that is away is a warning, and so is one on a network
/// when one of the two does not believe the other: the bank can do all but cards without it.
pub async fn check(bank: &Bank) -> Result<(), String> {
    let newest = bank.db().read("cards.newest", store::newest_number).await;
    let Some((card, sealed)) = newest.map_err(|error: DbError| error.to_string())? else {
        return Ok(());
    };
    let opens = match bank.card_keeper() {
        Keeper::Bank => {
            let place = Place { table: "cards", column: "number", row: card.bytes() };
            bank.tools().keyring().open_for(Sealing::CardData, &place, &sealed).is_ok()
        }
        Keeper::Vault(client) => match client.reseal(vec![(card, sealed)]).await {
            Ok(values) => values != [Resealed::Damaged],
            Err(error) if error.lets_start(client.is_far()) => {
                tracing::warn!(%error, "cards are refused until it is there");
                true
            }
            Err(error) => return Err(error.to_string()),
        },
    };
    if opens {
        return Ok(());
    }
    Err("the card numbers of this bank were sealed elsewhere: by another card vault, or by the bank itself before \
         card_vault_socket or card_vault_address was set, or with one before they were unset"
        .to_owned())
}

/// Has every number sealed anew that an older key of the vault sealed, once for each version of it; gives how many
/// values were replaced. What cannot be a number sealed with that version replaces nothing; whether what can be one opens, the
/// bank cannot see.
pub async fn sweep(bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
    let Keeper::Vault(client) = bank.card_keeper() else { return Ok(0) };
    let away = |error: KeeperError| DbError::Unavailable(error.to_string());
    let version = client.version().await.map_err(away)?;
    if client.is_resealed(version) {
        return Ok(0);
    }
    let (mut after, mut replaced, mut damaged) = ([0; 16], 0_u64, 0_u64);
    while !*stop.borrow() {
        let most = i64::try_from(MAX_VALUES).unwrap_or(i64::MAX);
        let look = move |tx: &mut Tx<'_>| store::numbers_behind(tx, &after, most);
        let values: Vec<(CardId, Vec<u8>)> = bank.db().read("cards.reseal", look).await?;
        let Some((last, _)) = values.last() else {
            if damaged == 0 {
                client.note_resealed(version);
            }
            break;
        };
        after = *last.bytes();
        let resealed = client.reseal(values.clone()).await.map_err(away)?;
        let mut rows = Vec::new();
        for ((card, old), resealed) in values.into_iter().zip(resealed) {
            let wrong = match resealed {
                Resealed::Current => continue,
                Resealed::New(new)
                    if new.len() == old.len() && sealed_with(&new) == Ok(version) =>
                {
                    rows.push(Replacement { key: *card.bytes(), old, new });
                    continue;
                }
                Resealed::New(_) => "what the card vault sealed anew is of another key or length",
                Resealed::Damaged => "a sealed value does not open",
            };
            damaged = damaged.saturating_add(1);
            tracing::error!(column = "cards.number", resource_id = %card, "{wrong}");
        }
        if !rows.is_empty() {
            let write = move |tx: &mut Tx<'_>| store::replace_numbers(tx, &rows);
            let changed: u64 = bank.db().write("cards.reseal", write).await?;
            replaced = replaced.saturating_add(changed);
        }
    }
    Ok(replaced)
}

impl From<KeeperError> for Problem {
    fn from(error: KeeperError) -> Self {
        match &error {
            KeeperError::Capped { retry_seconds } => {
                let mut problem = Self::new(Code::RateLimited);
                problem.retry_after_seconds = Some(*retry_seconds);
                problem
            }
            KeeperError::Damaged => DbError::Corrupt(error.to_string()).into(),
            KeeperError::Away(_)
            | KeeperError::Impostor { .. }
            | KeeperError::Unproven(_)
            | KeeperError::Version
            | KeeperError::Stranger
            | KeeperError::Refused(_) => Self::new(Code::Unavailable).cause(error),
        }
    }
}

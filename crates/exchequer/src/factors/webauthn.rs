//! Security keys and passkeys of customers: registered, shown, and watched for copies.
//!
//! A ceremony is a challenge's row and nothing besides: what the authenticator signs is a keyed hash over the
//! row's id, its purpose and its binding. So an answer serves once because its row does, for the session that
//! asked, and what confirms a payment is signed for that payment (dynamic linking, RTS 2018/389 Art 5).
//!
//! A credential is a factor by itself and two at once, since the person is always verified (OWASP ASVS 5.0,
//! 6.3.3). Its id is found by a blind index, its public key is sealed like every factor's secret: not because
//! it is one, but because a changed key would be somebody else's. Counter and backup flag move with each
//! answer; a counter that went back is an event and a notice, and the answer is refused.
//!
//! Locks: the customer, then the factor. What this module never does: believe an authenticator that the list
//! for this customer does not have.

use ::store::{DbError, Tx};
use data_encoding::BASE64URL_NOPAD;
use money::{ChallengeId, CustomerId, FactorId, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vault::webauthn::{Credential, WebauthnError};
use vault::{Indexes, SecretString};

use super::ceremony::{CHALLENGE_LEN, Form, Holder, Refused, RelyingParty};
use super::model::{Confirmed, EnrolRefusal, FactorRow, Kind, Status, copied};
use super::{activate_in, admit_in, store, tell_in};
use crate::bank::{Act, Tools};
use crate::challenges::{self, Purpose, Question};
use crate::http::Code;
use crate::sessions::model::PrincipalRef;
use crate::{customers, events, keys};

/// Why a credential is not registered, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterRefusal {
    TooMany,
    /// Nothing was begun in this session, or it is over.
    NotBegun,
    Refused(Refused),
    /// The credential is somebody's already.
    Known,
}

impl RegisterRefusal {
    pub fn code(self) -> Code {
        match self {
            Self::TooMany => Code::TooManyFactors,
            Self::NotBegun | Self::Refused(_) => Code::CredentialRefused,
            Self::Known => Code::FactorConfirmed,
        }
    }
}

/// A credential as its row keeps it, sealed. The counter has a column.
#[derive(Serialize, Deserialize)]
struct Kept {
    id: String,
    public_key: String,
    backup_eligible: bool,
    backed_up: bool,
}

/// Begins a registration in this session; a newer one replaces it. Gives the options for
/// `navigator.credentials.create`. The caller has asked for the step-up, or for the password.
pub fn begin_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (customer, session): (&CustomerId, &SessionId),
    form: Form,
) -> Result<Result<Value, EnrolRefusal>, DbError> {
    if let Err(refusal) = admit_in(tx, act, customer)? {
        return Ok(Err(refusal));
    }
    let holder = customers::get(tx, &act.tools, customer)?
        .ok_or_else(|| DbError::Corrupt(format!("a factor for {customer}, who is nobody")))?;
    let question = Question {
        purpose: Purpose::Enrol,
        session: Some(*session),
        device: None,
        factor: None,
        binding: None,
        text: None,
    };
    let asked = challenges::ask_in(tx, act, PrincipalRef::Customer(*customer), &question)?;
    let known: Vec<Credential> =
        of_customer(tx, act, customer, None)?.into_iter().map(|(_, known)| known).collect();
    let holder =
        Holder { id: customer.bytes(), email: holder.email.as_str(), full_name: &holder.full_name };
    let nonce = nonce(&act.tools, (&asked.id, Purpose::Enrol), None);
    Ok(Ok(party(&act.tools).creation_options(form, &holder, &known, nonce.active())))
}

/// Registers the credential that answers the newest registration of this session, and makes it active: being
/// shown is its confirmation. What was begun is over with the first answer, right or wrong.
pub fn register_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (customer, session): (&CustomerId, &SessionId),
    (answer, name): (&Value, &str),
) -> Result<Result<(FactorRow, Confirmed), RegisterRefusal>, DbError> {
    if let Err(EnrolRefusal::TooMany | EnrolRefusal::NotSent(_)) = admit_in(tx, act, customer)? {
        return refuse(tx, act, customer, RegisterRefusal::TooMany);
    }
    let Some(begun) = challenges::take_registration_in(tx, act, customer, session)? else {
        return refuse(tx, act, customer, RegisterRefusal::NotBegun);
    };
    let nonces = nonce(&act.tools, (&begun, Purpose::Enrol), None);
    let finish = |nonce: &[u8; CHALLENGE_LEN]| party(&act.tools).finish_creation(nonce, answer);
    let credential = match under_any(&nonces, finish) {
        Ok(credential) => credential,
        Err(refused) => return refuse(tx, act, customer, RegisterRefusal::Refused(refused)),
    };
    let mut row = FactorRow::unconfirmed(act.id(), *customer, (Kind::Webauthn, name), act.now);
    row.counter = i64::from(credential.counter);
    // The version is read before the index is made: where the key changes between, the row is computed anew.
    let version = act.tools.keyring().index_version();
    let indexes = indexes(&act.tools, &credential.id);
    keys::admit_index_in(tx, act)?;
    let is_known = store::has_credential(tx, &indexes)?;
    if is_known
        || !store::insert_credential(
            tx,
            act,
            &row,
            (&keep(&credential)?, (indexes.active(), version)),
        )?
    {
        return refuse(tx, act, customer, RegisterRefusal::Known);
    }
    let confirmed = activate_in(tx, act, &row)?;
    Ok(Ok((row, confirmed)))
}

/// Options for `navigator.credentials.get`: the customer's credentials, or the one that is asked about.
pub fn request_options(
    tx: &mut Tx<'_>,
    act: &Act,
    (customer, factor): (&CustomerId, Option<&FactorId>),
    nonce: &[u8; CHALLENGE_LEN],
) -> Result<Value, DbError> {
    let known = of_customer(tx, act, customer, factor)?;
    let known: Vec<Credential> = known.into_iter().map(|(_, credential)| credential).collect();
    Ok(party(&act.tools).request_options(&known, nonce))
}

/// The same for whoever comes: any passkey of this bank.
pub fn anybodys_options(act: &Act, nonce: &[u8; CHALLENGE_LEN]) -> Value {
    party(&act.tools).request_options(&[], nonce)
}

/// Whose an answer is, by the credential that it names and the holder that this names. Nothing is proved.
pub fn holder_of(
    tx: &mut Tx<'_>,
    tools: &Tools,
    answer: &Value,
) -> Result<Option<(CustomerId, FactorId)>, DbError> {
    let Ok((holder, id)) = super::ceremony::claimed(answer) else { return Ok(None) };
    let row = store::by_credential(tx, &indexes(tools, &id))?;
    let row = row.filter(|row| row.customer.bytes()[..] == holder[..]);
    Ok(row.map(|row| (row.customer, row.id)))
}

/// Takes the answer to a challenge, of the one factor named or of any active one. The customer is locked by
/// the caller, so that the counter is compared with the newest.
pub fn take_in(
    tx: &mut Tx<'_>,
    act: &Act,
    (customer, factor): (&CustomerId, Option<&FactorId>),
    nonces: &Indexes,
    answer: &Value,
) -> Result<Option<FactorId>, DbError> {
    // A key that is not discoverable need not say whose it is; one that does must say it rightly.
    if super::ceremony::claimed(answer).is_ok_and(|(holder, _)| holder != customer.bytes()) {
        return Ok(None);
    }
    let (rows, known): (Vec<FactorRow>, Vec<Credential>) =
        of_customer(tx, act, customer, factor)?.into_iter().unzip();
    let finish =
        |nonce: &[u8; CHALLENGE_LEN]| party(&act.tools).finish_request(nonce, &known, answer);
    let shown = match under_any(nonces, finish) {
        Ok(shown) => shown,
        Err(refused) => {
            if refused == Refused::Bytes(WebauthnError::Copied) {
                note_copy_in(tx, act, customer)?;
            }
            return Ok(None);
        }
    };
    let Some(row) = rows.get(shown.place) else { return Ok(None) };
    let kept = keep(&shown.credential)?;
    store::save_credential(tx, act, &row.id, (&kept, i64::from(shown.credential.counter)))?;
    Ok(Some(row.id))
}

/// What the authenticator signs for a challenge: unguessable, and bound to the act where the challenge is. One that
/// was asked for before a rotation is answered under the version of then.
pub fn nonce(
    tools: &Tools,
    (challenge, purpose): (&ChallengeId, Purpose),
    binding: Option<&[u8; 32]>,
) -> Indexes {
    let mut input = Vec::with_capacity(64);
    input.extend_from_slice(challenge.bytes());
    // The words have no zero byte, so no two inputs are one.
    input.extend_from_slice(purpose.as_str().as_bytes());
    input.push(0);
    input.extend_from_slice(binding.map_or(&[][..], |binding| &binding[..]));
    tools.keyring().blind_indexes("webauthn.challenge", &input)
}

/// What an answer gives for the nonce that it was signed for; where it was for none, what it gives for the one in
/// use. Only the nonce is tried again: every other fault is one under each.
fn under_any<T>(
    nonces: &Indexes,
    finish: impl Fn(&[u8; CHALLENGE_LEN]) -> Result<T, Refused>,
) -> Result<T, Refused> {
    let first = finish(nonces.active());
    if !matches!(first, Err(Refused::OtherCeremony)) {
        return first;
    }
    nonces.others().iter().map(finish).find(Result::is_ok).unwrap_or(first)
}

fn party(tools: &Tools) -> RelyingParty {
    let webauthn = &tools.config().webauthn;
    RelyingParty {
        id: webauthn.rp_id.clone(),
        name: "Exchequer".to_owned(),
        origins: webauthn.origins.iter().cloned().collect(),
    }
}

/// Active credentials, and of a factor that is named that one.
fn of_customer(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    factor: Option<&FactorId>,
) -> Result<Vec<(FactorRow, Credential)>, DbError> {
    let mut rows = store::of_customer(tx, customer)?;
    rows.retain(|row| {
        row.kind == Kind::Webauthn
            && row.status == Status::Active
            && factor.is_none_or(|factor| row.id == *factor)
    });
    rows.into_iter().map(|row| credential(&act.tools, &row).map(|known| (row, known))).collect()
}

fn note_copy_in(tx: &mut Tx<'_>, act: &Act, customer: &CustomerId) -> Result<(), DbError> {
    let (resource, code) = (customer.to_string(), Code::InvalidCode.as_str());
    events::record(tx, act, "factor.copy_seen", &resource, code, None)?;
    tell_in(tx, act, customer, &copied())
}

/// Writes why, and says so. The registration stays used up.
fn refuse<T>(
    tx: &mut Tx<'_>,
    act: &Act,
    customer: &CustomerId,
    refusal: RegisterRefusal,
) -> Result<Result<T, RegisterRefusal>, DbError> {
    let reason = match refusal {
        RegisterRefusal::Refused(refused) => refused.to_string(),
        RegisterRefusal::NotBegun => "nothing was begun in this session".to_owned(),
        RegisterRefusal::Known => "it is registered".to_owned(),
        RegisterRefusal::TooMany => "there are too many".to_owned(),
    };
    let after = json!({ "reason": reason });
    let (action, outcome) = ("factor.registration_refused", refusal.code().as_str());
    events::record(tx, act, action, &customer.to_string(), outcome, Some(&after))?;
    Ok(Err(refusal))
}

/// What a stored credential is found by, under the version in use.
pub(super) fn index_of(tools: &Tools, row: &FactorRow) -> Result<[u8; 32], DbError> {
    Ok(*indexes(tools, &credential(tools, row)?.id).active())
}

fn indexes(tools: &Tools, credential_id: &[u8]) -> Indexes {
    tools.keyring().blind_indexes("factors.credential_index", credential_id)
}

fn keep(credential: &Credential) -> Result<SecretString, DbError> {
    let kept = Kept {
        id: BASE64URL_NOPAD.encode(&credential.id),
        public_key: BASE64URL_NOPAD.encode(&credential.public_key),
        backup_eligible: credential.backup_eligible,
        backed_up: credential.backed_up,
    };
    let text = serde_json::to_string(&kept).map_err(|error| DbError::Corrupt(error.to_string()))?;
    Ok(SecretString::new(text))
}

fn credential(tools: &Tools, row: &FactorRow) -> Result<Credential, DbError> {
    let damaged = || DbError::Corrupt(format!("the credential of {} cannot be read", row.id));
    let kept: Kept =
        serde_json::from_str(store::secret(tools, row)?.expose()).map_err(|_| damaged())?;
    let bytes = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| damaged());
    Ok(Credential {
        id: bytes(&kept.id)?,
        public_key: bytes(&kept.public_key)?,
        counter: u32::try_from(row.counter).map_err(|_| damaged())?,
        backup_eligible: kept.backup_eligible,
        backed_up: kept.backed_up,
    })
}

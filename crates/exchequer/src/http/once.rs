//! Once: the idempotency key of a request, and the transaction that is its only effect.

use http::HeaderName;
use http::request::Parts;
use store::posting;
use store::rows::{OnceKey, StoredAnswer};
use store::{Db, DbError, Tx};
use vault::Place;

use super::codes::Code;
use super::problem::Problem;
use super::reply::{Answer, JSON, RawReply, Reply};
use crate::bank::{Act, Tools};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Characters of a key.
const MAX_KEY_CHARS: usize = 255;
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Reads the header of a request, binding it to caller, route, path, query and body.
///
/// Errors: `idempotency_key_missing`, `idempotency_key_invalid`.
pub(super) fn key(
    tools: &Tools,
    (kind, id): ([u8; 3], [u8; 16]),
    route: &str,
    parts: &Parts,
    body: &[u8],
) -> Result<OnceKey, Problem> {
    let mut values = parts.headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Err(Problem::new(Code::IdempotencyKeyMissing));
    };
    let key = value.to_str().unwrap_or_default();
    let printable = key.bytes().all(|b| (0x20..0x7f).contains(&b));
    if key.is_empty() || key.len() > MAX_KEY_CHARS || !printable || values.next().is_some() {
        return Err(Problem::new(Code::IdempotencyKeyInvalid));
    }
    let path = parts.uri.path().as_bytes();
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let mut principal = [0; 19];
    principal[..3].copy_from_slice(&kind);
    principal[3..].copy_from_slice(&id);
    let mut once = OnceKey::new(&principal, route, key, &[path, query, body]);
    // Keyed, because a body can hold a password: behind a plain hash a dump would confirm a guess at
    // it in nanoseconds, and the slow hash beside it would guard nothing.
    let keyed = tools.keyring().request_hashes().all(&once.request_hash);
    once.request_hash.copy_from_slice(&keyed.active()[..16]);
    for (other, hash) in once.other_hashes.iter_mut().zip(keyed.others()) {
        other.copy_from_slice(&hash[..16]);
    }
    Ok(once)
}

/// The closure of a verb: the inner error is a refusal, the outer one rolls back.
type Call<'c, T> = dyn FnMut(&mut Tx<'_>, &Act) -> Result<Answer<T>, DbError> + 'c;

/// What the transaction found.
enum Ran {
    Fresh(RawReply),
    /// Another request holds the key's row.
    InFlight(String),
    Refused(Problem),
    Replayed(posting::Answer),
    Reused,
    Expired,
}

/// Runs `call` under `key`. A replay gives the stored bytes; a closure that was refused gives its
/// problem, whose body is stored like any other answer.
pub(super) async fn run<T, F>(
    db: &Db,
    verb: &'static str,
    key: OnceKey,
    act: Act,
    mut call: F,
) -> Result<RawReply, Problem>
where
    F: FnMut(&mut Tx<'_>, &Act) -> Result<Answer<T>, DbError> + Send + 'static,
    T: Send + 'static,
{
    let ran = db.write(verb, move |tx| run_in(tx, &key, &act, &mut call)).await;
    match ran {
        Ok(Ran::Fresh(reply)) => Ok(reply),
        Ok(Ran::Refused(problem)) => Err(problem),
        Ok(Ran::Replayed(answer)) => Ok(replayed(answer)),
        Ok(Ran::Reused) => Err(Problem::new(Code::IdempotencyKeyReused)),
        Ok(Ran::Expired) => Err(Problem::new(Code::IdempotencyKeyExpired)),
        Ok(Ran::InFlight(cause)) => Err(Problem::new(Code::IdempotencyKeyInFlight).cause(cause)),
        Err(error) => Err(error.into()),
    }
}

fn run_in<T>(
    tx: &mut Tx<'_>,
    key: &OnceKey,
    act: &Act,
    call: &mut Call<'_, T>,
) -> Result<Ran, DbError> {
    let claimed = match tx.claim_key(key, act.now) {
        // Who waits too long for this row waits for a request with the same key. Nothing was written,
        // so there is nothing that a commit could keep.
        Err(DbError::Busy(cause)) => return Ok(Ran::InFlight(cause)),
        other => other?,
    };
    if let Some(stored) = claimed {
        if !key.is_request(&stored.request_hash) {
            return Ok(Ran::Reused);
        }
        return Ok(match answered(&act.tools, &key.scope, &stored)? {
            Some(answer) => Ran::Replayed(answer),
            None => Ran::Expired,
        });
    }
    let (status, resource, body, ran) = match call(tx, act)? {
        Ok(Reply { raw, .. }) => (raw.status, raw.resource, raw.body.to_vec(), Ran::Fresh(raw)),
        // Not an answer but a question: the same request comes again under this key, with a proof. The
        // challenge is kept, so this commits.
        Err(problem) if problem.code == Code::StepUpRequired => {
            tx.release_key(&key.scope)?;
            return Ok(Ran::Refused(problem));
        }
        Err(problem) => {
            (problem.code.status(), None, problem.body(&act.request), Ran::Refused(problem))
        }
    };
    let sealed = seal(&act.tools, &key.scope, &body)?;
    tx.settle_key(&key.scope, status.into(), resource.as_ref(), Some(&sealed))?;
    Ok(ran)
}

/// The answer that is stored under a key; `None` where it is forgotten.
pub(super) fn answered(
    tools: &Tools,
    scope: &[u8; 16],
    stored: &StoredAnswer,
) -> Result<Option<posting::Answer>, DbError> {
    let body = stored
        .answer
        .as_ref()
        .ok_or_else(|| DbError::Corrupt("an answer is missing under its key".to_owned()))?;
    if is_forgotten(body) {
        return Ok(None);
    }
    let status =
        u16::try_from(stored.status).map_err(|_| DbError::Corrupt("a stored status".to_owned()))?;
    let body = open(tools, scope, body)?;
    Ok(Some(posting::Answer { status, body }))
}

/// An answer can hold personal data, so it is stored sealed, bound to its key's row.
pub(crate) fn seal(tools: &Tools, scope: &[u8; 16], body: &[u8]) -> Result<Vec<u8>, DbError> {
    let mut sealed = Vec::with_capacity(body.len() + 64);
    for chunk in body.chunks(CHUNK).chain(body.is_empty().then_some(&[][..])) {
        let part = tools
            .keyring()
            .seal(tools.rng(), &place(scope), chunk)
            .map_err(|e| DbError::Corrupt(format!("an answer was not sealed: {e}")))?;
        let length = u32::try_from(part.len())
            .map_err(|_| DbError::Corrupt("a sealed part is too long".to_owned()))?;
        sealed.extend_from_slice(&length.to_be_bytes());
        sealed.extend_from_slice(&part);
    }
    Ok(sealed)
}

/// Sealed values are at most 64 KiB; the answer of a bulk request is more.
const CHUNK: usize = 64 * 1024;

/// The answer stored under a key. Refuses `idempotency_key_expired`.
pub(crate) fn unseal(tools: &Tools, scope: &[u8; 16], sealed: &[u8]) -> Result<Vec<u8>, Problem> {
    if is_forgotten(sealed) {
        return Err(Problem::new(Code::IdempotencyKeyExpired));
    }
    Ok(open(tools, scope, sealed)?)
}

/// An answer is kept for 30 days and its key for ever: the job of `crate::jobs` empties the answer,
/// which [`seal`] never leaves empty, so a late repetition finds the key taken and has no effect. The
/// answer of a posted transfer is made from its row and is never forgotten.
fn is_forgotten(sealed: &[u8]) -> bool {
    sealed.is_empty()
}

fn open(tools: &Tools, scope: &[u8; 16], sealed: &[u8]) -> Result<Vec<u8>, DbError> {
    let damaged = || DbError::Corrupt("a stored answer is cut short".to_owned());
    let mut body = Vec::with_capacity(sealed.len());
    let mut rest = sealed;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| damaged())?;
        let (part, after) = after.split_at_checked(length).ok_or_else(damaged)?;
        let opened = tools
            .keyring()
            .open_sealed(&place(scope), part)
            .map_err(|e| DbError::Corrupt(format!("a stored answer does not open: {e}")))?;
        body.extend_from_slice(opened.expose());
        rest = after;
    }
    Ok(body)
}

fn place(scope: &[u8; 16]) -> Place<'_> {
    Place { table: "idempotency", column: "answer", row: scope }
}

/// A stored answer as a reply.
pub(crate) fn replayed(answer: posting::Answer) -> RawReply {
    let content_type = if answer.status < 400 { JSON } else { PROBLEM_JSON };
    let (status, body) = (answer.status, answer.body.into());
    RawReply { replayed: true, ..RawReply::new(status, content_type, body) }
}

//! Signing, for examples and tests: the bank's merchants sign with whatever they have.
//!
//! [`signature_input`] is what a request to the bank needs, [`sign`] makes `Signature` for any
//! `Signature-Input`. Neither puts a header into a request: `Content-Digest` comes first, then both.

use super::super::content_digest;
use super::super::structured::{Bare, Dictionary, Fault, Member};
use super::super::{Request, values};
use super::base::signature_base;
use super::component::ComponentFault;
use super::key::{Algorithm, SigningKey};
use super::signatures::Covered;
use super::{Message, Refusal};
use money::Timestamp;

/// Why nothing was signed, in the order in which it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignRefusal {
    #[error("Signature-Input cannot be read: {0}")]
    Field(Fault),
    /// Not exactly one label with an inner list.
    #[error("Signature-Input is not that of one signature")]
    Label,
    #[error("Signature-Input is refused: {0}")]
    Input(Refusal),
    #[error("a covered component has no value: {0}")]
    Value(ComponentFault),
    #[error("the key cannot be used")]
    Key,
}

/// The `Signature-Input` of a request to the bank, under the label `sig1`: `@method`, `@target-uri`, the
/// digest where the request has one, and what `Policy::BANK` wants to know.
pub fn signature_input(
    request: &Request<'_>,
    key_id: &str,
    created: Timestamp,
    nonce: &str,
    algorithm: Algorithm,
) -> String {
    let has_digest = values(request.headers, content_digest::NAME).next().is_some();
    let digest = if has_digest { " \"content-digest\"" } else { "" };
    let string = |text: &str| Bare::String(text.to_owned()).text();
    format!(
        "sig1=(\"@method\" \"@target-uri\"{digest});created={};nonce={};keyid={};alg={}",
        created.seconds(),
        string(nonce),
        string(key_id),
        string(algorithm.name()),
    )
}

/// The value of `Signature` for a message whose `Signature-Input` is this one. Errors: [`SignRefusal`].
pub fn sign(
    message: &Message<'_>,
    signature_input: &str,
    key: &SigningKey<'_>,
) -> Result<String, SignRefusal> {
    let input = Dictionary::read(std::iter::once(signature_input.as_bytes()));
    let input = input.map_err(SignRefusal::Field)?;
    let mut members = input.iter();
    let (Some((label, Member::InnerList(list))), None) = (members.next(), members.next()) else {
        return Err(SignRefusal::Label);
    };
    let covered = Covered::read(list).map_err(SignRefusal::Input)?;
    let base = signature_base(message, &covered).map_err(SignRefusal::Value)?;
    let signature = key.sign(base.as_bytes()).ok_or(SignRefusal::Key)?;
    Ok(format!("{label}={}", Bare::Bytes(signature).text()))
}

//! The signatures of a message (RFC 9421 §4): the two fields, paired by label, with typed parameters.
//!
//! Order: both fields, their labels, each signature's parameters, its components. All signatures of a
//! message must be readable, also those that nobody asks for.

use super::super::structured::{Bare, Dictionary, InnerList, Member, Parameters};
use super::super::{Header, values};
use super::base::signature_base;
use super::component::{Component, ComponentFault, Subject};
use super::{MAX_LABELS, Message, Refusal, SIGNATURE, SIGNATURE_INPUT, VerifyingKey};

/// All of a message's signatures, in the order of `Signature-Input`.
pub(super) struct Signatures(pub Vec<Signature>);

/// One signature. Nothing of it is proven before [`Signature::verify`].
pub(super) struct Signature {
    pub covered: Covered,
    value: Vec<u8>,
}

/// What a signature covers and says of itself: the value of `@signature-params` (§2.3).
pub(super) struct Covered {
    pub components: Vec<Component>,
    pub created_seconds: Option<i64>,
    pub expires_seconds: Option<i64>,
    pub nonce: Option<String>,
    pub algorithm: Option<String>,
    key_id: Option<String>,
    /// Serialised as it was signed, the components and the parameters in the signer's order.
    pub text: String,
}

impl Signatures {
    /// Errors: [`Refusal::Missing`] to [`Refusal::Component`].
    pub fn read(headers: &[Header<'_>]) -> Result<Self, Refusal> {
        let inputs = field(headers, SIGNATURE_INPUT)?;
        let values = field(headers, SIGNATURE)?;
        let count = inputs.iter().len();
        if count == 0 || count > MAX_LABELS || values.iter().len() != count {
            return Err(Refusal::Labels);
        }
        let mut paired = Vec::new();
        for (label, input) in inputs.iter() {
            let value = values.get(label).and_then(bytes).ok_or(Refusal::Labels)?;
            paired.push((list(input).ok_or(Refusal::Labels)?, value));
        }
        let read = |(list, value)| Covered::read(list).map(|covered| Signature { covered, value });
        paired.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The one signature; with more of them it is not said whose word counts.
    pub fn only(mut self) -> Result<Signature, Refusal> {
        match (self.0.pop(), self.0.is_empty()) {
            (Some(signature), true) => Ok(signature),
            (Some(_) | None, _) => Err(Refusal::Several),
        }
    }
}

impl Signature {
    pub fn key_id(&self) -> Option<&str> {
        self.covered.key_id.as_deref()
    }

    /// Whether `key` made it over this message, and nothing more (§3.2 steps 6 to 9).
    ///
    /// Errors: [`Refusal::Algorithm`], [`Refusal::Value`], [`Refusal::Key`], [`Refusal::Signature`].
    pub fn verify(&self, message: &Message<'_>, key: &VerifyingKey<'_>) -> Result<(), Refusal> {
        self.covered.check_algorithm(key)?;
        let base = signature_base(message, &self.covered).map_err(Refusal::Value)?;
        key.verify(base.as_bytes(), &self.value)
    }
}

impl Covered {
    /// Errors: [`Refusal::Parameter`], [`Refusal::Component`].
    pub fn read(list: &InnerList) -> Result<Self, Refusal> {
        let mut covered = Self {
            components: Vec::new(),
            created_seconds: None,
            expires_seconds: None,
            nonce: None,
            algorithm: None,
            key_id: None,
            text: list.text(),
        };
        covered.read_parameters(&list.parameters)?;
        for item in &list.items {
            let component = Component::read(item).map_err(Refusal::Component)?;
            if covered.components.iter().any(|other| other.is(&component)) {
                return Err(Refusal::Component(ComponentFault::Repeated));
            }
            covered.components.push(component);
        }
        Ok(covered)
    }

    /// `tag` is only looked at for its type: a key of the bank signs for nobody else.
    fn read_parameters(&mut self, parameters: &Parameters) -> Result<(), Refusal> {
        for (key, value) in parameters.iter() {
            match (key, value) {
                ("created", Bare::Integer(seconds)) => self.created_seconds = Some(*seconds),
                ("expires", Bare::Integer(seconds)) => self.expires_seconds = Some(*seconds),
                ("nonce", Bare::String(nonce)) => self.nonce = Some(nonce.clone()),
                ("alg", Bare::String(name)) => self.algorithm = Some(name.clone()),
                ("keyid", Bare::String(key_id)) => self.key_id = Some(key_id.clone()),
                ("tag", Bare::String(_)) => {}
                _ => return Err(Refusal::Parameter),
            }
        }
        Ok(())
    }

    /// `alg`, where it stands, is the key's (§3.2 step 6.4): a message never chooses.
    pub fn check_algorithm(&self, key: &VerifyingKey<'_>) -> Result<(), Refusal> {
        let named = self.algorithm.as_deref();
        if named.is_none_or(|name| name == key.algorithm().name()) {
            Ok(())
        } else {
            Err(Refusal::Algorithm)
        }
    }

    /// Whether the message itself (not the request behind a response) is covered in this.
    pub fn covers(&self, is_it: impl Fn(&Subject) -> bool) -> bool {
        self.components.iter().any(|component| !component.of_request && is_it(&component.subject))
    }
}

fn field(headers: &[Header<'_>], name: &'static str) -> Result<Dictionary, Refusal> {
    if values(headers, name).next().is_none() {
        return Err(Refusal::Missing(name));
    }
    Dictionary::read(values(headers, name)).map_err(|fault| Refusal::Field(name, fault))
}

fn list(member: &Member) -> Option<&InnerList> {
    match member {
        Member::InnerList(list) => Some(list),
        Member::Item(_) => None,
    }
}

fn bytes(member: &Member) -> Option<Vec<u8>> {
    match member {
        Member::Item(item) if item.parameters.is_empty() => match &item.value {
            Bare::Bytes(bytes) => Some(bytes.clone()),
            Bare::Integer(_) | Bare::String(_) | Bare::Token(_) | Bare::Boolean(_) => None,
        },
        Member::Item(_) | Member::InnerList(_) => None,
    }
}

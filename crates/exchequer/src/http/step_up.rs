//! The header `Step-Up`: the proof that a second factor, or the password, was shown for this request.
//!
//! Read here, judged by `crate::stepup`. It is no part of what an idempotency key is bound to: the same
//! request comes once without and once with it.

use std::sync::Arc;

use http::HeaderName;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use vault::SecretString;

use super::codes::Code;
use super::input::{Description, Input, Raw};
use super::problem::Problem;

pub(super) const HEADER: HeaderName = HeaderName::from_static("step-up");
/// A proof is some 75 characters.
const MAX_PROOF_CHARS: usize = 200;

/// The proof, where one was sent.
#[derive(Clone, Default)]
pub struct StepUp(Option<Arc<SecretString>>);

impl StepUp {
    pub fn proof(&self) -> Option<&str> {
        self.0.as_ref().map(|proof| proof.expose())
    }
}

impl Input for StepUp {
    fn read(raw: &Raw<'_>) -> Result<Self, Problem> {
        let mut values = raw.parts.headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let proof = value.to_str().ok().filter(|proof| proof.len() <= MAX_PROOF_CHARS);
        match (proof, values.next()) {
            (Some(proof), None) => Ok(Self(Some(Arc::new(SecretString::new(proof.to_owned()))))),
            (Some(_) | None, _) => {
                Err(Problem::new(Code::MalformedRequest).detail("Step-Up: one proof, once"))
            }
        }
    }

    fn describe(description: &mut Description) {
        description.headers.push(parameter());
    }
}

fn parameter() -> Parameter {
    ParameterBuilder::new()
        .name("Step-Up")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "The proof that answering the challenge of `step_up_required` gave; it serves once, for \
             this very request.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

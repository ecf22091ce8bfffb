//! Where a session comes from: its network (/24, /64) and its agent, and what a change of them means.
//!
//! A session that is bound to a key (DPoP) may come from anywhere, since a copy of its token is worth
//! nothing. Any other is compared with the place where it was opened or last proved: the policy of the
//! bank notes a change once, asks for a second factor, or ends the session. Two requests from one place
//! cost a comparison of two texts. What this cannot see: a thief behind the same router with the same
//! browser.

use std::net::IpAddr;
use std::sync::Arc;

use ::store::rows::Origin;
use ::store::{DbError, Tx};
use money::{RequestId, SessionId};
use serde_json::json;
use vault::SecretString;

use super::model::PrincipalRef;
use super::store::{self, SessionRow};
use crate::bank::{Act, Bank};
use crate::config::{self, OnMove};
use crate::http::Problem;
use crate::stepup::{Asker, Bound};
use crate::{events, factors, stepup};

/// Where a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub address: String,
    pub agent: String,
}

/// What becomes of a session that was asked for from some place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Its own place, or one that makes no difference to it.
    Home,
    /// Another one; noted, and from now on its own.
    Noted,
    /// Another one, where it shall show a second factor first.
    Unproved,
    /// Another one, and so it has ended.
    Ended,
}

/// A request of a known session, as far as it is about its place.
pub struct Arriving<'r, A> {
    pub address: &'r str,
    /// The `User-Agent` as it came.
    pub raw_agent: &'r [u8],
    /// The same as it is kept; made only where it is needed.
    pub agent: A,
    pub request: RequestId,
    /// The proof of a step-up, where the request has one.
    pub step_up: Option<&'r str>,
}

/// What a request may do from where it is.
#[derive(Debug)]
pub(super) enum Welcome {
    Stays,
    /// The session has ended.
    Ended,
    Refused(Box<Problem>),
}

impl Arrival {
    /// Whether a refresh goes on: what asks for a second factor asks at the next request.
    pub fn stays(self) -> bool {
        match self {
            Self::Home | Self::Noted | Self::Unproved => true,
            Self::Ended => false,
        }
    }
}

impl Place {
    pub fn of(origin: &Origin) -> Self {
        Self { address: origin.address().to_owned(), agent: origin.agent().to_owned() }
    }

    /// Whether it is the same network and the same agent.
    pub fn is_near(&self, address: &str, agent: &str) -> bool {
        self.agent == agent
            && (self.address == address || network(&self.address) == network(address))
    }

    /// The act that a proof is asked for: being here.
    pub(super) fn bound(&self) -> Bound {
        Bound::new("session.move")
            .part(network(&self.address).as_bytes())
            .part(self.agent.as_bytes())
            .text("your bank from a new place")
    }
}

/// The first request of a session from this place, since this node knows it: in one transaction decides
/// by the policy, asks for a second factor or takes its proof, and writes what follows.
pub(super) async fn welcome(
    bank: &Bank,
    session: SessionId,
    place: Place,
    (origin, request): (Arc<Origin>, RequestId),
    proof: Option<&str>,
) -> Result<Welcome, Problem> {
    let act = Act::new(bank.tools(), origin, request);
    let rules = bank.config().sessions;
    let proof = proof.map(|proof| SecretString::new(proof.to_owned()));
    let decide = move |tx: &mut Tx<'_>| {
        let Some(row) = store::get(tx, &session)? else { return Ok(Welcome::Ended) };
        match arrive_in(tx, &act, &row, &place, &rules)? {
            Arrival::Home | Arrival::Noted => return Ok(Welcome::Stays),
            Arrival::Ended => return Ok(Welcome::Ended),
            Arrival::Unproved => {}
        }
        let PrincipalRef::Customer(customer) = row.principal else { return Ok(Welcome::Ended) };
        let (asker, proof) =
            (Asker { customer, session }, proof.as_ref().map(SecretString::expose));
        match stepup::prove_in(tx, &act, &asker, &place.bound(), proof)? {
            Ok(_proved) => {
                super::mark_proved_in(tx, &session, act.now)?;
                settle_in(tx, &act, &row, &place)?;
                Ok(Welcome::Stays)
            }
            Err(problem) => Ok(Welcome::Refused(Box::new(problem))),
        }
    };
    bank.db().write("sessions.arrive", decide).await
}

/// A session that is asked for from `place`: decides by the policy, and writes what follows from it.
pub(super) fn arrive_in(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &SessionRow,
    place: &Place,
    rules: &config::Sessions,
) -> Result<Arrival, DbError> {
    if row.device_key.is_some() || place.is_near(&row.address, &row.agent) {
        return Ok(Arrival::Home);
    }
    match rules.on_move {
        OnMove::Log => {
            settle_in(tx, act, row, place)?;
            Ok(Arrival::Noted)
        }
        OnMove::StepUp if can_prove(tx, &row.principal)? => Ok(Arrival::Unproved),
        // Signing in again is then the only proof there is; operators' sign-in has both factors.
        OnMove::StepUp | OnMove::End => {
            super::end_in(tx, act, &row.id, "moved")?;
            Ok(Arrival::Ended)
        }
    }
}

fn can_prove(tx: &mut Tx<'_>, principal: &PrincipalRef) -> Result<bool, DbError> {
    match principal {
        PrincipalRef::Customer(customer) => factors::has_active(tx, customer),
        PrincipalRef::Staff(_) => Ok(false),
    }
}

/// Makes a place the session's own, and says so in an event.
pub(super) fn settle_in(
    tx: &mut Tx<'_>,
    act: &Act,
    row: &SessionRow,
    place: &Place,
) -> Result<(), DbError> {
    store::settle(tx, &row.id, (&place.address, &place.agent))?;
    let before = json!({ "network": network(&row.address), "agent": row.agent });
    let after = json!({ "network": network(&place.address), "agent": place.agent });
    let about = ("session.moved", &*row.id.to_string(), "done");
    events::record_change(tx, act, about, (Some(&before), Some(&after)))
}

/// The /24 or /64 of an address; what is no address is itself.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(v4)) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_no_address) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_network_and_an_agent() {
        let place =
            |address: &str| Place { address: address.to_owned(), agent: "app/1".to_owned() };
        for (a, b, near) in [
            ("192.0.2.1", "192.0.2.254", true),
            ("192.0.2.1", "192.0.3.1", false),
            ("::ffff:192.0.2.1", "192.0.2.9", true),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("2001:db8::1", "192.0.2.1", false),
            ("", "", true),
            ("", "192.0.2.1", false),
        ] {
            assert_eq!(place(a).is_near(b, "app/1"), near, "{a} {b}");
            assert!(!place(a).is_near(b, "app/2"), "{a} {b}");
        }
    }
}

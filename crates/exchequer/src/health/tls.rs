//! The health of the bank's own TLS: its certificates, and what it looks others' certificates up in. Pure.

use money::Timestamp;

use super::model::{Check, NOTHING, State, fact};
use crate::renewals::Age;

/// The state of the certificate that this node shows to callers.
pub fn certificate(tls: &::tls::InForce, now: Timestamp) -> Check {
    let ended = "It has ended: callers go away. Put a new one in its place.";
    shown(("certificate", ended), tls, now)
}

/// The same of the one that it shows to a card vault on another machine.
pub fn vault_certificate(tls: &::tls::InForce, now: Timestamp) -> Check {
    let ended = "It has ended: the card vault refuses this node. Put a new one in its place.";
    shown(("vault_certificate", ended), tls, now)
}

fn shown(
    (name, ended): (&'static str, &'static str),
    tls: &::tls::InForce,
    now: Timestamp,
) -> Check {
    let certificate = &tls.certificate;
    // Without lists there is no other place to say that a file of authorities is broken.
    let refused = tls.refused.as_ref().or(match tls.lists {
        None => tls.callers_refused.as_ref(),
        Some(_) => None,
    });
    let (state, advice) = match (Age::of(certificate.not_after, now), refused) {
        (Age::Ended, _) => (State::Down, ended),
        (Age::EndsSoon | Age::Good, Some(_)) => {
            (State::Degraded, "The files that are there now are not taken; the old ones serve.")
        }
        (Age::EndsSoon, None) => (State::Degraded, "It ends within two weeks. Renew it."),
        (Age::Good, None) => (State::Ok, NOTHING),
    };
    let mut facts = vec![
        fact("ends", certificate.not_after.to_string()),
        fact("begins", certificate.not_before.to_string()),
        fact("SHA-256", certificate.fingerprint.clone()),
    ];
    facts.extend(refused.map(|refusal| fact("refused", refusal.to_string())));
    Check { name, state, advice, facts }
}

/// The state of the revocation lists that callers' certificates are looked up in.
pub fn client_lists(
    lists: ::tls::ListTimes,
    refused: Option<&::tls::Refusal>,
    now: Timestamp,
) -> Check {
    let ended = "A list has ended: merchants of its authority are refused. Put a new one there.";
    looked_up(("client_lists", ended), (lists, refused), now)
}

/// The same of those that the card vault's certificate is looked up in.
pub fn vault_lists(
    lists: ::tls::ListTimes,
    refused: Option<&::tls::Refusal>,
    now: Timestamp,
) -> Check {
    let ended = "A list has ended: the card vault is not spoken to. Put a new one there.";
    looked_up(("vault_lists", ended), (lists, refused), now)
}

/// By the list that ends first. A quarter of its life before its end there should be a new one, however long it lives.
fn looked_up(
    (name, ended): (&'static str, &'static str),
    (lists, refused): (::tls::ListTimes, Option<&::tls::Refusal>),
    now: Timestamp,
) -> Check {
    let life = lists.ends.micros_since(lists.made);
    let left = lists.ends.micros_since(now);
    let (state, advice) = if left <= 0 {
        (State::Down, ended)
    } else if refused.is_some() {
        (State::Degraded, "The file that is there now is not taken; the lists before it count.")
    } else if left < life / 4 {
        (State::Degraded, "A list ends soon. Put the authority's next one in its place.")
    } else {
        (State::Ok, NOTHING)
    };
    let mut facts =
        vec![fact("ends", lists.ends.to_string()), fact("made", lists.made.to_string())];
    facts.extend(refused.map(|refusal| fact("refused", refusal.to_string())));
    Check { name, state, advice, facts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(seconds)
    }

    #[test]
    fn a_certificate_is_to_hold_and_the_files_to_be_taken() {
        let state = |ends: i64, refused: Option<::tls::Refusal>| {
            let certificate = ::tls::Certificate {
                not_before: at(0),
                not_after: at(ends),
                common_name: None,
                fingerprint: String::new(),
            };
            certificate_state(
                &::tls::InForce { certificate, lists: None, refused, callers_refused: None },
                at(1_000),
            )
        };
        let soon = 1_000 + crate::renewals::WARNING_SECONDS;
        assert_eq!(state(soon + 1, None), State::Ok);
        assert_eq!(state(soon, None), State::Degraded);
        assert_eq!(state(soon + 1, Some(::tls::Refusal::Mismatch)), State::Degraded);
        assert_eq!(state(1_000, None), State::Down);
        assert_eq!(state(1_000, Some(::tls::Refusal::Mismatch)), State::Down);
    }

    #[test]
    fn a_list_is_to_be_followed_in_the_last_quarter_of_its_life() {
        let lists = ::tls::ListTimes { made: at(0), ends: at(800) };
        let state = |now| client_lists(lists, None, at(now)).state;
        let vault = vault_lists(lists, None, at(800));
        assert_eq!((vault.name, vault.state), ("vault_lists", State::Down));
        let broken = Some(&::tls::Refusal::NoList);
        assert_eq!(client_lists(lists, broken, at(0)).state, State::Degraded);
        assert_eq!(client_lists(lists, broken, at(800)).state, State::Down);
        for (now, expected) in [
            (0, State::Ok),
            (600, State::Ok),
            (601, State::Degraded),
            (799, State::Degraded),
            (800, State::Down),
            (9_000, State::Down),
        ] {
            assert_eq!(state(now), expected, "{now}");
        }
    }

    fn certificate_state(tls: &::tls::InForce, now: Timestamp) -> State {
        let (listener, vault) = (certificate(tls, now), vault_certificate(tls, now));
        assert_eq!((listener.state, vault.name), (vault.state, "vault_certificate"));
        listener.state
    }
}

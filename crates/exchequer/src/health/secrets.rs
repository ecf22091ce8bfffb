//! The health of passwords and tokens of other services: their age. Pure.

use money::Timestamp;

use super::model::{Check, NOTHING, State, fact};
use crate::secrets::SecretAge;

/// None where none was configured.
pub fn check(configured: usize, ages: &[SecretAge], now: Timestamp) -> Option<Check> {
    if configured == 0 {
        return None;
    }
    let (state, advice) = if ages.len() < configured {
        (State::Degraded, "Their ages were not looked at. The log says why; start this node anew.")
    } else if ages.iter().any(|age| age.until <= now) {
        (State::Degraded, "A password or token is too old. Change it at its service and here.")
    } else {
        (State::Ok, NOTHING)
    };
    let told = |age: &SecretAge| {
        let word = if age.until <= now { "was to be changed" } else { "to be changed" };
        fact(age.setting, format!("since {}, {word} by {}", age.since, age.until))
    };
    Some(Check { name: "secrets", state, advice, facts: ages.iter().map(told).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    // ASVS 5.0, 13.3.4: a secret past its time is called a fault.
    #[test]
    fn a_secret_is_to_be_changed_in_its_time() {
        let at = |seconds| Timestamp::EPOCH.plus_seconds(seconds);
        let age = |until| SecretAge { setting: "redis_url", since: at(0), until: at(until) };
        let state = |configured, ages: &[SecretAge]| {
            check(configured, ages, at(100)).map(|check| check.state)
        };
        assert_eq!(state(0, &[]), None);
        assert_eq!(state(1, &[]), Some(State::Degraded));
        assert_eq!(state(1, &[age(101)]), Some(State::Ok));
        assert_eq!(state(2, &[age(101), age(100)]), Some(State::Degraded));
        let told = check(1, &[age(100)], at(100)).map(|check| check.facts).unwrap_or_default();
        assert!(told[0].1.contains("was to be changed by 1970-01-01"), "{told:?}");
    }
}

//! How the log of events and transfers does, as this node knows. Pure.

use money::Timestamp;

use super::model::{Check, NOTHING, State, fact};
use crate::evidence::status::Status;

/// A leaf is made within a second; later is a node that does not keep up.
const LATE_MS: i64 = 60_000;

pub fn check(status: &Status, now: Timestamp) -> Check {
    let is_late = status.lag_ms.is_some_and(|lag| lag > LATE_MS);
    let (state, advice) = if status.missing.is_some() {
        (
            State::Down,
            "Rows that were in the log are gone. Stop, keep a copy, run `exchequer verify`.",
        )
    } else if status.wrong.is_some() {
        (State::Down, "A row is not as the log has it. Stop, keep a copy, run `exchequer verify`.")
    } else if status.outside_fails.is_some() {
        (
            State::Degraded,
            "Checkpoints are kept nowhere but in the database. Look at the file that has them.",
        )
    } else if status.witness_fails.is_some() {
        (State::Degraded, "The witness has not signed the newest checkpoint. See what it says.")
    } else if status.trail_fails.is_some() {
        (State::Degraded, "The trail's collector does not take it. See what it says.")
    } else if is_late {
        (State::Degraded, "Rows wait for their place in the log. Look at the database's load.")
    } else {
        (State::Ok, NOTHING)
    };
    let time =
        |time: Option<Timestamp>| time.map_or_else(|| "never".to_owned(), |at| at.to_string());
    let mut facts = vec![
        fact("writes it", if status.is_leader { "this node" } else { "another node" }),
        fact("leaves", status.size.to_string()),
        fact("looked after", time(status.looked_at)),
        fact("lag, ms", status.lag_ms.map_or_else(|| "none".to_owned(), |lag| lag.to_string())),
        fact("leaves checked again", status.checked.to_string()),
    ];
    if let Some((since, of)) = status.missing {
        facts.push(fact("rows gone", format!("of {of}, known since {since}")));
    }
    if let Some((since, what)) = &status.wrong {
        facts.push(fact("first wrong", format!("{what}, known since {since}")));
    }
    for (name, fails) in [
        ("outside", &status.outside_fails),
        ("witness", &status.witness_fails),
        ("trail", &status.trail_fails),
    ] {
        if let Some((since, why)) = fails {
            let seconds = now.micros_since(*since) / 1_000_000;
            facts.push(fact(name, format!("{why}; for {seconds} s")));
        }
    }
    Check { name: "log", state, advice, facts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first() {
        let now = Timestamp::EPOCH;
        let mut status = Status::default();
        assert_eq!(check(&status, now).state, State::Ok);
        status.lag_ms = Some(LATE_MS + 1);
        assert_eq!(check(&status, now).state, State::Degraded);
        status.trail_fails = Some((now, "it answered 503".to_owned()));
        assert!(check(&status, now).advice.contains("collector"));
        status.witness_fails = Some((now, "no connection".to_owned()));
        assert!(check(&status, now).advice.contains("witness"));
        status.outside_fails = Some((now, "full".to_owned()));
        assert!(check(&status, now).advice.contains("nowhere"));
        status.wrong = Some((now, "events evt_1".to_owned()));
        assert_eq!(check(&status, now).state, State::Down);
        status.missing = Some((now, now));
        assert!(check(&status, now).advice.contains("gone"));
    }
}

//! What the bank has, against what it told: lost, doubled, balances; and the table.
//!
//! Order: every customer's entries and every acknowledged transfer are read back through the API, then counted for the
//! phase in which they were acknowledged. Bound: 1,000 reads a minute for each customer are allowed, and a page has 100.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::bank::{Customer, DEPOSIT, expect, text};
use super::faults::Phase;
use super::http::Request;
use super::load::{Acknowledged, Record, Refusal};
use super::wait::wait_for;
use crate::Result;

/// A limit of a minute may have been used up in the last outage.
const SIGN_IN_LIMIT: Duration = Duration::from_secs(70);
/// More pages than a bounded load can fill.
const MOST_PAGES: usize = 200;

/// What the bank says afterwards.
#[derive(Default)]
pub struct Found {
    /// Transfers that left an account of ours, by the key that is their memo.
    by_key: HashMap<String, HashSet<String>>,
    /// Acknowledged ones that `GET /v1/transfers/{id}` has not.
    absent: HashSet<String>,
    balances: Vec<i64>,
}

/// Faults of the whole run; each ends it with exit code 1.
pub struct Report {
    pub table: String,
    pub faults: Vec<String>,
}

/// Everything about these customers, each asked for in a thread of its own.
pub fn look_up(people: &[Customer], at: SocketAddr, record: &Record) -> Result<Found> {
    let parts: Vec<Result<Found>> = thread::scope(|scope| {
        let asked: Vec<_> = people
            .iter()
            .enumerate()
            .map(|(me, person)| {
                let mine = record.acknowledged.iter().filter(move |known| known.from == me);
                let mine: Vec<&Acknowledged> = mine.collect();
                scope.spawn(move || one(person, at, &mine))
            })
            .collect();
        let ended = asked.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err("a thread that looks up has panicked".to_owned()))
        });
        ended.collect()
    });
    let mut found = Found::default();
    for part in parts {
        let part = part?;
        for (key, ids) in part.by_key {
            found.by_key.entry(key).or_default().extend(ids);
        }
        found.absent.extend(part.absent);
        found.balances.extend(part.balances);
    }
    Ok(found)
}

fn one(person: &Customer, at: SocketAddr, mine: &[&Acknowledged]) -> Result<Found> {
    let mut found = Found::default();
    let mut token = String::new();
    wait_for("sign-in", SIGN_IN_LIMIT, || {
        token = person.sign_in(at)?;
        Ok(true)
    })?;
    let ask = |path: &str| {
        let mut request = Request::get(path);
        (request.from, request.token) = (&person.address, Some(token.as_str()));
        request.send(at).map_err(|error| format!("GET {path}: {error}"))
    };
    for known in mine {
        let reply = ask(&format!("/v1/transfers/{}", known.transfer))?;
        match reply.status {
            200 if reply.body["amount"] == known.amount && reply.body["memo"] == *known.key => {}
            200 | 404 => {
                found.absent.insert(known.key.clone());
            }
            other => return Err(format!("GET of {}: {other} {}", known.transfer, reply.body)),
        }
    }
    let mut path = format!("/v1/accounts/{}/entries?limit=100", person.account);
    let first = path.clone();
    for _ in 0..MOST_PAGES {
        let mut request = Request::get(&path);
        (request.from, request.token) = (&person.address, Some(token.as_str()));
        let page = expect(at, &request, 200)?;
        note_entries(&page, &mut found)?;
        let Some(cursor) = page["next_cursor"].as_str() else {
            let reply = ask(&format!("/v1/accounts/{}", person.account))?;
            let posted = reply.body.pointer("/balance/posted").and_then(Value::as_i64);
            found.balances.push(posted.ok_or("an account without a balance")?);
            return Ok(found);
        };
        path = format!("{first}&cursor={cursor}");
    }
    Err(format!("{} has more than {MOST_PAGES} pages of entries", person.account))
}

fn note_entries(page: &Value, found: &mut Found) -> Result<()> {
    for entry in page["data"].as_array().ok_or("a page without data")? {
        let out = entry["amount"].as_i64().is_some_and(|amount| amount < 0);
        if let (true, Some(memo)) = (out, entry["memo"].as_str()) {
            let id = text(entry, "/transfer_id")?;
            found.by_key.entry(memo.to_owned()).or_default().insert(id);
        }
    }
    Ok(())
}

pub fn report(phases: &[Phase], record: &Record, found: &Found) -> Report {
    let mut table = String::from(
        "| fault | successor | longest pause | its end after the successor | acknowledged | lost | doubled | \
         503 | 429 | 409 in flight | no connection | silence | other |\n\
         |--|--|--|--|--|--|--|--|--|--|--|--|--|\n",
    );
    let mut faults = whole_faults(record, found);
    let strange = record.refused.iter().filter(|(_, why)| matches!(why, Refusal::Other(_))).count();
    if strange > 0 {
        faults.push(format!("{strange} answers were neither success nor a clear refusal"));
    }
    for phase in phases {
        let within = |at: &Instant| *at >= phase.began && *at < phase.ended;
        let mine: Vec<&Acknowledged> =
            record.acknowledged.iter().filter(|known| within(&known.at)).collect();
        let count = |wanted: &dyn Fn(&Refusal) -> bool| {
            record.refused.iter().filter(|(at, why)| within(at) && wanted(why)).count()
        };
        let lost = mine.iter().filter(|known| is_lost(known, found)).count();
        let doubled = mine.iter().filter(|known| ids(known, found) > 1).count();
        let (pause, end) = longest_pause(&mine, phase.began);
        let after = phase.successor.map(|new| end.saturating_sub(new));
        let cells = [
            phase.name.to_owned(),
            seconds(phase.successor),
            seconds(Some(pause)),
            seconds(after),
            mine.len().to_string(),
            lost.to_string(),
            doubled.to_string(),
            count(&|why| *why == Refusal::Unavailable).to_string(),
            count(&|why| *why == Refusal::RateLimited).to_string(),
            count(&|why| *why == Refusal::InFlight).to_string(),
            count(&|why| *why == Refusal::Connection).to_string(),
            count(&|why| *why == Refusal::Silence).to_string(),
            count(&|why| matches!(why, Refusal::Other(_))).to_string(),
        ];
        table.extend(["| ", &cells.join(" | "), " |\n"]);
        if lost + doubled > 0 {
            faults.push(format!("{}: {lost} lost, {doubled} doubled", phase.name));
        }
    }
    Report { table, faults }
}

/// Answers that were neither success nor a clear refusal, with how often each came.
pub fn strange_answers(record: &Record) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, why) in &record.refused {
        if let Refusal::Other(answer) = why {
            *counts.entry(answer).or_default() += 1;
        }
    }
    let lines: Vec<String> =
        counts.iter().map(|(answer, count)| format!("{count} × `{answer}`\n")).collect();
    lines.concat()
}

fn whole_faults(record: &Record, found: &Found) -> Vec<String> {
    let mut faults = Vec::new();
    if record.unanswered > 0 {
        faults.push(format!("{} keys were never answered", record.unanswered));
    }
    let known: HashSet<&str> = record.acknowledged.iter().map(|known| known.key.as_str()).collect();
    let unknown = found.by_key.keys().filter(|key| !known.contains(key.as_str())).count();
    if unknown > record.unanswered {
        faults.push(format!("{unknown} transfers of keys that were never acknowledged"));
    }
    let lost = record.acknowledged.iter().filter(|known| is_lost(known, found)).count();
    let doubled = found.by_key.values().filter(|ids| ids.len() > 1).count();
    if lost + doubled > 0 {
        faults.push(format!("altogether {lost} lost, {doubled} doubled"));
    }
    for (me, balance) in found.balances.iter().enumerate() {
        let of = |known: &&Acknowledged| known.to == me;
        let came: i64 = record.acknowledged.iter().filter(of).map(|known| known.amount).sum();
        let of = |known: &&Acknowledged| known.from == me;
        let went: i64 = record.acknowledged.iter().filter(of).map(|known| known.amount).sum();
        let expected = DEPOSIT + came - went;
        if expected != *balance && record.unanswered == 0 {
            faults.push(format!("customer {me} has {balance} and should have {expected}"));
        }
    }
    faults
}

fn ids(known: &Acknowledged, found: &Found) -> usize {
    found.by_key.get(&known.key).map_or(0, HashSet::len)
}

fn is_lost(known: &Acknowledged, found: &Found) -> bool {
    let there = found.by_key.get(&known.key).is_some_and(|ids| ids.contains(&known.transfer));
    !there || found.absent.contains(&known.key)
}

/// The longest time in which nobody was acknowledged anything, and its end; from the fault on.
fn longest_pause(mine: &[&Acknowledged], began: Instant) -> (Duration, Duration) {
    let mut last = began;
    let mut longest = (Duration::ZERO, Duration::ZERO);
    for known in mine {
        let pause = known.at.saturating_duration_since(last);
        if pause > longest.0 {
            longest = (pause, known.at.saturating_duration_since(began));
        }
        last = known.at;
    }
    longest
}

fn seconds(time: Option<Duration>) -> String {
    let tenths = |time: Duration| format!("{}.{} s", time.as_secs(), time.subsec_millis() / 100);
    time.map_or_else(|| "–".to_owned(), tenths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::now;

    fn known(at: Instant, key: &str) -> Acknowledged {
        let transfer = format!("trf_{key}");
        Acknowledged { at, key: key.to_owned(), transfer, from: 0, to: 1, amount: 1 }
    }

    fn found(keys: &[(&str, &[&str])]) -> Found {
        let of = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let by_key = keys.iter().map(|(key, ids)| ((*key).to_owned(), of(ids))).collect();
        Found { by_key, ..Found::default() }
    }

    #[test]
    fn lost_and_doubled_are_found_and_named() {
        let start = now();
        let at = start + Duration::from_secs(1);
        let phase = Phase {
            name: "x",
            began: start,
            ended: start + Duration::from_secs(9),
            successor: None,
        };
        let keys = ["a", "b", "c"];
        let acknowledged = keys.iter().map(|key| known(at, key)).collect();
        let record = Record { acknowledged, ..Record::default() };
        let good = found(&[("a", &["trf_a"]), ("b", &["trf_b"]), ("c", &["trf_c"])]);
        assert!(report(&[phase], &record, &good).faults.is_empty());
        let bad = found(&[("a", &["trf_a", "trf_z"]), ("b", &["trf_other"]), ("d", &["trf_d"])]);
        let faults = whole_faults(&record, &bad).join("\n");
        assert!(faults.contains("altogether 2 lost, 1 doubled"), "{faults}");
        assert!(faults.contains("1 transfers of keys that were never"), "{faults}");
    }

    #[test]
    fn the_longest_pause_is_found_with_its_end() {
        let start = now();
        let at = |tenths: u64| start + Duration::from_millis(100 * tenths);
        let all = [known(at(1), "a"), known(at(34), "b"), known(at(40), "c")];
        let all: Vec<&Acknowledged> = all.iter().collect();
        let (pause, end) = longest_pause(&all, start);
        assert_eq!((seconds(Some(pause)), seconds(Some(end))), ("3.3 s".into(), "3.4 s".into()));
    }
}

//! What is wrong with a crate that is in use, by what its registry says of it. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::early::Early;
use super::version::Version;
use crate::Result;
use crate::lock::Locked;

/// Nothing younger is taken: most releases that were made with bad intent were found out within days.
const LEAST_DAYS: i64 = 7;
/// A newer version is in use within so many days of its release, whatever it mends. A release seldom says that it
/// mends a weakness; this is the month that PCI DSS 6.3.3 gives for one that is critical or high.
const MOST_DAYS: i64 = 30;
const DAY: i64 = 86_400;
const OUR_RUST: &str = env!("CARGO_PKG_RUST_VERSION");

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    pub findings: Vec<String>,
    /// Newer versions that another crate's requirement keeps out.
    pub held: Vec<String>,
    /// Newer versions whose time is not over.
    pub waiting: usize,
}

/// `index` by name, as `index.py` writes it; `now` in seconds since 1970.
pub fn judge(locked: &[Locked], index: &Value, (early, now): (&[Early], i64)) -> Result<Judgement> {
    let asked = asked(locked, index)?;
    let mut judgement = Judgement::default();
    for one in early.iter().filter(|one| one.until <= now || !is_locked(one, locked)) {
        let Early { name, version, .. } = one;
        let finding = format!("{name} {version} is no early mend any more: take its line away");
        judgement.findings.push(finding);
    }
    for one in locked {
        let releases = releases(index, &one.name)?;
        let known = releases.iter().find(|release| release["vers"] == one.version.as_str());
        let Some(known) = known else {
            judgement
                .findings
                .push(format!("{} {}: the registry has it not", one.name, one.version));
            continue;
        };
        let found = of_itself(one, known, now)?;
        match early.iter().find(|early| early.until > now && is_same(early, one)) {
            Some(early) if found.as_ref().is_some_and(|(_, is_young)| *is_young) => {
                judgement
                    .held
                    .push(format!("{} {} is young: {}", one.name, one.version, early.why));
            }
            Some(_) | None => judgement.findings.extend(found.map(|(text, _)| text)),
        }
        if let Ok(version) = one.version.parse() {
            of_newer(one, version, &releases, &asked, now, &mut judgement)?;
        }
    }
    Ok(judgement)
}

fn is_locked(early: &Early, locked: &[Locked]) -> bool {
    locked.iter().any(|one| is_same(early, one))
}

fn is_same(early: &Early, one: &Locked) -> bool {
    (&early.name, &early.version) == (&one.name, &one.version)
}

/// What is wrong with it, and whether that is its age.
fn of_itself(one: &Locked, known: &Value, now: i64) -> Result<Option<(String, bool)>> {
    let mut is_young = false;
    let said = if known["yanked"] == true {
        "was withdrawn".to_owned()
    } else if known["cksum"] != one.checksum.as_str() {
        "is another archive than the registry's".to_owned()
    } else if let Some(days) = days(known, now)?.filter(|days| *days < LEAST_DAYS) {
        is_young = true;
        format!("is {days} days old, and {LEAST_DAYS} are wanted")
    } else {
        return Ok(None);
    };
    Ok(Some((format!("{} {} {said}", one.name, one.version), is_young)))
}

/// The oldest of the newer ones counts: since its release the one in use is behind.
fn of_newer(
    one: &Locked,
    version: Version,
    releases: &[Value],
    asked: &BTreeMap<&str, Vec<(&str, &str)>>,
    now: i64,
    judgement: &mut Judgement,
) -> Result<()> {
    let asks = asked.get(one.name.as_str()).map(Vec::as_slice).unwrap_or_default();
    // Those that ask for another line have another version of it in the lock file.
    let asks: Vec<_> = asks.iter().filter(|(_, asks)| version.is_taken_by(asks)).collect();
    let (mut oldest, mut holder) = (None, None);
    for release in releases.iter().filter(|release| release["yanked"] != true) {
        let Some(newer) = release["vers"].as_str().and_then(|text| text.parse::<Version>().ok())
        else {
            continue;
        };
        if newer <= version || !newer.is_of_one_line(version) {
            continue;
        }
        let wants_rust = release["rust_version"].as_str().filter(|wanted| is_beyond(wanted));
        match asks.iter().find(|(_, asks)| !newer.is_taken_by(asks)) {
            None if let Some(wanted) = wants_rust => {
                holder = Some(format!("{} {}: {newer} wants Rust {wanted}", one.name, one.version));
            }
            Some((who, asks)) => {
                holder = Some(format!("{} {}: {who} asks for {asks}", one.name, one.version));
            }
            None => oldest = oldest.max(days(release, now)?),
        }
    }
    judgement.held.extend(holder);
    match oldest {
        Some(days) if days > MOST_DAYS => judgement.findings.push(format!(
            "{} {} has had a newer version for {days} days, and {MOST_DAYS} are allowed: cargo update {}",
            one.name, one.version, one.name
        )),
        // Released after the moment that is judged: not there yet.
        Some(days) if days >= 0 => judgement.waiting += 1,
        Some(_) | None => {}
    }
    Ok(())
}

/// For each crate, who asks for which versions of it.
fn asked<'a>(
    locked: &'a [Locked],
    index: &'a Value,
) -> Result<BTreeMap<&'a str, Vec<(&'a str, &'a str)>>> {
    let mut asked: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for one in locked {
        let asks = index[&one.name]["asks"][&one.version].as_array();
        for ask in asks.into_iter().flatten() {
            let (Some(name), Some(requirement)) = (ask[0].as_str(), ask[1].as_str()) else {
                return Err(format!("the index of {} has a form that is not known", one.name));
            };
            // What nobody switched on holds nothing.
            if !one.dependencies.iter().any(|on| on == name) {
                continue;
            }
            asked.entry(name).or_default().push((one.name.as_str(), requirement));
        }
    }
    Ok(asked)
}

/// Whether a release wants a newer compiler than ours.
fn is_beyond(wanted: &str) -> bool {
    !Version::at_least(OUR_RUST).is_some_and(|ours| ours.is_taken_by(&format!(">={wanted}")))
}

fn releases(index: &Value, name: &str) -> Result<Vec<Value>> {
    let list = index[name]["versions"].as_array();
    list.cloned().ok_or_else(|| format!("the index says nothing of {name}"))
}

/// Whole days since a release; `None` where the registry has no time for it.
fn days(release: &Value, now: i64) -> Result<Option<i64>> {
    let Some(at) = release["pubtime"].as_str() else { return Ok(None) };
    let at = seconds(at).ok_or_else(|| format!("the index has the time {at}"))?;
    Ok(Some(now.saturating_sub(at).div_euclid(DAY)))
}

/// `2026-10-11T14:19:32Z` in seconds since 1970.
pub fn seconds(text: &str) -> Option<i64> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let within = part(11, 13)? * 3_600 + part(14, 16)? * 60 + part(17, 19)?;
    // Days of the proleptic Gregorian calendar, with years that begin in March.
    let year = if month > 2 { year } else { year - 1 };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days =
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year;
    (1..=12).contains(&month).then_some((days - 719_468) * DAY + within)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_795_392_000; // 2026-11-23

    fn locked(name: &str, version: &str) -> Locked {
        let text = str::to_owned;
        Locked {
            name: text(name),
            version: text(version),
            source: text("registry"),
            checksum: text("abc"),
            dependencies: vec![text("http")],
        }
    }

    fn release(version: &str, day: &str) -> Value {
        json!({ "vers": version, "cksum": "abc", "yanked": false, "pubtime": format!("{day}T00:00:00Z") })
    }

    fn judged(releases: &[Value]) -> Judgement {
        let index = json!({ "http": { "versions": releases, "asks": {} } });
        judge(&[locked("http", "1.4.0")], &index, (&[], NOW)).unwrap()
    }

    #[test]
    fn a_time_of_the_index_is_read() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2026-11-23T00:00:00Z"), Some(NOW));
        assert_eq!(seconds("2024-02-29T23:59:59Z"), Some(1_709_251_199));
        assert_eq!(seconds("2024-13-01T00:00:00Z"), None);
        assert_eq!(seconds("yesterday"), None);
    }

    // ASVS 5.0, 15.2.1: what is overdue is a finding; what still has time is not.
    #[test]
    fn a_newer_version_has_thirty_days() {
        let mine = release("1.4.0", "2026-01-01");
        let with =
            |day| judged(&[mine.clone(), release("1.4.1", day), release("1.5.0", "2026-11-22")]);
        assert_eq!(with("2026-10-24"), Judgement { waiting: 1, ..Judgement::default() });
        assert_eq!(with("2026-10-23").findings.len(), 1);
        // Another line is a decision of its own, a withdrawn one is no mend, and a later one was not there.
        let gone = json!({ "vers": "1.4.2", "cksum": "a", "yanked": true, "pubtime": "2026-02-01T00:00:00Z" });
        let others = [mine, release("2.0.0", "2026-02-01"), gone, release("1.6.0", "2027-02-01")];
        assert_eq!(judged(&others), Judgement::default());
    }

    #[test]
    fn what_is_in_use_is_known_whole_not_withdrawn_and_a_week_old() {
        let changed = |field: &str, value: Value| {
            let mut mine = release("1.4.0", "2026-01-01");
            mine[field] = value;
            judged(&[mine]).findings
        };
        assert_eq!(changed("vers", json!("1.3.0")), ["http 1.4.0: the registry has it not"]);
        assert_eq!(changed("yanked", json!(true)), ["http 1.4.0 was withdrawn"]);
        assert_eq!(
            changed("cksum", json!("def")),
            ["http 1.4.0 is another archive than the registry's"]
        );
        let young = "http 1.4.0 is 6 days old, and 7 are wanted";
        assert_eq!(changed("pubtime", json!("2026-11-17T00:00:00Z")), [young]);
        assert!(changed("pubtime", json!("2026-11-16T00:00:00Z")).is_empty());
        assert!(changed("pubtime", Value::Null).is_empty());
    }

    #[test]
    fn what_another_crate_keeps_out_is_told_and_no_finding() {
        let old = [release("1.4.0", "2026-01-01"), release("1.4.1", "2026-02-01")];
        let index = |requirement: &str| {
            json!({
                "http": { "versions": old, "asks": {} },
                "web": { "versions": [release("0.1.0", "2026-01-01")], "asks": { "0.1.0": [["http", requirement]] } },
            })
        };
        let both = [locked("http", "1.4.0"), locked("web", "0.1.0")];
        let held = judge(&both, &index("=1.4.0"), (&[], NOW)).unwrap();
        assert_eq!(held.held, ["http 1.4.0: web asks for =1.4.0"]);
        assert!(held.findings.is_empty());
        assert_eq!(judge(&both, &index("^1.4"), (&[], NOW)).unwrap().findings.len(), 1);
        // It asks for another line, of which there is another version.
        assert_eq!(judge(&both, &index("^0.9"), (&[], NOW)).unwrap().findings.len(), 1);
    }
    #[test]
    fn what_nobody_switched_on_holds_nothing_and_a_newer_compiler_does() {
        let with = |rust: &str| {
            let mut newer = release("1.4.1", "2026-02-01");
            newer["rust_version"] = json!(rust);
            let old = [release("1.4.0", "2026-01-01"), newer];
            json!({
                "http": { "versions": old, "asks": {} },
                "web": { "versions": [release("0.1.0", "2026-01-01")], "asks": { "0.1.0": [["http", "=1.4.0"]] } },
            })
        };
        let web = Locked { dependencies: Vec::new(), ..locked("web", "0.1.0") };
        let both = [locked("http", "1.4.0"), web];
        assert_eq!(judge(&both, &with("1.60"), (&[], NOW)).unwrap().findings.len(), 1);
        let held = judge(&both, &with("9.1"), (&[], NOW)).unwrap();
        assert_eq!(held.held, ["http 1.4.0: 1.4.1 wants Rust 9.1"]);
        assert!(held.findings.is_empty());
    }

    #[test]
    fn a_mend_that_cannot_wait_is_named_until_a_day() {
        let index = json!({ "http": { "versions": [release("1.4.0", "2026-11-20")], "asks": {} } });
        let early = |name: &str, until| Early {
            name: name.to_owned(),
            version: "1.4.0".to_owned(),
            until,
            why: "RUSTSEC-2026-0001".to_owned(),
        };
        let judged =
            |early: &[Early]| judge(&[locked("http", "1.4.0")], &index, (early, NOW)).unwrap();
        assert_eq!(judged(&[]).findings.len(), 1);
        let named = judged(&[early("http", NOW + 1)]);
        assert_eq!((named.findings.len(), named.held.len()), (0, 1));
        assert_eq!(judged(&[early("http", NOW)]).findings.len(), 2, "its day has come");
        assert_eq!(judged(&[early("http", NOW + 1), early("gone", NOW + 1)]).findings.len(), 1);
        let gone = json!({ "http": { "versions": [json!({ "vers": "1.4.0", "cksum": "abc", "yanked": true })], "asks": {} } });
        let named = [early("http", NOW + 1)];
        assert_eq!(
            judge(&[locked("http", "1.4.0")], &gone, (&named, NOW)).unwrap().findings.len(),
            1
        );
    }
}

//! Mends that could not wait: versions that are taken before they are a week old, named one by one in a file.

use super::judge::seconds;
use crate::Result;

#[derive(Debug, PartialEq, Eq)]
pub struct Early {
    pub name: String,
    pub version: String,
    /// Seconds since 1970.
    pub until: i64,
    pub why: String,
}

pub fn parse(text: &str) -> Result<Vec<Early>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| one(line).ok_or_else(|| format!("not CRATE VERSION DAY WHY: {line}")))
        .collect()
}

fn one(line: &str) -> Option<Early> {
    let mut words = line.splitn(4, ' ');
    let (name, version, day, why) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let until = seconds(&format!("{day}T00:00:00Z"))?;
    let text = str::to_owned;
    (!why.trim().is_empty()).then(|| Early {
        name: text(name),
        version: text(version),
        until,
        why: text(why),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_names_a_version_a_day_and_a_reason() {
        let found =
            parse("# why\n\naws-lc-rs 1.20.1 2026-11-30 RUSTSEC-2026-0001, used by attackers\n")
                .unwrap();
        assert_eq!((found[0].name.as_str(), found[0].version.as_str()), ("aws-lc-rs", "1.20.1"));
        assert_eq!(found[0].until, 1_795_996_800);
        for wrong in
            ["aws-lc-rs", "aws-lc-rs 1.20.1 2026-11-30", "a 1 soon because", "a 1 2026-11-30  "]
        {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}

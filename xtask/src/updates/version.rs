//! Versions of crates and what is asked of them, as Cargo reads both.
//!
//! <https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html>. A version with a pre-release is none here:
//! nobody has to take it.

use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u64,
    minor: u64,
    patch: u64,
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.split_once('+').map_or(text, |(version, _)| version);
        match numbers(text).ok_or(())?[..] {
            [Some(major), Some(minor), Some(patch)] => Ok(Self { major, minor, patch }),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Version {
    /// With zeros for what is not given: `1.95` is 1.95.0.
    pub fn at_least(text: &str) -> Option<Self> {
        numbers(text).map(Self::least)
    }

    /// Whether the newer of two may stand in the other's place, by semantic versioning: the first number that is not
    /// zero is the same.
    pub fn is_of_one_line(self, other: Self) -> bool {
        self.ceiling([Some(self.major), Some(self.minor), Some(self.patch)])
            == other.ceiling([Some(other.major), Some(other.minor), Some(other.patch)])
    }

    /// Whether a requirement takes it; one that is not understood takes everything.
    pub fn is_taken_by(self, requirement: &str) -> bool {
        requirement.split(',').all(|part| self.is_taken_by_one(part.trim()))
    }

    fn is_taken_by_one(self, part: &str) -> bool {
        let signs = ["^", "~", ">=", "<=", ">", "<", "="];
        let sign = signs.into_iter().find(|sign| part.starts_with(sign)).unwrap_or("");
        let rest = part.strip_prefix(sign).unwrap_or(part).trim();
        let Some(given) = numbers(rest) else { return true };
        let floor = Self::least(given);
        let next = |place: usize| Self::after(given, place);
        let told = given.iter().flatten().count();
        match sign {
            ">=" => self >= floor,
            ">" => next(told).is_none_or(|next| self >= next),
            "<" => self < floor,
            "<=" => next(told).is_none_or(|next| self < next),
            "=" => self >= floor && next(told).is_none_or(|next| self < next),
            "~" => self >= floor && next(told.min(2)).is_none_or(|next| self < next),
            // A caret, or nothing; with a star every version of what stands before it.
            _ if part.contains('*') => self >= floor && next(told).is_none_or(|next| self < next),
            _ => self >= floor && self < floor.ceiling(given),
        }
    }

    fn least(given: [Option<u64>; 3]) -> Self {
        let [major, minor, patch] = given.map(Option::unwrap_or_default);
        Self { major, minor, patch }
    }

    /// The first version behind all those that begin with the first numbers of `given`.
    fn after(given: [Option<u64>; 3], told: usize) -> Option<Self> {
        let Self { major, minor, patch } = Self::least(given);
        match told {
            0 => None,
            1 => Some(Self { major: major.saturating_add(1), minor: 0, patch: 0 }),
            2 => Some(Self { major, minor: minor.saturating_add(1), patch: 0 }),
            _ => Some(Self { major, minor, patch: patch.saturating_add(1) }),
        }
    }

    /// The first version that a caret before `given` does not take.
    fn ceiling(self, given: [Option<u64>; 3]) -> Self {
        let place = match (self.major, given[1], self.minor, given[2]) {
            (1.., ..) | (0, None, ..) => 1,
            (0, Some(_), 1.., _) | (0, Some(_), 0, None) => 2,
            (0, Some(_), 0, Some(_)) => 3,
        };
        // A place is never 0, so that there is one.
        Self::after(given, place).unwrap_or(self)
    }
}

/// Up to three numbers; a star and what is not given are none. `None`: not a version.
fn numbers(text: &str) -> Option<[Option<u64>; 3]> {
    let mut found = [None; 3];
    let mut parts = text.split('.');
    for place in &mut found {
        match parts.next() {
            None | Some("*" | "x" | "X") => {}
            Some(part) => *place = Some(part.parse().ok()?),
        }
    }
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn a_line_is_what_semantic_versioning_calls_compatible() {
        for (one, other, is_one) in [
            ("1.2.3", "1.9.0", true),
            ("1.2.3", "2.0.0", false),
            ("0.8.4", "0.8.6", true),
            ("0.8.4", "0.9.0", false),
            ("0.0.3", "0.0.4", false),
            ("0.0.3", "0.0.3", true),
            ("3.53.2+3.53.2", "3.54.0", true),
        ] {
            assert_eq!(version(one).is_of_one_line(version(other)), is_one, "{one} {other}");
        }
    }

    #[test]
    fn a_pre_release_is_no_version() {
        for text in ["1.0.0-rc.1", "1.0", "1", "", "1.0.0.0", "x"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
        assert!(version("1.10.0") > version("1.9.9"));
    }

    // The tables of Cargo's own page.
    #[test]
    fn a_requirement_takes_what_cargo_takes() {
        for (requirement, least, first_beyond) in [
            ("1.2.3", "1.2.3", "2.0.0"),
            ("^1.2", "1.2.0", "2.0.0"),
            ("1", "1.0.0", "2.0.0"),
            ("0.2.3", "0.2.3", "0.3.0"),
            ("0.2", "0.2.0", "0.3.0"),
            ("0.0.3", "0.0.3", "0.0.4"),
            ("0.0", "0.0.0", "0.1.0"),
            ("^0", "0.0.0", "1.0.0"),
            ("~1.2.3", "1.2.3", "1.3.0"),
            ("~1.2", "1.2.0", "1.3.0"),
            ("~1", "1.0.0", "2.0.0"),
            ("1.*", "1.0.0", "2.0.0"),
            ("1.2.*", "1.2.0", "1.3.0"),
            ("=1.2.3", "1.2.3", "1.2.4"),
            ("=1.2", "1.2.0", "1.3.0"),
            (">=1.2.3, <1.5", "1.2.3", "1.5.0"),
            (">=1.2, <=1.5.2", "1.2.0", "1.5.3"),
        ] {
            assert!(version(least).is_taken_by(requirement), "{requirement} {least}");
            assert!(!version(first_beyond).is_taken_by(requirement), "{requirement}");
        }
        assert!(version("9.9.9").is_taken_by("*") && version("1.2.4").is_taken_by(">1.2.3"));
        assert!(!version("1.2.3").is_taken_by(">1.2.3") && !version("1.2.2").is_taken_by("1.2.3"));
    }
}

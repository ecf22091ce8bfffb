//! Which key says that the value after it is a secret.
//!
//! A key is judged by how it ends, so that `refresh_token`, `refreshToken`, `X-Refresh-Token` and
//! `refresh token` are one, while `token_type` and `password_changed_at` stay readable.
//! Cost: two bytes for nearly every key, else one walk over [`WORDS`].

use super::Kind;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) kind: Kind,
    pub(super) form: Form,
}

/// What the value after a key must look like to be taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Anything.
    Any,
    /// Anything but a bare number: `tokens=12` is a count.
    NotNumber,
    /// A header's value: may hold spaces, may begin with a scheme that stays.
    Header,
    /// So many digits, at least and at most.
    Digits(usize, usize),
    /// Exactly six digits: `code` alone is mostly an error's.
    SixDigits,
}

/// Where in a key a word counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// At its end, whatever is before.
    End,
    /// As its last part: `totp_pin`, `totpPin`, not `mapping_spin`.
    Part,
    /// Alone.
    Whole,
}

/// The longest text before a separator that is looked at, in bytes.
pub(super) const KEY_LENGTH: usize = 48;

/// Those that end with the same two letters stand together; of two that fit, the first counts.
const WORDS: &[Word] = &[
    ("password", Bound::End, Kind::Password, Form::Any),
    ("passwd", Bound::End, Kind::Password, Form::Any),
    ("pwd", Bound::End, Kind::Password, Form::Any),
    ("passphrase", Bound::End, Kind::Password, Form::Any),
    ("passwordhash", Bound::End, Kind::Password, Form::Any),
    ("passwordconfirmation", Bound::End, Kind::Password, Form::Any),
    ("authorization", Bound::End, Kind::Token, Form::Header),
    ("passwordconfirm", Bound::End, Kind::Password, Form::Any),
    ("passwordagain", Bound::End, Kind::Password, Form::Any),
    ("pin", Bound::Part, Kind::Code, Form::Digits(4, 6)),
    ("mpin", Bound::Part, Kind::Code, Form::Digits(4, 6)),
    ("pass", Bound::Whole, Kind::Password, Form::NotNumber),
    ("secret", Bound::End, Kind::Key, Form::Any),
    ("apikey", Bound::End, Kind::Key, Form::Any),
    ("secretkey", Bound::End, Kind::Key, Form::Any),
    ("privatekey", Bound::End, Kind::Key, Form::Any),
    ("signingkey", Bound::End, Kind::Key, Form::Any),
    ("masterkey", Bound::End, Kind::Key, Form::Any),
    ("accesskey", Bound::End, Kind::Key, Form::Any),
    ("encryptionkey", Bound::End, Kind::Key, Form::Any),
    ("sharedkey", Bound::End, Kind::Key, Form::Any),
    ("hmackey", Bound::End, Kind::Key, Form::Any),
    ("exchequermaster", Bound::End, Kind::Key, Form::Any),
    ("codeverifier", Bound::End, Kind::Token, Form::Any),
    ("mnemonic", Bound::End, Kind::Key, Form::Any),
    ("token", Bound::End, Kind::Token, Form::Any),
    ("jwt", Bound::Part, Kind::Token, Form::Any),
    ("signature", Bound::End, Kind::Token, Form::Any),
    ("credential", Bound::End, Kind::Token, Form::Any),
    ("stepup", Bound::Whole, Kind::Token, Form::Any),
    ("proof", Bound::Whole, Kind::Token, Form::Any),
    ("csrf", Bound::Part, Kind::Token, Form::Any),
    ("cookie", Bound::End, Kind::Cookie, Form::Header),
    ("cvv", Bound::End, Kind::Cvv, Form::Digits(3, 4)),
    ("cvc", Bound::End, Kind::Cvv, Form::Digits(3, 4)),
    ("cvn", Bound::Part, Kind::Cvv, Form::Digits(3, 4)),
    ("csc", Bound::Part, Kind::Cvv, Form::Digits(3, 4)),
    ("securitycode", Bound::End, Kind::Cvv, Form::Digits(3, 4)),
    ("cardverificationcode", Bound::End, Kind::Cvv, Form::Digits(3, 4)),
    ("otpcode", Bound::End, Kind::Code, Form::Digits(4, 10)),
    ("onetimecode", Bound::End, Kind::Code, Form::Digits(4, 10)),
    ("verificationcode", Bound::End, Kind::Code, Form::Digits(4, 10)),
    ("authenticationcode", Bound::End, Kind::Code, Form::Digits(4, 10)),
    ("confirmationcode", Bound::End, Kind::Code, Form::Digits(4, 10)),
    ("factorcode", Bound::End, Kind::Code, Form::Digits(4, 10)),
    ("logincode", Bound::End, Kind::Code, Form::Digits(4, 10)),
    ("mfacode", Bound::End, Kind::Code, Form::Digits(4, 10)),
    ("smscode", Bound::End, Kind::Code, Form::Digits(4, 10)),
    ("passcode", Bound::End, Kind::Code, Form::Any),
    ("recoverycode", Bound::End, Kind::Code, Form::Any),
    ("backupcode", Bound::End, Kind::Code, Form::Any),
    ("code", Bound::Whole, Kind::Code, Form::SixDigits),
    ("cardverificationvalue", Bound::End, Kind::Cvv, Form::Digits(3, 4)),
    ("otp", Bound::Part, Kind::Code, Form::Digits(4, 10)),
    ("totp", Bound::Part, Kind::Code, Form::Digits(4, 10)),
];

/// The rule for the key that `before` ends with.
pub(super) fn rule(before: &[u8]) -> Option<Rule> {
    let mut before = before;
    for _ in 0..KEY_LENGTH {
        match before {
            [rest @ .., last] if is_trailer(*last) => before = rest,
            _ => break,
        }
    }
    if !may_end_a_key(before) {
        return None;
    }
    let length = before.iter().rev().take(KEY_LENGTH).take_while(|byte| is_key_byte(**byte));
    let (outside, key) = before.split_at_checked(before.len().saturating_sub(length.count()))?;
    let escaped = outside.ends_with(b"\\");
    find(key, escaped).or_else(|| {
        let singular = key.strip_suffix(b"s").or_else(|| key.strip_suffix(b"S"))?;
        let rule = find(singular, escaped)?;
        let form = match rule.form {
            Form::Any | Form::NotNumber => Form::NotNumber,
            Form::Header => Form::Header,
            Form::Digits(..) | Form::SixDigits => return None,
        };
        Some(Rule { form, ..rule })
    })
}

/// True for a byte that a key, or two words that make one, may consist of.
pub(super) fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b' ')
}

/// `password2`, `cvv2`, `exchequer-master-1`.
fn is_trailer(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
}

/// True for a letter that a word in [`WORDS`] or its plural ends with, in either case.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler, which refuses an index or a sum that is out of range"
)]
pub(super) const fn may_be_last(byte: u8) -> bool {
    let lower = byte.to_ascii_lowercase();
    let mut at = 0;
    while at < WORDS.len() {
        let word = WORDS[at].0.as_bytes();
        if word[word.len() - 1] == lower {
            return true;
        }
        at += 1;
    }
    lower == b's'
}

/// True when the last three letters are those of a word in [`WORDS`] or of its plural.
fn may_end_a_key(key: &[u8]) -> bool {
    match *key {
        [.., o, a, b, b's' | b'S'] if is_tail([o, a, b]) => true,
        [.., a, b, c] => is_tail([a, b, c]),
        _ => false,
    }
}

/// `-` and `_` of `Step-Up` and `step_up` are taken as they come: `up` ends a word whatever is before.
fn is_tail([a, b, c]: [u8; 3]) -> bool {
    let lower = [a | CASE, b | CASE, c | CASE];
    is_up([b, c])
        || words_on([b, c]).any(|(word, ..)| word.as_bytes().last_chunk::<3>() == Some(&lower))
}

fn is_up([b, c]: [u8; 2]) -> bool {
    (b | CASE, c | CASE) == (b'u', b'p')
}

/// In upper case a letter and its lower case differ in this bit, and are one in those below it.
const CASE: u8 = 0x20;
const LOW: u8 = 0x1f;

type Word = (&'static str, Bound, Kind, Form);

/// The words that end with two letters, and those of letters that look alike in five bits.
fn words_on([b, c]: [u8; 2]) -> impl Iterator<Item = &'static Word> {
    let (from, to) = BY_END.get(pair_of(b, c)).copied().unwrap_or((0, 0));
    WORDS.get(usize::from(from)..usize::from(to)).unwrap_or_default().iter()
}

/// By their last two letters, where in [`WORDS`] words begin and end.
static BY_END: [(u8, u8); 1_024] = every_end();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "evaluated by the compiler, which refuses an index, a sum or an order that is wrong"
)]
const fn every_end() -> [(u8, u8); 1_024] {
    let mut table = [(0, 0); 1_024];
    let mut at = 0_u8;
    while (at as usize) < WORDS.len() {
        let word = WORDS[at as usize].0.as_bytes();
        let place = pair_of(word[word.len() - 2], word[word.len() - 1]);
        let (from, to) = table[place];
        assert!(to == 0 || to == at, "words with one end do not stand together");
        table[place] = (if to == 0 { at } else { from }, at + 1);
        at += 1;
    }
    table
}

#[expect(clippy::as_conversions, reason = "`From` is not for the compiler; five bits each")]
const fn pair_of(b: u8, c: u8) -> usize {
    ((b & LOW) as usize) << 5 | (c & LOW) as usize
}

fn find(key: &[u8], escaped: bool) -> Option<Rule> {
    let &[.., b, c] = key else { return None };
    words_on([b, c]).find_map(|&(word, bound, kind, form)| {
        let start = start_of(word, key)?;
        is_bounded(key, start, bound, escaped).then_some(Rule { kind, form })
    })
}

/// Where `word` begins when `key` ends with it; case, `_`, `-` and spaces do not count.
fn start_of(word: &str, key: &[u8]) -> Option<usize> {
    let mut at = key.len();
    for letter in word.bytes().rev() {
        loop {
            at = at.checked_sub(1)?;
            let byte = *key.get(at)?;
            if byte.to_ascii_lowercase() == letter {
                break;
            }
            if !matches!(byte, b'_' | b'-' | b' ') {
                return None;
            }
        }
    }
    Some(at)
}

fn is_bounded(key: &[u8], start: usize, bound: Bound, escaped: bool) -> bool {
    let Some(before) = start.checked_sub(1) else { return true };
    let Some((&before_byte, &first)) = key.get(before).zip(key.get(start)) else { return false };
    let after_escape = escaped && before == 0 && matches!(before_byte, b'n' | b'r' | b't');
    match bound {
        Bound::End => true,
        Bound::Part => {
            let hump = first.is_ascii_uppercase() && before_byte.is_ascii_lowercase();
            matches!(before_byte, b'_' | b'-' | b' ') || hump || after_escape
        }
        Bound::Whole => before_byte == b' ' || after_escape,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_passes_the_first_look_alone_and_in_the_plural() {
        for &(word, _, kind, form) in WORDS {
            let found = rule(word.as_bytes()).expect(word);
            assert_eq!(found.kind, kind, "{word}");
            assert!(found.form == form, "{word}");
            let numbered = rule(format!("{word}_2").as_bytes());
            assert!(numbered.is_some_and(|numbered| numbered.kind == kind), "{word}_2");
            let plural = rule(format!("{word}s").as_bytes());
            let is_digits = matches!(form, Form::Digits(..) | Form::SixDigits);
            assert_eq!(plural.is_none(), is_digits, "{word}s");
        }
    }

    /// The table by last letters has no word too few, and none too many.
    #[test]
    fn three_letters_end_a_key_when_they_end_a_word() {
        let bytes = || (0..=u8::MAX).filter(|byte| byte.is_ascii_graphic() || *byte == b' ');
        let lasts = WORDS.iter().filter_map(|(word, ..)| word.as_bytes().last_chunk::<3>());
        let lasts: Vec<[u8; 3]> = lasts.copied().collect();
        for (a, b) in bytes().flat_map(|a| bytes().map(move |b| (a, b))) {
            for c in bytes() {
                let lower = [a, b, c].map(|byte| byte.to_ascii_lowercase());
                let is_last = lasts.contains(&lower) || lower.ends_with(b"up");
                assert_eq!(is_tail([a, b, c]), is_last, "{:?}", str::from_utf8(&lower));
            }
        }
    }

    #[test]
    fn a_key_is_judged_by_its_end_and_its_parts() {
        for key in ["newPassword", "X-Api-Key", "client_secret", "user totp", "loginOtp", "CVC2"] {
            assert!(rule(key.as_bytes()).is_some(), "{key}");
        }
        for key in [
            "token_type",
            "password_changed_at",
            "idempotency_key",
            "key_id",
            "key",
            "public_key",
            "mapping",
            "spin",
            "exit_code",
            "postal_code",
            "pincode",
            "compass",
            "bypass",
            "id",
            "",
        ] {
            assert!(rule(key.as_bytes()).is_none(), "{key}");
        }
        assert!(rule(b"\\notp").is_some());
        assert!(rule(b"notp").is_none());
        assert!(rule(b"Step-Up").is_some());
        assert!(rule(b"step_up").is_some());
    }
}

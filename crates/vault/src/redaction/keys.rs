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

const WORDS: &[(&str, Bound, Kind, Form)] = &[
    ("password", Bound::End, Kind::Password, Form::Any),
    ("passwd", Bound::End, Kind::Password, Form::Any),
    ("passphrase", Bound::End, Kind::Password, Form::Any),
    ("pwd", Bound::End, Kind::Password, Form::Any),
    ("passwordhash", Bound::End, Kind::Password, Form::Any),
    ("passwordconfirmation", Bound::End, Kind::Password, Form::Any),
    ("passwordconfirm", Bound::End, Kind::Password, Form::Any),
    ("passwordagain", Bound::End, Kind::Password, Form::Any),
    ("pass", Bound::Whole, Kind::Password, Form::NotNumber),
    ("secret", Bound::End, Kind::Key, Form::Any),
    ("apikey", Bound::End, Kind::Key, Form::Any),
    ("secretkey", Bound::End, Kind::Key, Form::Any),
    ("privatekey", Bound::End, Kind::Key, Form::Any),
    ("signingkey", Bound::End, Kind::Key, Form::Any),
    ("masterkey", Bound::End, Kind::Key, Form::Any),
    ("exchequermaster", Bound::End, Kind::Key, Form::Any),
    ("accesskey", Bound::End, Kind::Key, Form::Any),
    ("encryptionkey", Bound::End, Kind::Key, Form::Any),
    ("sharedkey", Bound::End, Kind::Key, Form::Any),
    ("hmackey", Bound::End, Kind::Key, Form::Any),
    ("mnemonic", Bound::End, Kind::Key, Form::Any),
    ("token", Bound::End, Kind::Token, Form::Any),
    ("jwt", Bound::Part, Kind::Token, Form::Any),
    ("authorization", Bound::End, Kind::Token, Form::Header),
    ("signature", Bound::End, Kind::Token, Form::Any),
    ("credential", Bound::End, Kind::Token, Form::Any),
    ("stepup", Bound::Whole, Kind::Token, Form::Any),
    ("proof", Bound::Whole, Kind::Token, Form::Any),
    ("csrf", Bound::Part, Kind::Token, Form::Any),
    ("codeverifier", Bound::End, Kind::Token, Form::Any),
    ("cookie", Bound::End, Kind::Cookie, Form::Header),
    ("cvv", Bound::End, Kind::Cvv, Form::Digits(3, 4)),
    ("cvc", Bound::End, Kind::Cvv, Form::Digits(3, 4)),
    ("cvn", Bound::Part, Kind::Cvv, Form::Digits(3, 4)),
    ("csc", Bound::Part, Kind::Cvv, Form::Digits(3, 4)),
    ("securitycode", Bound::End, Kind::Cvv, Form::Digits(3, 4)),
    ("cardverificationvalue", Bound::End, Kind::Cvv, Form::Digits(3, 4)),
    ("cardverificationcode", Bound::End, Kind::Cvv, Form::Digits(3, 4)),
    ("otp", Bound::Part, Kind::Code, Form::Digits(4, 10)),
    ("totp", Bound::Part, Kind::Code, Form::Digits(4, 10)),
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
    ("pin", Bound::Part, Kind::Code, Form::Digits(4, 6)),
    ("mpin", Bound::Part, Kind::Code, Form::Digits(4, 6)),
    ("code", Bound::Whole, Kind::Code, Form::SixDigits),
];

/// The rule for the key that `before` ends with.
pub(super) fn rule(before: &[u8]) -> Option<Rule> {
    let numbered = before.iter().rev().take(KEY_LENGTH).take_while(|byte| is_trailer(**byte));
    let (before, _) = before.split_at_checked(before.len().saturating_sub(numbered.count()))?;
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

/// True when the last three letters are those of a word in [`WORDS`] or of its plural.
fn may_end_a_key(key: &[u8]) -> bool {
    let Some(&[a, b, c]) = key.last_chunk::<3>() else { return false };
    is_tail([a, b, c])
        || (matches!(c, b's' | b'S')
            && key
                .len()
                .checked_sub(4)
                .and_then(|at| key.get(at))
                .is_some_and(|&o| is_tail([o, a, b])))
}

fn is_tail(letters: [u8; 3]) -> bool {
    // In upper case a letter and its lower case differ in this bit; `-` and `_` of `Step-Up` and
    // `step_up` are taken as they come.
    let lower = letters.map(|byte| byte | 0x20);
    matches!(
        &lower,
        b"ord"
            | b"swd"
            | b"pwd"
            | b"ase"
            | b"ash"
            | b"ion"
            | b"irm"
            | b"ain"
            | b"ass"
            | b"ret"
            | b"key"
            | b"ter"
            | b"nic"
            | b"ken"
            | b"jwt"
            | b"ure"
            | b"ial"
            | b"oof"
            | b"srf"
            | b"ier"
            | b"kie"
            | b"cvv"
            | b"cvc"
            | b"cvn"
            | b"csc"
            | b"ode"
            | b"lue"
            | b"otp"
            | b"pin"
            | [_, b'u', b'p']
    )
}

fn find(key: &[u8], escaped: bool) -> Option<Rule> {
    let last = key.last()?.to_ascii_lowercase();
    WORDS.iter().find_map(|&(word, bound, kind, form)| {
        if word.as_bytes().last() != Some(&last) {
            return None;
        }
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

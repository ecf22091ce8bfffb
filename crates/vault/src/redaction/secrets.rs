//! Secrets with a shape of their own: JSON web tokens, PEM blocks, prefixed keys, credentials behind
//! a scheme, passwords in URLs.

use super::Kind;
use super::scan::Scanner;

/// The fewest characters behind the first part of a JWT.
const JWT_REST: usize = 5;

/// The most parts of a JWT: five when encrypted (RFC 7516 §7.1).
const JWT_PARTS: usize = 5;

/// The longest label of a PEM block (RFC 7468 §3 has no limit; OpenSSL's longest is 25).
const PEM_LABEL: usize = 64;

/// The fewest characters of a credential in running text, and how many make one whatever they are.
const CREDENTIAL: (usize, usize) = (8, 20);

/// The first parts of keys that are secret by their name alone: ours (what merchants sign with) and
/// Stripe's, and Standard Webhooks' signing secret.
const KEY_PREFIXES: [&[u8]; 7] =
    [b"exs_live", b"exs_test", b"sk_live", b"sk_test", b"rk_live", b"rk_test", b"whsec"];

/// Schemes whose URLs may hold a password with a bare `/` or `?` in it, as people write them.
const CONNECTION_SCHEMES: [&[u8]; 12] = [
    b"postgres",
    b"postgresql",
    b"redis",
    b"rediss",
    b"mysql",
    b"mariadb",
    b"mongodb",
    b"mongodb+srv",
    b"amqp",
    b"amqps",
    b"smtp",
    b"smtps",
];

impl Scanner<'_> {
    /// `eyJ` and at least two parts in base64url (RFC 7515 §3.1). `at` is its third letter.
    pub(super) fn jwt(&mut self, at: usize) -> Option<usize> {
        let start = at.checked_sub(2)?;
        if self.slice(start, at) != b"ey" || at < self.no_jwt_before {
            return None;
        }
        let first = self.end_of(at, usize::MAX, is_base64url);
        let mut end = first;
        for _ in 1..JWT_PARTS {
            if self.at(end) != b'.' {
                break;
            }
            end = self.end_of(end.saturating_add(1), usize::MAX, is_base64url);
        }
        // A full stop behind the token belongs to the sentence.
        while end > first && self.before(end, 1) == b'.' {
            end = end.saturating_sub(1);
        }
        if end.saturating_sub(first) <= JWT_REST {
            self.no_jwt_before = first;
            return None;
        }
        Some(self.found((start, end), Kind::Jwt, None))
    }

    /// A PEM block whose label says private key (RFC 7468 §10, §11), to its end or, cut short, as far
    /// as its alphabet goes.
    pub(super) fn private_key_block(&mut self, at: usize) -> Option<usize> {
        let begin = b"-----BEGIN ";
        if !self.text.get(at..)?.starts_with(begin) {
            return None;
        }
        let label = at.saturating_add(begin.len());
        let body = self.end_of(label, PEM_LABEL, |byte| byte != b'-');
        if !contains(self.slice(label, body), b"PRIVATE KEY") {
            return None;
        }
        let alphabet = self.end_of(body, usize::MAX, |byte| {
            byte.is_ascii_alphanumeric()
                || byte.is_ascii_whitespace()
                || matches!(byte, b'+' | b'/' | b'=' | b'\\' | b':' | b',' | b'.' | b'-')
        });
        let last = b"-----END ";
        let end = match position(self.slice(body, alphabet), last) {
            None => alphabet,
            Some(offset) => {
                let label = body.saturating_add(offset).saturating_add(last.len());
                let dashes = self.end_of(label, PEM_LABEL, |byte| byte != b'-');
                self.end_of(dashes, 5, |byte| byte == b'-')
            }
        };
        Some(self.found((at, end), Kind::Key, None))
    }

    /// `sk_live_…`, `whsec_…`. `at` is the underscore before the secret part.
    pub(super) fn secret_key(&mut self, at: usize) -> Option<usize> {
        if !matches!(self.before(at, 1), b'e' | b't' | b'c') {
            return None;
        }
        let head = self.text.get(..at)?;
        let prefix = KEY_PREFIXES.iter().find(|prefix| head.ends_with(prefix))?;
        let start = at.saturating_sub(prefix.len());
        if self.continues_a_word(start) {
            return None;
        }
        let secret = at.saturating_add(1);
        let end = self.end_of(secret, usize::MAX, |byte| is_base64url(byte) || is_base64(byte));
        let long = end.saturating_sub(secret) >= CREDENTIAL.0;
        long.then(|| self.found((start, end), Kind::Key, None))
    }

    /// A password's hash in the PHC or the modular crypt format: `$argon2id$…`, `$2b$…`. `at` is the
    /// first dollar sign.
    pub(super) fn password_hash(&mut self, at: usize) -> Option<usize> {
        let name = at.saturating_add(1);
        let salt = self.end_of(name, 16, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let known = [&b"argon2"[..], b"2a", b"2b", b"2x", b"2y", b"scrypt", b"pbkdf2"];
        if self.at(salt) != b'$'
            || !known.iter().any(|known| self.slice(name, salt).starts_with(known))
        {
            return None;
        }
        let end = self.end_of(salt, usize::MAX, |byte| {
            is_base64(byte) || matches!(byte, b'$' | b'.' | b',' | b'-' | b'_')
        });
        Some(self.found((at, end), Kind::Password, None))
    }

    /// `Bearer …` and `Basic …` in running text, where no header's name stands before.
    pub(super) fn scheme(&mut self, at: usize) -> Option<usize> {
        let word = match self.at(at.saturating_add(1)) {
            b'e' | b'E' => "bearer",
            b'a' | b'A' => "basic",
            _ => return None,
        };
        let after = at.saturating_add(word.len());
        if !self.slice(at, after).eq_ignore_ascii_case(word.as_bytes())
            || self.at(after) != b' '
            || self.continues_a_word(at)
        {
            return None;
        }
        let start = self.end_of(after, 4, |byte| byte == b' ');
        let body = self.end_of(start, usize::MAX, |byte| {
            is_base64url(byte) || is_base64(byte) && byte != b'=' || matches!(byte, b'.' | b'~')
        });
        let end = self.end_of(body, 2, |byte| byte == b'=');
        let credential = self.slice(start, end);
        let (least, certain) = CREDENTIAL;
        let mixed = credential.iter().skip(1).any(u8::is_ascii_uppercase)
            && credential.iter().any(u8::is_ascii_lowercase);
        let odd = credential.iter().any(|byte| byte.is_ascii_digit() || *byte == b'=') || mixed;
        // `Bearer error_description="…"` is a challenge and holds no credential.
        let challenge = end > body && matches!(self.at(end), b'"' | b'\\');
        if challenge || credential.len() < least || (credential.len() < certain && !odd) {
            return None;
        }
        Some(self.found((start, end), Kind::Token, None))
    }

    /// The password in `scheme://user:password@host` (RFC 3986 §3.2.1). `at` is the first colon.
    /// Returns the place of the `@`.
    pub(super) fn url_password(&mut self, at: usize) -> Option<usize> {
        let scheme = self.start_of(at, 16, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
        });
        let name = self.slice(scheme, at);
        let connection = CONNECTION_SCHEMES.iter().any(|known| {
            name.len() >= known.len()
                && name
                    .get(name.len().saturating_sub(known.len())..)
                    .is_some_and(|tail| tail.eq_ignore_ascii_case(known))
        });
        if connection && at < self.no_at_before {
            return None;
        }
        let from = at.saturating_add(3);
        let depth = self.view.depth(at);
        let mut colon = None;
        let mut password = None;
        let mut place = from;
        while place < self.text.len() {
            let byte = self.at(place);
            let shallow = self.view.depth(place) <= depth;
            let ends = byte.is_ascii_whitespace()
                || matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>')
                || !connection && matches!(byte, b'/' | b'?' | b'#' | b'\\');
            if shallow && ends {
                break;
            }
            if shallow && byte == b':' && colon.is_none() {
                colon = Some(place.saturating_add(1));
            }
            if shallow && byte == b'@' {
                password = colon.map(|colon| (colon, place));
            }
            place = place.saturating_add(1);
        }
        if password.is_none() && connection {
            self.no_at_before = place;
        }
        password.map(|password| self.found(password, Kind::Password, None))
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    position(text, part).is_some()
}

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

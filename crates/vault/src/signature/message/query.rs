//! One named parameter of a query (RFC 9421 §2.2.8), as HTML forms write them.
//!
//! The query is cut at `&` and `=`, decoded (WHATWG URL, "application/x-www-form-urlencoded parsing"), and
//! the parts encoded again in one way, in which name and value are compared and signed. Two queries can
//! have the same parameters; the bank's policy therefore demands the whole query. Stricter than the
//! standard: what is not UTF-8 after decoding is refused, not replaced.

use super::component::ComponentFault;

/// The value of the parameter whose encoded name is `name`. Errors: `Value`, `Absent`, `Ambiguous`.
pub(super) fn parameter(query: &str, name: &str) -> Result<String, ComponentFault> {
    let mut found = None;
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        if recoded(key)? != name {
            continue;
        }
        if found.is_some() {
            return Err(ComponentFault::Ambiguous);
        }
        found = Some(recoded(value)?);
    }
    found.ok_or(ComponentFault::Absent)
}

fn recoded(text: &str) -> Result<String, ComponentFault> {
    let bytes = decoded(text);
    std::str::from_utf8(&bytes).map_err(|_not_utf8| ComponentFault::Value)?;
    Ok(encoded(&bytes))
}

/// A plus is a space; a per cent without two digits stands for itself.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'+', _) => (b' ', after),
            (b'%', [high, low, behind @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => ((high << 4) | low, behind),
                (Some(_) | None, _) => (b'%', after),
            },
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes
}

/// "Percent-encode after encoding" with the form set: all but letters, digits and `*-._`.
fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"*-._".contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push('%');
            text.extend([byte >> 4, byte & 0x0f].map(hex));
        }
    }
    text
}

fn digit(hex: u8) -> Option<u8> {
    char::from(hex).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The upper-case digit of a number below 16.
fn hex(value: u8) -> char {
    char::from_digit(u32::from(value), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_9421_section_2_2_8() {
        let query = "param=value&foo=bar&baz=batman&qux=";
        for (name, value) in [("baz", "batman"), ("qux", ""), ("param", "value")] {
            assert_eq!(parameter(query, name).as_deref(), Ok(value), "{name}");
        }
        let query = "var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace\
                     &fa%C3%A7ade%22%3A%20=something";
        for (name, value) in [
            ("var", "this%20is%20a%20big%0Amultiline%20value"),
            ("bar", "with%20plus%20whitespace"),
            ("fa%C3%A7ade%22%3A%20", "something"),
        ] {
            assert_eq!(parameter(query, name).as_deref(), Ok(value), "{name}");
        }
    }

    #[test]
    fn a_parameter_is_there_once_or_refused() {
        assert_eq!(parameter("a=1&b=2", "c"), Err(ComponentFault::Absent));
        assert_eq!(parameter("", "a"), Err(ComponentFault::Absent));
        assert_eq!(parameter("", ""), Err(ComponentFault::Absent));
        assert_eq!(parameter("a=1&a=1", "a"), Err(ComponentFault::Ambiguous));
        assert_eq!(parameter("a=1&%61=2", "a"), Err(ComponentFault::Ambiguous));
        assert_eq!(parameter("a=%ff", "a"), Err(ComponentFault::Value));
        assert_eq!(parameter("%ff=1&a=1", "a"), Err(ComponentFault::Value));
    }

    #[test]
    fn broken_escapes_stand_for_themselves() {
        for (query, value) in
            [("a=%", "%25"), ("a=%2", "%252"), ("a=%zz", "%25zz"), ("a=%+f", "%25%20f"), ("a", "")]
        {
            assert_eq!(parameter(query, "a").as_deref(), Ok(value), "{query}");
        }
    }
}

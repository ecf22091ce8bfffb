//! What a form sent: names and values, bounded.
//!
//! A form of ours has no name twice but the check boxes that may; the first value counts, so that a name
//! that was added behind ours changes nothing.

use std::borrow::Cow;

/// A review page carries a payment and its step-up; nothing of ours is near this.
pub const MAX_FORM_BYTES: usize = 64 * 1024;
/// Our largest form has some twenty.
const MAX_FIELDS: usize = 100;

/// The fields of a form or of a query, in their order.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// `None`: too many fields.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Vec::new();
        for (name, value) in form_urlencoded::parse(bytes) {
            if fields.len() == MAX_FIELDS {
                return None;
            }
            fields.push((name.into_owned(), value.into_owned()));
        }
        Some(Self(fields))
    }

    /// As it was sent; empty where it was not.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Without blanks around it. Browsers send line ends as CR LF; ours are LF.
    pub fn text(&self, name: &str) -> String {
        self.raw(name).replace("\r\n", "\n").trim().to_owned()
    }

    /// [`Form::text`], where there is any.
    pub fn some(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Everything, in order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// As a query, without what `drop` names and with what `set` gives.
    pub fn query_with(&self, drop: &[&str], set: &[(&str, &str)]) -> String {
        let kept = self.fields().filter(|(name, value)| {
            !value.is_empty() && !drop.contains(name) && !set.iter().any(|(key, _)| key == name)
        });
        let mut out = form_urlencoded::Serializer::new(String::new());
        out.extend_pairs(kept.chain(set.iter().copied()));
        out.finish()
    }
}

/// One part of a path, for a URL: an id that came from the visitor cannot lead elsewhere.
pub fn segment(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
        return Cow::Borrowed(text);
    }
    let encode = |byte: u8| {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    Cow::Owned(text.bytes().map(encode).collect())
}

/// A query of these; empty ones are left out.
pub fn query(pairs: &[(&str, &str)]) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    out.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    // ASVS 15.3.7: of a form's fields of one name the first counts, always.
    #[test]
    fn the_first_value_of_a_name_counts() {
        let form = Form::parse(b"to=acc_a&to=acc_b&memo=a%0D%0Ab+").expect("a form");
        assert_eq!(form.raw("to"), "acc_a");
        assert_eq!(form.text("memo"), "a\nb");
        assert_eq!(form.some("amount"), None);
    }

    #[test]
    fn a_form_of_endless_fields_is_refused() {
        assert!(Form::parse("a=1&".repeat(MAX_FIELDS).as_bytes()).is_some());
        assert!(Form::parse("a=1&".repeat(MAX_FIELDS + 1).as_bytes()).is_none());
    }

    // ASVS 1.2.2: a value in a path is percent-encoded, so that it cannot become another path or a query.
    #[test]
    fn a_segment_stays_one() {
        assert_eq!(segment("acc_01"), "acc_01");
        assert_eq!(segment("../staff?x#y"), "%2E%2E%2Fstaff%3Fx%23y");
    }
}

//! An authenticator's key on a page: as a picture, to be typed, and as an address that a telephone opens.

use data_encoding::BASE64;
use serde::Deserialize;

/// As the API gives it.
#[derive(Debug, Clone, Deserialize)]
pub struct Authenticator {
    pub secret: String,
    pub otpauth_uri: String,
    pub qr_svg: String,
}

/// To be taken over.
pub struct Key {
    pub picture: String,
    pub secret: String,
    /// In groups of four, to be typed.
    pub grouped: String,
    pub uri: String,
}

impl From<Authenticator> for Key {
    fn from(shown: Authenticator) -> Self {
        let picture = BASE64.encode(shown.qr_svg.as_bytes());
        Self {
            picture: format!("data:image/svg+xml;base64,{picture}"),
            grouped: grouped(&shown.secret),
            uri: shown.otpauth_uri,
            secret: shown.secret,
        }
    }
}

pub fn grouped(secret: &str) -> String {
    let chars: Vec<char> = secret.chars().collect();
    let groups: Vec<String> = chars.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_to_be_typed_stands_in_groups_of_four() {
        assert_eq!(grouped("ABCDEFGHIJ"), "ABCD EFGH IJ");
        assert_eq!(grouped(""), "");
    }
}

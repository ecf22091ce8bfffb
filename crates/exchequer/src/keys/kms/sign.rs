//! AWS Signature Version 4 of one request ("Create a signed AWS API request", AWS IAM User Guide). Pure.
//!
//! Order: the canonical request, the text to sign, the key of day, region and service, the signature. Headers come
//! with lower-case names, sorted, without blanks at their ends; path and query come encoded and sorted. Never here: a
//! request that is streamed, a presigned address.

use aws_lc_rs::{digest, hmac};
use data_encoding::HEXLOWER;
use money::Timestamp;
use vault::SecretString;
use zeroize::Zeroizing;

/// What is signed.
pub(super) struct Signed<'r> {
    pub method: &'r str,
    pub path: &'r str,
    pub query: &'r str,
    pub headers: &'r [(&'r str, &'r str)],
    pub body: &'r [u8],
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// `20150830T123600Z`.
pub(super) fn date(now: Timestamp) -> String {
    let text = now.to_string();
    let seconds = text.split(['.', 'Z']).next().unwrap_or_default();
    format!("{}Z", seconds.replace(['-', ':'], ""))
}

impl Signed<'_> {
    /// The value of the header `Authorization`; the scope is date, region and service.
    pub(super) fn authorization(
        &self,
        (date, region, service): (&str, &str, &str),
        (access_key_id, secret): (&str, &SecretString),
    ) -> String {
        let day = date.split('T').next().unwrap_or_default();
        let scope = format!("{day}/{region}/{service}/aws4_request");
        let hash = hex(digest::digest(&digest::SHA256, self.canonical().as_bytes()).as_ref());
        let text = format!("{ALGORITHM}\n{date}\n{scope}\n{hash}");
        let first = Zeroizing::new(format!("AWS4{}", secret.expose()));
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, first.as_bytes());
        for part in [day, region, service, "aws4_request"] {
            key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
        }
        let signature = hex(hmac::sign(&key, text.as_bytes()).as_ref());
        let names = self.names();
        format!(
            "{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={names}, \
             Signature={signature}"
        )
    }

    fn canonical(&self) -> String {
        let Self { method, path, query, headers, body } = self;
        let lines: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let lines = lines.concat();
        let hash = hex(digest::digest(&digest::SHA256, body).as_ref());
        format!("{method}\n{path}\n{query}\n{lines}\n{}\n{hash}", self.names())
    }

    fn names(&self) -> String {
        self.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
    }
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "20150830T123600Z";
    const ID: &str = "AKIDEXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn signature(signed: &Signed<'_>, service: &str) -> String {
        let secret = SecretString::new(SECRET.to_owned());
        let value = signed.authorization((DATE, "us-east-1", service), (ID, &secret));
        assert!(value.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"));
        value.rsplit('=').next().unwrap().to_owned()
    }

    /// `get-vanilla`, `post-vanilla` and `get-vanilla-query-order-key-case` of AWS's test suite for Signature Version 4,
    /// and the example of its documents (ListUsers).
    #[test]
    fn the_suites_requests_get_the_suites_signatures() {
        let headers = [("host", "example.amazonaws.com"), ("x-amz-date", DATE)];
        let get = Signed { method: "GET", path: "/", query: "", headers: &headers, body: b"" };
        assert_eq!(
            signature(&get, "service"),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        let post = Signed { method: "POST", ..get };
        assert_eq!(
            signature(&post, "service"),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );
        let query = Signed { method: "GET", query: "Param1=value1&Param2=value2", ..post };
        assert_eq!(
            signature(&query, "service"),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        );
        let headers = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
            ("x-amz-date", DATE),
        ];
        let query = "Action=ListUsers&Version=2010-05-08";
        let users = Signed { method: "GET", path: "/", query, headers: &headers, body: b"" };
        assert_eq!(
            signature(&users, "iam"),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }

    #[test]
    fn a_moment_is_written_as_aws_wants_it() {
        assert_eq!(date(Timestamp::from_seconds(1_440_938_160)), DATE);
    }
}

//! What `message` promises: a request that a test can change, and who judges it.

mod appendix;
mod changes;
mod examples;
mod hostile;
mod properties;
mod refusals;

use super::super::{DigestHash, Header, Request, content_digest};
use super::*;
use crate::secret::SecretBytes;
use data_encoding::{BASE64, BASE64URL_NOPAD};

/// The moment at which the signatures of RFC 9421 Appendix B were made.
const CREATED: i64 = 1_618_884_473;
const NONCE: &str = "b3k2pp5k7z-50gnwp.yemd";

/// RFC 9421 Appendix B.1.4 and B.1.5: published for tests.
const ED25519_PRIVATE: &str = "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU";
const ED25519_PUBLIC: &str = "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs";
const SHARED_SECRET: &str =
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";

/// A request that owns its parts.
#[derive(Debug, Clone)]
struct Sent {
    method: String,
    scheme: String,
    authority: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// The keys of the tests: those of Appendix B.
struct Keys {
    seed: SecretBytes,
    public: [u8; 32],
    shared: SecretBytes,
}

fn keys() -> Keys {
    let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
    Keys {
        seed: SecretBytes::new(decode(ED25519_PRIVATE)),
        public: decode(ED25519_PUBLIC).try_into().unwrap(),
        shared: SecretBytes::new(BASE64.decode(SHARED_SECRET.as_bytes()).unwrap()),
    }
}

impl Keys {
    fn signing(&self, algorithm: Algorithm) -> SigningKey<'_> {
        match algorithm {
            Algorithm::HmacSha256 => SigningKey::HmacSha256(&self.shared),
            Algorithm::Ed25519 => SigningKey::Ed25519(&self.seed),
            Algorithm::EcdsaP256Sha256 | Algorithm::RsaPssSha512 => panic!("verifies only"),
        }
    }

    fn verifying(&self, algorithm: Algorithm) -> VerifyingKey<'_> {
        match algorithm {
            Algorithm::HmacSha256 => VerifyingKey::HmacSha256(&self.shared),
            Algorithm::Ed25519 => VerifyingKey::Ed25519(&self.public),
            Algorithm::EcdsaP256Sha256 | Algorithm::RsaPssSha512 => panic!("no such key here"),
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from_seconds(CREATED)
}

/// `test-request` of Appendix B.2, with a digest of its body.
fn test_request() -> Sent {
    let body = b"{\"hello\": \"world\"}".to_vec();
    let digest = content_digest(DigestHash::Sha512, &body);
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    Sent {
        method: "POST".to_owned(),
        scheme: "https".to_owned(),
        authority: "example.com".to_owned(),
        path: "/foo".to_owned(),
        query: Some("param=Value&Pet=dog".to_owned()),
        headers: vec![
            header("Host", "example.com"),
            header("Date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            header("Content-Type", "application/json"),
            header("Content-Digest", &digest),
            header("Content-Length", "18"),
        ],
        body,
    }
}

impl Sent {
    fn with<T>(&self, act: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<Header<'_>> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        act(&Request {
            method: &self.method,
            scheme: &self.scheme,
            authority: &self.authority,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &headers,
            body: &self.body,
        })
    }

    fn header(&mut self, name: &str) -> &mut Vec<u8> {
        let found = self.headers.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name));
        &mut found.unwrap().1
    }

    fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.remove(name);
        self.add(name, value);
    }

    fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
    }

    fn remove(&mut self, name: &str) {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    /// Signs with whatever `input` says.
    fn signed(mut self, input: &str, algorithm: Algorithm) -> Self {
        let keys = keys();
        let signature = self.with(|request| {
            sign(&Message::Request(request), input, &keys.signing(algorithm))
                .unwrap_or_else(|refused| panic!("{refused} ({refused:?}): {input}"))
        });
        self.set("Signature-Input", input);
        self.set("Signature", signature);
        self
    }

    /// Signs as a request to the bank is signed.
    fn signed_for_the_bank(self, algorithm: Algorithm) -> Self {
        let input =
            self.with(|request| signature_input(request, "key_01", now(), NONCE, algorithm));
        self.signed(&input, algorithm)
    }

    /// The whole way that a request to the bank goes.
    fn judge(
        &self,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<(String, String, i64), Refusal> {
        let keys = keys();
        self.with(|request| {
            let claim = read(request)?;
            let accepted = claim.verify(&Policy::BANK, &keys.verifying(algorithm), now)?;
            Ok((
                accepted.key_id().to_owned(),
                accepted.nonce().to_owned(),
                accepted.created().seconds(),
            ))
        })
    }

    fn refusal(&self, algorithm: Algorithm) -> Option<Refusal> {
        self.judge(algorithm, now()).err()
    }

    /// Whether the first signature is right, whatever it covers.
    fn verify(&self, key: &VerifyingKey<'_>) -> Result<(), Refusal> {
        self.with(|request| {
            let signatures = Signatures::read(request.headers)?;
            signatures.0[0].verify(&Message::Request(request), key)
        })
    }
}

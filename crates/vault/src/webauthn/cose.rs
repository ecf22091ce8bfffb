//! Public keys in COSE's form (RFC 9052 §7, RFC 9053 §7), and their signatures as WebAuthn has them
//! (Level 3 §6.5.5).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ED25519,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, VerificationAlgorithm,
};

use super::WebauthnError;
use super::cbor::{Item, Reader};

/// 2,048 bits.
const MIN_RSA_BYTES: usize = 256;

/// The algorithms that are offered, by their numbers at IANA (COSE Algorithms).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Es256,
    Es384,
    Es512,
    EdDsa,
    Rs256,
}

/// A key that was read; it borrows its numbers.
pub(super) struct PublicKey<'k> {
    algorithm: Algorithm,
    form: Form<'k>,
}

enum Form<'k> {
    /// A point, uncompressed (SEC 1 §2.3.3), or the 32 bytes of an Ed25519 key.
    Point(Vec<u8>),
    Rsa {
        modulus: &'k [u8],
        exponent: &'k [u8],
    },
}

/// The parameters of a COSE_Key by their labels.
#[derive(Default)]
struct Parameters<'k> {
    kind: Option<i64>,
    algorithm: Option<i64>,
    /// -1: a curve, or RSA's modulus.
    first: Option<Item<'k>>,
    /// -2: x, or RSA's exponent.
    second: Option<&'k [u8]>,
    /// -3: y.
    third: Option<&'k [u8]>,
}

impl Algorithm {
    /// In the order in which they are preferred.
    pub const ALL: [Self; 5] = [Self::Es256, Self::EdDsa, Self::Es384, Self::Es512, Self::Rs256];

    /// The number at IANA.
    pub const fn number(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Es384 => -35,
            Self::Es512 => -36,
            Self::Rs256 => -257,
        }
    }

    fn of(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.number() == number)
    }

    /// Key type, curve and bytes of a coordinate; none for RSA.
    const fn curve(self) -> Option<(i64, i64, usize)> {
        match self {
            Self::Es256 => Some((2, 1, 32)),
            Self::Es384 => Some((2, 2, 48)),
            Self::Es512 => Some((2, 3, 66)),
            Self::EdDsa => Some((1, 6, 32)),
            Self::Rs256 => None,
        }
    }
}

impl<'k> PublicKey<'k> {
    /// Errors: `Malformed`, `Key`.
    pub fn read(bytes: &'k [u8]) -> Result<Self, WebauthnError> {
        let parameters = Parameters::read(bytes)?;
        let bad = WebauthnError::Key;
        let algorithm = parameters.algorithm.and_then(Algorithm::of).ok_or(bad)?;
        let form = match (algorithm.curve(), parameters.first) {
            (Some((kind, curve, length)), Some(Item::Int(given))) => {
                if parameters.kind != Some(kind) || given != curve {
                    return Err(bad);
                }
                let coordinate = |bytes: Option<&'k [u8]>| {
                    bytes.filter(|bytes| bytes.len() == length).ok_or(bad)
                };
                let x = coordinate(parameters.second)?;
                match (algorithm, parameters.third) {
                    (Algorithm::EdDsa, None) => Form::Point(x.to_vec()),
                    (Algorithm::EdDsa, Some(_)) => return Err(bad),
                    (_, y) => Form::Point([&[4], x, coordinate(y)?].concat()),
                }
            }
            (None, Some(Item::Bytes(modulus))) => {
                let exponent = parameters.second.ok_or(bad)?;
                if parameters.kind != Some(3) || parameters.third.is_some() {
                    return Err(bad);
                }
                Form::Rsa { modulus, exponent }
            }
            _ => return Err(bad),
        };
        Ok(Self { algorithm, form })
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Errors: `Key` where the numbers are no point of the curve, `Signature`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), WebauthnError> {
        match &self.form {
            Form::Point(point) => self
                .parse(point)?
                .verify_sig(message, signature)
                .map_err(|_| WebauthnError::Signature),
            Form::Rsa { modulus, exponent } => {
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                    .map_err(|_| WebauthnError::Signature)
            }
        }
    }

    /// That the numbers are a key. An RSA key shows it with its first signature only.
    pub fn check(&self) -> Result<(), WebauthnError> {
        match &self.form {
            Form::Point(point) => self.parse(point).map(drop),
            Form::Rsa { modulus, .. } if modulus.len() >= MIN_RSA_BYTES => Ok(()),
            Form::Rsa { .. } => Err(WebauthnError::Key),
        }
    }

    fn parse(&self, point: &[u8]) -> Result<ParsedPublicKey, WebauthnError> {
        let verifier: &'static dyn VerificationAlgorithm = match self.algorithm {
            Algorithm::Es256 => &ECDSA_P256_SHA256_ASN1,
            Algorithm::Es384 => &ECDSA_P384_SHA384_ASN1,
            Algorithm::Es512 => &ECDSA_P521_SHA512_ASN1,
            Algorithm::EdDsa => &ED25519,
            Algorithm::Rs256 => return Err(WebauthnError::Key),
        };
        ParsedPublicKey::new(verifier, point).map_err(|_| WebauthnError::Key)
    }
}

impl<'k> Parameters<'k> {
    /// Unknown labels and labels twice are refused: what a key says has one meaning.
    fn read(bytes: &'k [u8]) -> Result<Self, WebauthnError> {
        let mut reader = Reader::new(bytes);
        let mut found = Self::default();
        for _ in 0..reader.map()? {
            let label = reader.int()?;
            let is_first = match label {
                1 => found.kind.replace(reader.int()?).is_none(),
                3 => found.algorithm.replace(reader.int()?).is_none(),
                -1 => found.first.replace(reader.item()?).is_none(),
                -2 => found.second.replace(reader.bytes()?).is_none(),
                -3 => found.third.replace(reader.bytes()?).is_none(),
                _ => return Err(WebauthnError::Key),
            };
            if !is_first {
                return Err(WebauthnError::Malformed);
            }
        }
        reader.end()?;
        Ok(found)
    }
}

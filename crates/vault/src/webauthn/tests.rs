//! The vectors of the standard, and damaged bytes of every kind.

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;

const SITE: &str = "example.org";

/// A pair of ceremonies of the standard's section "Test Vectors".
struct Vector {
    name: String,
    made: Vec<(String, Vec<u8>)>,
    shown: Vec<(String, Vec<u8>)>,
}

impl Vector {
    fn made(&self, name: &str) -> &[u8] {
        find(&self.made, name)
    }

    fn shown(&self, name: &str) -> &[u8] {
        find(&self.shown, name)
    }

    fn judge(&self) -> (Result<Credential, WebauthnError>, Option<Result<Shown, WebauthnError>>) {
        let credential = read_creation(SITE, self.made("attestationObject"));
        let shown = credential.as_ref().ok().map(|credential| self.show(credential));
        (credential, shown)
    }

    fn show(&self, credential: &Credential) -> Result<Shown, WebauthnError> {
        let (client_data, data) = (self.shown("clientDataJSON"), self.shown("authenticatorData"));
        verify_assertion(SITE, credential, client_data, data, self.shown("signature"))
    }
}

fn find<'v>(values: &'v [(String, Vec<u8>)], name: &str) -> &'v [u8] {
    let found = values.iter().find(|(known, _)| known == name);
    &found.unwrap_or_else(|| panic!("{name} is missing")).1
}

fn parse(text: &str) -> Vec<Vector> {
    let mut found: Vec<Vector> = Vec::new();
    let mut is_shown = false;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            let name = title.split(" ##").next().unwrap().to_owned();
            found.push(Vector { name, made: Vec::new(), shown: Vec::new() });
        }
        let Some(current) = found.last_mut() else { continue };
        if line.starts_with("[=registration ceremony") {
            is_shown = false;
        } else if line.starts_with("[=authentication ceremony") {
            is_shown = true;
        }
        let Some((name, rest)) = line.split_once(" = h'") else { continue };
        let Some((hex, _)) = rest.split_once('\'') else { continue };
        let Ok(bytes) = HEXLOWER.decode(hex.as_bytes()) else { continue };
        let values = if is_shown { &mut current.shown } else { &mut current.made };
        values.push((name.trim().to_owned(), bytes));
    }
    found.retain(|vector| vector.made.iter().any(|(name, _)| name == "attestationObject"));
    found
}

/// None, with a line that says so, where the folder of vectors is not there.
fn vectors() -> Option<Vec<Vector>> {
    let Ok(refs) = std::env::var("EXCHEQUER_REFS") else {
        println!("EXCHEQUER_REFS is not set: the vectors of WebAuthn Level 3 are left out");
        return None;
    };
    let path = format!("{refs}/webauthn/test_vectors_section.txt");
    let vectors = parse(&std::fs::read_to_string(path).unwrap());
    assert!(vectors.len() >= 15, "{} vectors", vectors.len());
    Some(vectors)
}

/// The flags of the standard's registrations stand behind the hash of `example.org`.
fn registered_flags(attestation: &[u8]) -> u8 {
    let party = sha256(SITE.as_bytes());
    let place = attestation.windows(32).position(|bytes| bytes == party).unwrap();
    attestation[place + 32]
}

/// The same with the person verified: for algorithms whose vectors do not verify anybody.
fn with_verified(attestation: &[u8]) -> Vec<u8> {
    let party = sha256(SITE.as_bytes());
    let place = attestation.windows(32).position(|bytes| bytes == party).unwrap();
    let mut changed = attestation.to_vec();
    changed[place + 32] |= flag::VERIFIED;
    changed
}

#[test]
fn the_standards_vectors_are_judged_rightly() {
    let Some(vectors) = vectors() else { return };
    let mut right = 0;
    for vector in &vectors {
        let name = &vector.name;
        let attestation = vector.made("attestationObject");
        let (made, _) = vector.judge();
        if registered_flags(attestation) & flag::VERIFIED == 0 {
            assert_eq!(made, Err(WebauthnError::NotVerified), "{name}");
        }
        let made = read_creation(SITE, &with_verified(attestation));
        if name.contains("Ed448") {
            assert_eq!(made, Err(WebauthnError::Key), "{name}");
            continue;
        }
        let credential = made.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert_eq!(credential.id, vector.made("credential_id"), "{name}");
        let shown = vector.show(&credential);
        if vector.shown("authenticatorData")[32] & flag::VERIFIED == 0 {
            assert_eq!(shown, Err(WebauthnError::NotVerified), "{name}");
        } else {
            assert!(shown.is_ok(), "{name}: {shown:?}");
            right += 1;
        }
        // The signature itself, whoever was verified.
        let signed =
            [vector.shown("authenticatorData"), &sha256(vector.shown("clientDataJSON"))].concat();
        let key = cose::PublicKey::read(&credential.public_key).unwrap();
        assert_eq!(key.verify(&signed, vector.shown("signature")), Ok(()), "{name}");
        let other = [&signed[..], b"!"].concat();
        assert_eq!(
            key.verify(&other, vector.shown("signature")),
            Err(WebauthnError::Signature),
            "{name}"
        );
    }
    assert!(right >= 5, "{right} vectors have a verified person");
}

#[test]
fn no_changed_byte_passes() {
    let Some(vectors) = vectors() else { return };
    for vector in &vectors {
        let Ok(credential) = read_creation(SITE, vector.made("attestationObject")) else {
            continue;
        };
        let Ok(_) = vector.show(&credential) else { continue };
        let (data, client) = (vector.shown("authenticatorData"), vector.shown("clientDataJSON"));
        let signature = vector.shown("signature");
        for place in 0..data.len() {
            let mut changed = data.to_vec();
            changed[place] ^= 0x20;
            let judged = verify_assertion(SITE, &credential, client, &changed, signature);
            assert!(judged.is_err(), "{}: byte {place} of the data", vector.name);
        }
        for place in 0..signature.len() {
            let mut changed = signature.to_vec();
            changed[place] ^= 1;
            let judged = verify_assertion(SITE, &credential, client, data, &changed);
            assert!(judged.is_err(), "{}: byte {place} of the signature", vector.name);
        }
        let other_site = verify_assertion("evil.org", &credential, client, data, signature);
        assert_eq!(other_site, Err(WebauthnError::OtherParty));
    }
}

#[test]
fn a_counter_must_grow_where_there_is_one() {
    let Some(vectors) = vectors() else { return };
    let vector = vectors.iter().find(|v| v.judge().1.is_some_and(|shown| shown.is_ok())).unwrap();
    let mut credential = read_creation(SITE, vector.made("attestationObject")).unwrap();
    credential.counter = 5;
    assert_eq!(vector.show(&credential), Err(WebauthnError::Copied));
    credential.counter = 0;
    credential.backup_eligible = !credential.backup_eligible;
    assert_eq!(vector.show(&credential), Err(WebauthnError::BackupFlags));
}

#[test]
fn keys_of_other_kinds_are_refused() {
    let cases: &[(&str, &str)] = &[
        ("no map", "80"),
        ("an empty map", "a0"),
        ("ES256 with the curve of ES384", "a5010203262002215820"),
        ("an unknown algorithm", "a3010203390100 2001"),
        ("a label twice", "a201020102"),
        ("an unknown label", "a11863 00"),
        ("a promise of too much", "5bffffffffffffffff"),
        ("nested too deep", "818181818181818181818181"),
    ];
    for (name, hex) in cases {
        let bytes = HEXLOWER.decode(hex.replace(' ', "").as_bytes()).unwrap();
        assert!(cose::PublicKey::read(&bytes).is_err(), "{name}");
    }
    // x and y of 32 bytes that are no point of P-256.
    let zeros = "00".repeat(32);
    let hex = format!("a5010203262001215820{zeros}225820{zeros}");
    let bytes = HEXLOWER.decode(hex.as_bytes()).unwrap();
    let key = cose::PublicKey::read(&bytes).unwrap();
    assert_eq!(key.check(), Err(WebauthnError::Key));
}

proptest! {
    #[test]
    fn strangers_bytes_are_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(read_creation(SITE, &bytes).is_err());
        let credential = Credential {
            id: vec![1], public_key: bytes.clone(), counter: 0, backup_eligible: false,
            backed_up: false,
        };
        let judged = verify_assertion(SITE, &credential, &bytes, &bytes, &bytes);
        prop_assert!(judged.is_err());
        let mut reader = Reader::new(&bytes);
        if reader.skip().is_ok() {
            prop_assert!(reader.left() < bytes.len());
        }
    }
}

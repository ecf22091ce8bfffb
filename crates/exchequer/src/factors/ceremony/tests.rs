//! Ceremonies, honest and not: every part of an answer that can lie is made to.

use testkit::authenticator::{Authenticator, BACKED_UP, BACKUP_ELIGIBLE, PRESENT, VERIFIED};

use super::*;

const ORIGIN: &str = "https://bank.example";
const HOLDER: [u8; 16] = [7; 16];
const FIRST: [u8; 32] = [1; 32];
const SECOND: [u8; 32] = [2; 32];

fn bank() -> RelyingParty {
    RelyingParty {
        id: "bank.example".to_owned(),
        name: "The bank".to_owned(),
        origins: HashSet::from([ORIGIN.to_owned()]),
    }
}

fn options(form: Form, known: &[Credential]) -> Value {
    let holder = Holder { id: &HOLDER, email: "asha@example.org", full_name: "Asha Rao" };
    bank().creation_options(form, &holder, known, &FIRST)
}

/// An honest authenticator and its enrolled credential.
fn enrolled() -> (Authenticator, Credential) {
    let mut key = Authenticator::new(ORIGIN);
    let answer = key.create(&options(Form::SecurityKey, &[]));
    let credential = bank().finish_creation(&FIRST, &answer).unwrap();
    (key, credential)
}

/// The key answers a request for this credential.
fn show(key: &mut Authenticator, credential: &Credential) -> Result<Shown, Refused> {
    let list = std::slice::from_ref(credential);
    let answer = key.get(&bank().request_options(list, &SECOND));
    bank().finish_request(&SECOND, list, &answer)
}

#[test]
fn a_key_is_enrolled_and_shown_again_and_again() {
    let (mut key, mut credential) = enrolled();
    assert_eq!(credential.id, key.credential_id);
    for round in 2..5 {
        let shown = show(&mut key, &credential).unwrap();
        assert_eq!((shown.place, shown.credential.counter), (0, round));
        credential = shown.credential;
    }
}

// ASVS 6.5: a challenge serves for one ceremony, and the counter shows a copied key.
#[test]
fn an_answer_serves_once_and_a_copy_is_seen() {
    let (mut key, credential) = enrolled();
    let list = [credential];
    let answer = key.get(&bank().request_options(&list, &FIRST));
    let shown = bank().finish_request(&FIRST, &list, &answer).unwrap();
    let replayed = bank().finish_request(&SECOND, &list, &answer);
    assert_eq!(replayed, Err(Refused::OtherCeremony));

    key.counter = 0;
    let copied = show(&mut key, &shown.credential);
    assert_eq!(copied, Err(Refused::Bytes(WebauthnError::Copied)));
}

#[test]
fn what_is_wanted_of_the_authenticator_follows_the_form() {
    let selection = |form| options(form, &[])["publicKey"]["authenticatorSelection"].clone();
    let (passkey, key) = (selection(Form::Passkey), selection(Form::SecurityKey));
    assert_eq!(passkey["residentKey"], "required");
    assert_eq!(passkey["userVerification"], "required");
    assert_eq!(key["residentKey"], "discouraged");
    assert_eq!(key["authenticatorAttachment"], "cross-platform");
    assert_eq!(key["userVerification"], "required");

    let (_, credential) = enrolled();
    let again = options(Form::Passkey, &[credential]);
    assert_eq!(again["publicKey"]["excludeCredentials"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_passkey_says_who_its_holder_is() {
    let (mut key, credential) = enrolled();
    let answer = key.get(&bank().request_options(&[], &SECOND));
    assert_eq!(claimed(&answer), Ok((HOLDER.to_vec(), credential.id.clone())));
    assert!(bank().finish_request(&SECOND, &[credential], &answer).is_ok());
    let (_, stranger) = enrolled();
    assert_eq!(bank().finish_request(&SECOND, &[stranger], &answer), Err(Refused::Unknown));
    key.claims.user_handle = None;
    let anonymous = key.get(&bank().request_options(&[], &SECOND));
    assert_eq!(claimed(&anonymous), Err(Refused::Unknown));
}

/// One lie about a ceremony, and how it is found out.
type Lie = (&'static str, fn(&mut Authenticator), Refused);

const LIES: &[Lie] = &[
    ("origin", |k| k.claims.origin = "https://bank.example.evil".into(), Refused::OtherCeremony),
    ("subdomain", |k| k.claims.origin = "https://e.bank.example".into(), Refused::OtherCeremony),
    ("http", |k| k.claims.origin = "http://bank.example".into(), Refused::OtherCeremony),
    ("port", |k| k.claims.origin = "https://bank.example:8443".into(), Refused::OtherCeremony),
    ("inside another site", |k| k.claims.cross_origin = true, Refused::OtherCeremony),
    ("type", |k| k.claims.kind = Some("payment.get".into()), Refused::OtherCeremony),
    ("challenge", |k| k.claims.challenge = Some(encode(&[9; 32])), Refused::OtherCeremony),
    ("no challenge", |k| k.claims.challenge = Some(String::new()), Refused::OtherCeremony),
    (
        "relying party",
        |k| k.claims.rp_id = Some("evil.example".into()),
        Refused::Bytes(WebauthnError::OtherParty),
    ),
    ("absent", |k| k.claims.flags = VERIFIED, Refused::Bytes(WebauthnError::NotVerified)),
    ("unverified", |k| k.claims.flags = PRESENT, Refused::Bytes(WebauthnError::NotVerified)),
    (
        "backed up, which it cannot be",
        |k| k.claims.flags = PRESENT | VERIFIED | BACKED_UP,
        Refused::Bytes(WebauthnError::BackupFlags),
    ),
];

#[test]
fn no_lie_enrols_a_key() {
    for (name, lie, refused) in LIES {
        let mut key = Authenticator::new(ORIGIN);
        lie(&mut key);
        let answer = key.create(&options(Form::SecurityKey, &[]));
        assert_eq!(bank().finish_creation(&FIRST, &answer), Err(*refused), "{name}");
    }
}

#[test]
fn no_lie_shows_a_key() {
    for (name, lie, refused) in LIES {
        let (mut key, credential) = enrolled();
        lie(&mut key);
        assert_eq!(show(&mut key, &credential), Err(*refused), "{name}");
    }
}

#[test]
fn an_answer_of_one_kind_is_none_of_the_other() {
    let (mut key, credential) = enrolled();
    key.claims.kind = Some("webauthn.create".to_owned());
    assert_eq!(show(&mut key, &credential), Err(Refused::OtherCeremony));
}

#[test]
fn anothers_key_does_not_answer() {
    let (_, credential) = enrolled();
    let (mut stranger, _) = enrolled();
    assert_eq!(show(&mut stranger, &credential), Err(Refused::Unknown));
    // Under the right name it is still another key.
    stranger.credential_id.clone_from(&credential.id);
    let forged = show(&mut stranger, &credential);
    assert_eq!(forged, Err(Refused::Bytes(WebauthnError::Signature)));
}

#[test]
fn a_changed_byte_is_refused() {
    let (mut key, credential) = enrolled();
    let list = [credential];
    let answer = key.get(&bank().request_options(&list, &SECOND));
    for part in ["authenticatorData", "clientDataJSON", "signature"] {
        let bytes = decode(answer["response"][part].as_str().unwrap()).unwrap();
        for place in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[place] ^= 1;
            let mut changed = answer.clone();
            changed["response"][part] = encode(&bytes).into();
            let judged = bank().finish_request(&SECOND, &list, &changed);
            assert!(judged.is_err(), "{part}, byte {place}");
        }
    }
    assert!(bank().finish_request(&SECOND, &list, &answer).is_ok());
}

#[test]
fn what_is_no_credential_is_malformed() {
    let (_, credential) = enrolled();
    for answer in [json!(null), json!({}), json!([]), json!("x"), json!({"rawId": 7})] {
        let shown = bank().finish_request(&FIRST, std::slice::from_ref(&credential), &answer);
        assert_eq!(shown, Err(Refused::Malformed), "{answer}");
        let made = bank().finish_creation(&FIRST, &answer);
        assert_eq!(made, Err(Refused::Malformed), "{answer}");
        assert_eq!(claimed(&answer), Err(Refused::Malformed), "{answer}");
    }
}

#[test]
fn backup_flags_are_kept() {
    let mut key = Authenticator::new(ORIGIN);
    key.claims.flags = PRESENT | VERIFIED | BACKUP_ELIGIBLE;
    let answer = key.create(&options(Form::Passkey, &[]));
    let credential = bank().finish_creation(&FIRST, &answer).unwrap();
    assert!(credential.backup_eligible && !credential.backed_up);
    key.claims.flags |= BACKED_UP;
    let credential = show(&mut key, &credential).unwrap().credential;
    assert!(credential.backed_up);
    // What was once eligible stays so (§7.2 step 20).
    key.claims.flags = PRESENT | VERIFIED;
    assert_eq!(show(&mut key, &credential), Err(Refused::Bytes(WebauthnError::BackupFlags)));
}

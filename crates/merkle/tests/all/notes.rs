//! Signed notes and checkpoints.

use std::sync::LazyLock;

use merkle::{Checkpoint, CheckpointError, Note, NoteError, VerifierKey};
use money::{Rng, Timestamp};
use proptest::prelude::*;
use vault::{Keyring, MasterKey};

const NAME: &str = "bank.example/log";

static RING: LazyLock<Keyring> = LazyLock::new(|| ring(1));

fn ring(seed: u64) -> Keyring {
    let master = MasterKey::generate(&Rng::seeded(seed)).unwrap();
    let rows = Keyring::first_data_keys(&master, &Rng::seeded(seed), Timestamp::EPOCH).unwrap();
    Keyring::open(&master, &rows, Timestamp::from_seconds(60)).unwrap_or_else(|e| panic!("{e}"))
}

fn verifier(ring: &Keyring) -> VerifierKey {
    VerifierKey::new(NAME, *ring.log_keys().current().public_key()).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint { origin: NAME.to_owned(), size: 20_852_163, root: [7; 32] }
}

fn signed(ring: &Keyring) -> String {
    Note::sign(&checkpoint().to_string(), NAME, ring.log_keys().current()).unwrap().to_string()
}

#[test]
fn the_key_and_note_of_the_specification_verify() {
    // C2SP signed-note, "Example".
    let key: VerifierKey =
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
    let note = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n\n\
                \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let parsed = Note::parse(note).unwrap();
    assert!(parsed.verified(std::slice::from_ref(&key)).unwrap().starts_with("If you think"));
    assert_eq!(parsed.to_string(), note);
    let forged = Note::parse(&note.replace("answer", "question")).unwrap();
    assert_eq!(forged.verified(&[key]), Err(NoteError::Forged));
}

#[test]
fn a_checkpoint_goes_both_ways() {
    let ring = ring(1);
    let key = verifier(&ring);
    assert_eq!(key.to_string().parse(), Ok(key.clone()));
    assert_eq!(Checkpoint::verified(&signed(&ring), &[key]), Ok(checkpoint()));
}

#[test]
fn another_banks_signature_says_nothing() {
    let (ours, theirs) = (ring(1), ring(2));
    let found = Checkpoint::verified(&signed(&theirs), &[verifier(&ours)]);
    assert_eq!(found, Err(CheckpointError::Note(NoteError::Unsigned)));
    // Under the same key, but for a log of another name.
    let other = Checkpoint { origin: "else.example/log".to_owned(), ..checkpoint() };
    let note = Note::sign(&other.to_string(), NAME, ours.log_keys().current()).unwrap();
    let found = Checkpoint::verified(&note.to_string(), &[verifier(&ours)]);
    assert_eq!(found, Err(CheckpointError::Note(NoteError::Unsigned)));
}

#[test]
fn texts_that_are_nearly_checkpoints_are_none() {
    let root = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    assert!(Checkpoint::parse(&format!("a/b\n1\n{root}\n")).is_ok());
    assert!(Checkpoint::parse(&format!("a/b\n1\n{root}\nextension\n")).is_ok());
    for text in [
        String::new(),
        format!("a/b\n1\n{root}"),
        format!("a/b\n01\n{root}\n"),
        format!("a/b\n-1\n{root}\n"),
        format!("a/b\n1 \n{root}\n"),
        format!("a b\n1\n{root}\n"),
        format!("\n1\n{root}\n"),
        format!("a/b\n1\n{root}\n\n"),
        format!("a/b\n1\n{}\n", &root[4..]),
        format!("a/b\n1\n{}\n", root.trim_end_matches('=')),
        format!("a/b\n18446744073709551616\n{root}\n"),
    ] {
        assert_eq!(Checkpoint::parse(&text), Err(CheckpointError::Malformed), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_changed_byte_is_overlooked(at: prop::sample::Index, to in 0x20_u8..0x7f) {
        let ring = &*RING;
        let note = signed(ring);
        let mut bytes = note.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
        prop_assert!(Checkpoint::verified(&changed, &[verifier(ring)]).is_err(), "{}", changed);
    }

    #[test]
    fn any_text_is_no_panic(text in any::<String>(), cut in 0_usize..400) {
        prop_assert!(Checkpoint::verified(&text, &[]).is_err());
        prop_assert!(text.parse::<VerifierKey>().is_err());
        let note = signed(&RING);
        prop_assert!(Checkpoint::verified(note.get(..cut.min(note.len() - 1)).unwrap_or(""), &[verifier(&RING)]).is_err());
    }
}

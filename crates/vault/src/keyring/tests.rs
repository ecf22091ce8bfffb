//! What `keyring` promises.

use super::*;
use money::Rng;
use proptest::prelude::*;
use std::sync::LazyLock;

const NOW: Timestamp = Timestamp::EPOCH;
const LATER: Timestamp = Timestamp::from_seconds(USED_AFTER_SECONDS);
const PLACE: Place<'static> = Place { table: "customers", column: "phone", row: b"cus_1" };

struct Bank {
    master: MasterKey,
    rows: Vec<WrappedKey>,
    ring: Keyring,
}

static BANK: LazyLock<Bank> = LazyLock::new(|| {
    let master = master(1);
    let rows = Keyring::first_data_keys(&master, &Rng::seeded(2), NOW).unwrap();
    let ring = open(&master, &rows);
    Bank { master, rows, ring }
});

fn master(seed: u64) -> MasterKey {
    MasterKey::generate(&Rng::seeded(seed)).ok().unwrap()
}

fn open(master: &MasterKey, rows: &[WrappedKey]) -> Keyring {
    Keyring::open(master, rows, LATER).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(master: &MasterKey, rows: &[WrappedKey]) -> KeyError {
    Keyring::open(master, rows, LATER).err().expect("this opened")
}

fn drawn(purpose: Purpose, version: u32) -> WrappedKey {
    DataKey::draw(&Rng::System, purpose, version, NOW).wrap(&BANK.master, &Rng::System).unwrap()
}

/// The rows after one rotation of `purpose`.
fn rotated(purpose: Purpose) -> Vec<WrappedKey> {
    let mut rows = BANK.rows.clone();
    for row in rows.iter_mut().filter(|row| row.purpose == purpose) {
        row.state = KeyState::Retired;
        row.retired_at = Some(NOW);
    }
    rows.push(drawn(purpose, 2));
    rows
}

#[test]
fn words_go_both_ways() {
    for purpose in Purpose::ALL {
        assert_eq!(Purpose::parse(purpose.as_str()), Some(purpose));
    }
    assert_eq!(Purpose::parse("Personal_Data"), None);
    for state in [KeyState::Active, KeyState::Retired, KeyState::Destroyed] {
        assert_eq!(KeyState::parse(state.as_str()), Some(state));
    }
    assert_eq!(KeyState::parse(""), None);
}

/// PCI DSS 4.0.1, 3.7.1.
#[test]
fn a_new_bank_has_one_key_of_each_purpose_and_no_two_alike() {
    let rows = &BANK.rows;
    assert_eq!(rows.iter().map(|row| row.purpose).collect::<Vec<_>>(), Purpose::ALL);
    assert!(rows.iter().all(|row| row.version == 1 && row.state == KeyState::Active));
    let mut wrapped: Vec<_> = rows.iter().map(|row| row.wrapped.clone()).collect();
    wrapped.sort();
    wrapped.dedup();
    assert_eq!(wrapped.len(), Purpose::ALL.len());
}

#[test]
fn another_master_key_is_told_from_damage() {
    let first = BANK.rows.first().unwrap();
    let expected = KeyError::OtherMasterKey { purpose: first.purpose, version: 1 };
    assert_eq!(refusal(&master(9), &BANK.rows), expected);
}

// PCI DSS 3.7.7: a wrapped key that was changed is no key.
#[test]
fn every_changed_byte_of_a_wrapped_key_is_noticed() {
    for at in 0..BANK.rows[0].wrapped.len() {
        let mut rows = BANK.rows.clone();
        rows[0].wrapped[at] ^= 1;
        let (purpose, version) = (rows[0].purpose, 1);
        let expected = match at {
            0 => KeyError::Malformed { purpose, version },
            1..9 => KeyError::OtherMasterKey { purpose, version },
            _ => KeyError::NotAuthentic { purpose, version },
        };
        assert_eq!(refusal(&BANK.master, &rows), expected, "byte {at}");
    }
}

#[test]
fn a_wrapped_key_of_any_other_length_is_refused() {
    for len in 0..BANK.rows[0].wrapped.len() {
        let mut rows = BANK.rows.clone();
        rows[0].wrapped.truncate(len);
        assert!(matches!(refusal(&BANK.master, &rows), KeyError::Malformed { .. }), "{len}");
    }
    let mut rows = BANK.rows.clone();
    rows[0].wrapped.push(0);
    assert!(matches!(refusal(&BANK.master, &rows), KeyError::Malformed { .. }));
}

/// PCI DSS 4.0.1, 3.7.7.
#[test]
fn a_key_does_not_pass_for_another_purpose_or_version() {
    let mut swapped = BANK.rows.clone();
    let of_signing = swapped[2].wrapped.clone();
    swapped[0].wrapped = of_signing;
    assert!(matches!(refusal(&BANK.master, &swapped), KeyError::NotAuthentic { .. }));

    let mut relabelled = BANK.rows.clone();
    relabelled[0].version = 2;
    let expected = KeyError::NotAuthentic { purpose: Purpose::PersonalData, version: 2 };
    assert_eq!(refusal(&BANK.master, &relabelled), expected);
}

#[test]
fn a_version_occurs_once() {
    let mut rows = BANK.rows.clone();
    let purpose = Purpose::BlindIndex;
    rows.push(drawn(purpose, 1));
    assert_eq!(refusal(&BANK.master, &rows), KeyError::Duplicate { purpose, version: 1 });
}

#[test]
fn every_purpose_needs_an_active_key() {
    assert!(matches!(refusal(&BANK.master, &[]), KeyError::NoActiveKey { .. }));
    for purpose in Purpose::ALL {
        let without: Vec<_> =
            BANK.rows.iter().filter(|row| row.purpose != purpose).cloned().collect();
        assert_eq!(refusal(&BANK.master, &without), KeyError::NoActiveKey { purpose });
        let mut retired = BANK.rows.clone();
        for row in retired.iter_mut().filter(|row| row.purpose == purpose) {
            row.state = KeyState::Retired;
        }
        assert_eq!(refusal(&BANK.master, &retired), KeyError::NoActiveKey { purpose });
    }
}

#[test]
fn a_retired_key_still_opens_and_the_new_one_seals() {
    let old = BANK.ring.seal(&Rng::System, &PLACE, b"old").unwrap();
    let ring = open(&BANK.master, &rotated(Purpose::PersonalData));
    assert_eq!(ring.open_sealed(&PLACE, &old).ok().unwrap().expose(), b"old");
    let new = ring.seal(&Rng::System, &PLACE, b"new").unwrap();
    assert_eq!(crate::sealing::sealed_with(&new), Ok(2));
    assert_eq!(ring.open_sealed(&PLACE, &new).ok().unwrap().expose(), b"new");
    let found = BANK.ring.open_sealed(&PLACE, &new).err();
    assert_eq!(found, Some(SealError::UnknownKey { version: 2 }));
}

#[test]
fn the_newest_active_key_is_used_in_whatever_order_the_rows_come() {
    let mut rows = BANK.rows.clone();
    for version in [3, 2] {
        let purpose = Purpose::PersonalData;
        rows.push(drawn(purpose, version));
    }
    for _ in 0..rows.len() {
        rows.rotate_left(1);
        let sealed = open(&BANK.master, &rows).seal(&Rng::System, &PLACE, b"x").unwrap();
        assert_eq!(crate::sealing::sealed_with(&sealed), Ok(3));
    }
}

// PCI DSS 3.7.2: a new key seals nothing before every node can have got it, wrapped, from the table.
#[test]
fn a_new_version_is_used_only_when_every_node_can_know_it() {
    let rows = rotated(Purpose::PersonalData);
    let before = Timestamp::from_seconds(USED_AFTER_SECONDS - 1);
    for (now, expected) in [(NOW, 1), (before, 1), (LATER, 2)] {
        let ring = Keyring::open(&BANK.master, &rows, now).unwrap_or_else(|e| panic!("{e}"));
        let sealed = ring.seal(&Rng::System, &PLACE, b"x").unwrap();
        assert_eq!(crate::sealing::sealed_with(&sealed), Ok(expected), "{now}");
        assert!(Keyring::chosen(&rows, now).contains(&(Purpose::PersonalData, expected)));
    }
    // Also where several were made at once.
    let mut rows = rows;
    rows.push(drawn(Purpose::PersonalData, 3));
    let ring = Keyring::open(&BANK.master, &rows, before).unwrap_or_else(|e| panic!("{e}"));
    let sealed = ring.seal(&Rng::System, &PLACE, b"x").unwrap();
    assert_eq!(crate::sealing::sealed_with(&sealed), Ok(1));
}

#[test]
fn a_destroyed_key_opens_nothing_and_needs_no_bytes() {
    let old = BANK.ring.seal(&Rng::System, &PLACE, b"old").unwrap();
    let mut rows = rotated(Purpose::PersonalData);
    let first = rows.iter_mut().find(|row| row.purpose == Purpose::PersonalData).unwrap();
    first.state = KeyState::Destroyed;
    first.wrapped.clear();
    let ring = open(&BANK.master, &rows);
    let found = ring.open_sealed(&PLACE, &old).err();
    assert_eq!(found, Some(SealError::UnknownKey { version: 1 }));
    assert!(!Keyring::chosen(&rows, NOW).contains(&(Purpose::PersonalData, 1)));
    // An empty row that says it is not destroyed is damage.
    let first = rows.iter_mut().find(|row| row.purpose == Purpose::PersonalData).unwrap();
    first.state = KeyState::Retired;
    let expected = KeyError::Malformed { purpose: Purpose::PersonalData, version: 1 };
    assert_eq!(refusal(&BANK.master, &rows), expected);
}

#[test]
fn uses_are_counted_by_the_version_that_made_them() {
    let ring = open(&BANK.master, &rotated(Purpose::CardData));
    assert_eq!(ring.take_uses(), []);
    for _ in 0..3 {
        ring.seal_for(Sealing::CardData, &Rng::System, &PLACE, b"x").unwrap();
    }
    ring.seal(&Rng::System, &PLACE, b"x").unwrap();
    assert_eq!(ring.untold_uses(), 4);
    let uses = ring.take_uses();
    assert_eq!(uses, [(Sealing::PersonalData, 1, 1), (Sealing::CardData, 2, 3)]);
    assert_eq!(ring.take_uses(), []);
    assert_eq!(ring.untold_uses(), 0);
    assert_eq!(ring.active_version(Sealing::CardData), 2);
}

#[test]
fn a_key_that_somebody_else_wrapped_says_what_it_is_for() {
    let key = DataKey::draw(&Rng::seeded(3), Purpose::CardData, 7, NOW);
    let row = key.wrapped_elsewhere([9; 8], "vault:v1:abc");
    assert_eq!(row.ciphertext_elsewhere([9; 8]), Ok("vault:v1:abc"));
    let other = KeyError::OtherMasterKey { purpose: Purpose::CardData, version: 7 };
    assert_eq!(row.ciphertext_elsewhere([8; 8]), Err(other));
    assert_eq!(row.unwrap_key(&BANK.master).err(), Some(other));
    assert_eq!(
        BANK.rows[0].ciphertext_elsewhere([9; 8]).err(),
        Some(KeyError::OtherMasterKey { purpose: BANK.rows[0].purpose, version: 1 })
    );

    let envelope = key.envelope();
    assert!(row.opened_elsewhere(&envelope).is_ok_and(|k| k.bytes.expose() == key.bytes.expose()));
    for relabelled in [
        WrappedKey { version: 8, ..row.clone() },
        WrappedKey { purpose: Purpose::CardTokens, ..row.clone() },
    ] {
        assert!(matches!(
            relabelled.opened_elsewhere(&envelope).err(),
            Some(KeyError::NotAuthentic { .. })
        ));
    }
    for len in 0..envelope.expose().len() {
        let cut = SecretBytes::new(envelope.expose()[..len].to_vec());
        assert!(row.opened_elsewhere(&cut).is_err(), "{len}");
    }
    let long = SecretBytes::new([envelope.expose(), &[0]].concat());
    assert!(row.opened_elsewhere(&long).is_err());
}

#[test]
fn a_retired_signing_key_still_verifies() {
    let old = BANK.ring.signing_keys().current();
    let signature = old.sign(b"token").unwrap();
    let ring = open(&BANK.master, &rotated(Purpose::TokenSigning));
    assert_eq!(ring.signing_keys().current().version(), 2);
    assert_ne!(ring.signing_keys().current().kid(), old.kid());
    assert!(ring.signing_keys().by_kid(old.kid()).unwrap().verifies(b"token", &signature));
    assert_eq!(ring.signing_keys().iter().count(), 2);
    assert_eq!(ring.signing_keys().current().retirement(), None);
    assert_eq!(ring.signing_keys().by_kid(old.kid()).unwrap().retirement(), Some(NOW));
}

// PCI DSS 3.6.1: what is sealed opens under keys that this bank's master key wraps, and under no other.
#[test]
fn another_bank_opens_nothing_of_ours() {
    let theirs = Keyring::first_data_keys(&master(5), &Rng::seeded(6), NOW).unwrap();
    let theirs = open(&master(5), &theirs);
    let sealed = BANK.ring.seal(&Rng::System, &PLACE, b"ours").unwrap();
    let found = theirs.open_sealed(&PLACE, &sealed).err();
    assert_eq!(found, Some(SealError::NotAuthentic));
    let column = "customers.phone";
    assert_ne!(BANK.ring.blind_index(column, b"1"), theirs.blind_index(column, b"1"));
}

#[test]
fn indexes_and_hashes_are_keyed_by_column_and_field() {
    let ring = &BANK.ring;
    let index = ring.blind_index("customers.phone", b"+919876543210");
    let again = open(&BANK.master, &BANK.rows).blind_index("customers.phone", b"+919876543210");
    assert_eq!(index, again);
    assert_ne!(index, ring.blind_index("customers.phone", b"+919876543211"));
    assert_ne!(index, ring.blind_index("staff.phone", b"+919876543210"));
    assert_ne!(index, ring.blind_index("customers.phone+", b"919876543210"));
    assert_ne!(index, ring.event_hash("customers.phone", b"+919876543210"));
    assert_ne!(ring.event_hash("ab", b"c"), ring.event_hash("a", b"bc"));
    assert_ne!(index, crate::sha256(b"+919876543210"));
}

// PCI DSS 3.7.4: what was written under the version before is found while the next one takes over.
#[test]
fn an_index_is_looked_for_under_every_version_and_written_under_the_one_in_use() {
    let mut rows = BANK.rows.clone();
    let column = "customers.phone";
    let first = open(&BANK.master, &rows).blind_index(column, b"1");
    let made = NOW.plus_seconds(100);
    let drawn = DataKey::draw(&Rng::seeded(77), Purpose::BlindIndex, 2, made);
    rows.push(drawn.wrap(&BANK.master, &Rng::seeded(78)).unwrap());

    let before = Keyring::open(&BANK.master, &rows, made).unwrap();
    assert_eq!((before.index_version(), before.blind_index(column, b"1")), (1, first));
    let after = Keyring::open(&BANK.master, &rows, made.plus_seconds(USED_AFTER_SECONDS)).unwrap();
    assert_eq!(after.index_version(), 2);
    let second = after.blind_index(column, b"1");
    assert_ne!(first, second);
    assert_eq!(after.index_versions().collect::<Vec<_>>(), [2, 1]);
    for (ring, active, other) in [(&before, first, second), (&after, second, first)] {
        let all = ring.blind_indexes(column, b"1");
        assert_eq!((all.active(), all.others()), (&active, &[other][..]));
        assert!(all.has(&first) && all.has(&second) && !all.has(&[0; 32]));
        assert_eq!(all.places(), [&active, &other, &active, &active]);
    }
    assert_eq!(after.request_hashes().all(b"r").others().len(), 1);
}

#[test]
fn the_index_of_one_column_is_kept_when_its_key_goes() {
    let ring = &BANK.ring;
    let (column, rng) = ("recovery_codes.code_hash", Rng::System);
    let kept = ring.keep_index(&rng, (1, column), &PLACE).unwrap().unwrap();
    let index = ring.kept_index(&PLACE, &kept).unwrap();
    assert_eq!(index.of(b"code"), ring.blind_index(column, b"code"));
    assert_ne!(index.of(b"code"), ring.blind_index("customers.email", b"code"));
    assert!(ring.keep_index(&rng, (2, column), &PLACE).unwrap().is_none());
    let elsewhere = Place { row: &[9; 16], ..PLACE };
    assert!(ring.kept_index(&elsewhere, &kept).is_err());
}

proptest! {
    #[test]
    fn what_was_sealed_opens_here_and_nowhere_else(
        plaintext: Vec<u8>,
        row: [u8; 16],
        other: [u8; 16],
    ) {
        let place = Place { row: &row, ..PLACE };
        let sealed = BANK.ring.seal(&Rng::System, &place, &plaintext).unwrap();
        let opened = BANK.ring.open_sealed(&place, &sealed).ok().unwrap();
        prop_assert_eq!(opened.expose(), &plaintext[..]);
        if row != other {
            let elsewhere = Place { row: &other, ..PLACE };
            let found = BANK.ring.open_sealed(&elsewhere, &sealed).err();
            prop_assert_eq!(found, Some(SealError::NotAuthentic));
        }
    }
}

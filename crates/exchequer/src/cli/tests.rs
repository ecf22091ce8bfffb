//! What a person reads: columns, times, and the commands on a bank of their own.

use std::path::Path;

use super::*;

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    let rows = [vec!["a", "é", "x"], vec!["long", "b", ""]];
    let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(columns(&rows), "a     é  x\nlong  b\n");
    assert_eq!(columns(&[]), "");
}

#[test]
fn seconds_have_three_decimals() {
    for (micros, text) in
        [(0, "0.000 s"), (1_999, "0.001 s"), (61_002_000, "61.002 s"), (-5, "0.000 s")]
    {
        assert_eq!(seconds(micros), text);
    }
}

#[test]
fn a_missing_bank_is_not_made_by_looking_at_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place { config: None, data: Some(folder.path().to_owned()) };
    let text = |failure: Failure| match failure {
        Failure::Said(text) | Failure::Undecided(text) => text,
        Failure::Shown | Failure::Output(_) => String::new(),
    };
    let verified = verify(&place, &Witnesses::default(), false).unwrap_err();
    assert!(matches!(verified, Failure::Undecided(_)), "{verified:?}");
    assert!(text(verified).contains("there is no bank at"));
    let copy = folder.path().join("copy");
    assert!(text(backup(&place, &copy).unwrap_err()).contains("there is no database at"));
    assert!(text(list_keys(&place).unwrap_err()).contains("there is no bank at"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_unknown_purpose_or_role_is_answered_with_those_there_are() {
    let place = Place::default();
    let Err(Failure::Said(text)) = rotate_key(&place, "everything") else { panic!() };
    assert!(text.contains("token_signing"), "{text}");
    let nowhere = Path::new("no such file");
    let make = |email, role| create_staff(&place, (email, role), (Some(nowhere), false));
    let Err(Failure::Said(text)) = make("a@example.test", "king") else { panic!() };
    assert!(text.contains("compliance"), "{text}");
    let Err(Failure::Said(text)) = make("nobody", "admin") else { panic!() };
    assert!(text.contains("e-mail"), "{text}");
    let Err(Failure::Said(text)) = make("a@example.test", "admin") else { panic!() };
    assert!(text.contains("no such file"), "{text}");
}

/// ASVS 6.4.1: an operator's first password is the operator's own, by the rules of every password, and nothing of it is
/// shown; one that the bank draws is as random as a key.
// PCI DSS 8.2.1: an address is one operator's; a second with it is refused.
#[test]
fn an_operator_begins_with_a_password_of_their_own() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("bank");
    init(&folder, false).unwrap();
    let place = Place { config: Some(folder.join("exchequer.toml")), data: None };
    migrate(&place).unwrap();
    let file = parent.path().join("password");
    let make = |password: &str| {
        std::fs::write(&file, password).unwrap();
        create_staff(&place, ("new@bank.example", "teller"), (Some(&file), false))
    };
    for (password, why) in [
        ("short\n", "at least 15"),
        ("Exchequer-Bank-2026-Teller", "tried first"),
        ("new@bank.example", "name or address"),
        ("", "at least 15"),
    ] {
        let Err(Failure::Said(text)) = make(password) else { panic!("{password:?} was taken") };
        assert!(text.contains(why), "{text}");
        assert!(password.is_empty() || !text.contains(password.trim()), "{text}");
    }
    make("eleven calm herons on a jetty\n").unwrap();
    let Err(Failure::Said(text)) = make("eleven calm herons on a jetty") else { panic!() };
    assert!(text.contains("already"), "{text}");
    create_staff(&place, ("drawn@bank.example", "teller"), (None, true)).unwrap();
    let refused = |failure: Result<(), Failure>| match failure.unwrap_err() {
        Failure::Said(text) => text,
        other => panic!("{other:?}"),
    };
    for unknown in ["nobody@bank.example", "NOBODY@bank.example"] {
        let said = [reset_staff(&place, unknown), enable_staff(&place, unknown)].map(refused);
        assert!(said.iter().all(|text| text.contains("no operator")), "{said:?}");
    }
    assert!(refused(enable_staff(&place, "drawn@bank.example")).contains("is open"));
    assert!(refused(reset_staff(&place, "no address")).contains("e-mail"));
}

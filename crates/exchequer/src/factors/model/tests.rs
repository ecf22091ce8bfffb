//! What `factors::model` promises.

use super::*;

// ASVS 6.5.7, 6.6.1: e-mail is no second factor, and telephones come after what cannot be redirected.
#[test]
fn email_is_offered_beside_a_password_alone_and_by_setting_alone() {
    for purpose in Purpose::ALL {
        assert_eq!(offered(&[Kind::Email], purpose, false), []);
    }
    assert_eq!(offered(&[Kind::Email], Purpose::SignIn, true), [Method::Email]);
    for purpose in [Purpose::StepUp, Purpose::Enrol, Purpose::Reset] {
        assert_eq!(offered(&[Kind::Email], purpose, true), []);
    }
    let stronger = [Kind::Email, Kind::Totp];
    assert_eq!(offered(&stronger, Purpose::SignIn, true), [Method::Totp]);
}

#[test]
fn the_strongest_is_offered_first() {
    let all = [Kind::Sms, Kind::Webauthn, Kind::Totp, Kind::Email];
    let expected = [Method::Webauthn, Method::Totp, Method::Sms];
    assert_eq!(offered(&all, Purpose::StepUp, true), expected);
}

#[test]
fn addresses_are_shown_masked() {
    assert_eq!(masked(Kind::Sms, "+919876543210").unwrap(), "+********3210");
    assert_eq!(masked(Kind::Email, "asha@example.test").unwrap(), "a***@example.test");
    assert_eq!(masked(Kind::Totp, "GEZDGNBV"), None);
}

#[test]
fn a_factor_goes_stale_only_while_it_is_unconfirmed() {
    let (id, customer) = (FactorId::from_bytes([1; 16]), CustomerId::from_bytes([2; 16]));
    let begun = Timestamp::from_seconds(1000);
    let row = FactorRow::unconfirmed(id, customer, (Kind::Totp, "x"), begun);
    assert!(!row.is_stale(begun.plus_seconds(UNCONFIRMED_SECONDS - 1)));
    assert!(row.is_stale(begun.plus_seconds(UNCONFIRMED_SECONDS)));
    let active = FactorRow { status: Status::Active, ..row };
    assert!(!active.is_stale(begun.plus_seconds(10 * UNCONFIRMED_SECONDS)));
}

#[test]
fn words_read_back() {
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Some(kind));
    }
}

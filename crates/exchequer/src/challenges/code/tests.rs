//! What `challenges::code` promises.

use super::*;

// ASVS 6.5.3, 6.5.4, 6.6.2, 11.5.1: codes come from a source of randomness, and each of the million is as likely
// as the other.
#[test]
fn codes_are_six_digits_and_evenly_drawn() {
    let rng = Rng::seeded(11);
    let mut leading = [0_u32; 10];
    for _ in 0..20_000 {
        let code = draw(&rng);
        assert!(is_six_digits(code.expose()));
        leading[usize::from(code.expose().as_bytes()[0] - b'0')] += 1;
    }
    // Chi square with 9 degrees of freedom passes 27.9 once in a thousand times; the seed is fixed.
    let expected = 2_000_i64;
    let chi: i64 =
        leading.iter().map(|n| (i64::from(*n) - expected).pow(2)).sum::<i64>() / expected;
    assert!(chi < 28, "{leading:?}");
}

#[test]
fn only_ascii_digits_have_the_form() {
    for text in ["", "12345", "1234567", "12345a", "１２３４５６", " 12345"] {
        assert!(!is_six_digits(text), "{text:?}");
    }
}

#[test]
fn a_message_begins_with_the_code_and_names_amount_and_payee() {
    let until = Timestamp::from_seconds(1_767_607_500);
    let about = Some("INR 1358.02 to Asha Rao (…1234)");
    assert_eq!(
        message(Purpose::StepUp, about, "012345", until),
        "012345 is your Exchequer code to confirm: INR 1358.02 to Asha Rao (…1234). Valid until \
         10:05 UTC. Tell it to nobody, not even to us."
    );
    for purpose in Purpose::ALL {
        assert!(message(purpose, None, "012345", until).starts_with("012345 is your"));
    }
}

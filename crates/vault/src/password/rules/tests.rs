//! What `password::rules` promises.

use super::*;
use proptest::prelude::*;

const RULES: PasswordRules = PasswordRules {
    min_chars: 8,
    max_bytes: 1024,
    needs_letters_and_digits: false,
    context_words: Vec::new(),
};

const ASHA: [&str; 2] = ["asha.raman@example.com", "Asha Raman-Iyer"];

fn check(password: &str) -> Result<(), PasswordRefusal> {
    check_password(password, &RULES, &ASHA)
}

#[test]
fn length_is_counted_in_characters_and_bounded_in_bytes() {
    assert_eq!(check("x7Gq2mZ"), Err(PasswordRefusal::TooShort { min_chars: 8 }));
    assert_eq!(check("x7Gq2mZp"), Ok(()));
    assert_eq!(check("पासवर्ड"), Err(PasswordRefusal::TooShort { min_chars: 8 }));
    assert_eq!(check("मेरीगायनीली"), Ok(()));

    let longest = "correct horse battery staple, ".repeat(34);
    let longest = format!("{longest}x9K!");
    assert_eq!(longest.len(), 1024);
    assert_eq!(check(&longest), Ok(()));
    let too_long = Err(PasswordRefusal::TooLong { max_bytes: 1024 });
    assert_eq!(check(&format!("{longest}x")), too_long);
    let lax = PasswordRules { max_bytes: usize::MAX, ..RULES };
    assert_eq!(check_password(&format!("{longest}x"), &lax, &[]), too_long);
    let strict = PasswordRules { max_bytes: 64, ..RULES };
    let found = check_password(&longest, &strict, &[]);
    assert_eq!(found, Err(PasswordRefusal::TooLong { max_bytes: 64 }));
}

// PCI DSS 8.3.6: under `pci` a password has letters and digits.
#[test]
fn letters_and_digits_are_asked_for_only_where_the_rule_book_wants_them() {
    let pci = PasswordRules { min_chars: 12, needs_letters_and_digits: true, ..RULES };
    let check_pci = |password| check_password(password, &pci, &[]);
    assert_eq!(check_pci("velvet-otter-lamp"), Err(PasswordRefusal::NeedsLettersAndDigits));
    assert_eq!(check_pci("84 07 35 92 61 58"), Err(PasswordRefusal::NeedsLettersAndDigits));
    assert_eq!(check_pci("velvet-otter-lamp-9"), Ok(()));
    assert_eq!(check("velvet-otter-lamp"), Ok(()));
}

#[test]
fn common_passwords_are_refused_in_their_usual_disguises() {
    for password in [
        "password",
        "PASSWORD",
        "Passw0rd",
        "P@ssw0rd",
        "Password1",
        "Password123!",
        "Password2024!",
        "passwordpassword",
        "iloveyou2",
        "Welcome@123",
        "Summer2026!",
        "December2025",
        "letmein!!",
        "qwertyuiop",
        "QWERTY12345!",
        "asdfghjkl;",
        "1qaz2wsx",
        "1qaz2wsx3edc",
        "poiuytrewq",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "12341234",
        "1234567890",
        "0987654321",
        "abcdefgh",
        "zyxwvuts",
        "11111111",
        "19901990",
        "changeme",
        "exchequer1",
        "trustno1",
        "Krishna@123",
        "!@#$%^&*()",
        "1234qwerasdf",
        "abcd1234",
        "a1b2c3d4",
        "monkey99",
    ] {
        assert_eq!(check(password), Err(PasswordRefusal::TooCommon), "{password}");
    }
    let long = "password".repeat(128);
    assert_eq!(check(&long), Err(PasswordRefusal::TooCommon));
}

#[test]
fn good_passwords_may_hold_common_words() {
    for password in [
        "correct horse battery staple",
        "velvet otter lamp",
        "x7Gq2mZp",
        "dragon#8$2!9^",
        "tr0ub4dor&3-zebra",
        "my-password-is-not-short",
        "CorrectHorse42!",
        "kettle:walrus",
        "Zp9!kQ2@vL7#",
        "пароль-не-угадать",
        "日本語のながい合言葉",
        "spaces at the end   ",
        "nul\0inside\0it",
    ] {
        assert_eq!(check(password), Ok(()), "{password}");
    }
}

// ASVS 6.2.11: words of the context make a password easy to guess, whatever list of common ones there is.
#[test]
fn little_more_than_words_of_the_context_is_refused() {
    let words = ["Zettelbank", "kontor", "ab", ""].map(str::to_owned).to_vec();
    let rules = PasswordRules { context_words: words, ..RULES };
    for password in ["zettelbank", "ZettelBank-2026", "kontorzettelbank1", "Kontor!Kontor!"] {
        let found = check_password(password, &rules, &ASHA);
        assert_eq!(found, Err(PasswordRefusal::TooCommon), "{password}");
    }
    // Without the words these are as good as any: it is the list that refuses them.
    assert_eq!(check("zettelbank"), Ok(()));
    assert_eq!(check("kontorzettelbank1"), Ok(()));
    // Part of a longer one they may be, and a word too short to say anything counts for nothing.
    for password in ["a walrus in the zettelbank", "ababzkpqwv"] {
        assert_eq!(check_password(password, &rules, &ASHA), Ok(()), "{password}");
    }
    let one = PasswordRules { context_words: vec!["zettelbank".to_owned()], ..RULES };
    let found = check_password("asha-zettelbank", &one, &ASHA);
    assert_eq!(found, Err(PasswordRefusal::ContainsIdentity));
}

#[test]
fn little_more_than_ones_own_name_is_refused() {
    for password in [
        "ashaasha1!x",
        "asharaman",
        "AshaRaman1!",
        "asha.raman@example.com",
        "Raman-Iyer-7",
        "IyerRaman2024",
    ] {
        assert_eq!(check(password), Err(PasswordRefusal::ContainsIdentity), "{password}");
    }
    assert_eq!(check("asha likes walruses"), Ok(()));
    assert_eq!(check_password("asharaman", &RULES, &[]), Ok(()));
    assert_eq!(check_password("asharaman", &RULES, &["", "@", "Li", "a b c"]), Ok(()));
}

#[test]
fn refusals_come_in_their_order() {
    let pci =
        PasswordRules { min_chars: 12, max_bytes: 12, needs_letters_and_digits: true, ..RULES };
    let check_pci = |password| check_password(password, &pci, &ASHA);
    assert_eq!(check_pci("password"), Err(PasswordRefusal::TooShort { min_chars: 12 }));
    assert_eq!(check_pci("passwordpassword"), Err(PasswordRefusal::TooLong { max_bytes: 12 }));
    assert_eq!(check_pci("aaaaaaaaaaaa"), Err(PasswordRefusal::NeedsLettersAndDigits));
    assert_eq!(check_pci("Password2024"), Err(PasswordRefusal::TooCommon));
    assert_eq!(check_pci("asha1ramanb2"), Err(PasswordRefusal::ContainsIdentity));
}

proptest! {
    #[test]
    fn any_text_is_judged(password in "\\PC{0,60}", email in "\\PC{0,40}") {
        let judged = check_password(&password, &RULES, &[&email]);
        prop_assert_eq!(judged, check_password(&password, &RULES, &[&email]));
        if password.chars().count() < 8 {
            prop_assert_eq!(judged, Err(PasswordRefusal::TooShort { min_chars: 8 }));
        }
    }

    #[test]
    fn random_passwords_pass(seed: u64) {
        let token = crate::random_token(&money::Rng::seeded(seed));
        prop_assert_eq!(check(&token.expose()[..12]), Ok(()));
    }
}

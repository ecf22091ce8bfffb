//! What each profile sets, read as an operator gives it, and that no setting of theirs makes a bank laxer. Sums are
//! the bank's own: what is large, and what a new payee may get, no profile says.
//!
//! The numbers stand here once more, by the books: a table that was written from the code would say nothing of it.

use super::Folder;
use crate::config::{Config, EveryPayment, Lockout, OnMove, Profile};

/// All points on which profiles differ, or could.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a point of a book: yes or no")]
struct Rules {
    every_payment: EveryPayment,
    cooling_seconds: u64,
    password_change_seconds: u64,
    on_move: OnMove,
    lockout: Lockout,
    idle_seconds: u64,
    absolute_seconds: u64,
    min_characters: usize,
    letters_and_digits: bool,
    email_at_sign_in: bool,
    stores_cards: bool,
    reversal_days: u32,
    payment_alerts: bool,
}

/// NIST SP 800-63B-4 and ASVS 5: what the other books say nothing about is this.
const BY_DEFAULT: Rules = Rules {
    every_payment: EveryPayment::Weighed,
    cooling_seconds: 0,
    password_change_seconds: 86_400,
    on_move: OnMove::Log,
    lockout: Lockout { failures: 5, seconds: 900 },
    idle_seconds: 900,
    absolute_seconds: 43_200,
    min_characters: 15,
    letters_and_digits: false,
    email_at_sign_in: false,
    stores_cards: true,
    reversal_days: 5,
    payment_alerts: false,
};

/// The word that the operator writes, and what it stands for.
const PROFILES: [(&str, Rules); 4] = [
    ("default", BY_DEFAULT),
    // PCI DSS 4.0.1: 8.3.4 and 8.3.6.
    (
        "pci",
        Rules {
            lockout: Lockout { failures: 10, seconds: 1_800 },
            min_characters: 12,
            letters_and_digits: true,
            ..BY_DEFAULT
        },
    ),
    // RTS 2018/389: Art 4(3), 5 and 15; PSD2 Art 73(1).
    (
        "psd2",
        Rules {
            every_payment: EveryPayment::ToOthers,
            on_move: OnMove::StepUp,
            idle_seconds: 300,
            reversal_days: 2,
            ..BY_DEFAULT
        },
    ),
    // RBI: Authentication Directions 2025, DPSC 5 and 9, card-on-file 2022, discussion paper of 2026.
    (
        "rbi",
        Rules {
            every_payment: EveryPayment::All,
            cooling_seconds: 3_600,
            on_move: OnMove::StepUp,
            lockout: Lockout { failures: 3, seconds: 900 },
            stores_cards: false,
            payment_alerts: true,
            ..BY_DEFAULT
        },
    ),
];

fn rules(config: &Config) -> Rules {
    Rules {
        every_payment: config.step_up.every_payment,
        cooling_seconds: config.step_up.cooling_seconds,
        password_change_seconds: config.step_up.password_change_seconds,
        on_move: config.sessions.on_move,
        lockout: config.sessions.lockout,
        idle_seconds: config.sessions.idle_seconds,
        absolute_seconds: config.sessions.absolute_seconds,
        min_characters: config.passwords.min_characters,
        letters_and_digits: config.passwords.letters_and_digits,
        email_at_sign_in: config.factors.email_at_sign_in,
        stores_cards: config.profile.stores_cards(),
        reversal_days: config.profile.reversal_days(),
        payment_alerts: config.messages.payment_alerts,
    }
}

/// A bank of this profile.
fn of(profile: &str) -> Folder {
    let mut folder = Folder::new();
    folder.environment("EXCHEQUER_PROFILE", profile);
    folder
}

// PCI DSS 8.3.4: the profile `pci` locks for half an hour after ten wrong tries.
// RTS 5: the profile `psd2` asks for a factor with each payment to somebody else.
// RBI DPSC 1: the profile `rbi` asks for a factor with every payment.
// RBI DPSC 5: the profile `rbi` tells customers of payments unless they choose otherwise.
// RBI DPSC 9: the profile `rbi` locks for fifteen minutes after three wrong tries.
#[test]
fn each_profile_sets_what_its_book_asks_for() {
    for (word, expected) in &PROFILES {
        let config = of(word).load();
        assert_eq!((config.profile.name(), &rules(&config)), (*word, expected));
        let mut by_file = Folder::new();
        by_file.file(&format!("profile = \"{word}\"\n"));
        assert_eq!(rules(&by_file.load()), *expected, "{word} in the file");
    }
    let mut words = Profile::ALL.map(Profile::name);
    words.sort_unstable();
    assert_eq!(words, PROFILES.each_ref().map(|(word, _)| *word), "a profile is not judged here");
    assert_eq!(rules(&Folder::new().load()), BY_DEFAULT, "where no profile is given");
}

/// A setting, a value that the book does not allow, and one that is stricter than the book.
const LAXER: &[(&str, &[&str], &str, &str)] = &[
    ("SESSION_IDLE_SECONDS", &["default", "pci", "rbi"], "901", "899"),
    ("SESSION_IDLE_SECONDS", &["psd2"], "301", "299"),
    ("SESSION_ABSOLUTE_SECONDS", &["default", "pci", "psd2", "rbi"], "43201", "43199"),
    ("SESSION_ON_MOVE", &["psd2", "rbi"], "log", "end"),
    ("PASSWORD_MIN_CHARACTERS", &["default", "psd2", "rbi"], "14", "16"),
    ("PASSWORD_MIN_CHARACTERS", &["pci"], "11", "13"),
    ("STEP_UP_COOLING_SECONDS", &["rbi"], "3599", "3601"),
    ("FACTOR_EMAIL_AT_SIGN_IN", &["psd2", "rbi"], "true", "false"),
];

// RBI AUTH 1: a code by e-mail is no factor under `rbi`, and no setting makes it one.
#[test]
fn no_setting_is_laxer_than_the_profile_and_each_may_be_stricter() {
    for (setting, profiles, laxer, stricter) in LAXER {
        let name = format!("EXCHEQUER_{setting}");
        for profile in *profiles {
            let mut folder = of(profile);
            folder.environment(&name, laxer);
            let faults = folder.faults();
            assert_eq!(faults.len(), 1, "{profile} {name}={laxer}: {faults}");
            assert!(faults.to_string().contains(&name), "{profile} {name}={laxer}: {faults}");
            folder.environment(&name, stricter);
            let _stricter = folder.load();
        }
    }
}

#[test]
fn where_the_book_leaves_the_choice_the_setting_is_taken() {
    for profile in ["default", "pci"] {
        let mut folder = of(profile);
        folder.environment("EXCHEQUER_FACTOR_EMAIL_AT_SIGN_IN", "true");
        folder.environment("EXCHEQUER_SESSION_ON_MOVE", "log");
        folder.environment("EXCHEQUER_STEP_UP_COOLING_SECONDS", "1");
        folder.environment("EXCHEQUER_MESSAGE_PAYMENT_ALERTS", "on");
        let config = folder.load();
        assert!(config.messages.payment_alerts, "{profile}");
        assert!(config.factors.email_at_sign_in, "{profile}");
        assert_eq!((config.sessions.on_move, config.step_up.cooling_seconds), (OnMove::Log, 1));
    }
}

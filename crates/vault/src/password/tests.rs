//! What `password` promises.

use super::*;

fn cheap() -> PasswordHasher {
    PasswordHasher::new(PasswordParams::for_tests())
}

fn hashed(password: &str) -> String {
    cheap().hash(password, &Rng::System).unwrap()
}

fn verdict(password: &str, stored: &str) -> Verdict {
    cheap().verify(password, stored).unwrap()
}

const RIGHT: Verdict = Verdict::Right { needs_upgrade: false };
const UPGRADE: Verdict = Verdict::Right { needs_upgrade: true };

/// bcrypt of "password", cost 4, made by a third program.
const BCRYPT: &str = "$2a$04$UuTkLRZZ6QofpDOlMz32MuuxEHA43WOemOYHPz6.SjsVsyO1tDU96";

#[test]
fn a_hash_verifies_its_password_and_no_other() {
    let stored = hashed("ein Käse für 5 €");
    assert!(stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{stored}");
    assert_eq!(verdict("ein Käse für 5 €", &stored), RIGHT);
    for other in ["", "ein Käse für 5 ", "ein Käse für 5 € ", "Ein Käse für 5 €"] {
        assert_eq!(verdict(other, &stored), Verdict::Wrong, "{other:?}");
    }
    // The same letters in another normal form are another password.
    assert_eq!(verdict("ein Ka\u{308}se fu\u{308}r 5 €", &stored), Verdict::Wrong);
}

#[test]
fn salts_are_fresh() {
    assert_ne!(hashed("same"), hashed("same"));
}

// PCI DSS 8.3.2: a password is kept as an argon2id hash and no other way.
// ASVS 11.4.2: passwords are kept as argon2id, with what OWASP asks for.
#[test]
fn defaults_are_written_into_the_hash() {
    let hasher = PasswordHasher::new(PasswordParams::default());
    let stored = hasher.hash("a password", &Rng::System).unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    assert_eq!(hasher.verify("a password", &stored), Ok(RIGHT));
}

#[test]
fn nothing_is_cut() {
    let longest = "x".repeat(MAX_PASSWORD_BYTES);
    let stored = hashed(&longest);
    assert_eq!(verdict(&longest, &stored), RIGHT);
    let last_differs = format!("{}y", "x".repeat(MAX_PASSWORD_BYTES - 1));
    assert_eq!(verdict(&last_differs, &stored), Verdict::Wrong);
    assert_eq!(verdict(&longest[1..], &stored), Verdict::Wrong);

    let (a, b) = (format!("{}a", "x".repeat(72)), format!("{}b", "x".repeat(72)));
    assert_eq!(verdict(&b, &hashed(&a)), Verdict::Wrong);

    let longer = "x".repeat(MAX_PASSWORD_BYTES + 1);
    assert_eq!(cheap().hash(&longer, &Rng::System), Err(PasswordError::TooLong));
    assert_eq!(verdict(&longer, &stored), Verdict::Wrong);
}

#[test]
fn a_nul_is_a_character() {
    for (password, other) in
        [("abc\0def", "abc"), ("abc\0def", "abc\0xyz"), ("a\0", "a"), ("\0", "")]
    {
        let stored = hashed(password);
        assert_eq!(verdict(password, &stored), RIGHT);
        assert_eq!(verdict(other, &stored), Verdict::Wrong);
    }
}

#[test]
fn hashes_of_the_argon2_reference_program_verify() {
    // phc-winner-argon2, src/test.c: version 0x13, argon2id.
    for (password, stored) in [
        (
            "password",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        ),
        (
            "password",
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        ),
        (
            "differentpassword",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94",
        ),
    ] {
        assert_eq!(verdict(password, stored), UPGRADE, "{stored}");
        assert_eq!(verdict("Password", stored), Verdict::Wrong);
    }
}

#[test]
fn other_parameters_ask_for_an_upgrade() {
    let other = PasswordParams { memory_kib: 16, iterations: 1, parallelism: 1 };
    let stored = PasswordHasher::new(other).hash("a password", &Rng::System).unwrap();
    assert_eq!(verdict("a password", &stored), UPGRADE);
    assert_eq!(verdict("another", &stored), Verdict::Wrong);
}

#[test]
fn bcrypt_hashes_verify_and_ask_for_an_upgrade() {
    for (password, stored) in [
        ("password", BCRYPT),
        (
            "correctbatteryhorsestapler",
            "$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie",
        ),
        (
            "correctbatteryhorsestapler",
            "$2a$04$n4Uy0eSnMfvnESYL.bLwuuj0U/ETSsoTpRT9GVk5bektyVVa5xnIi",
        ),
    ] {
        assert_eq!(verdict(password, stored), UPGRADE);
        assert_eq!(verdict(&format!("{password} "), stored), Verdict::Wrong);
        let by_php = stored.replacen(&stored[..4], "$2y$", 1);
        assert_eq!(verdict(password, &by_php), UPGRADE);
    }
    let upgraded = hashed("password");
    assert_eq!(verdict("password", &upgraded), RIGHT);
}

#[test]
fn behind_bcrypt_too_no_two_passwords_are_one() {
    // What another system stored for 80 and for 72 times `x`: bcrypt cannot tell them apart.
    let (eighty, seventy_two) = ("x".repeat(80), "x".repeat(72));
    let stored = bcrypt::hash(&eighty, 4).unwrap();
    assert!(bcrypt::verify(&seventy_two, &stored).unwrap());
    assert_eq!(verdict(&eighty, &stored), Verdict::Wrong);
    assert_eq!(verdict(&format!("{seventy_two}y"), &stored), Verdict::Wrong);
    assert_eq!(verdict(&seventy_two, &stored), UPGRADE);

    // bcrypt repeats the password with a `\0` between, so these two are one to it.
    let stored = bcrypt::hash("a", 4).unwrap();
    assert!(bcrypt::verify("a\0a", &stored).unwrap());
    assert_eq!(verdict("a\0a", &stored), Verdict::Wrong);
    assert_eq!(verdict("a", &stored), UPGRADE);
}

#[test]
fn what_is_stored_is_refused_when_it_is_not_understood() {
    let refusal = |stored: &str| cheap().verify("password", stored).unwrap_err();
    for stored in
        ["", "password", "$2x$04$", "$2c$04$", "$argon2i$v=19$m=8,t=1,p=1$", "$1$x$y", "*"]
    {
        assert_eq!(refusal(stored), PasswordError::UnknownScheme, "{stored:?}");
    }
    let good = hashed("password");
    let (most, hash) = good.rsplit_once('$').unwrap();
    for stored in [
        "$argon2id$".to_owned(),
        most.to_owned(),
        format!("{most}$"),
        format!("{most}$AAAAAAAAAAAAAA"),
        format!("{most}${hash}!"),
        good.replace("v=19", "v=16"),
        good.replace("v=19$", ""),
        good.replace("m=8", "m=7"),
        good.replace("t=1", "t=0"),
        good.replace("p=1", "p=0"),
        good.replace("p=1", "p=9999999999"),
        BCRYPT[..59].to_owned(),
        format!("{BCRYPT}x"),
        BCRYPT.replace("$04$", "$03$"),
        BCRYPT.replace("$04$", "$99$").replace("$99$", "$xx$"),
        "$2b$04$aaaaaaaaaaaaaaaaaaaaa£aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
    ] {
        assert_eq!(refusal(&stored), PasswordError::Unreadable, "{stored:?}");
    }
    for stored in [
        good.replace("m=8", "m=4000000000"),
        good.replace("t=1", "t=17"),
        good.replace("m=8", "m=1000").replace("p=1", "p=9"),
        BCRYPT.replace("$04$", "$16$"),
        BCRYPT.replace("$04$", "$99$"),
    ] {
        assert_eq!(refusal(&stored), PasswordError::TooCostly, "{stored:?}");
    }
}

#[test]
fn every_truncation_of_a_stored_hash_is_survived() {
    for good in [hashed("password"), BCRYPT.to_owned()] {
        for len in 0..good.len() {
            let found = cheap().verify("password", &good[..len]);
            assert!(!matches!(found, Ok(Verdict::Right { .. })), "{len} of {good}");
        }
    }
}

#[test]
fn the_dummy_costs_the_same_and_nothing_matches_it() {
    for params in [PasswordParams::for_tests(), PasswordParams::default()] {
        let hasher = PasswordHasher::new(params);
        let real = hasher.hash("password", &Rng::System).unwrap();
        let fields = |hash: &str| hash.split('$').map(str::to_owned).collect::<Vec<_>>();
        let (real, dummy) = (fields(&real), fields(hasher.dummy()));
        assert_eq!(real[..4], dummy[..4]);
        assert_eq!(real[4].len(), dummy[4].len());
        assert_eq!(real[5].len(), dummy[5].len());
        for password in ["", "password", "nobody", "exchequer: the hash of nobody's password"] {
            assert_eq!(hasher.verify(password, hasher.dummy()), Ok(Verdict::Wrong));
        }
    }
}

// ASVS 11.4.2: no configuration makes the hash cheaper than the floor.
#[test]
fn configuration_keeps_to_floor_and_ceiling() {
    for PasswordParams { memory_kib, iterations, parallelism } in PasswordParams::FLOOR {
        assert!(PasswordParams::new(memory_kib, iterations, parallelism).is_ok());
        let less = memory_kib - 1;
        let found = PasswordParams::new(less, iterations, parallelism);
        assert_eq!(found, Err(ParamsError::TooWeak { memory_kib: less, iterations }));
    }
    let default = PasswordParams::default();
    let same =
        PasswordParams::new(default.memory_kib(), default.iterations(), default.parallelism());
    assert_eq!(same, Ok(default));
    let cheap = PasswordParams::for_tests();
    assert!(PasswordParams::new(cheap.memory_kib(), cheap.iterations(), 1).is_err());
    for (memory_kib, iterations, parallelism) in
        [(1_048_577, 2, 1), (19_456, 17, 1), (19_456, 2, 9), (19_456, 2, 0)]
    {
        let found = PasswordParams::new(memory_kib, iterations, parallelism);
        assert_eq!(found, Err(ParamsError::TooCostly));
    }
    assert!(PasswordParams::new(1_048_576, 16, 8).is_ok());
}

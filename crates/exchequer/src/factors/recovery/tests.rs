//! What `factors::recovery` promises.

use std::collections::BTreeSet;

use super::*;

// ASVS 6.5.3, 6.5.4: from the source of randomness, at least 20 bits; these have 120.
// ASVS 6.5.2: 112 bits and more need no slow hash.
#[test]
fn a_code_is_six_groups_of_four() {
    let rng = Rng::seeded(5);
    let codes: BTreeSet<String> = (0..1_000).map(|_| draw(&rng)).collect();
    assert_eq!(codes.len(), 1_000);
    for code in &codes {
        assert_eq!(code.len(), 29);
        assert!(code.split('-').all(|group| group.len() == GROUP));
        assert!(has_form(code), "{code}");
    }
    let bits = CHARACTERS * usize::try_from(ALPHABET.len().ilog2()).unwrap();
    assert!(bits >= 112, "{bits}");
    let used: BTreeSet<char> = codes.iter().flat_map(|code| code.chars()).collect();
    assert_eq!(used.len(), 33, "all characters and the dash");
}

#[test]
fn what_people_mistype_is_read_all_the_same() {
    assert_eq!(normalised("K3V9 XOtm-7q2d-hIlA"), "k3v9x0tm7q2dh11a");
    assert!(has_form("K3V9X0TM7Q2DH5EAP8RW2C6N"));
    assert!(has_form("K3V9X0TM7Q2DH5EA"), "one of before");
    for text in ["", "k3v9-x0tm-7q2d-h5e", "k3v9-x0tm-7q2d-h5eu", "k3v9-x0tm-7q2d-h5ea-1", "é"] {
        assert!(!has_form(text), "{text:?}");
    }
}

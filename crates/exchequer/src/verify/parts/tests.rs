//! Sums over windows, and parts beside their wholes.

use super::*;
use crate::verify::tests::found;

const RELATION: Relation = Relation {
    table: "holds",
    whole_id: |bytes| format!("w{}", bytes[15]),
    part_id: |bytes| format!("p{}", bytes[15]),
};

fn key(number: u8) -> [u8; 16] {
    u128::from(number).to_be_bytes()
}

fn part(number: u8, whole: u8, amount: i64, claimed: i64) -> Part {
    let moves = ("INR".to_owned(), key(1), key(2));
    Part {
        id: key(number),
        whole: key(whole),
        amount,
        of_whole: Some(moves.clone()),
        moves,
        claimed: Some(claimed),
    }
}

fn window(wholes: &[(u8, i64)], parts: &[Part]) -> Step {
    let mut window = Window::new(RELATION);
    for (whole, claimed) in wholes {
        window.add_whole(Whole { id: key(*whole), claimed: *claimed, most: Some(100) })?;
    }
    for part in parts {
        window.add_part(part)?;
    }
    window.finish()
}

#[test]
fn parts_sum_to_what_their_whole_says() {
    // The third belongs to a whole of another window.
    let parts = [part(1, 7, 30, 50), part(2, 7, 20, 50), part(3, 9, 5, 5)];
    window(&[(7, 50)], &parts).unwrap();
    assert_eq!(found(window(&[(7, 51)], &parts)).id, "w7");
    assert_eq!(found(window(&[(7, 49)], &parts)).expected, "parts of 50, the sum of its transfers");
    assert_eq!(found(window(&[(6, 1), (7, 50)], &parts)).id, "w6");
    assert_eq!(found(window(&[(7, 101)], &[])).expected, "parts of at most 100");
    let mut gone = Window::new(RELATION);
    let lost = Whole { id: key(7), claimed: 1, most: None };
    assert_eq!(found(gone.add_whole(lost)).id, "w7");
}

#[test]
fn a_part_is_like_its_whole() {
    type Spoil = fn(&mut Part);
    let cases: &[(&str, Spoil)] = &[
        ("which it names", |p| p.of_whole = None),
        ("currency and accounts", |p| p.moves.0 = "EUR".to_owned()),
        ("currency and accounts", |p| p.moves.1 = key(3)),
        ("count at least", |p| p.claimed = None),
        ("count at least", |p| p.claimed = Some(29)),
    ];
    for (expected, spoil) in cases {
        let mut spoiled = part(1, 7, 30, 30);
        spoil(&mut spoiled);
        let finding = found(window(&[], &[spoiled]));
        assert_eq!((finding.table, finding.id.as_str()), ("transfers", "p1"));
        assert!(finding.expected.contains(expected), "{expected}: {}", finding.expected);
    }
}

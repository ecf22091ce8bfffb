//! Bindings that differ in any part, and how long a shown factor counts.

use money::{CustomerId, SessionId, Timestamp};

use super::{Asker, Bound, is_fresh, is_just_signed_in};

fn asker(customer: u8, session: u8) -> Asker {
    Asker {
        customer: CustomerId::from_bytes([customer; 16]),
        session: SessionId::from_bytes([session; 16]),
    }
}

fn payment() -> Bound {
    Bound::new("transfer.send")
        .part(b"acc_1")
        .part(b"acc_2")
        .part(&5_i64.to_be_bytes())
        .part(b"INR")
}

#[test]
fn the_same_act_has_the_same_binding_whatever_its_message_says() {
    let with_text = payment().text("INR 0.05 to account …1234");
    assert_eq!(payment().hash(&asker(1, 2)), with_text.hash(&asker(1, 2)));
}

#[test]
fn another_name_part_customer_or_session_is_another_binding() {
    let bound = payment().hash(&asker(1, 2));
    let others = [
        payment().hash(&asker(2, 2)),
        payment().hash(&asker(1, 1)),
        payment().part(b"").hash(&asker(1, 2)),
        Bound::new("transfer.batch")
            .part(b"acc_1")
            .part(b"acc_2")
            .part(&5_i64.to_be_bytes())
            .part(b"INR")
            .hash(&asker(1, 2)),
        Bound::new("transfer.send")
            .part(b"acc_2")
            .part(b"acc_1")
            .part(&5_i64.to_be_bytes())
            .part(b"INR")
            .hash(&asker(1, 2)),
        Bound::new("transfer.send").hash(&asker(1, 2)),
    ];
    assert!(others.iter().all(|other| *other != bound));
}

#[test]
fn a_byte_that_moves_from_one_part_to_the_next_changes_the_binding() {
    let who = asker(1, 2);
    let split = |first: &[u8], second: &[u8]| Bound::new("act").part(first).part(second).hash(&who);
    assert_ne!(split(b"ab", b"c"), split(b"a", b"bc"));
    assert_ne!(split(b"", b"abc"), split(b"abc", b""));
    // A part that looks like a length and what follows it.
    let mut forged = b"a".to_vec();
    forged.extend_from_slice(&1_u64.to_be_bytes());
    forged.push(b'b');
    assert_ne!(split(b"a", b"b"), Bound::new("act").part(&forged).hash(&who));
}

#[test]
fn a_factor_counts_for_five_minutes_and_not_before_it_was_shown() {
    let shown = Timestamp::from_seconds(1_000);
    let fresh = |seconds| is_fresh(shown, Timestamp::from_seconds(seconds));
    assert!(fresh(1_000) && fresh(1_299));
    assert!(!fresh(1_300), "five minutes are over");
    assert!(!fresh(999), "the clock was set back");
}

#[test]
fn a_sign_in_counts_for_fifteen_minutes_and_a_clock_set_back_makes_none_fresh() {
    let opened = Timestamp::from_seconds(10_000);
    let fresh = |seconds| is_just_signed_in(opened, Timestamp::from_seconds(seconds));
    assert!(fresh(9_995) && fresh(10_000) && fresh(10_899));
    assert!(!fresh(10_900), "fifteen minutes are over");
    assert!(!fresh(9_994), "the clock was set back");
}

//! What counts against a daily limit that comes late.

use ledger::WINDOW_MICROS;
use money::{AccountId, Currency, HoldId, Id, IdMint, Rng, Timestamp, TransferId};
use store::rows::{Side, TransferKind, TransferRow};

use super::{first_id_at, outflow};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn account(n: u8) -> AccountId {
    Id::from_bytes([n; 16])
}

fn paid(kind: TransferKind, posted_at: Timestamp) -> TransferRow {
    let side = |n| Side { account: account(n), number: 1, previous: None, balance: 0 };
    TransferRow {
        id: TransferId::from_bytes([9; 16]),
        debit: side(1),
        credit: side(2),
        amount: 500,
        currency: Currency::INR,
        kind,
        posted_at,
        memo: None,
        reference: None,
        origin: [0; 16],
        request: Id::from_bytes([0; 16]),
    }
}

#[test]
fn what_a_customer_sent_counts_and_what_he_received_does_not() {
    let row = paid(TransferKind::Transfer, NOW);
    assert_eq!(outflow(&row, &account(1), NOW).map(|o| o.amount), Some(500));
    assert_eq!(outflow(&row, &account(2), NOW), None);
}

#[test]
fn captures_and_reversals_do_not_count() {
    for kind in [TransferKind::Capture, TransferKind::Reversal] {
        assert_eq!(outflow(&paid(kind, NOW), &account(1), NOW), None);
    }
    let withdrawal = paid(TransferKind::Withdrawal, NOW);
    assert!(outflow(&withdrawal, &account(1), NOW).is_some());
}

#[test]
fn the_window_is_open_at_its_old_end() {
    let edge = NOW.plus_micros(-WINDOW_MICROS);
    let at = |time| outflow(&paid(TransferKind::Transfer, time), &account(1), NOW);
    assert_eq!(at(edge), None);
    assert!(at(edge.plus_micros(1)).is_some());
}

#[test]
fn no_id_made_at_a_time_lies_below_the_first_of_that_time() {
    let mint = IdMint::new(Rng::seeded(1));
    for micros in [0, 999, 1_000, 1_700_000_000_123_456] {
        let time = Timestamp::from_micros(micros);
        let made: HoldId = mint.mint(time);
        assert!(made.bytes() > &first_id_at(time));
    }
    let later = NOW.plus_micros(1_000);
    // A mint of its own: one that has seen a later time never goes back.
    let made: HoldId = IdMint::new(Rng::seeded(2)).mint(NOW);
    assert!(made.bytes() < &first_id_at(later));
    assert_eq!(first_id_at(Timestamp::from_seconds(-5)), [0; 16]);
}

//! Views of holds.

use ledger::HoldStatus;
use money::{Currency, Id, Timestamp, TransferId};
use store::posting::holds::HoldRow;

use super::{CaptureView, HoldView, remaining, status_name};

fn hold(status: HoldStatus, captured: i64) -> HoldRow {
    HoldRow {
        id: Id::from_bytes([3; 16]),
        debit_account: Id::from_bytes([1; 16]),
        credit_account: Id::from_bytes([2; 16]),
        amount: 500,
        captured,
        currency: Currency::INR,
        status,
        created_at: Timestamp::EPOCH,
        expires_at: Timestamp::EPOCH.plus_seconds(60),
        memo: None,
    }
}

#[test]
fn only_an_active_hold_reserves_anything() {
    assert_eq!(remaining(&hold(HoldStatus::Active, 0)), 500);
    assert_eq!(remaining(&hold(HoldStatus::Active, 200)), 300);
    for over in [HoldStatus::Captured, HoldStatus::Voided, HoldStatus::Expired] {
        assert_eq!(remaining(&hold(over, 200)), 0, "{}", status_name(over));
    }
}

#[test]
fn a_capture_shows_the_hold_and_its_transfer_side_by_side() {
    let transfer = TransferId::from_bytes([9; 16]);
    let row = hold(HoldStatus::Captured, 200);
    let shown = serde_json::to_value(CaptureView::new(&row, &transfer)).unwrap();
    assert_eq!(shown["transfer_id"], transfer.to_string());
    assert_eq!(shown["captured"], 200);
    assert_eq!(shown["remaining"], 0);
    assert_eq!(shown["status"], "captured");
    assert_eq!(shown["from"], row.debit_account.to_string());
    let alone = serde_json::to_value(HoldView::from(&row)).unwrap();
    assert_eq!(alone.as_object().unwrap().len() + 1, shown.as_object().unwrap().len());
}

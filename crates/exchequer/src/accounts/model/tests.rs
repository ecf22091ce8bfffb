//! Views of accounts and entries.

use ledger::{Account, AccountStatus, BalancePolicy};
use money::{AccountId, Currency, Id, Timestamp, TransferId};
use store::rows::{Side, TransferKind, TransferRow};

use super::{AccountRow, AccountView, EntryView, other_side, previous_entry, status_name};

fn account(n: u8) -> AccountId {
    Id::from_bytes([n; 16])
}

fn transfer(n: u8) -> TransferId {
    Id::from_bytes([n; 16])
}

/// 500 from account 1 (which then has 250) to account 2 (which then has 900).
fn row() -> TransferRow {
    let side = |n, previous, balance| Side { account: account(n), number: 3, previous, balance };
    TransferRow {
        id: transfer(9),
        debit: side(1, Some(transfer(7)), 250),
        credit: side(2, None, 900),
        amount: 500,
        currency: Currency::INR,
        kind: TransferKind::Transfer,
        posted_at: Timestamp::from_seconds(1_700_000_000),
        memo: Some("rent".to_owned()),
        reference: None,
        origin: [0; 16],
        request: Id::from_bytes([0; 16]),
    }
}

#[test]
fn each_side_of_a_transfer_has_its_own_entry() {
    let paid = EntryView::new(&row(), &account(1), "EX22".to_owned(), Some("Bee".to_owned()));
    let got = EntryView::new(&row(), &account(2), "EX11".to_owned(), None);
    assert_eq!((paid.amount, paid.balance_after), (-500, 250));
    assert_eq!((got.amount, got.balance_after), (500, 900));
    assert_eq!(paid.transfer_id, got.transfer_id);
    assert_eq!(paid.id, format!("{}.debit", transfer(9)));
    assert_eq!(got.id, format!("{}.credit", transfer(9)));
    assert_eq!(paid.counterparty, "EX22");
    assert_eq!((paid.counterparty_name.as_deref(), got.counterparty_name), (Some("Bee"), None));
    assert_eq!(got.memo.as_deref(), Some("rent"));
}

#[test]
fn the_chain_and_the_other_side_follow_the_account() {
    assert_eq!(other_side(&row(), &account(1)), account(2));
    assert_eq!(other_side(&row(), &account(2)), account(1));
    assert_eq!(previous_entry(&row(), &account(1)), Some(transfer(7)));
    assert_eq!(previous_entry(&row(), &account(2)), None);
}

#[test]
fn available_is_posted_less_held_plus_the_overdraft() {
    let policy = BalancePolicy::Bounded { overdraft_limit: 40 };
    let mut held = Account::open(account(1), Currency::JPY, policy);
    (held.credits_posted, held.debits_posted, held.debits_held) = (1_000, 300, 200);
    held.status = AccountStatus::Frozen;
    let row = AccountRow {
        account: held,
        owner: None,
        number: "EX00".to_owned(),
        name: "Household".to_owned(),
        opened_at: Timestamp::EPOCH,
    };
    let view = AccountView::from(&row);
    let balance = &view.balance;
    assert_eq!((balance.posted, balance.held, balance.available), (700, 200, 540));
    assert_eq!((view.status, view.currency), ("frozen", "JPY"));
    assert_eq!(view.opened_at, "1970-01-01T00:00:00.000000Z");
}

#[test]
fn statuses_have_the_words_of_the_api() {
    let words =
        [AccountStatus::Open, AccountStatus::Frozen, AccountStatus::Closed].map(status_name);
    assert_eq!(words, ["open", "frozen", "closed"]);
}

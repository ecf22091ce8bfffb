//! The pure part: rows fed by hand, and the finding that each fault leads to.

use ledger::{Account, BalancePolicy, Hold, HoldStatus};
use money::{AccountId, Currency, Id, IdKind, Timestamp, TransferId};
use store::rows::Side;

use super::books::{Books, MAX_WAITING};
use super::model::{Finding, Posted, Step, Stop, StoredAccount, StoredHold};

fn id<K: IdKind>(number: u64) -> Id<K> {
    Id::from_bytes(u128::from(number).to_be_bytes())
}

fn account(number: u64, debits: i64, credits: i64, entries: &[u64]) -> StoredAccount {
    let inr = Currency::from_code("INR").unwrap();
    let mut account = Account::open(id(number), inr, BalancePolicy::Unbounded);
    account.debits_posted = debits;
    account.credits_posted = credits;
    account.entry_count = i64::try_from(entries.len()).unwrap();
    account.last_entry = entries.last().map(|entry| id(*entry));
    StoredAccount { account, owner: None }
}

/// `[account, number, previous, balance]`; no previous is 0.
fn side([account, number, previous, balance]: [i64; 4]) -> Side {
    Side {
        account: id(account.unsigned_abs()),
        number,
        previous: (previous > 0).then(|| id(previous.unsigned_abs())),
        balance,
    }
}

fn posted(number: u64, amount: i64, debit: [i64; 4], credit: [i64; 4]) -> Posted {
    Posted {
        id: id(number),
        debit: side(debit),
        credit: side(credit),
        amount,
        currency: "INR".to_owned(),
        kind: 1,
        has_reference: false,
        has_origin: true,
    }
}

/// Three transfers between two accounts: 100 and 50 there, 30 back.
fn history() -> [Posted; 3] {
    [
        posted(11, 100, [1, 1, 0, -100], [2, 1, 0, 100]),
        posted(12, 50, [1, 2, 11, -150], [2, 2, 11, 150]),
        posted(13, 30, [2, 3, 12, 120], [1, 3, 12, -120]),
    ]
}

fn accounts() -> [StoredAccount; 2] {
    [account(1, 150, 30, &[11, 12, 13]), account(2, 30, 150, &[11, 12, 13])]
}

fn replay(accounts: &[StoredAccount], history: &[Posted]) -> Step<Books> {
    let mut books = Books::default();
    for account in accounts {
        books.add_account(*account)?;
    }
    for transfer in history {
        books.add_transfer(transfer)?;
    }
    books.finish_entries()?;
    Ok(books)
}

/// The finding of a step that must have one.
pub(super) fn found<T>(step: Step<T>) -> Finding {
    match step {
        Ok(_) => panic!("nothing was found"),
        Err(Stop::Wrong(finding)) => *finding,
        Err(Stop::Db(error)) => panic!("{error}"),
    }
}

#[test]
fn right_books_have_their_totals() {
    let books = replay(&accounts(), &history()).unwrap();
    let totals = books.totals().unwrap();
    assert_eq!(totals.len(), 1);
    let total = &totals[0];
    assert_eq!(
        (total.currency.as_str(), total.accounts, total.debits, total.credits, total.held),
        ("INR", 2, 180, 180, 0)
    );
}

#[test]
fn entries_are_ordered_by_their_numbers_and_not_by_ids() {
    let [first, second, third] = history();
    for order in [[&third, &second, &first], [&second, &third, &first], [&second, &first, &third]] {
        let shuffled: Vec<Posted> = order.into_iter().cloned().collect();
        replay(&accounts(), &shuffled).unwrap();
    }
}

#[test]
fn each_fault_of_a_transfer_is_found_in_its_row() {
    type Spoil = fn(&mut Posted);
    let cases: &[(&str, Spoil)] = &[
        ("an amount of 1", |t| t.amount = 0),
        ("an amount of 1", |t| t.amount = -50),
        ("an amount of 1", |t| t.amount = 9_007_199_254_740_992),
        ("a kind", |t| t.kind = 99),
        ("a reference", |t| t.kind = 4),
        ("no reference", |t| t.has_reference = true),
        ("two accounts", |t| t.credit = t.debit),
        ("the origin", |t| t.has_origin = false),
        ("to be there", |t| t.debit.account = id(9)),
        ("to be there", |t| t.credit.account = id(9)),
        ("INR", |t| t.currency = "EUR".to_owned()),
        ("leaves -151", |t| t.amount = 51),
        ("leaves 150", |t| t.credit.balance = 151),
        ("leaves -150", |t| t.debit.balance = i64::MIN),
        ("after trf_", |t| t.credit.previous = None),
        ("after trf_", |t| t.debit.previous = Some(id(13))),
        ("a number above 1", |t| t.debit.number = 1),
        ("a number above 1", |t| t.credit.number = i64::MIN),
    ];
    for (expected, spoil) in cases {
        let mut history = history();
        spoil(&mut history[1]);
        let finding = found(replay(&accounts(), &history));
        assert_eq!(
            (finding.table, finding.id),
            ("transfers", id::<money::kind::Transfer>(12).to_string())
        );
        assert!(finding.expected.contains(expected), "{expected}: {}", finding.expected);
    }
}

#[test]
fn a_missing_entry_is_named_by_the_one_after_it() {
    let [first, _, third] = history();
    let finding = found(replay(&accounts(), &[first, third]));
    assert_eq!(finding.id, id::<money::kind::Transfer>(13).to_string());
    assert!(finding.expected.starts_with("entry 2 of acc_"), "{}", finding.expected);
    assert_eq!(finding.found, "entry 3, and none before it");
}

#[test]
fn two_entries_that_wait_under_one_number_are_a_fault() {
    let [first, second, third] = history();
    let mut twin = third.clone();
    twin.id = id(14);
    let finding = found(replay(&accounts(), &[third, twin, first, second]));
    assert_eq!(finding.id, id::<money::kind::Transfer>(14).to_string());
    assert!(finding.found.contains("number 3"), "{}", finding.found);
}

#[test]
fn only_so_many_entries_wait() {
    let mut books = Books::default();
    books.add_account(account(1, 0, 0, &[])).unwrap();
    books.add_account(account(2, 0, 0, &[])).unwrap();
    let waiting =
        |number: i64| posted(number.unsigned_abs(), 1, [1, number, 1, 0], [2, number, 1, 0]);
    let full = i64::try_from(MAX_WAITING / 2).unwrap();
    for number in 2..=full + 1 {
        books.add_transfer(&waiting(number)).unwrap();
    }
    let finding = found(books.add_transfer(&waiting(full + 2)));
    assert!(finding.expected.starts_with("entry 1 of "), "{}", finding.expected);
}

#[test]
fn what_an_account_says_is_what_its_entries_say() {
    type Spoil = fn(&mut Account);
    let cases: &[(&str, Spoil)] = &[
        ("debits_posted 30", |a| a.debits_posted += 1),
        ("credits_posted 150", |a| a.credits_posted -= 1),
        ("entry_count 3", |a| a.entry_count = 2),
        ("last_entry trf_", |a| a.last_entry = Some(id(12))),
        ("rules", |a| a.last_entry = None),
        ("rules", |a| a.policy = BalancePolicy::Bounded { overdraft_limit: -1 }),
    ];
    for (expected, spoil) in cases {
        let mut accounts = accounts();
        spoil(&mut accounts[1].account);
        let finding = found(replay(&accounts, &history()));
        assert_eq!(
            (finding.table, finding.id),
            ("accounts", id::<money::kind::Account>(2).to_string())
        );
        assert!(finding.expected.contains(expected), "{expected}: {}", finding.expected);
    }
    let overdrawn = Account {
        policy: BalancePolicy::Bounded { overdraft_limit: 119 },
        ..accounts()[0].account
    };
    let finding =
        found(Books::default().add_account(StoredAccount { account: overdrawn, owner: None }));
    assert!(finding.found.contains("overdraft"), "{}", finding.found);
}

#[test]
fn a_currency_whose_sides_differ_is_found() {
    let mut books = Books::default();
    books.add_account(account(1, 10, 0, &[11])).unwrap();
    let finding = found(books.totals());
    assert_eq!((finding.id.as_str(), finding.found.as_str()), ("INR", "0"));
}

fn hold(number: u64, amount: i64, captured: i64, status: HoldStatus) -> StoredHold {
    let now = Timestamp::EPOCH;
    let (debit, credit) = (0, 0);
    let hold = Hold {
        id: id(number),
        debit,
        credit,
        amount,
        captured,
        status,
        placed_at: now,
        expires_at: now,
    };
    StoredHold { hold, debit: id(1), credit: id(2), currency: "INR".to_owned() }
}

fn with_holds(held: [i64; 2], holds: &[StoredHold]) -> Step {
    let mut books = Books::default();
    for (mut row, held) in [account(1, 0, 0, &[]), account(2, 0, 0, &[])].into_iter().zip(held) {
        if row.account.id == id::<money::kind::Account>(1) {
            row.account.debits_held = held;
        } else {
            row.account.credits_held = held;
        }
        books.add_account(row)?;
    }
    for hold in holds {
        books.add_hold(hold)?;
    }
    books.finish_holds()
}

#[test]
fn held_totals_are_what_active_holds_reserve() {
    let holds = [
        hold(21, 100, 0, HoldStatus::Active),
        hold(22, 50, 20, HoldStatus::Active),
        hold(23, 70, 70, HoldStatus::Captured),
        hold(24, 9, 1, HoldStatus::Voided),
        hold(25, 9, 0, HoldStatus::Expired),
    ];
    with_holds([130, 130], &holds).unwrap();
    for held in [[131, 130], [130, 129]] {
        let finding = found(with_holds(held, &holds));
        assert!(finding.expected.contains("held 130"), "{}", finding.expected);
    }
    let mut foreign = hold(21, 100, 0, HoldStatus::Active);
    foreign.currency = "EUR".to_owned();
    assert_eq!(found(with_holds([100, 100], &[foreign])).table, "holds");
    let mut homeless = hold(21, 100, 0, HoldStatus::Active);
    homeless.credit = id(9);
    assert_eq!(found(with_holds([100, 100], &[homeless])).found, "no such account");
    let too_much = hold(21, 100, 101, HoldStatus::Captured);
    assert_eq!(found(with_holds([0, 0], &[too_much])).table, "holds");
}

#[test]
fn an_account_has_the_event_of_its_opening() {
    let mut books = replay(&accounts(), &history()).unwrap();
    let second: AccountId = id(2);
    books.mark_opened(&second.to_string());
    books.mark_opened("EX0000000000000000");
    assert_eq!(found(books.finish_opened()).id, id::<money::kind::Account>(1).to_string());
    books.mark_opened(&id::<money::kind::Account>(1).to_string());
    books.finish_opened().unwrap();
}

#[test]
fn a_transfer_id_reads_as_the_api_writes_it() {
    let id: TransferId = id(12);
    let finding = Finding::new("transfers", id, 1, 2);
    assert!(finding.to_string().contains("trf_0000000000000000000000000c"), "{finding}");
}

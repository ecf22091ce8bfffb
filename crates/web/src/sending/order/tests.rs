//! What values of the form mean, and what is said of those that mean nothing.

use super::*;
use crate::accounts::Balance;
use crate::words::ENGLISH;

fn book() -> Book {
    let account = |id: &str, currency: &str| Account {
        id: id.to_owned(),
        number: format!("number of {id}"),
        name: format!("name of {id}"),
        currency: currency.to_owned(),
        status: "open".to_owned(),
        balance: Balance { posted: 100, held: 0, available: 100 },
    };
    let payee = Payee {
        id: "ben_1".to_owned(),
        account: "acc_payee".to_owned(),
        number: "EX1".to_owned(),
        name: "Ravi".to_owned(),
        created_at: String::new(),
        trusted_at: String::new(),
    };
    Book {
        accounts: vec![account("acc_inr", "INR"), account("acc_jpy", "JPY")],
        payees: vec![payee],
    }
}

fn typed() -> Typed {
    Typed {
        from: "acc_inr".to_owned(),
        payee: "acc_payee".to_owned(),
        to: String::new(),
        name: String::new(),
        amount: "1,234.50".to_owned(),
        memo: "rent".to_owned(),
        key: "k".to_owned(),
    }
}

#[test]
fn a_payee_of_the_list_an_own_account_and_a_new_number_are_understood() {
    let book = book();
    let order = understand(&book, &typed(), &ENGLISH).ok().expect("understood");
    assert_eq!(
        (order.to.as_str(), order.name.as_str(), order.amount),
        ("acc_payee", "Ravi", 123_450)
    );
    assert!(!order.is_new);
    let own = Typed { payee: "acc_jpy".to_owned(), memo: String::new(), ..typed() };
    let order = understand(&book, &own, &ENGLISH).ok().expect("understood");
    assert_eq!((order.number.as_str(), order.memo), ("number of acc_jpy", None));
    let new =
        Typed { payee: String::new(), to: "EX2".to_owned(), name: "Mina".to_owned(), ..typed() };
    let order = understand(&book, &new, &ENGLISH).ok().expect("understood");
    assert_eq!((order.to.as_str(), order.name.as_str(), order.is_new), ("EX2", "Mina", true));
}

#[test]
fn the_amount_is_understood_in_the_currency_of_the_account() {
    let book = book();
    let yen = Typed { from: "acc_jpy".to_owned(), amount: "1,234".to_owned(), ..typed() };
    assert_eq!(understand(&book, &yen, &ENGLISH).ok().expect("understood").amount, 1_234);
    let parts = Typed { amount: "1,234.50".to_owned(), ..yen };
    assert!(understand(&book, &parts, &ENGLISH).err().expect("faults").amount.is_some());
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let book = book();
    let wrong = |typed: Typed| understand(&book, &typed, &ENGLISH).err().expect("faults");
    let empty = Typed { payee: String::new(), amount: String::new(), ..typed() };
    let faults = wrong(empty.clone());
    assert!(faults.payee.is_some() && faults.amount.is_some() && faults.from.is_none());
    let stranger = wrong(Typed { from: "acc_other".to_owned(), ..typed() });
    assert!(stranger.from.is_some() && stranger.amount.is_none());
    let unknown = wrong(Typed { payee: "acc_other".to_owned(), ..typed() });
    assert!(unknown.payee.is_some());
    let both = wrong(Typed { to: "EX2".to_owned(), ..typed() });
    assert!(both.to.is_some() && both.payee.is_none());
    let unnamed = wrong(Typed { to: "EX2".to_owned(), ..empty.clone() });
    assert!(unnamed.name.is_some() && unnamed.to.is_none());
    let numberless = wrong(Typed { name: "Mina".to_owned(), ..empty });
    assert!(numberless.to.is_some() && numberless.name.is_none());
    let same = wrong(Typed { payee: "acc_inr".to_owned(), ..typed() });
    assert!(same.payee.is_some());
}

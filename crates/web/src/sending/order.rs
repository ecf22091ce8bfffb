//! A payment as it was typed, and what it means.

use futures_util::future::try_join;

use crate::accounts::{self, Account};
use crate::api::Refused;
use crate::callers::Customer;
use crate::form::Form;
use crate::payees::{self, Payee};
use crate::show::typed;
use crate::words::Words;

/// A form's values, as they are carried from page to page.
#[derive(Clone)]
pub struct Typed {
    /// Id of an own account.
    pub from: String,
    /// Id of the account of a payee on the list or of an own one; empty of somebody else.
    pub payee: String,
    /// Number of somebody else's account.
    pub to: String,
    pub name: String,
    pub amount: String,
    pub memo: String,
    /// Makes it one payment, however often it is sent.
    pub key: String,
}

/// What can be chosen from.
pub struct Book {
    pub accounts: Vec<Account>,
    pub payees: Vec<Payee>,
}

/// A payment that is understood.
pub struct Order<'a> {
    pub from: &'a Account,
    /// Id or number, as the API takes it.
    pub to: String,
    pub number: String,
    pub name: String,
    /// The number and the name were typed for this payment.
    pub is_new: bool,
    /// Minor units of the paying account's currency.
    pub amount: i64,
    pub memo: Option<String>,
}

/// What is wrong, beside the field that it is about.
#[derive(Default)]
pub struct Faults {
    pub from: Option<String>,
    pub payee: Option<String>,
    pub to: Option<String>,
    pub name: Option<String>,
    pub amount: Option<String>,
    pub memo: Option<String>,
}

impl Typed {
    pub fn read(form: &Form, fresh_key: String) -> Self {
        Self {
            from: form.text("from"),
            payee: form.text("payee"),
            to: form.text("to"),
            name: form.text("name"),
            amount: form.text("amount"),
            memo: form.text("memo"),
            key: form.some("key").unwrap_or(fresh_key),
        }
    }
}

impl Book {
    /// With the chosen payee, wherever on the list they are.
    pub async fn of(customer: &Customer, typed: &Typed) -> Result<Self, Refused> {
        let chosen = |payee: &Payee| typed.payee.is_empty() || payee.account == typed.payee;
        let payees = payees::known_with(customer, chosen);
        let (accounts, payees) = try_join(accounts::all(customer), payees).await?;
        Ok(Self { accounts, payees })
    }
}

impl Faults {
    pub fn is_empty(&self) -> bool {
        let Self { from, payee, to, name, amount, memo } = self;
        [from, payee, to, name, amount, memo].into_iter().all(Option::is_none)
    }
}

/// The payment that these values mean, or everything that is wrong with them at once.
pub fn understand<'a>(
    book: &'a Book,
    typed: &Typed,
    words: &'static Words,
) -> Result<Order<'a>, Box<Faults>> {
    let w = &words.sending;
    let mut faults = Faults::default();
    let from = book.accounts.iter().find(|account| account.id == typed.from);
    if from.is_none() {
        faults.from = Some(w.choose_account.to_owned());
    }
    let payee = payee(book, typed, words, &mut faults);
    if !typed.payee.is_empty() && typed.payee == typed.from {
        faults.payee = Some(w.same_account.to_owned());
    }
    // Without an account there is no currency to understand it in.
    let amount = from.and_then(|from| match typed::parse(&typed.amount, &from.currency) {
        Ok(minor) => Some(minor),
        Err(fault) => {
            faults.amount = Some(fault.text(words).to_owned());
            None
        }
    });
    match (from, payee, amount) {
        (Some(from), Some((to, number, name)), Some(amount)) if faults.is_empty() => Ok(Order {
            from,
            to,
            number,
            name,
            is_new: typed.payee.is_empty(),
            amount,
            memo: Some(typed.memo.clone()).filter(|memo| !memo.is_empty()),
        }),
        _ => Err(Box::new(faults)),
    }
}

/// What the API takes, number and name.
fn payee(
    book: &Book,
    typed: &Typed,
    words: &'static Words,
    faults: &mut Faults,
) -> Option<(String, String, String)> {
    let w = &words.sending;
    if typed.payee.is_empty() {
        if typed.to.is_empty() && typed.name.is_empty() {
            faults.payee = Some(w.choose_payee.to_owned());
            return None;
        }
        if typed.to.is_empty() {
            faults.to = Some(w.need_number.to_owned());
        }
        if typed.name.is_empty() {
            faults.name = Some(w.need_name.to_owned());
        }
        return Some((typed.to.clone(), typed.to.clone(), typed.name.clone()));
    }
    if !typed.to.is_empty() {
        faults.to = Some(w.either.to_owned());
    }
    let listed = book.payees.iter().map(|payee| (&payee.account, &payee.number, &payee.name));
    let own = book.accounts.iter().map(|account| (&account.id, &account.number, &account.name));
    let found = listed.chain(own).find(|(account, ..)| **account == typed.payee);
    if found.is_none() {
        faults.payee = Some(w.choose_payee.to_owned());
    }
    found.map(|(account, number, name)| (account.clone(), number.clone(), name.clone()))
}

#[cfg(test)]
mod tests;

//! `/send`: the form, empty or with what was typed and what is wrong with it.

use askama::Template;
use http::StatusCode;

use super::order::{Book, Faults, Typed};
use crate::accounts::Account;
use crate::answer::{Answer, Outcome};
use crate::callers::Customer;
use crate::frame::{Choice, Field, Frame, Select, Who};
use crate::show::money;

/// Something kept it back that is no single field's fault, or is said above them.
pub struct Refusal {
    pub status: u16,
    pub text: String,
    /// A second factor is needed and there is none.
    pub needs_factor: bool,
}

#[derive(Template)]
#[template(path = "sending/form.html")]
struct FormPage<'a> {
    frame: Frame<'a>,
    has_account: bool,
    from: Select<'a>,
    payee: Select<'a>,
    to: Field<'a>,
    name: Field<'a>,
    amount: Field<'a>,
    memo: Field<'a>,
    refusal: Option<Refusal>,
}

pub async fn show(customer: Customer) -> Outcome {
    // A key never comes with an address: each form that is opened is a payment of its own.
    // Nor do an amount or a text: a link of somebody else's may lead here.
    let typed = Typed {
        key: customer.fresh_key(),
        name: String::new(),
        amount: String::new(),
        memo: String::new(),
        ..Typed::read(customer.query(), String::new())
    };
    let book = Book::of(&customer, &typed).await?;
    form_page(&customer, (&book, &typed), Faults::default(), None)
}

/// Back from the review, with everything that was typed.
pub async fn edit(customer: Customer) -> Outcome {
    let typed = Typed::read(customer.form(), customer.fresh_key());
    let book = Book::of(&customer, &typed).await?;
    form_page(&customer, (&book, &typed), Faults::default(), None)
}

/// Everything that is wrong, and everything that was typed.
pub fn faulty(customer: &Customer, (book, typed): (&Book, &Typed), faults: Faults) -> Outcome {
    let text = customer.words().trouble.summary.to_owned();
    let refusal = Refusal { status: 422, text, needs_factor: false };
    form_page(customer, (book, typed), faults, Some(refusal))
}

pub fn form_page(
    customer: &Customer,
    (book, typed): (&Book, &Typed),
    faults: Faults,
    refusal: Option<Refusal>,
) -> Outcome {
    let words = customer.words();
    let w = &words.sending;
    let status = refusal.as_ref().map_or(200, |refusal| refusal.status);
    let text =
        |name: &'static str, label: &'static str, value: &str| Field::text(name, label, value);
    let page = FormPage {
        frame: Frame { key: typed.key.clone(), here: "/send", ..customer.frame(w.title) },
        has_account: !book.accounts.is_empty(),
        from: from(customer, book, typed, faults.from),
        payee: payee(customer, book, typed, faults.payee),
        to: Field { max_chars: 40, ..text("to", w.to, &typed.to) }
            .optional()
            .hint(w.to_hint)
            .fault(faults.to),
        name: Field { max_chars: 140, ..text("name", w.name, &typed.name) }
            .optional()
            .hint(w.name_hint)
            .fault(faults.name),
        amount: Field {
            max_chars: 64,
            inputmode: "decimal",
            ..text("amount", w.amount, &typed.amount)
        }
        .autocomplete("off")
        .hint(w.amount_hint)
        .fault(faults.amount),
        memo: Field { max_chars: 140, ..text("memo", w.memo, &typed.memo) }
            .optional()
            .hint(w.memo_hint)
            .fault(faults.memo),
        refusal,
    };
    Answer::page_with(StatusCode::from_u16(status).unwrap_or_default(), &page)
}

fn from(customer: &Customer, book: &Book, typed: &Typed, fault: Option<String>) -> Select<'static> {
    let words = customer.words();
    let label = |account: &Account| {
        let available = money(account.balance.available, &account.currency, customer.language());
        let standing = account.standing(words).map(|text| format!(" · {text}"));
        let standing = standing.unwrap_or_default();
        format!("{} · {available} {}{standing}", account.name, words.overview.available)
    };
    let usable = book.accounts.iter().filter(|account| account.status != "closed");
    let choices = usable.map(|account| Choice {
        value: account.id.clone(),
        label: label(account),
        is_chosen: account.id == typed.from,
    });
    let choices = choices.collect();
    Select { name: "from", label: words.sending.from, choices, hint: None, fault }
}

fn payee(
    customer: &Customer,
    book: &Book,
    typed: &Typed,
    fault: Option<String>,
) -> Select<'static> {
    let w = &customer.words().sending;
    let choice = |value: &str, label: String| Choice {
        is_chosen: value == typed.payee,
        value: value.to_owned(),
        label,
    };
    let listed = book
        .payees
        .iter()
        .map(|payee| choice(&payee.account, format!("{} · {}", payee.name, payee.number)));
    let own = book.accounts.iter().filter(|account| account.is_open()).map(|account| {
        choice(&account.id, format!("{} ({}) · {}", account.name, w.own_account, account.number))
    });
    let choices = std::iter::once(choice("", w.somebody_new.to_owned()));
    let choices = choices.chain(listed).chain(own).collect();
    Select { name: "payee", label: w.payee, choices, hint: None, fault }
}

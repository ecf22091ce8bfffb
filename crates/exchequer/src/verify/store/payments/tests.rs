//! A bank with payments in every state, right at first, and then spoiled row by row behind its back.

use std::path::Path;

use money::{Amount, CardId, Clock, Currency, MerchantId, Money, PaymentId, Rng};
use store::{Db, DbError, Tx};
use vault::card::{Expiry, Number};
use vault::{Keyring, MasterKey};

use super::super::tests::{each_is_named, options};
use crate::bank::{Act, Bank};
use crate::cards::keeper::Held;
use crate::cards::{self, NewCard};
use crate::config::Config;
use crate::gateways::{Done, Kind, Outcome};
use crate::keys::holder::KeyHolder;
use crate::merchants::keys::Mode;
use crate::merchants::model::Fees;
use crate::merchants::{self, Terms};
use crate::payments::RefundBy;
use crate::payments::model::StepState;
use crate::payments::{self, Asked, Begun, NewPayment};
use crate::verify::payments::{StoredStep, Window};
use crate::verify::tests::found;
use crate::verify::{self, Report};

struct Scene<'a, 't> {
    tx: &'a mut Tx<'t>,
    act: &'a Act,
    merchant: MerchantId,
    card: CardId,
}

fn done(amount: i64, is_captured: bool) -> Outcome {
    Outcome::Done(Done { reference: "ref".to_owned(), amount, is_captured })
}

fn refused() -> Outcome {
    Outcome::Refused { code: "no".to_owned(), reference: None }
}

fn unknown() -> Outcome {
    Outcome::Unknown { why: "silence".to_owned() }
}

fn asked(amount: i64, is_final: bool) -> Asked {
    Asked { amount: Some(Amount::new(amount).unwrap()), is_final }
}

impl Scene<'_, '_> {
    fn of(&self) -> (MerchantId, Mode) {
        (self.merchant, Mode::Test)
    }

    fn pay(&mut self, amount: i64, is_automatic: bool, outcome: &Outcome) -> PaymentId {
        let new = NewPayment {
            money: Money::new(amount, Currency::INR),
            card: self.card,
            is_automatic,
            cvv: None,
            metadata: None,
            gateway: "sandbox",
        };
        let of = self.of();
        let begun = payments::create_in(self.tx, self.act, (&of.0, of.1), &new, &Held::ByTheBank)
            .unwrap()
            .unwrap();
        self.end(&begun, Some(outcome))
    }

    fn end(&mut self, begun: &Begun, outcome: Option<&Outcome>) -> PaymentId {
        let id = begun.payment.id;
        if let Some(outcome) = outcome {
            let about = (&id, &begun.step.id);
            payments::conclude_in(self.tx, self.act, about, outcome).unwrap();
        }
        id
    }

    fn capture(&mut self, id: &PaymentId, what: Asked, outcome: &Outcome) {
        let of = self.of();
        let begun = payments::capture_in(self.tx, self.act, (&of.0, of.1), (id, what));
        self.end(&begun.unwrap().unwrap(), Some(outcome));
    }

    fn cancel(&mut self, id: &PaymentId) {
        let of = self.of();
        let begun = payments::cancel_in(self.tx, self.act, (&of.0, of.1), id).unwrap().unwrap();
        self.end(&begun, Some(&done(1, false)));
    }

    fn refund(&mut self, id: &PaymentId, amount: i64, outcome: Option<&Outcome>) {
        let of = self.of();
        let amount = Some(Amount::new(amount).unwrap());
        let begun =
            payments::refund_in(self.tx, self.act, (&of.0, of.1), (id, amount), RefundBy::Merchant);
        self.end(&begun.unwrap().unwrap(), outcome);
    }
}

/// Amounts name the payments: 1,000 automatic with two refunds and one that failed, 2,000 captured in
/// parts, 3,000 captured in part and then released, 4,000 canceled, 5,000 declined, 6,000 unknown, 7,000 under way, 8,000 authorized
/// with a capture under way.
fn fill(tx: &mut Tx<'_>, act: &Act) -> Result<(), DbError> {
    let fees = Fees { basis_points: 200, fixed: 1 };
    let terms = Terms { name: "Otter".to_owned(), settlement: None, fees, refund_limit: None };
    let merchant = merchants::create_in(tx, act, &terms)?.unwrap().id;
    let Ok(number) = Number::parse("4242424242424242") else { panic!("a number") };
    let new = NewCard {
        brand: number.brand().unwrap(),
        number,
        expiry: Expiry::new(12, 2030, act.now).unwrap(),
        customer: None,
        wants_token: false,
    };
    let card = cards::store_in(tx, act, (&merchant, Mode::Test), &new)?.0.id;
    let mut s = Scene { tx, act, merchant, card };
    let first = s.pay(1_000, true, &done(1_000, true));
    let parts = s.pay(2_000, false, &done(2_000, false));
    s.capture(&parts, asked(500, false), &done(500, true));
    s.capture(&parts, asked(77, false), &refused());
    s.capture(&parts, asked(700, true), &done(700, true));
    s.refund(&first, 100, Some(&done(100, false)));
    s.refund(&first, 50, Some(&refused()));
    s.refund(&first, 25, None);
    let released = s.pay(3_000, false, &done(3_000, false));
    s.capture(&released, asked(300, false), &done(300, true));
    s.cancel(&released);
    let canceled = s.pay(4_000, false, &done(4_000, false));
    s.cancel(&canceled);
    s.pay(5_000, true, &refused());
    s.pay(6_000, true, &unknown());
    // Not as it was asked for: the money may have moved, and stays open.
    s.pay(6_001, false, &done(6_001, true));
    let new_one = s.pay(7_000, false, &unknown());
    payments::conclude_in(s.tx, act, (&new_one, new_one.bytes()), &unknown())?;
    let busy = s.pay(8_000, false, &done(8_000, false));
    s.capture(&busy, asked(80, false), &unknown());
    Ok(())
}

async fn make(path: &Path) {
    let rng = Rng::seeded(4);
    let now = Clock::System.now();
    store::migrate(&options(path), now).unwrap();
    let master = MasterKey::generate(&rng).unwrap();
    let keys = Keyring::first_data_keys(&master, &rng, now).unwrap();
    let keyring = KeyHolder::open_here(master, keys, now).unwrap();
    let db = Db::open(&options(path)).unwrap();
    let config = Config::demo(path.parent().unwrap().to_owned(), "127.0.0.1:0".parse().unwrap());
    let bank = Bank::new(db, keyring, config, Clock::System, rng);
    let act = bank.system_act("test");
    bank.db().write("test", move |tx| fill(tx, &act)).await.unwrap();
    let report = verify::run(bank.db()).await.unwrap();
    let Report::Right(summary) = &report else { panic!("{report}") };
    assert_eq!((summary.payments, summary.steps), (9, 19));
    bank.db().close();
}

/// Nobody notices in a single row: a transfer whose accounts' totals are put right, too.
macro_rules! moved {
    ($change:literal) => {
        concat!("UPDATE transfers SET ", $change)
    };
}

/// What is done to the bank, the table of the finding, and a word of what was expected.
const SPOILED: &[(&str, &str, &str)] = &[
    (
        "UPDATE payments SET captured = 1001, amount = 1001 WHERE amount = 1000",
        "payment_steps",
        "1001, the amount of its payment",
    ),
    ("UPDATE payments SET captured = 1199 WHERE amount = 2000", "payments", "captured 1200"),
    ("UPDATE payments SET capturing = 1 WHERE amount = 2000", "payments", "capturing 0"),
    ("UPDATE payments SET capturing = 0 WHERE amount = 8000", "payments", "capturing 80"),
    ("UPDATE payments SET refunded = 99 WHERE amount = 1000", "payments", "refunded 100"),
    ("UPDATE payments SET refunding = 24 WHERE amount = 1000", "payments", "refunding 25"),
    ("UPDATE payments SET fee = fee + 1 WHERE amount = 2000", "payments", "fee 26"),
    ("UPDATE payments SET state = 2 WHERE amount = 1000", "payments", "captured, by its steps"),
    ("UPDATE payments SET state = 3 WHERE amount = 4000", "payments", "canceled, by its steps"),
    ("UPDATE payments SET state = 5 WHERE amount = 3000", "payments", "captured, by its steps"),
    ("UPDATE payments SET state = 2 WHERE amount = 5000", "payments", "declined, by its steps"),
    ("UPDATE payments SET state = 0 WHERE amount = 6000", "payments", "unknown, by its steps"),
    ("UPDATE payments SET state = 3 WHERE amount = 8000", "payments", "authorized, by its steps"),
    ("UPDATE payments SET automatic = 0 WHERE amount = 1000", "payments", "captured 0"),
    ("UPDATE payments SET mode = 1 WHERE amount = 1000", "transfers", "the accounts of pay_"),
    (
        "UPDATE payments SET currency = 'EUR' WHERE amount = 1000",
        "transfers",
        "EUR, the currency of pay_",
    ),
    (
        "DELETE FROM payment_steps WHERE kind = 0 AND amount = 5000",
        "payments",
        "steps that fit together",
    ),
    (
        "DELETE FROM payment_steps WHERE kind = 2 AND amount = 4000",
        "payments",
        "authorized, by its steps",
    ),
    (
        "DELETE FROM payment_steps WHERE kind = 3 AND amount = 50",
        "payment_steps",
        "number 3 of its payment",
    ),
    ("DELETE FROM payment_steps WHERE kind = 1 AND amount = 700", "payments", "captured 500"),
    (
        "UPDATE payment_steps SET number = 9 WHERE kind = 1 AND amount = 500",
        "payment_steps",
        "number 2 of its payment",
    ),
    (
        "UPDATE payment_steps SET kind = 1 WHERE kind = 0 AND amount = 4000",
        "payment_steps",
        "the authorisation first",
    ),
    (
        "UPDATE payment_steps SET amount = 0 WHERE kind = 1 AND amount = 77",
        "payment_steps",
        "above nought",
    ),
    (
        "UPDATE payment_steps SET amount = 51 WHERE kind = 3 AND amount = 50",
        "transfers",
        "51, the amount of rfd_",
    ),
    (
        "UPDATE payment_steps SET state = 2 WHERE kind = 1 AND amount = 77",
        "payments",
        "captured 1277",
    ),
    (
        "UPDATE payment_steps SET state = 3 WHERE kind = 3 AND amount = 100",
        "payments",
        "refunded 0",
    ),
    (
        "UPDATE payment_steps SET state = 3 WHERE kind = 2 AND amount = 4000",
        "payments",
        "authorized, by its steps",
    ),
    (
        "UPDATE payment_steps SET final = 0 WHERE kind = 1 AND amount = 700",
        "payments",
        "authorized, by its steps",
    ),
    (
        "UPDATE payment_steps SET final = 1 WHERE kind = 1 AND amount = 500",
        "payments",
        "steps that fit together",
    ),
    (
        "UPDATE payment_steps SET payment = (SELECT id FROM payments WHERE amount = 2000), number = 5 WHERE kind = 0 AND amount = 1000",
        "payment_steps",
        "number 1 of its payment",
    ),
    (
        "UPDATE payment_steps SET id = zeroblob(16) WHERE kind = 0 AND amount = 1000",
        "payment_steps",
        "the id of pay_",
    ),
    (
        "UPDATE payment_steps SET id = zeroblob(16) WHERE kind = 3 AND amount = 25",
        "transfers",
        "the step of a payment",
    ),
    ("UPDATE merchant_accounts SET account = zeroblob(16)", "transfers", "the accounts of pay_"),
    ("DELETE FROM merchant_accounts", "transfers", "the accounts of pay_"),
    (
        moved!("reference = zeroblob(16) WHERE kind = 6 AND amount = 500"),
        "transfers",
        "the step of a payment",
    ),
    (
        moved!(
            "reference = (SELECT id FROM payment_steps WHERE kind = 1 AND amount = 500) WHERE kind = 7 AND amount = 15"
        ),
        "transfers",
        "one card_fee of cap_",
    ),
    (
        moved!(
            "reference = (SELECT id FROM payment_steps WHERE kind = 3 AND amount = 100) WHERE kind = 8 AND amount = 25"
        ),
        "transfers",
        "100, the amount of rfd_",
    ),
    (
        moved!(
            "reference = (SELECT id FROM payment_steps WHERE kind = 1 AND amount = 77) WHERE kind = 6 AND amount = 500"
        ),
        "transfers",
        "no card_capture of cap_",
    ),
    (
        moved!("kind = 8 WHERE kind = 6 AND amount = 500"),
        "transfers",
        "no refund_set_aside of cap_",
    ),
    (moved!("kind = 9 WHERE kind = 10"), "transfers", "no refund_paid of rfd_"),
    (
        moved!("kind = 1, reference = NULL WHERE kind = 6 AND amount = 500"),
        "payment_steps",
        "card_capture",
    ),
    (moved!("kind = 1, reference = NULL WHERE kind = 7 AND amount = 15"), "payments", "fee 11"),
    (
        moved!("kind = 1, reference = NULL WHERE kind = 8 AND amount = 25"),
        "payment_steps",
        "refund_set_aside",
    ),
    (moved!("kind = 1, reference = NULL WHERE kind = 9"), "payment_steps", "refund_paid"),
    (moved!("kind = 1, reference = NULL WHERE kind = 10"), "payment_steps", "refund_returned"),
];

#[tokio::test]
async fn each_spoiled_row_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.db");
    make(&path).await;
    each_is_named(&path, SPOILED).await;
}

/// The schema rules it out, so it is fed by hand.
#[test]
fn a_step_without_its_payment_is_named() {
    let mut window = Window::default();
    let step = StoredStep {
        id: [7; 16],
        payment: PaymentId::from_bytes([8; 16]),
        kind: Kind::Capture,
        amount: 1,
        is_final: true,
        state: StepState::Done,
        number: 2,
    };
    let finding = found(window.add_step(&step));
    assert_eq!((finding.table, &finding.id[..4]), ("payment_steps", "cap_"));
    assert!(finding.expected.contains("to be there"), "{finding}");
}

//! The statement that is signed, and what the steps of a payment must be.

use super::*;

fn receipt() -> PaymentReceipt {
    let step = PaidStep {
        operation: "pay_01jz7m5v3k8e9q2r4s6t8w0xyz".to_owned(),
        kind: "authorize".to_owned(),
        amount: 10,
        r#final: true,
        state: "unknown".to_owned(),
        code: None,
        began_at: "2026-01-05T10:00:00.000000Z".to_owned(),
        ended_at: None,
        leaves: vec![PaidLeaf { index: 7, leaf: String::new(), proof: Vec::new() }],
    };
    let facts = PaidFacts {
        id: step.operation.clone(),
        merchant: "mer_01jz7m5v3k8e9q2r4s6t8w0xyz".to_owned(),
        mode: "test".to_owned(),
        status: "processing".to_owned(),
        amount: 10,
        currency: "INR".to_owned(),
        capture: "manual".to_owned(),
        captured: 0,
        refunded: 0,
        fee: 0,
        decline_code: None,
        created_at: step.began_at.clone(),
        as_of: "2026-01-05T10:00:01.000000Z".to_owned(),
    };
    PaymentReceipt::of(facts, vec![step], 8)
}

#[test]
fn no_two_statements_have_one_hash() {
    let mut hashes = std::collections::HashSet::from([receipt().hash()]);
    let changes: [fn(&mut PaymentReceipt); 9] = [
        |r| r.payment.status = "authorized".to_owned(),
        |r| r.payment.mode = "tes".to_owned(),
        |r| r.payment.decline_code = Some(String::new()),
        |r| (r.payment.captured, r.payment.refunded) = (1, 0),
        |r| (r.payment.captured, r.payment.refunded) = (0, 1),
        |r| r.steps.push(r.steps[0].clone()),
        |r| r.steps.clear(),
        |r| r.steps[0].leaves.clear(),
        |r| (r.steps[0].code, r.steps[0].ended_at) = (Some("x".to_owned()), None),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut changed = receipt();
        change(&mut changed);
        assert!(hashes.insert(changed.hash()), "{number}");
    }
}

#[test]
fn a_step_must_be_what_it_says() {
    let facts = receipt().payment;
    let changes: [fn(&mut PaidStep); 6] = [
        |s| s.kind = "capture".to_owned(),
        |s| s.operation = "pay_".to_owned(),
        |s| s.state = "done".to_owned(),
        |s| s.state = "paid".to_owned(),
        |s| s.ended_at = Some(s.began_at.clone()),
        |s| s.began_at = "yesterday".to_owned(),
    ];
    let step = receipt().steps.remove(0);
    assert_eq!(step.expected(&facts).map(|all| all.len()), Ok(1));
    for (number, change) in changes.into_iter().enumerate() {
        let mut changed = step.clone();
        change(&mut changed);
        assert!(changed.expected(&facts).is_err(), "{number}");
    }
}

#[test]
fn a_payment_begins_with_its_one_authorisation() {
    let receipt = receipt();
    let (facts, step) = (&receipt.payment, &receipt.steps[0]);
    let mut totals = steps::Totals::default();
    assert_eq!(totals.add(facts, step, 0), Ok(()));
    assert_eq!(totals.check(&receipt), Ok(()));
    assert!(totals.add(facts, step, 0).is_err());
    let mut capture = step.clone();
    capture.kind = "capture".to_owned();
    assert!(steps::Totals::default().add(facts, &capture, 0).is_err());
    let other = PaidFacts { amount: 11, ..facts.clone() };
    assert!(steps::Totals::default().add(&other, step, 0).is_err());
    let other = PaidFacts { fee: 1, ..facts.clone() };
    let other = PaymentReceipt::of(other, receipt.steps.clone(), 8);
    assert_eq!(totals.check(&other), Err(ReceiptError::Total("fee")));
}

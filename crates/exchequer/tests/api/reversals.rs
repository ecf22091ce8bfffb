//! Charges of payments that failed here: found in the gateway's report, given back once, whoever dies or is silent.

use exchequer::jobs::Job;
use exchequer::sandbox::Chaos;
use exchequer::staff::model::Role;
use serde_json::{Value, json};
use testkit::sandbox::order;
use testkit::{Reply, Till};
use tokio::sync::watch;

use crate::payments::ask;
use crate::rows::number;

const VISA: &str = "4242424242424242";
/// A day and an hour, after which today's report is read.
const NEXT_DAY: i64 = 86_400 + 3_600;
const IN_SUSPENSE: &str = "SELECT CAST(COALESCE(SUM(b.credits_posted - b.debits_posted), 0) AS BIGINT) \
     FROM balances AS b JOIN accounts AS a ON a.place = b.place WHERE a.number LIKE 'EXSUSPENSE%'";
const AT_CLEARING: &str = "SELECT CAST(COALESCE(SUM(b.credits_posted - b.debits_posted), 0) AS BIGINT) \
     FROM balances AS b JOIN accounts AS a ON a.place = b.place WHERE a.number LIKE 'EXCLEARING%'";
const OVERDUE: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'reversal.overdue'";

async fn run(till: &Till, job: Job) -> u64 {
    let (_go, stop) = watch::channel(false);
    job.run(till.bank.bank(), &stop).await.expect("the job runs")
}

async fn differences(till: &Till, which: &str) -> Reply {
    let auditor = till.bank.operator(Role::Compliance).await;
    auditor.client.get(&format!("/v1/staff/differences{which}")).await.expect(200)
}

async fn open(till: &Till) -> Value {
    differences(till, "").await.json()["data"].clone()
}

fn denying() -> Chaos {
    Chaos { deny_per_mille: 1_000, ..Chaos::default() }
}

/// A payment that is declined here and charged there, and the day's report of it is read.
async fn charged_all_the_same() -> (Till, String) {
    let till = Till::with_its_clock().await;
    till.chaos(denying());
    let paid = till.pay(VISA, "automatic").await.expect(201);
    assert_eq!(paid.text("/status"), "declined");
    till.chaos(Chaos::default());
    assert_eq!(till.totals(), (10_000, 0));
    till.bank.advance(NEXT_DAY);
    assert!(run(&till, Job::Reconcile).await > 0);
    let found = open(&till).await;
    assert_eq!((&found[0]["what"], &found[0]["theirs"]), (&json!("not_done_here"), &json!(10_000)));
    assert_eq!(number(&till.bank, IN_SUSPENSE).await, 10_000);
    (till, paid.text("/id"))
}

/// It is given back, once, and nothing is left of it.
async fn is_settled(till: &Till) {
    assert_eq!(till.totals(), (10_000, 10_000));
    assert_eq!(open(till).await, json!([]));
    assert_eq!(number(&till.bank, IN_SUSPENSE).await, 0);
    // The gateway keeps its fee of 2 %, which the bank owes it.
    assert_eq!(number(&till.bank, AT_CLEARING).await, 200);
    assert_eq!(run(till, Job::ReverseCharges).await, 0);
    assert_eq!(till.totals(), (10_000, 10_000));
}

// RBI TAT 1: money of a failed payment goes back by itself.
#[tokio::test]
async fn a_charge_of_a_declined_payment_is_given_back_by_itself() {
    let (till, payment) = charged_all_the_same().await;
    assert_eq!(run(&till, Job::ReverseCharges).await, 1);
    is_settled(&till).await;
    let all = differences(&till, "?open=false").await;
    let reversal = &all.json()["data"][0]["reversal"];
    assert_eq!(reversal["status"], json!("succeeded"));
    assert_eq!(reversal["operation"], json!(payment.replace("pay_", "rev_")));
    assert_eq!(reversal["payment"], json!(payment));
    assert_eq!(all.json()["data"][0]["resolved_by"], Value::Null);
    assert_eq!(till.shop.get(&format!("/v1/payments/{payment}")).await.text("/status"), "declined");
    // The report of the next day has the reversal, and the bank has it so.
    till.bank.advance(86_400);
    assert_eq!(run(&till, Job::Reconcile).await, 1);
    till.bank.advance(86_400);
    assert_eq!(run(&till, Job::Reconcile).await, 1);
    assert_eq!(open(&till).await, json!([]));
}

/// A capture that failed here and was taken there; the rest of the payment is canceled.
#[tokio::test]
async fn a_capture_that_failed_here_is_given_back_too() {
    let till = Till::with_its_clock().await;
    let held = till.pay(VISA, "manual").await.expect(201);
    let path = format!("/v1/payments/{}", held.text("/id"));
    till.chaos(denying());
    let part = till.shop.post(&format!("{path}/capture"), &json!({ "amount": 700 })).await;
    assert_eq!(
        (part.text("/status"), &part.expect(200).json()["captured"]),
        ("authorized".to_owned(), &json!(0))
    );
    till.chaos(Chaos::default());
    let _canceled = till.shop.post(&format!("{path}/cancel"), &json!({})).await.expect(200);
    till.bank.advance(NEXT_DAY);
    assert!(run(&till, Job::Reconcile).await > 0);
    assert_eq!(run(&till, Job::ReverseCharges).await, 1);
    assert_eq!((till.totals(), open(&till).await), ((700, 700), json!([])));
}

/// The process dies between the row and the network, or the network is silent on the way there or back.
#[tokio::test]
async fn silence_on_either_way_is_one_reversal() {
    let lost = Chaos { lose_answer_per_mille: 1_000, ..Chaos::default() };
    let dropped = Chaos { drop_request_per_mille: 1_000, ..Chaos::default() };
    for chaos in [lost, dropped] {
        let (till, _) = charged_all_the_same().await;
        till.chaos(chaos);
        assert_eq!(run(&till, Job::ReverseCharges).await, 1);
        let row = &open(&till).await[0];
        assert_eq!(row["reversal"]["status"], json!("processing"));
        let path = format!("/v1/staff/differences/{}/resolve", row["id"].as_str().expect("an id"));
        let operator = till.bank.operator(Role::Compliance).await;
        let note = json!({ "note": "by hand" });
        operator.client.post(&path, &note).await.refused(409, "reversal_under_way");
        till.chaos(Chaos::default());
        till.bank.advance(10);
        assert_eq!(run(&till, Job::ReverseCharges).await, 1);
        is_settled(&till).await;
    }
}

/// Every transaction of it fails at each statement; the gateway is asked under one name all the while.
#[tokio::test]
async fn a_crash_at_any_statement_is_one_reversal() {
    for verb in ["reversals.begin", "reversals.conclude"] {
        let (till, _) = charged_all_the_same().await;
        let faults = till.bank.bank().db().faults();
        let (_go, stop) = watch::channel(false);
        for statement in 1.. {
            assert!(statement < 60, "{verb} has no end");
            faults.fail_at(verb, statement);
            let ran = Job::ReverseCharges.run(till.bank.bank(), &stop).await;
            if faults.disarm() {
                assert!(statement > 4 && ran.is_ok(), "{verb} {statement}: {ran:?}");
                break;
            }
            assert!(ran.is_err(), "{verb} {statement}");
            till.bank.advance(61);
        }
        is_settled(&till).await;
    }
}

#[tokio::test]
async fn two_nodes_give_it_back_once() {
    let (till, _) = charged_all_the_same().await;
    let other = till.bank.other_bank().await;
    let (_go, stop) = watch::channel(false);
    let both = tokio::join!(
        Job::ReverseCharges.run(till.bank.bank(), &stop),
        Job::ReverseCharges.run(&other, &stop)
    );
    assert_eq!(both.0.expect("one node") + both.1.expect("the other"), 1);
    is_settled(&till).await;
}

/// Who is late is named, once, and the operator has the difference still.
// RBI TAT 1: after the days that are allowed it is called late.
#[tokio::test]
async fn what_the_gateway_refuses_waits_for_an_operator_and_is_called_late() {
    let (till, payment) = charged_all_the_same().await;
    till.refund_behind_the_bank(&payment, 10_000).await;
    assert_eq!(run(&till, Job::ReverseCharges).await, 1);
    let row = &open(&till).await[0];
    assert_eq!(row["reversal"]["status"], json!("failed"));
    assert_eq!((till.totals(), number(&till.bank, OVERDUE).await), ((10_000, 10_000), 0));
    till.bank.advance(5 * 86_400);
    assert_eq!(run(&till, Job::ReverseCharges).await, 1);
    assert_eq!(run(&till, Job::ReverseCharges).await, 0);
    assert_eq!(number(&till.bank, OVERDUE).await, 1);
    assert_eq!(open(&till).await[0]["reversal"]["overdue"], json!(true));
    let path = format!("/v1/staff/differences/{}/resolve", row["id"].as_str().expect("an id"));
    let note = json!({ "note": "refunded by hand at the gateway" });
    let operator = till.bank.operator(Role::Compliance).await;
    let _resolved = operator.client.post(&path, &note).await.expect(200);
}

/// The answer was lost, and the report came before anybody asked: the difference ends when the step does.
#[tokio::test]
async fn a_step_that_is_known_later_resolves_its_difference() {
    let till = Till::with_its_clock().await;
    let card = till.shop.card(VISA).await;
    till.chaos(Chaos { lose_answer_per_mille: 1_000, ..Chaos::default() });
    let paid = till.shop.post("/v1/payments", &order(&card, 10_000, "automatic")).await.expect(201);
    assert_eq!(paid.text("/status"), "processing");
    till.chaos(Chaos::default());
    till.bank.advance(NEXT_DAY);
    assert!(run(&till, Job::Reconcile).await > 0);
    assert_eq!(run(&till, Job::ReverseCharges).await, 0);
    assert_eq!(open(&till).await[0]["what"], json!("not_done_here"));
    assert_eq!(ask(&till).await, 1);
    assert_eq!(run(&till, Job::ReverseCharges).await, 1);
    assert_eq!((till.totals(), open(&till).await), ((10_000, 0), json!([])));
    assert_eq!(number(&till.bank, IN_SUSPENSE).await, 0);
    assert_eq!(number(&till.bank, AT_CLEARING).await, 200 - 10_000);
}

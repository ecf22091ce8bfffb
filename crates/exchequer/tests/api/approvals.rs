//! `/v1/staff/approvals`: what waits for a second operator, and what becomes of it.

use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use serde_json::{Value, json};
use testkit::{Person, Reply, TestBank, key};
use tokio::sync::watch;

use crate::rows::{number, texts};
use crate::transfers::Pair;

/// Major units from which postings by hand wait here: 20,000 minor units of INR.
const AMOUNT: u64 = 200;
const LARGE: i64 = 20_000;
const HOURS: i64 = 72 * 3_600;

async fn pair() -> Pair {
    Pair::on(TestBank::with(|config| config.approvals.amount = AMOUNT).await).await
}

fn limits_of(account: &str) -> String {
    format!("/v1/staff/accounts/{account}/limits")
}

async fn decide(who: &Person, id: &str, what: &str) -> Reply {
    let body = if what == "reject" { json!({ "reason": "not agreed" }) } else { json!({}) };
    who.client.post(&format!("/v1/staff/approvals/{id}/{what}"), &body).await
}

async fn shown(who: &Person, id: &str) -> Value {
    who.client.get(&format!("/v1/staff/approvals/{id}")).await.expect(200).json()
}

fn slip(account: &str, amount: i64) -> Value {
    json!({ "account": account, "amount": amount, "currency": "INR", "reference": "slip 7" })
}

#[tokio::test]
async fn a_limit_is_lowered_by_one_operator_and_raised_by_two() {
    let p = Pair::new().await;
    let (maker, second) =
        (p.bank.operator(Role::Admin).await, p.bank.operator(Role::Compliance).await);
    let path = limits_of(&p.from);
    let first = json!({ "per_transfer": 500, "per_day": 900 });
    let _lower = maker.client.post(&path, &first).await.expect(200);
    // One lower and one higher waits as a whole.
    let mixed = json!({ "per_transfer": 400, "per_day": null });
    let asked = maker.client.post(&path, &mixed).await.expect(202);
    let id = asked.text("/approval/id");
    assert!(id.starts_with("apr_"));
    let waits = asked.json()["approval"].clone();
    assert_eq!((&waits["kind"], &waits["status"]), (&json!("set_limits"), &json!("pending")));
    assert_eq!(waits["request"]["limits"], json!({ "per_transfer": 400, "per_day": null }));
    assert_eq!(waits["request"]["before"], first);
    assert!(waits["outcome"].is_null() && waits["decided_by"].is_null());
    let account = format!("/v1/staff/accounts/{}", p.from);
    assert_eq!(maker.client.get(&account).await.json()["limits"], first);

    let done = decide(&second, &id, "approve").await.expect(200).json();
    assert_eq!(done["status"], "approved");
    assert_eq!(done["outcome"], json!({ "resource": p.from, "refusal": null }));
    assert_eq!(done["maker"], waits["maker"]);
    assert_ne!(done["decided_by"], done["maker"]);
    let limits = maker.client.get(&account).await.json()["limits"].clone();
    assert_eq!(limits, json!({ "per_transfer": 400, "per_day": null }));
    assert_eq!(shown(&second, &id).await, done);
    // Each step is an event; that of the act has its maker, and names who approved it.
    let sql = "SELECT e.action || ' ' || e.outcome || ' ' || o.actor_kind FROM events AS e \
               JOIN origins AS o ON o.id = e.origin WHERE e.action LIKE 'approval.%' \
               OR e.action = 'account.limited' ORDER BY e.id";
    assert_eq!(
        texts(&p.bank, sql).await,
        [
            "account.limited done staff",
            "approval.asked done staff",
            "account.limited done staff",
            "approval.approved done staff",
        ]
    );
    let events = format!("/v1/staff/events?action=account.limited&resource={}", p.from);
    let event = second.client.get(&events).await.json()["data"][0].clone();
    assert_eq!(event["actor"]["id"], done["maker"]);
    let agent = format!("{id} approved by {}", done["decided_by"].as_str().expect("an id"));
    assert_eq!(event["actor"]["agent"], agent.as_str());
    let events = format!("/v1/staff/events?action=approval.approved&resource={id}");
    let event = second.client.get(&events).await.json()["data"][0].clone();
    assert_eq!(event["actor"]["id"], done["decided_by"]);
}

// ASVS 2.3.5: a large sum by hand waits for a second operator.
#[tokio::test]
async fn a_large_sum_over_the_counter_waits_and_a_small_one_does_not() {
    let p = pair().await;
    let second = p.bank.operator(Role::Compliance).await;
    let small = slip(&p.from, LARGE - 1);
    let _at_once = p.teller.client.post("/v1/staff/deposits", &small).await.expect(201);
    for (path, kind, after) in [
        ("/v1/staff/deposits", "deposit", 10_000 + LARGE - 1 + LARGE),
        ("/v1/staff/withdrawals", "withdraw", 10_000 + LARGE - 1),
    ] {
        let asked = p.teller.client.post(path, &slip(&p.from, LARGE)).await.expect(202);
        let before = p.bank.balance(&p.asha, &p.from).await;
        let id = asked.text("/approval/id");
        assert_eq!(asked.text("/approval/kind"), kind);
        assert_eq!(asked.json()["approval"]["request"]["reference"], "slip 7");
        let done = decide(&second, &id, "approve").await.expect(200);
        let transfer = done.text("/outcome/resource");
        assert_ne!(p.bank.balance(&p.asha, &p.from).await, before);
        assert_eq!(p.bank.balance(&p.asha, &p.from).await[0], after);
        let posted = p.asha.client.get(&format!("/v1/transfers/{transfer}")).await.expect(200);
        assert_eq!((posted.text("/memo"), posted.int("/amount")), ("slip 7".to_owned(), LARGE));
        let events = format!("/v1/staff/events?resource={transfer}");
        let event = second.client.get(&events).await.json()["data"][0].clone();
        assert_eq!(event["actor"]["id"].as_str(), Some(&*done.text("/maker")));
    }
    // By number as well as by id; the words of a slip are in no event.
    let own = p.asha.client.get(&format!("/v1/accounts/{}", p.from)).await.text("/number");
    let asked = p.teller.client.post("/v1/staff/deposits", &slip(&own, LARGE)).await;
    let _done = p.bank.done(asked, Role::Compliance).await;
    let told = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE after LIKE '%slip 7%'";
    assert_eq!(number(&p.bank, told).await, 0);
}

#[tokio::test]
async fn a_large_reversal_waits_in_part_or_whole() {
    let p = pair().await;
    let (maker, second) =
        (p.bank.operator(Role::Admin).await, p.bank.operator(Role::Compliance).await);
    let asked = p.teller.client.post("/v1/staff/deposits", &slip(&p.from, 2 * LARGE)).await;
    let deposit = p.bank.done(asked, Role::Compliance).await;
    let path = format!("/v1/staff/transfers/{deposit}/reverse");
    let part = json!({ "amount": LARGE - 1, "reason": "too much" });
    let _at_once = maker.client.post(&path, &part).await.expect(201);
    let rest = json!({ "reason": "all of it" });
    let id = maker.client.post(&path, &rest).await.expect(202).text("/approval/id");
    let done = decide(&second, &id, "approve").await.expect(200);
    assert!(done.text("/outcome/resource").starts_with("trf_"));
    assert_eq!(p.bank.balance(&p.asha, &p.from).await[0], 10_000);
    // What is left of it is nothing: an approval that comes to nothing says so.
    let id = maker.client.post(&path, &rest).await.expect(202).text("/approval/id");
    let done = decide(&second, &id, "approve").await.expect(200);
    assert_eq!(done.text("/outcome/refusal"), "reversal_exceeds_transfer");
    let unknown = p.bank.unknown_id::<money::kind::Transfer>();
    let path = format!("/v1/staff/transfers/{unknown}/reverse");
    maker.client.post(&path, &rest).await.refused(404, "not_found");
}

#[tokio::test]
async fn an_act_that_has_become_impossible_ends_its_approval_with_the_code() {
    let p = pair().await;
    let second = p.bank.operator(Role::Compliance).await;
    let account = p.bank.account(&p.bela, "INR").await;
    let ask = async || {
        let asked = p.teller.client.post("/v1/staff/deposits", &slip(&account, LARGE)).await;
        asked.expect(202).text("/approval/id")
    };
    let (first, next) = (ask().await, ask().await);
    for (verb, id, code) in [("freeze", first, "account_frozen"), ("close", next, "account_closed")]
    {
        let path = format!("/v1/staff/accounts/{account}/{verb}");
        let _shut = second.client.post(&path, &json!({})).await.expect(200);
        let done = decide(&second, &id, "approve").await.expect(200).json();
        assert_eq!(done["outcome"], json!({ "resource": null, "refusal": code }));
        assert_eq!(done["status"], "approved");
        decide(&second, &id, "approve").await.refused(409, "approval_decided");
    }
}

#[tokio::test]
async fn a_decision_is_one_and_final() {
    let p = Pair::new().await;
    let (maker, second) = (p.bank.operator(Role::Admin).await, p.bank.operator(Role::Admin).await);
    let (path, free) = (limits_of(&p.from), json!({ "per_day": null }));
    let _set = maker.client.post(&path, &json!({ "per_day": 50 })).await.expect(200);
    for (who, how, status) in [(&second, "reject", "rejected"), (&maker, "withdraw", "withdrawn")] {
        let id = maker.client.post(&path, &free).await.expect(202).text("/approval/id");
        let decided = decide(who, &id, how).await.expect(200).json();
        assert_eq!(decided["status"], status);
        assert!(decided["outcome"].is_null());
        assert_eq!(decided["reason"].is_string(), how == "reject");
        for (who, how) in [(&second, "approve"), (&second, "reject"), (&maker, "withdraw")] {
            decide(who, &id, how).await.refused(409, "approval_decided");
        }
    }
    let limits = maker.client.get(&format!("/v1/staff/accounts/{}", p.from)).await;
    assert_eq!(limits.int("/limits/per_day"), 50);
    let id = maker.client.post(&path, &free).await.expect(202).text("/approval/id");
    let reject = format!("/v1/staff/approvals/{id}/reject");
    second.client.post(&reject, &json!({ "reason": "" })).await.refused(422, "invalid_fields");
    decide(&second, &id, "withdraw").await.refused(403, "forbidden");
}

#[tokio::test]
async fn nobody_approves_after_its_time_and_the_job_says_so() {
    let p = Pair::new().await;
    let mut maker = p.bank.operator(Role::Admin).await;
    let mut second = p.bank.operator(Role::Admin).await;
    let (path, free) = (limits_of(&p.from), json!({ "per_day": null }));
    let _set = maker.client.post(&path, &json!({ "per_day": 50 })).await.expect(200);
    let id = maker.client.post(&path, &free).await.expect(202).text("/approval/id");
    p.bank.advance(HOURS);
    p.bank.sign_in_operator(&mut second).await;
    decide(&second, &id, "approve").await.refused(409, "approval_decided");
    assert_eq!(shown(&second, &id).await["status"], "expired");
    let (_running, stop) = watch::channel(false);
    assert_eq!(Job::ExpireApprovals.run(p.bank.bank(), &stop).await.expect("it runs"), 1);
    assert_eq!(Job::ExpireApprovals.run(p.bank.bank(), &stop).await.expect("it runs"), 0);
    let found = shown(&second, &id).await;
    assert_eq!((&found["status"], &found["decided_by"]), (&json!("expired"), &Value::Null));
    let events = "SELECT o.agent FROM events AS e JOIN origins AS o ON o.id = e.origin \
                  WHERE e.action = 'approval.expired'";
    assert_eq!(texts(&p.bank, events).await, ["approvals.expire"]);
    // It can be asked for again, also where the job has not run.
    p.bank.sign_in_operator(&mut maker).await;
    let again = maker.client.post(&path, &free).await.expect(202).text("/approval/id");
    assert_ne!(again, id);
    p.bank.advance(HOURS);
    p.bank.sign_in_operator(&mut maker).await;
    let third = maker.client.post(&path, &free).await.expect(202).text("/approval/id");
    assert_ne!(third, again);
    assert_eq!(shown(&maker, &again).await["status"], "expired");
}

#[tokio::test]
async fn one_change_of_a_thing_waits_at_a_time() {
    let p = Pair::new().await;
    let (maker, second) = (p.bank.operator(Role::Admin).await, p.bank.operator(Role::Admin).await);
    let path = limits_of(&p.from);
    let _set = maker.client.post(&path, &json!({ "per_day": 50 })).await.expect(200);
    let free = json!({ "per_day": null });
    let id = maker.client.post(&path, &free).await.expect(202).text("/approval/id");
    // The same again is the same; another's, or another limit, has to wait.
    assert_eq!(maker.client.post(&path, &free).await.expect(202).text("/approval/id"), id);
    let refused = second.client.post(&path, &free).await;
    refused.refused(409, "approval_pending");
    assert_eq!(refused.text("/detail"), id);
    let more = json!({ "per_day": 60 });
    maker.client.post(&path, &more).await.refused(409, "approval_pending");
    let _withdrawn = decide(&maker, &id, "withdraw").await.expect(200);
    let _asked = maker.client.post(&path, &more).await.expect(202);
}

#[tokio::test]
async fn a_maker_has_so_many_waiting_and_no_more() {
    let p = pair().await;
    let deposit = slip(&p.from, LARGE);
    for _ in 0..exchequer::approvals::MAX_WAITING {
        let _asked = p.teller.client.post("/v1/staff/deposits", &deposit).await.expect(202);
    }
    let refused = p.teller.client.post("/v1/staff/deposits", &deposit).await;
    refused.refused(409, "too_many_approvals");
    let other = p.bank.operator(Role::Teller).await;
    let asked = other.client.post("/v1/staff/deposits", &deposit).await.expect(202);
    let _withdrawn = decide(&other, &asked.text("/approval/id"), "withdraw").await.expect(200);
}

#[tokio::test]
async fn who_decides_sees_all_and_who_does_not_their_own() {
    let p = pair().await;
    let other = p.bank.operator(Role::Teller).await;
    let auditor = p.bank.operator(Role::Compliance).await;
    let mut ids = Vec::new();
    for teller in [&p.teller, &other, &p.teller] {
        let asked = teller.client.post("/v1/staff/deposits", &slip(&p.from, LARGE)).await;
        ids.push(asked.expect(202).text("/approval/id"));
    }
    let listed = async |who: &Person, query: &str| -> Vec<String> {
        let page = who.client.get(&format!("/v1/staff/approvals{query}")).await.expect(200).json();
        let data = page["data"].as_array().expect("a list").clone();
        data.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
    };
    let newest =
        |wanted: &[usize]| -> Vec<String> { wanted.iter().map(|i| ids[*i].clone()).collect() };
    assert_eq!(listed(&auditor, "").await, newest(&[2, 1, 0]));
    assert_eq!(listed(&p.teller, "").await, newest(&[2, 0]));
    assert_eq!(listed(&other, "?status=pending").await, newest(&[1]));
    let _rejected = decide(&auditor, &ids[0], "reject").await.expect(200);
    assert_eq!(listed(&auditor, "?status=pending").await, newest(&[2, 1]));
    assert_eq!(listed(&p.teller, "?status=rejected").await, newest(&[0]));
    let next = format!("?limit=1&cursor={}", ids[2]);
    assert_eq!(listed(&auditor, &next).await, newest(&[1]));
    let theirs = format!("/v1/staff/approvals/{}", ids[1]);
    p.teller.client.get(&theirs).await.refused(404, "not_found");
    decide(&p.teller, &ids[1], "withdraw").await.refused(404, "not_found");
    assert_eq!(shown(&other, &ids[1]).await["status"], "pending");
    // As of every list.
    for (query, status, code) in [
        ("?status=done", 422, "invalid_fields"),
        ("?limit=0", 422, "invalid_fields"),
        ("?cursor=x", 400, "malformed_request"),
    ] {
        let refused = auditor.client.get(&format!("/v1/staff/approvals{query}")).await;
        refused.refused(status, code);
    }
}

#[tokio::test]
async fn whoever_is_let_in_again_is_let_in_by_two() {
    let bank = TestBank::new().await;
    let officer = bank.operator(Role::Compliance).await;
    let second = bank.operator(Role::Compliance).await;
    let mut asha = bank.customer("Asha").await;
    let act = async |verb: &str| {
        let path = format!("/v1/staff/customers/{}/{verb}", asha.id);
        officer.client.post(&path, &json!({})).await
    };
    let _locked = act("lock").await.expect(200);
    let unlock = act("unlock").await.expect(202).text("/approval/id");
    // What was asked about a lock is over with the lock.
    let _disabled = act("disable").await.expect(200);
    assert_eq!(shown(&officer, &unlock).await["status"], "rejected");
    decide(&second, &unlock, "approve").await.refused(409, "approval_decided");
    let enable = act("enable").await.expect(202).text("/approval/id");
    let body = json!({ "email": asha.email, "password": asha.password }).to_string();
    let still = bank.client().post_raw("/v1/auth/login", None, body.into_bytes()).await;
    still.refused(403, "account_disabled");
    let done = decide(&second, &enable, "approve").await.expect(200);
    assert_eq!(done.text("/outcome/resource"), asha.id);
    bank.sign_in(&mut asha).await;
}

#[tokio::test]
async fn a_demo_bank_may_do_without_and_then_everything_is_done_at_once() {
    let without = |config: &mut exchequer::config::Config| {
        config.approvals.are_required = false;
        config.approvals.amount = AMOUNT;
    };
    let p = Pair::on(TestBank::with(without).await).await;
    let admin = p.bank.operator(Role::Admin).await;
    let deposit = slip(&p.from, LARGE);
    let _done = p.teller.client.post("/v1/staff/deposits", &deposit).await.expect(201);
    for body in [json!({ "per_day": 5 }), json!({ "per_day": null })] {
        let _set = admin.client.post(&limits_of(&p.from), &body).await.expect(200);
    }
    let _shop = p.bank.operator(Role::Admin).await;
}

/// Wherever an approval fails, nothing of the act is there, and the same request does it.
#[tokio::test]
async fn whatever_statement_fails_an_approval_is_whole_or_not_at_all() {
    let p = pair().await;
    let second = p.bank.operator(Role::Compliance).await;
    let faults = p.bank.bank().db().faults().clone();
    for statement in 1..80 {
        let asked = p.teller.client.post("/v1/staff/deposits", &slip(&p.from, LARGE)).await;
        let id = asked.expect(202).text("/approval/id");
        let (path, once) = (format!("/v1/staff/approvals/{id}/approve"), key());
        let before = p.bank.balance(&p.asha, &p.from).await[0];
        faults.fail_at("approvals.approve", statement);
        let reply = second.client.post_with_key(&path, &once, &json!({})).await;
        if faults.disarm() {
            assert_eq!(reply.expect(200).text("/status"), "approved");
            assert!(statement > 10, "the verb has no statements: is the name right?");
            return;
        }
        reply.refused(503, "unavailable");
        assert_eq!(p.bank.balance(&p.asha, &p.from).await[0], before, "at {statement}");
        assert_eq!(shown(&second, &id).await["status"], "pending");
        let again = second.client.post_with_key(&path, &once, &json!({})).await.expect(200);
        assert_eq!(again.header("idempotent-replayed"), None);
        assert_eq!(p.bank.balance(&p.asha, &p.from).await[0], before + LARGE);
    }
    panic!("the verb has no end");
}

//! The trail of everything: each action that the code can write is written once, and read back.

use std::collections::BTreeSet;
use std::sync::Arc;

use exchequer::config::{AtCap, OnMove};
use exchequer::jobs::Job;
use exchequer::keys::master::Master;
use exchequer::keys::{self, DestroyTerms, KeyAct};
use exchequer::staff::model::Role;
use serde_json::{Value, json};
use testkit::{Person, TestBank};

use crate::rows::execute;
use crate::sessions::post;
use crate::staff::{answer, challenge, trail, wrong_code};
use crate::transfers::Pair;

/// Every way of signing in and out, right and wrong.
async fn sign_in_every_way(p: &Pair, support: &Person) {
    let bcrypt = "UPDATE customers SET password_hash = \
        '$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie'";
    assert_eq!(execute(&p.bank, bcrypt).await, 2);
    let bcrypt = "UPDATE staff SET password_hash = \
        '$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie' WHERE role = 'support'";
    assert_eq!(execute(&p.bank, bcrypt).await, 1);
    let password = "correctbatteryhorsestapler";
    let _in = crate::sessions::log_in(&p.bank, &p.bela.email, password).await.expect(200);
    crate::sessions::log_in(&p.bank, &p.bela.email, "wrong")
        .await
        .refused(401, "invalid_credentials");
    let again = json!({ "email": p.bela.email, "password": password, "full_name": "Bela" });
    let _again = p.bank.client().post("/v1/customers", &again).await.expect(201);
    let mut support = support.clone();
    password.clone_into(&mut support.password);
    let id = challenge(&p.bank, &support).await;
    answer(&p.bank, &id, &wrong_code(&p.bank, &support)).await.refused(401, "invalid_code");
    let _out = support.client.post_raw("/v1/staff/logout", None, Vec::new()).await.expect(204);
}

/// Holds that end in each way, transfers that are refused and sent back.
async fn move_money_every_way(p: &Pair, admin: &Person) {
    let mut order = p.order(10);
    order["expires_in"] = json!(1);
    for act in ["capture", "void", ""] {
        let hold = p.asha.client.post("/v1/holds", &order).await.expect(201).text("/id");
        if !act.is_empty() {
            let path = format!("/v1/holds/{hold}/{act}");
            let done = p.asha.client.post(&path, &json!({})).await;
            assert!(done.status.is_success());
        }
    }
    p.bank.advance(1);
    let (_running, stop) = tokio::sync::watch::channel(false);
    assert_eq!(exchequer::holds::job::sweep(p.bank.bank(), &stop).await.expect("a sweep"), 1);
    for path in ["/v1/transfers", "/v1/holds"] {
        p.asha.client.post(path, &p.order(99_999)).await.refused(422, "insufficient_funds");
    }
    let sent = p.asha.client.post("/v1/transfers", &p.order(10)).await.expect(201).text("/id");
    let path = format!("/v1/staff/transfers/{sent}/reverse");
    let _back = admin.client.post(&path, &json!({ "reason": "r" })).await.expect(201);
    let again = admin.client.post(&path, &json!({ "reason": "r" })).await;
    again.refused(422, "reversal_exceeds_transfer");
}

async fn change_accounts_every_way(p: &Pair, admin: &Person) {
    let account = p.bank.account(&p.bela, "EUR").await;
    for act in ["unfreeze", "freeze", "freeze", "unfreeze", "close", "close"] {
        let path = format!("/v1/staff/accounts/{account}/{act}");
        let _either = admin.client.post(&path, &json!({})).await;
    }
    let path = format!("/v1/staff/accounts/{}/limits", p.from);
    let _set = admin.client.post(&path, &json!({ "per_day": 100 })).await.expect(200);
    let open = json!({ "currency": "EUR", "name": "Many" });
    while p.bela.client.post("/v1/accounts", &open).await.status == 201 {}
    p.teller.client.get("/v1/staff/events").await.refused(403, "forbidden");
    let path = format!("/v1/staff/customers?query={}", p.bela.id);
    let _found = admin.client.get(&path).await.expect(200);
    let path = format!("/v1/staff/customers/{}/reveal", p.bela.id);
    let body = json!({ "purpose": "called about a card" });
    let _shown = p.teller.client.post(&path, &body).await.expect(200);
}

/// Customers and operators shut out and let in, twice each; an address confirmed by a right and a wrong token.
async fn change_standings_every_way(p: &Pair, admin: &Person) {
    let officer = p.bank.operator(Role::Compliance).await;
    let fiona = p.bank.customer("Fiona").await;
    let again = "/v1/me/email/confirmation";
    let _sent = fiona.client.post(again, &json!({})).await.expect(202);
    let wrong = json!({ "token": "x" });
    let refused = post(&p.bank, "/v1/auth/email/confirm", &wrong).await;
    refused.refused(401, "invalid_confirmation_token");
    p.bank.confirm_email(&fiona).await;
    for verb in ["lock", "unlock", "disable", "enable"] {
        let path = format!("/v1/staff/customers/{}/{verb}", fiona.id);
        let done = officer.client.post(&path, &json!({})).await;
        if matches!(verb, "unlock" | "enable") {
            let _done = p.bank.done(done, Role::Compliance).await;
        } else {
            let _done = done.expect(200);
        }
        let again = officer.client.post(&path, &json!({})).await;
        assert_eq!(again.status, 409, "{verb}");
    }
    let members = officer.client.get("/v1/staff/members?limit=100").await.expect(200).json();
    let members = members["data"].as_array().expect("a list").clone();
    let member = members.iter().find(|m| m["email"] == officer.email.as_str()).expect("a member");
    for verb in ["disable", "enable"] {
        let path = format!("/v1/staff/members/{}/{verb}", member["id"].as_str().expect("an id"));
        let done = admin.client.post(&path, &json!({})).await;
        if verb == "enable" {
            let _done = p.bank.done(done, Role::Admin).await;
        } else {
            let _done = done.expect(200);
        }
        let again = admin.client.post(&path, &json!({})).await;
        assert_eq!(again.status, 409, "{verb}");
    }
}

/// A bank of its own for its keys, from their making to their end.
async fn keep_keys() -> Vec<Value> {
    let bank = TestBank::new().await;
    let auditor = bank.operator(Role::Compliance).await;
    // As in a bank from before there were cards.
    assert_eq!(execute(&bank, "DELETE FROM data_keys WHERE purpose = 'card_data'").await, 1);
    let mut act = KeyAct {
        master: Arc::new(Master::File(testkit::bank::master_key())),
        rng: money::Rng::seeded(3),
        now: bank.clock().now(),
        origin: store::rows::Origin::system("test"),
    };
    let (db, purpose) = (bank.bank().db(), vault::Purpose::CardData);
    assert!(keys::create_first(db, &act).await.expect("keys"));
    assert_eq!(keys::rotate(db, &act, purpose).await.expect("a key"), Ok(2));
    bank.advance(keys::SETTLED_SECONDS);
    act.now = bank.clock().now();
    let (_running, stop) = tokio::sync::watch::channel(false);
    let _told = Job::RefreshKeys.run(bank.bank(), &stop).await.expect("a look");
    assert_eq!(Job::ResealValues.run(bank.bank(), &stop).await.expect("a walk"), 0);
    let system = bank.bank().system_act("test");
    let approve =
        move |tx: &mut store::Tx<'_>| keys::approve_destruction_in(tx, &system, (purpose, 1));
    let approved: Result<_, store::DbError> = db.write("test", approve).await;
    assert!(approved.expect("a row").is_ok());
    let terms = DestroyTerms { access_seconds: 300, needs_approval: true };
    assert_eq!(keys::destroy(db, &act, (purpose, 1), terms).await.expect("an end"), Ok(()));
    // One of each purpose, the destroyed one aside.
    let all = vault::Purpose::ALL.len();
    assert_eq!(keys::rewrap(db, &act.master, &act).await.expect("rows"), all);
    trail(&auditor).await
}

/// Factors added, shown, mistyped, renamed and removed; proofs right and wrong; guesses until a lock.
async fn use_factors_every_way(p: &Pair) {
    let mut cora = p.bank.customer("Cora").await;
    let _codes = p.bank.enrol_totp(&mut cora).await;
    let phone = json!({ "phone": "+919876543210" });
    let asked = cora.client.post("/v1/factors/sms", &phone).await;
    asked.refused(403, "step_up_required");
    let proof = p.bank.prove(&cora, &asked.text("/challenge/id")).await;
    let other = json!({ "phone": "+919876543211" });
    let path = "/v1/factors/sms";
    let refused = cora.client.post_proved(path, &testkit::key(), &other, &proof).await;
    refused.refused(403, "step_up_required");
    let added = cora.client.post_proved(path, &testkit::key(), &phone, &proof).await.expect(201);
    let send = format!("/v1/auth/challenges/{}/send", added.text("/challenge/id"));
    for _ in 0..5 {
        let _sent_or_not = post(&p.bank, &send, &json!({ "method": "sms" })).await;
    }
    let factor = format!("/v1/factors/{}", added.text("/id"));
    let name = json!({ "name": "Pocket" });
    let _named = cora.client.post(&format!("{factor}/rename"), &name).await.expect(200);
    let _gone = cora.client.delete(&factor).await.expect(204);
    p.bank.sign_in_with_totp(&mut cora).await;
    let waiting = p.bank.post_stepped(&cora, "/v1/factors/totp", &json!({})).await;
    let waiting = waiting.expect(201).text("/id");
    let gone = "DELETE FROM challenges WHERE purpose = 'enrol'";
    assert!(execute(&p.bank, gone).await > 0);
    let confirm = format!("/v1/factors/{waiting}/confirm");
    let code = json!({ "code": "000000" });
    cora.client.post(&confirm, &code).await.refused(401, "invalid_code");
    for _ in 0..5 {
        let wrong = crate::sessions::log_in(&p.bank, &cora.email, "wrong").await;
        wrong.refused(401, "invalid_credentials");
    }
}

/// What another configuration does to sessions: as many as are allowed, and one that is moved.
async fn refuse_sessions() -> Vec<Value> {
    let bank = TestBank::with(|config| {
        config.sessions.max = 1;
        config.sessions.at_cap = AtCap::Refuse;
        config.sessions.on_move = OnMove::Log;
    })
    .await;
    let auditor = bank.operator(Role::Compliance).await;
    let asha = bank.customer("Asha").await;
    let second = crate::sessions::log_in(&bank, &asha.email, &asha.password).await;
    assert_eq!(second.code(), "too_many_sessions");
    let _elsewhere = asha.client.at("198.51.100.7").get("/v1/me").await.expect(200);
    trail(&auditor).await
}

/// Somebody leaves, and is forgotten when the time is over.
async fn forget_somebody() -> Vec<Value> {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let officer = bank.operator(Role::Compliance).await;
    let path = format!("/v1/staff/customers/{}/disable", asha.id);
    let _disabled = officer.client.post(&path, &json!({})).await.expect(200);
    let (_running, stop) = tokio::sync::watch::channel(false);
    let days = i64::from(bank.bank().config().evidence.salt_days);
    for seconds in [days * 86_400, 86_400, 0] {
        assert_eq!(Job::ShredSalts.run(bank.bank(), &stop).await.expect("it runs"), 1);
        bank.advance(seconds);
    }
    trail(&bank.operator(Role::Compliance).await).await
}

/// Domains whose every action is shown here.
const NOUNS: [&str; 10] = [
    "access",
    "account",
    "challenge",
    "customer",
    "data_key",
    "factor",
    "hold",
    "session",
    "staff",
    "transfer",
];

fn has_noun(action: &str) -> bool {
    action.split_once('.').is_some_and(|(noun, _)| NOUNS.contains(&noun))
}

/// The action names in the sources: `noun.verb`, the verb in the past.
fn written_actions() -> BTreeSet<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("../store/src")];
    let mut actions = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs")
            {
                let text = std::fs::read_to_string(&path).expect("a source");
                let action = |literal: &&str| {
                    ["ed", "en", "sent", "reset", "begun"].iter().any(|end| literal.ends_with(end))
                        && literal.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b))
                        && has_noun(literal)
                };
                actions.extend(text.split('"').filter(action).map(str::to_owned));
            }
        }
    }
    actions
}

// PCI DSS 8.2.4, 10.2.1.2, 10.2.1.4: who was made, changed, shut out, refused or let in again stands in the trail.
// ASVS 16.3.1, 16.3.3: each act and refusal that the code names leaves its event.
#[tokio::test]
async fn everything_that_the_code_can_write_into_the_trail_appears_there() {
    let p = Pair::new().await;
    let (admin, support) =
        (p.bank.operator(Role::Admin).await, p.bank.operator(Role::Support).await);
    move_money_every_way(&p, &admin).await;
    change_accounts_every_way(&p, &admin).await;
    sign_in_every_way(&p, &support).await;
    use_factors_every_way(&p).await;
    change_standings_every_way(&p, &admin).await;
    let esha = p.bank.customer("Esha").await;
    let nonsense = json!({ "credential": {} });
    let refused = esha.client.post("/v1/factors/webauthn", &nonsense).await;
    refused.refused(422, "credential_refused");
    let mut key = p.bank.enrol_webauthn(&esha, "passkey").await;
    for _ in 0..2 {
        let asked = post(&p.bank, "/v1/auth/passkey", &json!({})).await.expect(200).json();
        let _in_or_copied = p.bank.verify_with(&asked["challenge"], &mut key).await;
        key.counter = 0;
    }
    let mut dora = p.bank.customer("Dora").await;
    let _cookies = crate::sessions_web::step_up(&p.bank, &mut dora).await;
    let mut trail = trail(&admin).await;
    trail.extend(refuse_sessions().await);
    trail.extend(keep_keys().await);
    trail.extend(forget_somebody().await);
    let (_bank, reader) = crate::staff_access::every_way().await;
    trail.extend(self::trail(&reader).await);
    let actions = trail.iter().map(|e| e["action"].as_str().expect("an action").to_owned());
    let seen: BTreeSet<String> = actions.filter(|action| has_noun(action)).collect();
    let written = written_actions();
    assert!(written.len() >= 30, "{written:?}");
    let missing: Vec<_> = written.difference(&seen).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
    let unknown: Vec<_> = seen.difference(&written).collect();
    assert!(unknown.is_empty(), "not found in the sources: {unknown:?}");
}

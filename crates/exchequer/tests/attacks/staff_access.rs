//! Operators' own sign-in under attack: resets of oneself and of whoever decides, twice at once, replayed codes, open sessions,
//! guesses, half-way failures, and a stolen session that has no password.

use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::{Person, Reply, TestBank};
use tokio::sync::watch;

use crate::scene::{number, post, sql, succeeded};

const ME: &str = "/v1/staff/me";
const PASSWORD: &str = "/v1/staff/password";
const AUTHENTICATOR: &str = "/v1/staff/authenticator";
const CONFIRM: &str = "/v1/staff/authenticator/confirm";
const RENEW: &str = "/v1/staff/login/renew";
const NEW: &str = "nine grey geese under a bridge";

async fn alone() -> TestBank {
    TestBank::with(|config| config.approvals.are_required = false).await
}

async fn log_in(bank: &TestBank, email: &str, password: &str) -> Reply {
    post(bank, "/v1/staff/login", &json!({ "email": email, "password": password })).await
}

async fn own_id(person: &Person) -> String {
    person.client.get(ME).await.expect(200).text("/id")
}

async fn change(person: &Person, path: &str, body: &Value) -> Reply {
    person.client.post_raw(path, None, body.to_string().into_bytes()).await
}

async fn ask_reset(admin: &Person, id: &str) -> Reply {
    admin.client.post(&format!("/v1/staff/members/{id}/reset"), &json!({})).await
}

/// A reset that waits for nobody; gives the first password.
async fn reset(bank: &TestBank, admin: &Person, id: &str) -> String {
    let first = ask_reset(admin, id).await.expect(200).text("/first_password");
    bank.secret(&first);
    first
}

fn with_secret(bank: &TestBank, person: &Person, asked: &Reply) -> Person {
    let secret = asked.text("/authenticator/secret");
    bank.secret(&secret);
    Person { totp_secret: Some(secret), ..person.clone() }
}

fn renewal(asked: &Reply, code: &str) -> Value {
    json!({ "challenge": asked.text("/challenge/id"), "code": code, "new_password": NEW })
}

// ASVS 8.3.1: nobody decides about their own access, whatever their role.
#[tokio::test]
async fn nobody_resets_themselves_or_whom_their_role_does_not_include() {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    let id = own_id(&admin).await;
    ask_reset(&admin, &id).await.refused(409, "own_access");
    for role in [Role::Teller, Role::Support, Role::Compliance, Role::Auditor] {
        let other = bank.operator(role).await;
        ask_reset(&other, &id).await.refused(403, "forbidden");
        ask_reset(&other, &own_id(&other).await).await.refused(403, "forbidden");
    }
    let unknown = bank.unknown_id::<money::kind::Staff>();
    ask_reset(&admin, &unknown).await.refused(404, "not_found");
    let _in = admin.client.get(ME).await.expect(200);
}

/// A stolen session of the one who is to be reset does not help whoever asks: the second is somebody else.
#[tokio::test]
async fn who_is_to_be_reset_does_not_approve_it() {
    let bank = TestBank::new().await;
    let (maker, subject) = (bank.operator(Role::Admin).await, bank.operator(Role::Admin).await);
    let asked = ask_reset(&maker, &own_id(&subject).await).await.expect(202);
    bank.secret(&asked.text("/secret"));
    let path = format!("/v1/staff/approvals/{}/approve", asked.text("/approval/id"));
    maker.client.post(&path, &json!({})).await.refused(403, "own_approval");
    subject.client.post(&path, &json!({})).await.refused(409, "own_access");
    let compliance = bank.operator(Role::Compliance).await;
    compliance.client.post(&path, &json!({})).await.refused(403, "forbidden");
    let _still_in = subject.client.get(ME).await.expect(200);
    log_in(&bank, &subject.email, &asked.text("/secret")).await.refused(401, "invalid_credentials");
    // They may say no.
    let path = format!("/v1/staff/approvals/{}/reject", asked.text("/approval/id"));
    let why = json!({ "reason": "I have lost nothing" });
    let _no = subject.client.post(&path, &why).await.expect(200);
    log_in(&bank, &subject.email, &asked.text("/secret")).await.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn of_resets_at_once_one_first_password_serves() {
    let bank = alone().await;
    let admins = [bank.operator(Role::Admin).await, bank.operator(Role::Admin).await];
    let teller = bank.operator(Role::Teller).await;
    let id = own_id(&teller).await;
    let replies = join_all((0..8).map(|n| ask_reset(&admins[n % 2], &id))).await;
    assert_eq!(succeeded(&replies), 8);
    let mut good = 0;
    for reply in &replies {
        let first = reply.text("/first_password");
        bank.secret(&first);
        // Each guess at a first password is counted, so the counter begins anew.
        let _forgotten = sql(&bank, "DELETE FROM attempts").await;
        good += usize::from(log_in(&bank, &teller.email, &first).await.status.is_success());
    }
    assert_eq!(good, 1);
    // Two who reset each other at once: both are out, and neither has the other's session.
    let ids = [own_id(&admins[0]).await, own_id(&admins[1]).await];
    let replies = join_all([ask_reset(&admins[0], &ids[1]), ask_reset(&admins[1], &ids[0])]).await;
    assert!(succeeded(&replies) >= 1, "{replies:?}");
    for (reply, other) in replies.iter().zip([&admins[1], &admins[0]]) {
        if reply.status.is_success() {
            other.client.get(ME).await.refused(401, "unauthenticated");
        }
    }
}

// PCI DSS 8.5.1: one code renews once, also when it comes many times at once.
#[tokio::test]
async fn a_renewal_replayed_or_sent_at_once_is_done_once() {
    let bank = alone().await;
    let (admin, teller) = (bank.operator(Role::Admin).await, bank.operator(Role::Teller).await);
    let first = reset(&bank, &admin, &own_id(&teller).await).await;
    let asked = log_in(&bank, &teller.email, &first).await.expect(200);
    let renewed = with_secret(&bank, &teller, &asked);
    let body = renewal(&asked, &bank.totp_code(&renewed));
    let replies = join_all((0..16).map(|_| post(&bank, RENEW, &body))).await;
    assert_eq!(succeeded(&replies), 1, "{replies:?}");
    for reply in replies.iter().filter(|reply| !reply.status.is_success()) {
        reply.refused(401, "invalid_code");
    }
    post(&bank, RENEW, &body).await.refused(401, "invalid_code");
    let done = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'staff.access_renewed'";
    assert_eq!(number(&bank, done).await, 1);
}

#[tokio::test]
async fn one_code_changes_one_thing() {
    let bank = TestBank::new().await;
    let teller = bank.operator(Role::Teller).await;
    bank.advance(30);
    let code = bank.totp_code(&teller);
    let wanted = |n: usize| {
        let new = format!("{NEW} number {n}");
        json!({ "current_password": teller.password, "new_password": new, "code": code })
    };
    let bodies: Vec<Value> = (0..4).map(wanted).collect();
    let replies = join_all(bodies.iter().map(|body| change(&teller, PASSWORD, body))).await;
    assert_eq!(succeeded(&replies), 1, "{replies:?}");
    let mut good = 0;
    for body in &bodies {
        let _forgotten = sql(&bank, "DELETE FROM attempts").await;
        let new = body["new_password"].as_str().expect("a text");
        good += usize::from(log_in(&bank, &teller.email, new).await.status.is_success());
    }
    assert_eq!(good, 1);
}

/// What was begun before a reset is over with it: sessions, sign-ins, renewals, authenticators, another node's memory.
#[tokio::test]
async fn nothing_that_was_open_outlives_a_reset() {
    let bank = alone().await;
    let (admin, teller) = (bank.operator(Role::Admin).await, bank.operator(Role::Teller).await);
    let elsewhere = bank.other_node().await.with_token(teller.client.token().expect("a token"));
    let _remembered = elsewhere.get(ME).await.expect(200);
    let id = own_id(&teller).await;
    let half = log_in(&bank, &teller.email, &teller.password).await.expect(200);
    bank.advance(30);
    let begin = json!({ "current_password": teller.password, "code": bank.totp_code(&teller) });
    let begun = change(&teller, AUTHENTICATOR, &begin).await.expect(201);
    let enrolling = with_secret(&bank, &teller, &begun);
    let first = reset(&bank, &admin, &id).await;
    bank.advance(2);
    teller.client.get(ME).await.refused(401, "unauthenticated");
    elsewhere.get(ME).await.refused(401, "unauthenticated");
    let confirm = json!({
        "challenge": begun.text("/challenge/id"), "code": bank.totp_code(&enrolling),
    });
    change(&teller, CONFIRM, &confirm).await.refused(401, "unauthenticated");
    bank.advance(30);
    let half = half.text("/challenge/id");
    bank.verify(&half, "totp", &bank.totp_code(&teller)).await.refused(401, "invalid_code");
    // A renewal that a second reset overtakes.
    let asked = log_in(&bank, &teller.email, &first).await.expect(200);
    let renewed = with_secret(&bank, &teller, &asked);
    let second = reset(&bank, &admin, &id).await;
    let body = renewal(&asked, &bank.totp_code(&renewed));
    post(&bank, RENEW, &body).await.refused(401, "invalid_code");
    log_in(&bank, &teller.email, &first).await.refused(401, "invalid_credentials");
    let asked = log_in(&bank, &teller.email, &second).await.expect(200);
    // The secret of before, and the first reset's, belong to nothing.
    for stale in [&teller, &enrolling, &renewed] {
        let body = renewal(&asked, &bank.totp_code(stale));
        post(&bank, RENEW, &body).await.refused(401, "invalid_code");
    }
}

// ASVS 7.5.1: a stolen session alone changes nothing of what its holder signs in with.
#[tokio::test]
async fn a_stolen_session_guesses_until_it_is_locked_and_changes_nothing() {
    let bank = TestBank::new().await;
    let mut teller = bank.operator(Role::Teller).await;
    for n in 0..5 {
        let body = json!({
            "current_password": format!("guess {n}"), "new_password": NEW, "code": "000000",
        });
        change(&teller, PASSWORD, &body).await.refused(401, "invalid_credentials");
    }
    bank.advance(30);
    let right = json!({
        "current_password": teller.password,
        "new_password": NEW,
        "code": bank.totp_code(&teller),
    });
    change(&teller, PASSWORD, &right).await.refused(429, "locked_out");
    let begin = json!({ "current_password": teller.password, "code": bank.totp_code(&teller) });
    change(&teller, AUTHENTICATOR, &begin).await.refused(429, "locked_out");
    bank.advance(900);
    bank.sign_in_operator(&mut teller).await;
    // With the password, but without the authenticator.
    for path in [PASSWORD, AUTHENTICATOR, AUTHENTICATOR, AUTHENTICATOR, AUTHENTICATOR] {
        let mut body = json!({ "current_password": teller.password, "code": "000000" });
        if path == PASSWORD {
            body["new_password"] = json!(NEW);
        }
        change(&teller, path, &body).await.refused(401, "invalid_code");
    }
    bank.advance(30);
    let begin = json!({ "current_password": teller.password, "code": bank.totp_code(&teller) });
    change(&teller, AUTHENTICATOR, &begin).await.refused(429, "locked_out");
}

/// Whoever has the first password and not the secret that the sign-in showed guesses at a code as at any other.
#[tokio::test]
async fn guesses_at_a_renewal_are_counted_and_a_reset_forgives_them() {
    let bank = alone().await;
    let (mut admin, teller) = (bank.operator(Role::Admin).await, bank.operator(Role::Teller).await);
    let id = own_id(&teller).await;
    let first = reset(&bank, &admin, &id).await;
    let mut asked = log_in(&bank, &teller.email, &first).await.expect(200);
    for n in 0..5 {
        if n == 3 {
            // Three to a challenge.
            let right = with_secret(&bank, &teller, &asked);
            let body = renewal(&asked, &bank.totp_code(&right));
            post(&bank, RENEW, &body).await.refused(401, "invalid_code");
            asked = log_in(&bank, &teller.email, &first).await.expect(200);
        }
        post(&bank, RENEW, &renewal(&asked, "000000")).await.refused(401, "invalid_code");
    }
    let right = with_secret(&bank, &teller, &asked);
    let body = renewal(&asked, &bank.totp_code(&right));
    post(&bank, RENEW, &body).await.refused(429, "locked_out");
    log_in(&bank, &teller.email, &first).await.refused(429, "locked_out");
    bank.sign_in_operator(&mut admin).await;
    let second = reset(&bank, &admin, &id).await;
    let asked = log_in(&bank, &teller.email, &second).await.expect(200);
    let right = with_secret(&bank, &teller, &asked);
    let body = renewal(&asked, &bank.totp_code(&right));
    let _done = post(&bank, RENEW, &body).await.expect(204);
}

/// An authenticator is confirmed in the session that began it, by the operator who did, and before it is late.
#[tokio::test]
async fn an_authenticator_is_confirmed_by_whoever_began_it() {
    let bank = TestBank::new().await;
    let [teller, other] = [bank.operator(Role::Teller).await, bank.operator(Role::Teller).await];
    let mut beside = teller.clone();
    bank.sign_in_operator(&mut beside).await;
    bank.advance(30);
    let begin = json!({ "current_password": teller.password, "code": bank.totp_code(&teller) });
    let begun = change(&teller, AUTHENTICATOR, &begin).await.expect(201);
    let enrolling = with_secret(&bank, &teller, &begun);
    let confirm = |bank: &TestBank| json!({ "challenge": begun.text("/challenge/id"), "code": bank.totp_code(&enrolling) });
    for stranger in [&other, &beside] {
        change(stranger, CONFIRM, &confirm(&bank)).await.refused(401, "invalid_code");
    }
    // Nor does its challenge sign anybody in, or prove anything.
    let id = begun.text("/challenge/id");
    bank.verify(&id, "totp", &bank.totp_code(&enrolling)).await.refused(404, "not_found");
    post(&bank, RENEW, &renewal(&begun, &bank.totp_code(&enrolling)))
        .await
        .refused(401, "invalid_code");
    bank.advance(900);
    let mut late = teller.clone();
    bank.sign_in_operator(&mut late).await;
    change(&late, CONFIRM, &confirm(&bank)).await.refused(401, "invalid_code");
    let _in = late.client.get(ME).await.expect(200);
}

// ASVS 2.3.3: whatever statement fails, the old or the new access serves whole.
#[tokio::test]
async fn a_failure_at_any_statement_leaves_the_access_of_before() {
    let bank = alone().await;
    let (mut admin, mut teller) =
        (bank.operator(Role::Admin).await, bank.operator(Role::Teller).await);
    let id = own_id(&teller).await;
    for statement in 1.. {
        assert!(statement < 60, "a reset has no end");
        bank.bank().db().faults().fail_at("staff.reset_member", statement);
        let failed = ask_reset(&admin, &id).await;
        if bank.bank().db().faults().disarm() {
            assert!(statement > 8, "is the name right?");
            bank.secret(&failed.expect(200).text("/first_password"));
            break;
        }
        failed.refused(503, "unavailable");
        let _in = teller.client.get(ME).await.expect(200);
        if statement % 8 == 0 {
            bank.advance(240);
            bank.sign_in_operator(&mut admin).await;
            bank.sign_in_operator(&mut teller).await;
        }
    }
    let first = reset(&bank, &admin, &id).await;
    for statement in 1.. {
        assert!(statement < 60, "a renewal has no end");
        bank.advance(60);
        let asked = log_in(&bank, &teller.email, &first).await.expect(200);
        let renewed = with_secret(&bank, &teller, &asked);
        let body = renewal(&asked, &bank.totp_code(&renewed));
        bank.bank().db().faults().fail_at("staff.renew", statement);
        let failed = post(&bank, RENEW, &body).await;
        if bank.bank().db().faults().disarm() {
            assert!(statement > 8, "is the name right?");
            let _done = failed.expect(204);
            teller = Person { password: NEW.to_owned(), ..renewed };
            break;
        }
        failed.refused(503, "unavailable");
        // The first password is still what opens, and the code that failed would have been taken.
        let _still = log_in(&bank, &teller.email, &first).await.expect(200);
    }
    bank.sign_in_operator(&mut teller).await;
    for statement in 1.. {
        assert!(statement < 60, "a change has no end");
        bank.advance(60);
        let body = json!({
            "current_password": teller.password,
            "new_password": "ten brown geese under a bridge",
            "code": bank.totp_code(&teller),
        });
        bank.bank().db().faults().fail_at("staff.change_password", statement);
        let failed = change(&teller, PASSWORD, &body).await;
        if bank.bank().db().faults().disarm() {
            assert!(statement > 8, "is the name right?");
            let _done = failed.expect(204);
            return;
        }
        failed.refused(503, "unavailable");
        if statement % 4 == 0 {
            bank.sign_in_operator(&mut teller).await;
        }
    }
}

/// A clock that is set back lets nobody be away for longer, and one that runs ahead leaves an administrator.
#[tokio::test]
async fn a_clock_that_jumps_shuts_out_all_but_one_administrator() {
    let bank = TestBank::new().await;
    for role in [Role::Teller, Role::Admin, Role::Compliance, Role::Admin] {
        let _person = bank.operator(role).await;
    }
    let (_stop, stop) = watch::channel(false);
    let sweep = async || Job::EndAbsences.run(bank.bank(), &stop).await.expect("it runs");
    bank.advance(-40 * 86_400);
    assert_eq!(sweep().await, 0);
    bank.advance(4_000 * 86_400);
    assert_eq!(sweep().await, 3);
    assert_eq!(sweep().await, 0);
    let left = "SELECT CAST(COUNT(*) AS BIGINT) FROM staff WHERE status = 0 AND role = 'admin'";
    assert_eq!(number(&bank, left).await, 1);
}

/// Two nodes whose jobs meet, and a sign-in beside them.
#[tokio::test]
async fn of_jobs_at_once_one_writes_that_somebody_was_away() {
    let bank = TestBank::new().await;
    let _admin = bank.operator(Role::Admin).await;
    let teller = bank.operator(Role::Teller).await;
    bank.advance(90 * 86_400);
    let (_stop, stop) = watch::channel(false);
    let other = bank.other_bank().await;
    let banks = [bank.bank(), &other, bank.bank(), &other];
    let runs = join_all(banks.map(|bank| Job::EndAbsences.run(bank, &stop)));
    let (runs, refused) = tokio::join!(runs, log_in(&bank, &teller.email, &teller.password));
    refused.refused(403, "account_disabled");
    for run in runs {
        assert!(run.expect("it runs") <= 1);
    }
    let ends = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'staff.disabled'";
    assert_eq!(number(&bank, ends).await, 1);
}

//! Passwords attacked: whose address is known, a token that is stolen, used twice or steered, a sign-in that
//! slips through a change.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use testkit::{Client, Person, Reply, TestBank};

use crate::scene::number;

const NEW: &str = "another long and quiet sentence";

async fn post(client: &Client, path: &str, body: &Value) -> Reply {
    client.post_raw(path, None, body.to_string().into_bytes()).await
}

async fn forgot(bank: &TestBank, email: &str) -> Reply {
    post(&bank.client(), "/v1/auth/password/forgot", &json!({ "email": email })).await
}

async fn reset(bank: &TestBank, token: &str, new: &str) -> Reply {
    let body = json!({ "token": token, "new_password": new });
    post(&bank.client(), "/v1/auth/password/reset", &body).await
}

async fn log_in(bank: &TestBank, email: &str, password: &str) -> Reply {
    let body = json!({ "email": email, "password": password });
    post(&bank.client(), "/v1/auth/login", &body).await
}

/// All mails but those of registrations.
async fn mails(bank: &TestBank) -> Vec<Value> {
    let mut mails = bank.inbox().await;
    mails.retain(|mail| mail["purpose"] != "email_confirmation");
    mails
}

/// A customer whose address is proven.
async fn proven(bank: &TestBank, name: &str) -> Person {
    let person = bank.customer(name).await;
    bank.confirm_email(&person).await;
    person
}

async fn newest_token(bank: &TestBank) -> String {
    let mails = mails(bank).await;
    let text = mails[0]["text"].as_str().expect("a text");
    let token = text.lines().find(|line| line.len() == 43).expect("a token").to_owned();
    bank.secret(&token);
    token
}

async fn mailed_token(bank: &TestBank, email: &str) -> String {
    let _told = forgot(bank, email).await.expect(202);
    newest_token(bank).await
}

/// Answers a challenge with the authenticator's next code.
async fn prove(bank: &TestBank, person: &Person, challenge: &str) -> String {
    bank.advance(30);
    let body = json!({ "method": "totp", "code": bank.totp_code(person) });
    let path = format!("/v1/auth/challenges/{challenge}/verify");
    let proof = post(&bank.client(), &path, &body).await.expect(200).text("/proof");
    bank.secret(&proof);
    proof
}

/// Rows of each table that asking for a token may touch.
async fn rows(bank: &TestBank) -> [i64; 3] {
    let outbox = number(bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM outbox").await;
    let resets = number(bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM password_resets").await;
    let events = number(bank, "SELECT CAST(COUNT(*) AS BIGINT) FROM events").await;
    [outbox, resets, events]
}

// ASVS 6.3.8: whether an address is known, or proven, shows in no answer, and the work is the same.
#[tokio::test]
async fn an_address_that_gets_no_token_is_answered_and_worked_on_like_one_that_does() {
    let bank = TestBank::new().await;
    let (asha, bela) = (proven(&bank, "Asha").await, bank.customer("Bela").await);
    let mut grown = Vec::new();
    let mut answers = Vec::new();
    for email in [asha.email.as_str(), bela.email.as_str(), "nobody@example.test"] {
        let before = rows(&bank).await;
        let reply = forgot(&bank, email).await.expect(202);
        let after = rows(&bank).await;
        let _again = forgot(&bank, email).await.expect(202);
        let later = rows(&bank).await;
        grown.push([0, 1, 2].map(|n| (after[n] - before[n], later[n] - after[n])));
        let mut headers = reply.headers.clone();
        headers.remove("x-request-id");
        answers.push((reply.body.clone(), headers));
    }
    // The newest token replaces the one before, also where nobody reads either.
    assert_eq!(grown, [[(1, 1), (1, 0), (1, 1)]; 3]);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let mails = mails(&bank).await;
    assert_eq!(mails.len(), 2, "{mails:?}");
    assert!(mails.iter().all(|mail| mail["to"] == asha.email.as_str()));
    for sql in [
        "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE outcome = 'email_unproven'",
        "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE outcome = 'email_unknown'",
    ] {
        assert_eq!(number(&bank, sql).await, 2, "{sql}");
    }
}

#[tokio::test]
async fn the_cap_of_an_address_shows_no_more_than_the_address() {
    let bank = TestBank::new().await;
    let asha = proven(&bank, "Asha").await;
    for email in [asha.email.as_str(), "nobody@example.test"] {
        for _ in 0..20 {
            let _told = forgot(&bank, email).await.expect(202);
        }
    }
    assert_eq!(mails(&bank).await.len(), 5);
    let refused = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'message.refused'";
    assert_eq!(number(&bank, refused).await, 30, "15 of each");
    // The newest token that came still serves.
    let token = newest_token(&bank).await;
    let _done = reset(&bank, &token, NEW).await.expect(200);
}

#[tokio::test]
async fn a_token_used_many_times_at_once_serves_once() {
    let bank = TestBank::new().await;
    let asha = proven(&bank, "Asha").await;
    let token = mailed_token(&bank, &asha.email).await;
    let passwords: Vec<String> = (0..16).map(|n| format!("{NEW} number {n}")).collect();
    let replies = join_all(passwords.iter().map(|new| reset(&bank, &token, new))).await;
    let won: Vec<usize> = (0..16).filter(|n| replies[*n].status.as_u16() == 200).collect();
    assert_eq!(won.len(), 1, "{replies:?}");
    for (n, reply) in replies.iter().enumerate() {
        if n != won[0] {
            reply.refused(401, "invalid_reset_token");
        }
    }
    let _in = log_in(&bank, &asha.email, &passwords[won[0]]).await.expect(200);
}

#[tokio::test]
async fn the_token_of_one_sets_no_password_of_another() {
    let bank = TestBank::new().await;
    let (mut asha, bela) = (proven(&bank, "Asha").await, proven(&bank, "Bela").await);
    let _codes = bank.enrol_totp(&mut asha).await;
    let (ashas, belas) =
        (mailed_token(&bank, &asha.email).await, mailed_token(&bank, &bela.email).await);
    // Who reads Asha's mail has a factor of their own, and its proof does not fit.
    let mut mallory = proven(&bank, "Mallory").await;
    let _codes = bank.enrol_totp(&mut mallory).await;
    let mallorys = mailed_token(&bank, &mallory.email).await;
    let asked = reset(&bank, &mallorys, NEW).await.expect(200);
    let proof = prove(&bank, &mallory, &asked.text("/challenge/id")).await;
    let body = json!({ "token": ashas, "new_password": NEW, "proof": proof });
    let refused = post(&bank.client(), "/v1/auth/password/reset", &body).await.expect(200);
    assert_eq!(refused.text("/status"), "mfa_required");
    let _done = reset(&bank, &belas, NEW).await.expect(200);
    log_in(&bank, &asha.email, NEW).await.refused(401, "invalid_credentials");
    let _in = log_in(&bank, &asha.email, &asha.password).await.expect(200);
    let _in = log_in(&bank, &bela.email, NEW).await.expect(200);
}

#[tokio::test]
async fn a_step_up_proof_of_a_session_opens_no_reset() {
    let bank = TestBank::new().await;
    let mut asha = proven(&bank, "Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    bank.advance(301);
    let pair = json!({ "refresh_token": asha.refresh_token });
    let pair = post(&bank.client(), "/v1/auth/refresh", &pair).await.expect(200);
    asha.client = bank.client().with_token(&pair.text("/access_token"));
    let body = json!({ "current_password": asha.password, "new_password": NEW });
    let asked = post(&asha.client, "/v1/password", &body).await;
    asked.refused(403, "step_up_required");
    let proof = prove(&bank, &asha, &asked.text("/challenge/id")).await;
    let token = mailed_token(&bank, &asha.email).await;
    let body = json!({ "token": token, "new_password": NEW, "proof": proof });
    let refused = post(&bank.client(), "/v1/auth/password/reset", &body).await.expect(200);
    assert_eq!(refused.text("/status"), "mfa_required");
}

// A mail's link could be made to lead elsewhere by what a request says of the host (`Host`, `Forwarded`).
#[tokio::test]
async fn the_mail_with_a_token_leads_to_the_configured_address_alone() {
    let bank = TestBank::with(|config| {
        config.http.public_url = "https://bank.example".to_owned();
    })
    .await;
    let asha = proven(&bank, "Asha").await;
    let body = json!({ "email": asha.email }).to_string();
    let request = bank.client().request(Method::POST, "/v1/auth/password/forgot");
    let request = request
        .header("content-type", "application/json")
        .header("host", "evil.example")
        .header("origin", "https://evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example;proto=https");
    let reply = bank.client().send(request.body(body.into()).expect("a request")).await;
    let _told = reply.expect(202);
    let mails = mails(&bank).await;
    let text = mails[0]["text"].as_str().expect("a text");
    assert!(!text.contains("evil"), "{text}");
    let token = newest_token(&bank).await;
    let own = &bank.bank().config().http.public_url;
    let links: Vec<&str> = text.lines().filter(|line| line.contains("://")).collect();
    assert_eq!(links, [format!("{own}/reset?token={token}")], "the configured address alone");
    let _done = reset(&bank, &token, NEW).await.expect(200);
}

// ASVS 7.4.3, 7.4.2: every session and refresh token of before is dead after a reset.
#[tokio::test]
async fn whoever_was_signed_in_before_a_reset_is_out() {
    let bank = TestBank::new().await;
    let first = proven(&bank, "Asha").await;
    let mut all: Vec<Person> = vec![first.clone()];
    for _ in 0..2 {
        let mut more = first.clone();
        bank.sign_in(&mut more).await;
        all.push(more);
    }
    let token = mailed_token(&bank, &first.email).await;
    let _done = reset(&bank, &token, NEW).await.expect(200);
    for person in &all {
        person.client.get("/v1/me").await.refused(401, "unauthenticated");
        let body = json!({ "refresh_token": person.refresh_token });
        let refused = post(&bank.client(), "/v1/auth/refresh", &body).await;
        refused.refused(401, "invalid_refresh_token");
    }
}

#[tokio::test]
async fn a_sign_in_with_the_old_password_does_not_slip_through_a_change() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    for round in 0..8 {
        let new = format!("{NEW} number {round}");
        let body = json!({ "current_password": asha.password, "new_password": new });
        let change = post(&asha.client, "/v1/password", &body);
        // Those that come behind the change are wrong tries; five of them would lock the next round out.
        let sign_ins = join_all((0..4).map(|_| log_in(&bank, &asha.email, &asha.password)));
        let (changed, sign_ins) = tokio::join!(change, sign_ins);
        // The cap on sessions may have ended the one that asked; then nothing was changed.
        if changed.status.as_u16() != 204 {
            changed.refused(401, "unauthenticated");
            bank.sign_in(&mut asha).await;
            continue;
        }
        for reply in sign_ins.iter().filter(|reply| reply.status.as_u16() == 200) {
            let client = bank.client().with_token(&reply.text("/access_token"));
            client.get("/v1/me").await.refused(401, "unauthenticated");
        }
        asha.password = new;
        bank.sign_in(&mut asha).await;
    }
}

/// Begins a sign-in and gives its challenge; the authenticator's next code answers it.
async fn half_signed_in(bank: &TestBank, person: &Person) -> String {
    let half = log_in(bank, &person.email, &person.password).await.expect(200);
    assert_eq!(half.text("/status"), "mfa_required");
    half.text("/challenge/id")
}

/// The old password's half of a sign-in is worth nothing; the same code completes one that the new password began.
async fn only_the_new_password_completes(bank: &TestBank, person: &mut Person, old: &str) {
    bank.advance(30);
    let code = bank.totp_code(person);
    bank.verify(old, "totp", &code).await.refused(401, "invalid_code");
    NEW.clone_into(&mut person.password);
    let new = half_signed_in(bank, person).await;
    let _in = bank.verify(&new, "totp", &code).await.expect(200);
}

#[tokio::test]
async fn a_sign_in_begun_with_the_old_password_ends_with_a_change() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    bank.sign_in_with_totp(&mut asha).await;
    let old = half_signed_in(&bank, &asha).await;
    let body = json!({ "current_password": asha.password, "new_password": NEW });
    let _done = post(&asha.client, "/v1/password", &body).await.expect(204);
    only_the_new_password_completes(&bank, &mut asha, &old).await;
}

#[tokio::test]
async fn a_sign_in_begun_with_the_old_password_ends_with_a_reset() {
    let bank = TestBank::new().await;
    let mut asha = proven(&bank, "Asha").await;
    let _codes = bank.enrol_totp(&mut asha).await;
    let old = half_signed_in(&bank, &asha).await;
    let token = mailed_token(&bank, &asha.email).await;
    let asked = reset(&bank, &token, NEW).await.expect(200);
    let proof = prove(&bank, &asha, &asked.text("/challenge/id")).await;
    let body = json!({ "token": token, "new_password": NEW, "proof": proof });
    let done = post(&bank.client(), "/v1/auth/password/reset", &body).await.expect(200);
    assert_eq!(done.text("/status"), "password_changed");
    only_the_new_password_completes(&bank, &mut asha, &old).await;
}

#[tokio::test]
async fn a_change_leaves_the_sign_ins_of_others_alone() {
    let bank = TestBank::new().await;
    let (asha, mut bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let _codes = bank.enrol_totp(&mut bela).await;
    let half = half_signed_in(&bank, &bela).await;
    let body = json!({ "current_password": asha.password, "new_password": NEW });
    let _done = post(&asha.client, "/v1/password", &body).await.expect(204);
    bank.advance(30);
    let _in = bank.verify(&half, "totp", &bank.totp_code(&bela)).await.expect(200);
}

#[tokio::test]
async fn of_many_guesses_at_once_none_tells_which_was_right() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    for _ in 0..5 {
        let body = json!({ "current_password": "not it at all", "new_password": NEW });
        let _wrong = post(&asha.client, "/v1/password", &body).await.expect(401);
    }
    let guesses = ["not it at all", "nor is it this", asha.password.as_str()];
    let replies = join_all(guesses.map(|guess| {
        let (client, guess) = (asha.client.clone(), guess.to_owned());
        async move {
            let body = json!({ "current_password": guess, "new_password": NEW });
            post(&client, "/v1/password", &body).await
        }
    }));
    replies.await.iter().for_each(|reply| reply.refused(429, "locked_out"));
}

#[tokio::test]
async fn a_disabled_customer_is_nobody() {
    let bank = TestBank::new().await;
    let asha = proven(&bank, "Asha").await;
    let token = mailed_token(&bank, &asha.email).await;
    assert_eq!(crate::scene::sql(&bank, "UPDATE customers SET status = 1").await, 1);
    reset(&bank, &token, NEW).await.refused(401, "invalid_reset_token");
    let before = mails(&bank).await.len();
    let _told = forgot(&bank, &asha.email).await.expect(202);
    assert_eq!(mails(&bank).await.len(), before);
}

//! What operators sign in with: changed by themselves, reset by an administrator, ended by absence.

use exchequer::staff::model::Role;
use serde_json::{Value, json};
use testkit::{Person, Reply, TestBank};

use crate::rows::{number, texts};
use crate::sessions::post;

const ME: &str = "/v1/staff/me";
const DAY: i64 = 86_400;

/// A bank in which a reset waits for nobody.
async fn alone() -> TestBank {
    TestBank::with(|config| config.approvals.are_required = false).await
}

pub async fn log_in(bank: &TestBank, person: &Person, password: &str) -> Reply {
    let body = json!({ "email": person.email, "password": password });
    post(bank, "/v1/staff/login", &body).await
}

async fn own_id(person: &Person) -> String {
    person.client.get(ME).await.expect(200).text("/id")
}

/// A POST without a key, as the routes of one's own access are.
async fn change(person: &Person, path: &str, body: &Value) -> Reply {
    person.client.post_raw(path, None, body.to_string().into_bytes()).await
}

/// With the next code, since each serves once.
async fn change_password(bank: &TestBank, person: &Person, (old, new): (&str, &str)) -> Reply {
    bank.advance(30);
    let body = json!({
        "current_password": old, "new_password": new, "code": bank.totp_code(person),
    });
    change(person, "/v1/staff/password", &body).await
}

async fn begin_authenticator(bank: &TestBank, person: &Person) -> Reply {
    bank.advance(30);
    let body = json!({ "current_password": person.password, "code": bank.totp_code(person) });
    let begun = change(person, "/v1/staff/authenticator", &body).await.expect(201);
    bank.secret(&begun.text("/authenticator/secret"));
    begun
}

/// The same operator with another secret in the authenticator.
fn with_secret(person: &Person, secret: &str) -> Person {
    Person { totp_secret: Some(secret.to_owned()), ..person.clone() }
}

/// A reset that waits for nobody; gives the first password.
async fn reset(bank: &TestBank, admin: &Person, id: &str) -> String {
    let path = format!("/v1/staff/members/{id}/reset");
    let done = admin.client.post(&path, &json!({})).await.expect(200);
    assert_eq!(done.text("/renewal"), "password_and_factor");
    bank.secret(&done.text("/first_password"));
    done.text("/first_password")
}

/// Chooses a password and enrols the authenticator that the sign-in showed; gives the operator as they are then.
async fn renew(bank: &TestBank, person: &Person, asked: &Reply, new: &str) -> (Person, Reply) {
    let secret = asked.text("/authenticator/secret");
    bank.secret(&secret);
    let renewed = Person { password: new.to_owned(), ..with_secret(person, &secret) };
    let body = json!({
        "challenge": asked.text("/challenge/id"),
        "code": bank.totp_code(&renewed),
        "new_password": new,
    });
    let reply = post(bank, "/v1/staff/login/renew", &body).await;
    (renewed, reply)
}

/// All that an operator's access goes through, and is refused; with an administrator who may read the trail.
pub async fn every_way() -> (TestBank, Person) {
    let bank = alone().await;
    let (mut admin, mut teller) =
        (bank.operator(Role::Admin).await, bank.operator(Role::Teller).await);
    let own = format!("/v1/staff/members/{}/reset", own_id(&admin).await);
    admin.client.post(&own, &json!({})).await.refused(409, "own_access");
    let new = "nine grey geese under a bridge";
    change_password(&bank, &teller, ("not it at all", new))
        .await
        .refused(401, "invalid_credentials");
    let _done = change_password(&bank, &teller, (&teller.password, new)).await.expect(204);
    new.clone_into(&mut teller.password);
    bank.sign_in_operator(&mut teller).await;
    let begun = begin_authenticator(&bank, &teller).await;
    teller = with_secret(&teller, &begun.text("/authenticator/secret"));
    let body = json!({ "challenge": begun.text("/challenge/id"), "code": bank.totp_code(&teller) });
    let _done = change(&teller, "/v1/staff/authenticator/confirm", &body).await.expect(204);
    bank.sign_in_operator(&mut teller).await;
    bank.sign_in_operator(&mut admin).await;
    let first = reset(&bank, &admin, &own_id(&teller).await).await;
    let asked = log_in(&bank, &teller, &first).await.expect(200);
    let (_teller, done) = renew(&bank, &teller, &asked, "ten grey geese under a bridge").await;
    let _done = done.expect(204);
    let made = bank.operator(Role::Teller).await;
    let id = own_id(&made).await.parse().expect("an id");
    let act = bank.bank().system_act("test");
    let must =
        move |tx: &mut store::Tx<'_>| exchequer::staff::renewal::must_change_in(tx, &act, &id);
    bank.bank().db().write("test", must).await.expect("it is noted");
    (bank, admin)
}

pub async fn mails(bank: &TestBank, to: &str, purpose: &str) -> usize {
    let inbox = bank.inbox().await;
    inbox.iter().filter(|mail| mail["to"] == to && mail["purpose"] == purpose).count()
}

// ASVS 6.2.2, 6.2.3: an operator changes their password by showing the one before.
#[tokio::test]
async fn a_password_is_changed_with_password_and_code_and_ends_every_session() {
    let bank = TestBank::new().await;
    let mut teller = bank.operator(Role::Teller).await;
    let elsewhere = teller.clone();
    bank.sign_in_operator(&mut teller).await;
    let half = log_in(&bank, &teller, &teller.password).await.expect(200).text("/challenge/id");
    let new = "nine grey geese under a bridge";
    let old = teller.password.clone();
    change_password(&bank, &teller, ("not it at all", new))
        .await
        .refused(401, "invalid_credentials");
    let wrong = json!({ "current_password": old, "new_password": new, "code": "000000" });
    change(&teller, "/v1/staff/password", &wrong).await.refused(401, "invalid_code");
    let odd = json!({ "current_password": old, "new_password": new, "code": "0" });
    change(&teller, "/v1/staff/password", &odd).await.refused(422, "invalid_fields");
    // What the rules refuse uses up no code.
    let code = {
        bank.advance(30);
        bank.totp_code(&teller)
    };
    for refused in ["short", "Exchequer-Bank-2026-Teller", &old] {
        let body = json!({ "current_password": old, "new_password": refused, "code": code });
        change(&teller, "/v1/staff/password", &body).await.refused(422, "invalid_fields");
    }
    let body = json!({ "current_password": old, "new_password": new, "code": code });
    let _done = change(&teller, "/v1/staff/password", &body).await.expect(204);
    for person in [&teller, &elsewhere] {
        person.client.get(ME).await.refused(401, "unauthenticated");
        let refresh = json!({ "refresh_token": person.refresh_token });
        post(&bank, "/v1/auth/refresh", &refresh).await.refused(401, "invalid_refresh_token");
    }
    bank.advance(30);
    bank.verify(&half, "totp", &bank.totp_code(&teller)).await.refused(401, "invalid_code");
    log_in(&bank, &teller, &old).await.refused(401, "invalid_credentials");
    new.clone_into(&mut teller.password);
    bank.sign_in_operator(&mut teller).await;
    let _in = teller.client.get(ME).await.expect(200);
    assert_eq!(mails(&bank, &teller.email, "password_changed").await, 1);
    let events =
        "SELECT action || ' ' || outcome FROM events WHERE action LIKE 'staff.%chang%' ORDER BY id";
    assert_eq!(
        texts(&bank, events).await,
        [
            "staff.access_change_refused invalid_credentials",
            "staff.access_change_refused invalid_code",
            "staff.password_changed done"
        ]
    );
}

// PCI DSS 8.3.7: a new password is none of the last four.
#[tokio::test]
async fn none_of_the_last_four_passwords_is_taken_again() {
    let bank = TestBank::new().await;
    let mut teller = bank.operator(Role::Teller).await;
    let first = teller.password.clone();
    let words = ["otters", "herons", "badgers", "magpies", "lapwings"];
    for word in words {
        let new = format!("seven quiet {word} by the weir");
        let changed = change_password(&bank, &teller, (&teller.password, &new)).await;
        let _done = changed.expect(204);
        teller.password = new;
        bank.sign_in_operator(&mut teller).await;
    }
    for word in words {
        let had = format!("seven quiet {word} by the weir");
        let refused = change_password(&bank, &teller, (&teller.password, &had)).await;
        refused.refused(422, "invalid_fields");
        assert_eq!(refused.text("/fields/0/code"), "reused");
    }
    let _again = change_password(&bank, &teller, (&teller.password, &first)).await.expect(204);
    let kept = "SELECT CAST(COUNT(*) AS BIGINT) FROM former_passwords";
    assert_eq!(number(&bank, kept).await, 4);
}

// ASVS 6.5.6, 7.4.3: an authenticator is replaced by whoever shows the one before, and all sessions end.
#[tokio::test]
async fn another_authenticator_takes_the_place_of_the_old_one_with_its_first_code() {
    let bank = TestBank::new().await;
    let mut teller = bank.operator(Role::Teller).await;
    let begun = begin_authenticator(&bank, &teller).await;
    let challenge = begun.text("/challenge/id");
    assert!(begun.text("/authenticator/qr_svg").contains("<svg"));
    let mut renewed = with_secret(&teller, &begun.text("/authenticator/secret"));
    // It signs nobody in, and the one before does.
    bank.advance(30);
    let half = log_in(&bank, &teller, &teller.password).await.expect(200).text("/challenge/id");
    bank.verify(&half, "totp", &bank.totp_code(&renewed)).await.refused(401, "invalid_code");
    let mut beside = teller.clone();
    bank.sign_in_operator(&mut beside).await;
    let confirm = |code: String| json!({ "challenge": challenge, "code": code });
    let path = "/v1/staff/authenticator/confirm";
    let wrong = change(&teller, path, &confirm("000000".to_owned())).await;
    wrong.refused(401, "invalid_code");
    let code = bank.totp_code(&renewed);
    let _done = change(&teller, path, &confirm(code.clone())).await.expect(204);
    for person in [&teller, &beside] {
        person.client.get(ME).await.refused(401, "unauthenticated");
    }
    // The code that enrolled it signs nobody in, nor does the old authenticator.
    let half = log_in(&bank, &teller, &teller.password).await.expect(200).text("/challenge/id");
    bank.verify(&half, "totp", &code).await.refused(401, "invalid_code");
    bank.advance(30);
    bank.verify(&half, "totp", &bank.totp_code(&teller)).await.refused(401, "invalid_code");
    bank.sign_in_operator(&mut renewed).await;
    let _in = renewed.client.get(ME).await.expect(200);
    teller.client = renewed.client.clone();
    change(&teller, path, &confirm(bank.totp_code(&renewed))).await.refused(401, "invalid_code");
    assert_eq!(mails(&bank, &teller.email, "factor_added").await, 1);
}

// PCI DSS 8.3.5: a password that somebody is given is their own only, serves once and is changed at its first use.
// ASVS 6.4.1, 6.4.6: who resets chooses nothing: what is drawn opens no session, and ends after three days.
#[tokio::test]
async fn a_reset_waits_for_a_second_administrator_and_leaves_nothing_of_before() {
    let bank = TestBank::new().await;
    let (admin, mut teller) = (bank.operator(Role::Admin).await, bank.operator(Role::Teller).await);
    let id = own_id(&teller).await;
    let path = format!("/v1/staff/members/{id}/reset");
    let asked = admin.client.post(&path, &json!({})).await.expect(202);
    let first = asked.text("/secret");
    bank.secret(&first);
    assert_eq!(asked.text("/approval/kind"), "reset_member");
    // Until it is approved nothing has happened.
    let _in = teller.client.get(ME).await.expect(200);
    log_in(&bank, &teller, &first).await.refused(401, "invalid_credentials");
    admin.client.post(&path, &json!({})).await.refused(409, "approval_pending");
    assert_eq!(bank.done(asked, Role::Admin).await, id);
    teller.client.get(ME).await.refused(401, "unauthenticated");
    log_in(&bank, &teller, &teller.password).await.refused(401, "invalid_credentials");
    let asked = log_in(&bank, &teller, &first).await.expect(200);
    assert_eq!(asked.text("/status"), "renewal_required");
    let half = asked.text("/challenge/id");
    bank.advance(30);
    bank.verify(&half, "totp", &bank.totp_code(&teller)).await.refused(404, "not_found");
    let (_, weak) = renew(&bank, &teller, &asked, "short").await;
    weak.refused(422, "invalid_fields");
    for had in [&first, &teller.password] {
        let (_, reused) = renew(&bank, &teller, &asked, had).await;
        assert_eq!(reused.text("/fields/0/code"), "reused");
    }
    let (renewed, done) = renew(&bank, &teller, &asked, "nine grey geese under a bridge").await;
    let _done = done.expect(204);
    let (_, again) = renew(&bank, &teller, &asked, "ten grey geese under a bridge").await;
    again.refused(401, "invalid_code");
    log_in(&bank, &teller, &first).await.refused(401, "invalid_credentials");
    teller = renewed;
    // The code that enrolled the authenticator signs nobody in.
    let half = log_in(&bank, &teller, &teller.password).await.expect(200).text("/challenge/id");
    bank.verify(&half, "totp", &bank.totp_code(&teller)).await.refused(401, "invalid_code");
    bank.sign_in_operator(&mut teller).await;
    let _in = teller.client.get(ME).await.expect(200);
    for purpose in ["access_reset", "access_renewed"] {
        assert_eq!(mails(&bank, &teller.email, purpose).await, 1, "{purpose}");
    }
    let events = "SELECT action || ' ' || outcome FROM events WHERE action LIKE 'staff.%re%e%' \
                  AND action NOT LIKE 'staff.created' ORDER BY id";
    assert_eq!(texts(&bank, events).await, ["staff.reset done", "staff.access_renewed done"]);
}

// PCI DSS 8.3.5: the first password ends by itself.
#[tokio::test]
async fn a_first_password_serves_for_three_days() {
    let bank = alone().await;
    let (mut admin, teller) = (bank.operator(Role::Admin).await, bank.operator(Role::Teller).await);
    let id = own_id(&teller).await;
    let first = reset(&bank, &admin, &id).await;
    bank.advance(3 * DAY - 1);
    let asked = log_in(&bank, &teller, &first).await.expect(200);
    assert_eq!(asked.text("/status"), "renewal_required");
    bank.advance(1);
    log_in(&bank, &teller, &first).await.refused(403, "account_disabled");
    log_in(&bank, &teller, "not it at all").await.refused(401, "invalid_credentials");
    bank.sign_in_operator(&mut admin).await;
    let _second = reset(&bank, &admin, &id).await;
    log_in(&bank, &teller, &first).await.refused(401, "invalid_credentials");
}

// PCI DSS 8.3.5: whoever makes an operator may ask for the password to be changed at its first use.
#[tokio::test]
async fn an_operator_made_with_a_first_password_keeps_the_authenticator() {
    let bank = TestBank::new().await;
    let mut teller = bank.operator(Role::Teller).await;
    let id = own_id(&teller).await.parse().expect("an id");
    let act = bank.bank().system_act("test");
    let must =
        move |tx: &mut store::Tx<'_>| exchequer::staff::renewal::must_change_in(tx, &act, &id);
    bank.bank().db().write("test", must).await.expect("it is noted");
    let asked = log_in(&bank, &teller, &teller.password).await.expect(200);
    assert_eq!(asked.text("/status"), "renewal_required");
    assert!(asked.json().get("authenticator").is_none());
    bank.advance(30);
    let new = "nine grey geese under a bridge";
    let code = bank.totp_code(&teller);
    let body = json!({
        "challenge": asked.text("/challenge/id"), "code": code, "new_password": new,
    });
    let _done = post(&bank, "/v1/staff/login/renew", &body).await.expect(204);
    log_in(&bank, &teller, &teller.password).await.refused(401, "invalid_credentials");
    new.clone_into(&mut teller.password);
    bank.sign_in_operator(&mut teller).await;
    let _in = teller.client.get(ME).await.expect(200);
}

/// Also a customer's password is none of the last four.
#[tokio::test]
async fn a_customers_last_passwords_are_refused_at_a_change() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let first = asha.password.clone();
    let change = async |asha: &mut Person, new: &str| {
        let body = json!({ "current_password": asha.password, "new_password": new });
        let reply = change(asha, "/v1/password", &body).await;
        if reply.status.is_success() {
            new.clone_into(&mut asha.password);
            bank.sign_in(asha).await;
        }
        reply
    };
    let _done = change(&mut asha, "eleven calm herons on a jetty").await.expect(204);
    let refused = change(&mut asha, &first).await;
    refused.refused(422, "invalid_fields");
    assert_eq!(refused.text("/fields/0/code"), "reused");
    for word in ["otters", "badgers", "magpies", "lapwings"] {
        let _done = change(&mut asha, &format!("seven quiet {word} by the weir")).await.expect(204);
    }
    let _again = change(&mut asha, &first).await.expect(204);
}

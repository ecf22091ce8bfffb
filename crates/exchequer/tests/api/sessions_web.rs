//! Sessions of browsers: the cookie, the token against requests from elsewhere, and the end of both.

use axum::body::Body;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{Person, Reply, TestBank};

use crate::sessions::post;

/// A browser that is signed in.
pub struct Browser {
    pub cookie: String,
    pub csrf: String,
}

/// `name=value` of the answer's cookie.
pub fn cookie_of(reply: &Reply) -> String {
    let set = reply.header("set-cookie").expect("a cookie");
    set.split(';').next().expect("a value").to_owned()
}

pub async fn sign_in(bank: &TestBank, person: &Person) -> Browser {
    let body = json!({ "email": person.email, "password": person.password });
    let reply = post(bank, "/v1/web/session", &body).await.expect(200);
    Browser { cookie: cookie_of(&reply), csrf: reply.text("/csrf_token") }
}

/// A request with these headers and this JSON body.
pub async fn ask(
    bank: &TestBank,
    (method, path): (Method, &str),
    headers: &[(&str, &str)],
    body: &Value,
) -> Reply {
    let mut request = bank.client().request(method.clone(), path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if method == Method::GET || body.is_null() {
        Body::empty()
    } else {
        request = request.header("content-type", "application/json");
        Body::from(body.to_string())
    };
    bank.client().send(request.body(body).expect("a request")).await
}

async fn me(bank: &TestBank, cookie: &str) -> Reply {
    ask(bank, (Method::GET, "/v1/me"), &[("cookie", cookie)], &Value::Null).await
}

fn account() -> Value {
    json!({ "currency": "INR", "name": "Everyday" })
}

// ASVS 7.4.3: whoever changes the password signs in anew, in a browser too.
#[tokio::test]
async fn a_change_of_the_password_ends_the_browsers_session_and_clears_its_cookie() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let browser = sign_in(&bank, &asha).await;
    let change = json!({
        "current_password": asha.password, "new_password": "another long and quiet sentence"
    });
    let headers = [("cookie", &*browser.cookie), ("x-csrf-token", &*browser.csrf)];
    let changed = ask(&bank, (Method::POST, "/v1/password"), &headers, &change).await.expect(204);
    let set = changed.header("set-cookie").expect("a cookie");
    assert!(set.starts_with("exchequer=;") && set.contains("Max-Age=0"), "{set}");
    me(&bank, &browser.cookie).await.refused(401, "unauthenticated");
    asha.client.get("/v1/me").await.refused(401, "unauthenticated");
    let by_token = bank.customer("Bela").await;
    let change = json!({
        "current_password": by_token.password, "new_password": "another long and quiet sentence"
    });
    let body = change.to_string().into_bytes();
    let changed = by_token.client.post_raw("/v1/password", None, body).await.expect(204);
    assert!(changed.header("set-cookie").is_none());
}

// ASVS 3.3.4, 3.3.5: the session stands in the cookie alone, which has 43 characters and its name.
#[tokio::test]
async fn a_browser_signs_in_reads_writes_with_its_token_and_signs_out() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let body = json!({ "email": asha.email, "password": asha.password });
    let reply = post(&bank, "/v1/web/session", &body).await.expect(200);
    assert_eq!(reply.text("/status"), "authenticated");
    assert!(
        reply.json().get("access_token").is_none() && reply.json().get("refresh_token").is_none()
    );
    let set = reply.header("set-cookie").expect("a cookie").to_owned();
    // On plain http of this machine; `sessions::web` has the other form.
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{set}");
    // ASVS 7.2.3: 256 bits.
    let (cookie, csrf) = (cookie_of(&reply), reply.text("/csrf_token"));
    assert_eq!(cookie.split_once('=').expect("a value").1.len(), 43);
    assert_eq!(me(&bank, &cookie).await.expect(200).text("/id"), asha.id);
    let line = (Method::GET, "/v1/web/session");
    let shown = ask(&bank, line, &[("cookie", &cookie)], &Value::Null).await.expect(200);
    assert_eq!(shown.text("/csrf_token"), csrf);
    let key = testkit::key();
    let headers = [("cookie", &*cookie), ("x-csrf-token", &csrf), ("idempotency-key", &key)];
    let _opened =
        ask(&bank, (Method::POST, "/v1/accounts"), &headers, &account()).await.expect(201);
    let list = ask(&bank, (Method::GET, "/v1/sessions"), &headers[..1], &Value::Null).await;
    assert_eq!(list.expect(200).text("/data/0/form"), "cookie");
    let out = ask(&bank, (Method::DELETE, "/v1/web/session"), &headers, &Value::Null).await;
    let cleared = out.expect(204);
    assert!(cleared.header("set-cookie").expect("a cookie").ends_with("Max-Age=0"));
    me(&bank, &cookie).await.refused(401, "unauthenticated");
}

// ASVS 3.3.1, 3.3.3: the cookie is Secure, and its name binds it to this host.
#[tokio::test]
async fn behind_https_the_cookie_is_bound_to_the_host() {
    let https = |config: &mut exchequer::config::Config| {
        config.http.public_url = "https://bank.example".to_owned();
    };
    let bank = TestBank::with(https).await;
    let asha = bank.customer("Asha").await;
    let body = json!({ "email": asha.email, "password": asha.password });
    let reply = post(&bank, "/v1/web/session", &body).await.expect(200);
    let set = reply.header("set-cookie").expect("a cookie");
    assert!(set.starts_with("__Host-") && set.ends_with("; Secure"), "{set}");
    assert!(!set.contains("Domain"), "{set}");
    let _me = me(&bank, &cookie_of(&reply)).await.expect(200);
}

/// ASVS 7.2.4: a new token at every sign-in, and the one before is dead.
#[tokio::test]
async fn a_new_sign_in_of_the_same_browser_takes_the_place_of_the_old() {
    let bank = TestBank::with(|config| config.sessions.max = 2).await;
    let (asha, bela) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let first = sign_in(&bank, &asha).await;
    let body = json!({ "email": asha.email, "password": asha.password });
    let mut cookie = first.cookie.clone();
    for _ in 0..3 {
        let line = (Method::POST, "/v1/web/session");
        let reply = ask(&bank, line, &[("cookie", &cookie)], &body).await.expect(200);
        me(&bank, &cookie).await.refused(401, "unauthenticated");
        cookie = cookie_of(&reply);
    }
    // Never more than one place: the session with tokens lives on.
    let _me = asha.client.get("/v1/me").await.expect(200);
    let body = json!({ "email": bela.email, "password": bela.password });
    let line = (Method::POST, "/v1/web/session");
    let reply = ask(&bank, line, &[("cookie", &cookie)], &body).await.expect(200);
    me(&bank, &cookie).await.refused(401, "unauthenticated");
    assert_eq!(me(&bank, &cookie_of(&reply)).await.expect(200).text("/id"), bela.id);
    // A wrong password ends nothing.
    let body = json!({ "email": bela.email, "password": "not the right passphrase" });
    let cookie = cookie_of(&reply);
    let line = (Method::POST, "/v1/web/session");
    ask(&bank, line, &[("cookie", &cookie)], &body).await.refused(401, "invalid_credentials");
    let _me = me(&bank, &cookie).await.expect(200);
}

/// A browser that shows a factor for one act; gives the cookies before and after.
pub async fn step_up(bank: &TestBank, person: &mut Person) -> [String; 2] {
    let browser = sign_in(bank, person).await;
    let _codes = bank.enrol_totp(person).await;
    let (line, key) = ((Method::POST, "/v1/factors/sms"), testkit::key());
    let (body, headers) = (
        json!({ "phone": "+919876543215" }),
        [("cookie", &*browser.cookie), ("x-csrf-token", &browser.csrf), ("idempotency-key", &key)],
    );
    let asked = ask(bank, line.clone(), &headers, &body).await;
    asked.refused(403, "step_up_required");
    let proof = bank.prove(person, &asked.text("/challenge/id")).await;
    let headers = [&headers[..], &[("step-up", &*proof)]].concat();
    let added = ask(bank, line, &headers, &body).await.expect(201);
    [browser.cookie, cookie_of(&added)]
}

/// ASVS 7.2.4: a new token after a step-up, and the one before is dead.
#[tokio::test]
async fn a_step_up_gives_a_browser_another_cookie() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha").await;
    let [before, after] = step_up(&bank, &mut asha).await;
    me(&bank, &before).await.refused(401, "unauthenticated");
    assert_eq!(me(&bank, &after).await.expect(200).text("/id"), asha.id);
}

#[tokio::test]
async fn a_form_brings_the_token_in_its_body() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let browser = sign_in(&bank, &asha).await;
    let form = async |body: String| {
        let request = bank
            .client()
            .request(Method::POST, "/v1/auth/logout")
            .header("cookie", &browser.cookie)
            .header("content-type", "application/x-www-form-urlencoded");
        bank.client().send(request.body(Body::from(body)).expect("a request")).await
    };
    for wrong in [
        String::new(),
        "csrf_token=".to_owned(),
        format!("csrf_token={}x", browser.csrf),
        format!("csrf_token={0}&csrf_token={0}", browser.csrf),
        format!("token={}", browser.csrf),
    ] {
        form(wrong).await.refused(403, "cross_site_refused");
    }
    form(format!("a=b&csrf_token={}", browser.csrf)).await.refused(400, "malformed_request");
    let right = form(format!("csrf_token={}", browser.csrf)).await;
    assert_eq!(right.status, StatusCode::NO_CONTENT);
    me(&bank, &browser.cookie).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_session_of_tokens_has_no_cookie_to_show() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    asha.client.get("/v1/web/session").await.refused(404, "not_found");
}

/// ASVS 7.3.1, 7.3.2: the limits are those of every session.
#[tokio::test]
async fn a_cookie_has_the_limits_of_every_session() {
    let bank = TestBank::with(|config| config.sessions.absolute_seconds = 2_000).await;
    let asha = bank.customer("Asha").await;
    let (idle, busy) = (sign_in(&bank, &asha).await, sign_in(&bank, &asha).await);
    bank.advance(800);
    let _me = me(&bank, &busy.cookie).await.expect(200);
    bank.advance(100);
    me(&bank, &idle.cookie).await.refused(401, "unauthenticated");
    bank.advance(600);
    let _me = me(&bank, &busy.cookie).await.expect(200);
    bank.advance(500);
    me(&bank, &busy.cookie).await.refused(401, "unauthenticated");
}

//! What a new password holds back, from the request that sets it to the hour at which large sums go again.

use serde_json::{Value, json};
use testkit::{Reply, TestBank, key};

use crate::sessions::post;
use crate::transfers::Pair;

const NEW: &str = "another long and quiet sentence";
const DAY: i64 = 86_400;
/// In minor units, as `step_up.amount` below has it in major ones.
const LARGE: i64 = 5_000;

/// Somebody with an authenticator, which confirms large sums, and with a proven address.
async fn pair() -> Pair {
    let mut p = Pair::on(TestBank::with(|c| c.step_up.amount = 50).await).await;
    p.bank.secret(NEW);
    p.bank.confirm_email(&p.asha).await;
    let _codes = p.bank.enrol_totp(&mut p.asha).await;
    p
}

/// A payment, confirmed where that is asked for: what refuses it then is not a factor that is missing.
async fn send(p: &Pair, amount: i64) -> Reply {
    p.bank.post_stepped(&p.asha, "/v1/transfers", &p.order(amount)).await
}

/// The password was set just now: large sums wait for a day from here, to the second, and nothing else does.
async fn large_sums_wait_a_day(p: &mut Pair) {
    let changed_at = p.bank.clock().now();
    NEW.clone_into(&mut p.asha.password);
    p.bank.sign_in_with_totp(&mut p.asha).await;
    // Before a factor is asked for: no proof makes the day shorter.
    let (key, order) = (key(), p.order(LARGE));
    let refused = p.asha.client.post_with_key("/v1/transfers", &key, &order).await;
    refused.refused(422, "recent_password_change");
    let _small = send(p, LARGE - 1).await.expect(201);
    // So that the two are not together in the day that is looked at.
    p.bank.clock().set(changed_at.plus_seconds(DAY - 60)).expect("a clock in hand");
    p.bank.sign_in_with_totp(&mut p.asha).await;
    p.bank.clock().set(changed_at.plus_seconds(DAY - 1)).expect("a clock in hand");
    send(p, LARGE).await.refused(422, "recent_password_change");
    assert_eq!(p.bank.balance(&p.asha, &p.from).await[0], 5_001);
    p.bank.advance(1);
    let sent = send(p, LARGE).await.expect(201);
    assert_eq!(sent.text("/status"), "posted");
    assert_eq!(p.bank.balance(&p.asha, &p.from).await[0], 1);
}

#[tokio::test]
async fn a_large_sum_goes_at_once_where_no_password_was_changed() {
    let p = pair().await;
    let _sent = send(&p, LARGE).await.expect(201);
}

// ASVS 2.4.2: who has just taken an account over does not empty it at once.
#[tokio::test]
async fn after_a_change_of_the_password_a_large_sum_waits_a_day() {
    let mut p = pair().await;
    p.bank.sign_in_with_totp(&mut p.asha).await;
    let body = json!({ "current_password": p.asha.password, "new_password": NEW });
    let changed = p.asha.client.post_raw("/v1/password", None, body.to_string().into_bytes());
    let _changed = changed.await.expect(204);
    large_sums_wait_a_day(&mut p).await;
}

#[tokio::test]
async fn after_a_reset_by_a_mailed_token_a_large_sum_waits_a_day() {
    let mut p = pair().await;
    let asked = json!({ "email": p.asha.email });
    let _told = post(&p.bank, "/v1/auth/password/forgot", &asked).await.expect(202);
    let token = p.bank.mailed_token(&p.asha.email, "password_reset").await;
    let reset = async |proof: Value| {
        let body = json!({ "token": token, "new_password": NEW, "proof": proof });
        post(&p.bank, "/v1/auth/password/reset", &body).await.expect(200)
    };
    let asked = reset(Value::Null).await;
    assert_eq!(asked.text("/status"), "mfa_required");
    let proof = p.bank.prove(&p.asha, &asked.text("/challenge/id")).await;
    assert_eq!(reset(json!(proof)).await.text("/status"), "password_changed");
    large_sums_wait_a_day(&mut p).await;
}

/// Without a factor nothing large goes ever; what is small alone may be large together, and waits too.
#[tokio::test]
async fn without_a_factor_small_sums_that_are_large_together_wait_the_day() {
    let mut p = Pair::on(TestBank::with(|c| c.step_up.amount = 50).await).await;
    p.bank.secret(NEW);
    let body = json!({ "current_password": p.asha.password, "new_password": NEW });
    let changed = p.asha.client.post_raw("/v1/password", None, body.to_string().into_bytes());
    let _changed = changed.await.expect(204);
    NEW.clone_into(&mut p.asha.password);
    p.bank.sign_in(&mut p.asha).await;
    let _first = send(&p, LARGE - 1).await.expect(201);
    send(&p, 1).await.refused(422, "recent_password_change");
    p.bank.advance(DAY);
    p.bank.sign_in(&mut p.asha).await;
    let _second = send(&p, 1).await.expect(201);
    let _large_together = send(&p, LARGE - 1).await.expect(201);
}

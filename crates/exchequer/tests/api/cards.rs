//! `/v1/cards`: numbers go in, and never come out.

use exchequer::config::Profile;
use exchequer::jobs::Job;
use exchequer::staff::model::Role;
use money::kind::Card;
use serde_json::json;
use testkit::{Shop, TestBank};

async fn shop() -> (TestBank, Shop) {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    let shop = Shop::new(&bank, &admin, "test").await;
    (bank, shop)
}

// ASVS 14.2.6: a card is shown by brand and last four digits.
/// PCI DSS 4.0.1, 3.4.1: of a number nobody is shown more than its last four digits.
#[tokio::test]
async fn a_card_is_kept_shown_without_its_number_and_deleted() {
    let (bank, shop) = shop().await;
    bank.secret("4242424242424242");
    let body = json!({
        "number": "4242 4242 4242 4242", "exp_month": 12, "exp_year": 2030, "customer": "asha"
    });
    let made = shop.post("/v1/cards", &body).await.expect(201);
    assert_eq!(made.text("/brand"), "visa");
    assert_eq!(made.text("/last4"), "4242");
    assert_eq!(made.text("/mode"), "test");
    assert_eq!(made.int("/exp_year"), 2030);
    assert_eq!(made.text("/fingerprint").len(), 64);
    assert!(made.json()["duplicate_of"].is_null() && made.json()["token"].is_null());
    let path = format!("/v1/cards/{}", made.text("/id"));
    assert_eq!(shop.get(&path).await.expect(200).json(), made.json());
    let _gone = shop.delete(&path).await.expect(204);
    shop.get(&path).await.refused(404, "not_found");
    shop.delete(&path).await.refused(404, "not_found");
}

/// How many cards have a number, and how many events say that one went because its card was over.
async fn kept(bank: &TestBank) -> (i64, i64) {
    let count = |sql: &'static str| {
        bank.bank().db().read("count", move |tx| tx.query_one(sql, &[])?.int(0))
    };
    let numbers = "SELECT CAST(COUNT(*) AS BIGINT) FROM cards WHERE number IS NOT NULL";
    let events = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'card.deleted' \
                  AND after = '{\"reason\":\"expired\"}'";
    (count(numbers).await.expect("a count"), count(events).await.expect("a count"))
}

async fn forget(bank: &TestBank) -> u64 {
    let (_running, stop) = tokio::sync::watch::channel(false);
    Job::ForgetCards.run(bank.bank(), &stop).await.expect("the job runs")
}

// PCI DSS 3.2.1: the number of a card that is over is deleted after the configured time, by itself, and nothing older
// remains.
#[tokio::test]
async fn a_number_goes_when_its_card_is_over_for_long() {
    let (bank, shop) = shop().await;
    let card = |month: u32, year: u32| json!({ "number": "4242424242424242", "exp_month": month, "exp_year": year, "customer": "asha" });
    let now = bank.clock().now().to_string();
    let (year, month): (u32, u32) = (now[..4].parse().unwrap(), now[5..7].parse().unwrap());
    let (soon, later) = (card(month, year), card(12, year + 3));
    let soon = shop.post("/v1/cards", &soon).await.expect(201).text("/id");
    let later = shop.post("/v1/cards", &later).await.expect(201).text("/id");
    assert_eq!((forget(&bank).await, kept(&bank).await), (0, (2, 0)));
    // 90 days behind the end of the month are not over before 90 days from now, and are after 122.
    bank.advance(90 * 86_400);
    assert_eq!((forget(&bank).await, kept(&bank).await), (0, (2, 0)));
    let _still = shop.get(&format!("/v1/cards/{soon}")).await.expect(200);
    bank.advance(32 * 86_400);
    // Wherever it fails nothing is half gone, and the next run finds it.
    let (_running, stop) = tokio::sync::watch::channel(false);
    let mut failures = 0;
    loop {
        bank.bank().db().faults().fail_at("cards.forget", failures + 1);
        let run = Job::ForgetCards.run(bank.bank(), &stop).await;
        if bank.bank().db().faults().disarm() {
            assert_eq!(run.expect("the job runs"), 1);
            break;
        }
        assert!(run.is_err());
        assert_eq!(kept(&bank).await, (2, 0), "at {failures}");
        failures += 1;
    }
    assert!(failures > 3, "only {failures} statements");
    assert_eq!(kept(&bank).await, (1, 1));
    shop.get(&format!("/v1/cards/{soon}")).await.refused(404, "not_found");
    let _valid = shop.get(&format!("/v1/cards/{later}")).await.expect(200);
    assert_eq!((forget(&bank).await, kept(&bank).await), (0, (1, 1)));
    bank.advance(4 * 366 * 86_400);
    let both = tokio::join!(forget(&bank), forget(&bank));
    assert_eq!((both.0 + both.1, kept(&bank).await), (1, (0, 2)));
}

/// PCI DSS 4.0.1, 3.5.1.1: a keyed fingerprint, of one merchant and mode.
#[tokio::test]
async fn a_number_is_known_again_by_its_merchant_and_by_nobody_else() {
    let (bank, shop) = shop().await;
    let admin = bank.operator(Role::Admin).await;
    let other = Shop::new(&bank, &admin, "test").await;
    let body = json!({ "number": "4242424242424242", "exp_month": 12, "exp_year": 2030 });
    let first = shop.post("/v1/cards", &body).await.expect(201);
    let second = shop.post("/v1/cards", &body).await.expect(201);
    assert_eq!(second.text("/duplicate_of"), first.text("/id"));
    assert_eq!(second.text("/fingerprint"), first.text("/fingerprint"));
    let theirs = other.post("/v1/cards", &body).await.expect(201);
    assert!(theirs.json()["duplicate_of"].is_null());
    assert_ne!(theirs.text("/fingerprint"), first.text("/fingerprint"));
    let path = format!("/v1/cards/{}", first.text("/id"));
    other.get(&path).await.refused(404, "not_found");
    other.delete(&path).await.refused(404, "not_found");
    let unknown = format!("/v1/cards/{}", bank.unknown_id::<Card>());
    other.get(&unknown).await.refused(404, "not_found");
    let _still = shop.get(&path).await.expect(200);
}

#[tokio::test]
async fn a_format_preserving_token_ends_like_its_number_and_is_no_number() {
    let (_bank, shop) = shop().await;
    let body = json!({
        "number": "378282246310005", "exp_month": 1, "exp_year": 2031, "format_preserving": true
    });
    let made = shop.post("/v1/cards", &body).await.expect(201);
    let token = made.text("/token");
    assert_eq!((token.len(), &token[11..]), (15, "0005"));
    let as_number = json!({ "number": token, "exp_month": 1, "exp_year": 2031 });
    let refused = shop.post("/v1/cards", &as_number).await;
    assert_eq!(refused.text("/fields/0/field"), "number");
    let again = shop.post("/v1/cards", &body).await.expect(201);
    assert_eq!(again.text("/token"), token);
}

// PCI DSS 6.5.5: a live number is refused in test mode.
#[tokio::test]
async fn what_is_no_card_is_refused_without_a_digit_of_it() {
    let (_bank, shop) = shop().await;
    for (number, month, year, field, code) in [
        ("4242424242424241", 12, 2030, "number", "invalid"),
        ("4242", 12, 2030, "number", "invalid"),
        ("", 12, 2030, "number", "invalid"),
        ("4716190207394368", 12, 2030, "number", "wrong_mode"),
        ("4242424242424242", 13, 2030, "exp_month", "invalid"),
        ("4242424242424242", 0, 2030, "exp_month", "invalid"),
        ("4242424242424242", -1, 2030, "exp_month", "invalid"),
        ("4242424242424242", 12, 2025, "exp_year", "expired"),
        ("4242424242424242", 12, 2099, "exp_year", "invalid"),
        ("4242424242424242", 12, 123_456, "exp_year", "invalid"),
    ] {
        let body = json!({ "number": number, "exp_month": month, "exp_year": year });
        let reply = shop.post("/v1/cards", &body).await;
        assert_eq!(reply.text("/fields/0/field"), field, "{number} {month}/{year}");
        assert_eq!(reply.text("/fields/0/code"), code, "{number} {month}/{year}");
        let said = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(number.len() < 6 || !said.contains(&number[..6]), "{said}");
    }
    let body = json!({
        "number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "cvv": "123"
    });
    shop.post("/v1/cards", &body).await.refused(400, "malformed_json");
    let body = json!({
        "number": "4242424242424242", "exp_month": 12, "exp_year": 2030,
        "customer": "4111 1111 1111 1111"
    });
    let reply = shop.post("/v1/cards", &body).await;
    assert_eq!(reply.text("/fields/0/code"), "secret");
}

/// Live cards are refused in test mode and the reverse (PCI DSS 4.0.1, 6.5.5); and neither key sees the other's cards.
#[tokio::test]
async fn test_and_live_do_not_meet() {
    let (bank, shop) = shop().await;
    let admin = bank.operator(Role::Admin).await;
    let live = Shop::with_key(&bank, &admin, (&shop.id, &json!({ "mode": "live" }))).await;
    let body = |number: &str| json!({ "number": number, "exp_month": 12, "exp_year": 2030 });
    let refused = live.post("/v1/cards", &body("4242424242424242")).await;
    assert_eq!(refused.text("/fields/0/code"), "wrong_mode");
    let real = live.post("/v1/cards", &body("4716190207394368")).await.expect(201);
    let path = format!("/v1/cards/{}", real.text("/id"));
    shop.get(&path).await.refused(404, "not_found");
    let _theirs = live.get(&path).await.expect(200);
}

/// RBI, 2021-09-07: only issuers and networks keep numbers.
// RBI COFT 1: only issuers and networks keep numbers, so this bank keeps none under that profile.
#[tokio::test]
async fn a_bank_of_the_profile_rbi_keeps_no_numbers() {
    let bank = TestBank::with(|config| {
        config.profile = Profile::Rbi;
        config.cards.are_stored = Profile::Rbi.stores_cards();
    })
    .await;
    let admin = bank.operator(Role::Admin).await;
    let shop = Shop::new(&bank, &admin, "test").await;
    let body = json!({ "number": "4242424242424242", "exp_month": 12, "exp_year": 2030 });
    shop.post("/v1/cards", &body).await.refused(403, "cards_not_stored");
}

#[tokio::test]
async fn a_repeated_request_keeps_one_card() {
    let (_bank, shop) = shop().await;
    let body = json!({ "number": "4242424242424242", "exp_month": 12, "exp_year": 2030 });
    let first = shop.post_with_key("/v1/cards", "one", &body).await.expect(201);
    let again = shop.post_with_key("/v1/cards", "one", &body).await.expect(201);
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let other = json!({ "number": "4111111111111111", "exp_month": 12, "exp_year": 2030 });
    let reused = shop.post_with_key("/v1/cards", "one", &other).await;
    reused.refused(422, "idempotency_key_reused");
}

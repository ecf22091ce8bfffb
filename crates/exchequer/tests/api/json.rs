//! Strict JSON: what is not exactly the wanted object is refused, and never with a 5xx.

use serde_json::json;

use crate::transfers::Pair;

async fn code_of(p: &Pair, body: &str) -> (u16, String) {
    let reply = p.asha.client.post_raw("/v1/transfers", Some(&testkit::key()), body.into()).await;
    (reply.status.as_u16(), reply.code())
}

// ASVS 1.4.2, 2.2.1, 2.2.2: the server takes whole amounts within bounds and nothing else, whatever a page let through.
#[tokio::test]
async fn amounts_are_integer_tokens_in_range() {
    let p = Pair::new().await;
    let tokens = [
        "1.0",
        "1e3",
        "\"5\"",
        "-1",
        "0",
        "-0",
        "9007199254740992",
        "1E0",
        "10.",
        "null",
        "true",
        "[1]",
        "{}",
        "99999999999999999999999999",
    ];
    for token in tokens {
        let body =
            format!(r#"{{"from":"{}","to":"{}","amount":{token},"currency":"INR"}}"#, p.from, p.to);
        let (status, code) = code_of(&p, &body).await;
        let is_json = serde_json::from_str::<serde_json::Value>(token).is_ok();
        if is_json {
            assert_eq!((status, &*code), (422, "invalid_fields"), "{token}");
        } else {
            assert_eq!((status, &*code), (400, "malformed_json"), "{token}");
        }
    }
    assert_eq!(p.bank.balance(&p.asha, &p.from).await, [10_000, 0, 10_000]);
}

// ASVS 1.5.2, 1.5.3, 15.3.7: a body is exactly the object that its route names; a field twice, which parsers read
// differently, is refused.
#[tokio::test]
async fn unknown_duplicate_and_missing_fields_are_refused() {
    let p = Pair::new().await;
    let (f, t) = (&p.from, &p.to);
    for body in [
        format!(r#"{{"from":"{f}","to":"{t}","amount":1,"currency":"INR","amount":2}}"#),
        format!(r#"{{"from":"{f}","to":"{t}","amount":1,"currency":"INR","overdraft":9}}"#),
        format!(r#"{{"from":"{f}","to":"{t}","amount":1}}"#),
        format!(r#"{{"from":"{f}","to":"{t}","amount":1,"currency":"INR"}} x"#),
        format!(r#"[{{"from":"{f}","to":"{t}","amount":1,"currency":"INR"}}]"#),
        "[".repeat(50_000),
        String::new(),
        "null".to_owned(),
    ] {
        let (status, code) = code_of(&p, &body).await;
        assert_eq!((status, &*code), (400, "malformed_json"), "{body:.80}");
    }
}

#[tokio::test]
async fn currencies_are_iso_4217_in_upper_case() {
    let p = Pair::new().await;
    for currency in ["inr", "XXX", "XAU", "ZZZ", "", "INR ", "I", "₹"] {
        let order = json!({ "from": p.from, "to": p.to, "amount": 1, "currency": currency });
        p.asha.client.post("/v1/transfers", &order).await.refused(422, "invalid_fields");
    }
}

// ASVS 3.5.2: a body that browsers send anywhere without asking first is not taken.
#[tokio::test]
async fn another_media_type_and_a_long_body_are_refused() {
    let p = Pair::new().await;
    let request = p
        .asha
        .client
        .request(http::Method::POST, "/v1/transfers")
        .header("idempotency-key", "m")
        .header("content-type", "text/plain")
        .body(axum::body::Body::from(p.order(1).to_string()))
        .expect("a request");
    p.asha.client.send(request).await.refused(415, "unsupported_media_type");
    let long = vec![b' '; 64 * 1024 + 1];
    let reply = p.asha.client.post_raw("/v1/transfers", Some("l"), long).await;
    reply.refused(413, "body_too_large");
}

// ASVS 1.5.3: what JSON parsers disagree about is refused, and nothing fails inside.
/// nst/JSONTestSuite: `n_` must be refused; `y_` and `i_` may be, for they are not the wanted object;
/// nothing is ever a 5xx. Each case stands as the body and as the value of a field.
#[tokio::test]
async fn the_parser_cases_never_fail_inside() {
    let Ok(refs) = std::env::var("EXCHEQUER_REFS") else {
        println!("skipped: EXCHEQUER_REFS is not set");
        return;
    };
    let p = Pair::new().await;
    let folder = std::path::Path::new(&refs).join("jsontestsuite/test_parsing");
    let mut cases = 0;
    for file in std::fs::read_dir(folder).expect("the parser cases") {
        let path = file.expect("a file").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let case = std::fs::read(&path).expect("a case");
        let mut nested =
            format!(r#"{{"from":"{}","to":"{}","amount":1,"currency":"INR","memo":"#, p.from, p.to)
                .into_bytes();
        nested.extend_from_slice(&case);
        nested.push(b'}');
        for (body, whole) in [(case, true), (nested, false)] {
            let reply = p.asha.client.post_raw("/v1/transfers", Some(&testkit::key()), body).await;
            let status = reply.status.as_u16();
            assert!(status < 500, "{name}: {status}");
            if whole || name.starts_with("n_") {
                // Some n_ cases are whole objects closed early; nested they may end up well formed.
                let refused = (400..500).contains(&status);
                let closes_early = !whole && status == 201;
                assert!(refused || closes_early, "{name}: {status}");
            }
        }
        cases += 1;
    }
    assert!(cases > 300, "{cases} cases");
}

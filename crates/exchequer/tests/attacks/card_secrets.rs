//! A card's number, its security code and a merchant's secret, sent through every merchant route, rightly and
//! wrongly, and then searched for in whatever the bank leaves behind, in every writing (PCI DSS 4.0.1, 3.3.1,
//! 3.3.1.2, 3.5.1, 10.3).

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use exchequer::logging::{Capture, Mark};
use http::Method;
use money::Timestamp;
use serde_json::{Value, json};
use testkit::sandbox::order;
use testkit::{Reply, Signed, Till, key};

/// Of nobody else in these tests: they share the log.
const NUMBER: &str = "6759649826438453";
/// No three digits, which stand in any dump by chance.
const CVV: &str = "9471";

/// What the bank said and kept.
struct Heard {
    log: &'static Capture,
    from: Mark,
    answers: Vec<u8>,
    statuses: Vec<u16>,
}

impl Heard {
    fn hear(&mut self, reply: &Reply) {
        self.statuses.push(reply.status.as_u16());
        self.answers.extend(format!("{:?}\n", reply.headers).into_bytes());
        self.answers.extend_from_slice(&reply.body);
        self.answers.push(b'\n');
    }
}

/// What somebody might have written down instead of the text itself.
fn writings(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let groups = |separator: &str| {
        let parts: Vec<&str> =
            secret.as_bytes().chunks(4).map(|part| str::from_utf8(part).expect("ASCII")).collect();
        parts.join(separator).into_bytes()
    };
    let each = |write: fn(u8) -> String| secret.bytes().map(write).collect::<Vec<_>>().concat();
    let escaped = each(|byte| format!("\\u{byte:04x}"));
    let percent = each(|byte| format!("%{byte:02x}"));
    let mut list = vec![
        ("plain", secret.as_bytes().to_vec()),
        ("hex", HEXLOWER.encode(secret.as_bytes()).into_bytes()),
        ("HEX", HEXUPPER.encode(secret.as_bytes()).into_bytes()),
        ("reversed", secret.bytes().rev().collect()),
        ("escaped", escaped.into_bytes()),
        ("percent", percent.into_bytes()),
    ];
    if secret.len() > 4 {
        list.extend([("spaced", groups(" ")), ("dashed", groups("-"))]);
    }
    // Inside a longer text its base 64 begins at one of three places; its ends depend on the neighbours.
    for (shift, skipped) in [(0, 0), (1, 2), (2, 3)] {
        let mut text = vec![b'x'; shift];
        text.extend_from_slice(secret.as_bytes());
        let whole = text.len() * 8 / 6;
        let encoded = BASE64.encode(&text);
        let core = &encoded[skipped..whole];
        if core.len() > 5 {
            list.push(("base 64", core.as_bytes().to_vec()));
        }
    }
    list
}

fn search(place: &str, bytes: &[u8], secrets: &[&str]) {
    for secret in secrets {
        for (writing, needle) in writings(secret) {
            // Four digits stand by chance within a name in hex; alone they are the code.
            let is_alone = |at: usize| {
                let beside = [at.checked_sub(1), Some(at + needle.len())];
                let mut beside = beside.into_iter().flatten().filter_map(|at| bytes.get(at));
                needle.len() > CVV.len() || !beside.any(u8::is_ascii_alphanumeric)
            };
            let mut windows = bytes.windows(needle.len()).enumerate();
            let at = windows.find(|(at, window)| *window == needle && is_alone(*at));
            let at = at.map(|(at, _)| at);
            let near = at.map(|at| {
                let from = at.saturating_sub(80);
                String::from_utf8_lossy(&bytes[from..bytes.len().min(at + 80)]).into_owned()
            });
            assert!(at.is_none(), "{place} holds {secret:?}, {writing}: {near:?}");
        }
    }
}

/// Bodies with a number where it belongs, or does not.
fn cards(secret: &str) -> Vec<String> {
    let card = json!({ "number": NUMBER, "exp_month": 12, "exp_year": 2030 });
    let with = |field: &str, value: Value| {
        let mut body = card.clone();
        body[field] = value;
        body.to_string()
    };
    let spaced = format!("{} {} {} {}", &NUMBER[..4], &NUMBER[4..8], &NUMBER[8..12], &NUMBER[12..]);
    vec![
        with("number", json!(spaced)),
        with("number", json!(spaced.replace(' ', "-"))),
        with("number", json!(format!("{NUMBER}{NUMBER}"))),
        with("number", json!(format!("{}1", &NUMBER[..15]))),
        with("number", json!([NUMBER])),
        with("number", NUMBER.parse::<u64>().expect("digits").into()),
        with("customer", json!(NUMBER)),
        with("customer", json!(format!("holder of {spaced}"))),
        with("exp_month", json!(NUMBER)),
        with("exp_year", NUMBER.parse::<u64>().expect("digits").into()),
        with("exp_year", json!(2020)),
        with("cvv", json!(CVV)),
        with(NUMBER, json!(1)),
        with("number", json!(secret)),
        format!(r#"{{"number":"{NUMBER}","number":"{NUMBER}","exp_month":12,"exp_year":2030}}"#),
        format!(r#"{{"number":"{NUMBER}","exp_month":12"#),
        format!(r#"{{"number":"{NUMBER}{}"}}"#, "0".repeat(70_000)),
        NUMBER.to_owned(),
        format!(r#""{NUMBER}" {CVV} {secret}"#),
    ]
}

fn payments(card: &str, secret: &str) -> Vec<String> {
    let mut right = order(card, 10_000, "automatic");
    right["cvv"] = json!(CVV);
    let with = |field: &str, value: Value| {
        let mut body = right.clone();
        body[field] = value;
        body.to_string()
    };
    vec![
        right.to_string(),
        with("card", json!(NUMBER)),
        with("currency", json!(NUMBER)),
        with("capture", json!(NUMBER)),
        with("amount", json!(NUMBER)),
        with("cvv", json!(NUMBER)),
        with("cvv", json!(format!("{CVV}7"))),
        with("cvc", json!(CVV)),
        with("metadata", json!({ "note": NUMBER })),
        with("metadata", json!({ "cvv": CVV })),
        with("metadata", json!({ NUMBER: 1 })),
        with("metadata", json!(NUMBER)),
        with("metadata", json!({ "key": secret })),
        with("amount", json!(-1)),
        format!(r#"{{"amount":1,"currency":"INR","card":"{NUMBER}","cvv":"{CVV}""#),
        format!(r#"{{"cvv":"{CVV}","cvv":"{CVV}"}}"#),
    ]
}

async fn post(till: &Till, heard: &mut Heard, path: &str, body: &str) -> Reply {
    let reply = till.shop.send(&till.shop.sign(Method::POST, path, body.as_bytes())).await;
    heard.hear(&reply);
    reply
}

/// What stands in heads and paths.
async fn heads(till: &Till, heard: &mut Heard, card: &str) {
    let shop = &till.shop;
    let right = shop.sign(Method::GET, &format!("/v1/cards/{card}"), b"");
    for signed in [
        Signed { key_id: NUMBER.to_owned(), ..right.clone() },
        Signed { key_id: shop.secret.clone(), ..right.clone() },
        Signed { nonce: shop.secret.clone(), ..right.clone() },
        Signed { signature: shop.secret.clone(), ..right.clone() },
        Signed { timestamp: NUMBER.to_owned(), ..right.clone() },
        Signed { host: NUMBER.to_owned(), ..right.clone() },
        shop.sign(Method::GET, &format!("/v1/cards/{NUMBER}"), b""),
        shop.sign(Method::GET, &format!("/v1/payments?cursor={NUMBER}"), b""),
        shop.sign(Method::GET, &format!("/v1/payments?number={NUMBER}&cvv={CVV}"), b""),
        shop.sign(Method::DELETE, &format!("/v1/cards/{NUMBER}"), b""),
        Signed {
            idempotency_key: NUMBER.to_owned(),
            ..shop.sign(
                Method::POST,
                "/v1/payments",
                order(card, 10, "manual").to_string().as_bytes(),
            )
        },
    ] {
        heard.hear(&shop.send(&signed).await);
    }
    // A client that tells its secrets to everybody.
    for agent in [format!("shop {NUMBER}"), format!("cvv={CVV}"), format!("key {}", shop.secret)] {
        let mut request = shop.sign(Method::GET, "/v1/payments", b"").request();
        request.headers_mut().insert("user-agent", agent.parse().expect("a value"));
        heard.hear(&till.bank.client().send(request).await);
        let body = order(card, 10, "manual").to_string();
        let mut request = shop.sign(Method::POST, "/v1/payments", body.as_bytes()).request();
        request.headers_mut().insert("user-agent", agent.parse().expect("a value"));
        heard.hear(&till.bank.client().send(request).await);
    }
    let notice = json!({ "operation": NUMBER, "number": NUMBER, "cvv": CVV }).to_string();
    for path in ["/v1/gateways/sandbox/notices", "/v1/gateways/stripe/notices"] {
        let reply = till.bank.client().post_raw(path, None, notice.clone().into_bytes()).await;
        heard.hear(&reply);
    }
}

/// What fails inside.
async fn faults(till: &Till, heard: &mut Heard, card: &str) {
    let kept = json!({ "number": NUMBER, "exp_month": 12, "exp_year": 2030 }).to_string();
    let mut pay = order(card, 10, "automatic");
    pay["cvv"] = json!(CVV);
    let pay = pay.to_string();
    for (verb, path, body) in [
        ("cards.store", "/v1/cards", &kept),
        ("payments.create", "/v1/payments", &pay),
        ("payments.conclude", "/v1/payments", &pay),
        ("payments.answer", "/v1/payments", &pay),
    ] {
        for statement in [1, 2, 4] {
            till.bank.bank().db().faults().fail_at(verb, statement);
            let failed = post(till, heard, path, body).await;
            assert!(!till.bank.bank().db().faults().disarm(), "{verb} {statement}");
            assert_eq!(failed.status.as_u16(), 503);
        }
    }
}

// PCI DSS 3.3.1, 3.3.1.2, 3.3.2: a security code is nowhere afterwards, and is kept by no payment that fails or waits.
// PCI DSS 3.4.2: no answer holds a number, whatever was asked, so that none can be copied out.
// PCI DSS 3.5.1, 3.5.1.2: no file of the database and no backup holds a number in any writing; no disk has to hide it.
// ASVS 11.7.2, 14.2.4: after its use a card's number is in no file, log or answer.
#[tokio::test]
async fn a_number_a_code_and_a_secret_are_nowhere_afterwards() {
    let till = Till::new().await;
    let log = Capture::process_wide().expect("the log can be captured");
    let mut heard = Heard { log, from: log.mark(), answers: Vec::new(), statuses: Vec::new() };
    let secret = till.shop.secret.clone();
    let card = till.shop.card(NUMBER).await;
    let path = format!("/v1/cards/{card}");
    heard.hear(&till.shop.get(&path).await.expect(200));
    for body in cards(&secret) {
        let _reply = post(&till, &mut heard, "/v1/cards", &body).await;
    }
    for body in payments(&card, &secret) {
        let _reply = post(&till, &mut heard, "/v1/payments", &body).await;
    }
    let held = till.shop.post("/v1/payments", &order(&card, 500, "manual")).await.expect(201);
    for act in ["capture", "cancel", "refunds"] {
        let path = format!("/v1/payments/{}/{act}", held.text("/id"));
        for body in [
            json!({ "amount": NUMBER }),
            json!({ "cvv": CVV }),
            json!({ NUMBER: secret }),
            json!(NUMBER),
            json!({}),
        ] {
            let _reply = post(&till, &mut heard, &path, &body.to_string()).await;
        }
    }
    heads(&till, &mut heard, &card).await;
    faults(&till, &mut heard, &card).await;
    let gone = post(&till, &mut heard, "/v1/cards", &key()).await;
    gone.refused(400, "malformed_json");
    heard.hear(&till.shop.delete(&path).await.expect(204));
    for status in [200, 201, 204, 400, 401, 404, 413, 422, 503] {
        assert!(
            heard.statuses.contains(&status),
            "nothing answered {status}: {:?}",
            heard.statuses
        );
    }
    let secrets = [NUMBER, CVV, &secret];
    search("an answer", &heard.answers, &secrets);
    let log = heard.log.text_since(heard.from);
    assert!(log.contains("payments") && log.len() > 10_000, "the log was kept");
    search("the log", log.as_bytes(), &[NUMBER, &secret]);
    search_database(&till, &secrets);
    search("Redis", &testkit::redis::everything(), &secrets);
}

/// The files as they lie there, the log of changes among them; and a backup.
fn search_database(till: &Till, secrets: &[&str]) {
    if let Some(folder) = till.bank.database().folder() {
        let mut names = Vec::new();
        for file in std::fs::read_dir(folder).expect("the bank's folder") {
            let file = file.expect("a file");
            let bytes = std::fs::read(file.path()).expect("a file of the bank");
            names.push(file.file_name().to_string_lossy().into_owned());
            search(&file.file_name().to_string_lossy(), &bytes, secrets);
        }
        assert!(names.iter().any(|name| name.ends_with("-wal")), "{names:?}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("dump");
    let _counts = store::backup::backup(till.bank.database().options(), &file, Timestamp::EPOCH)
        .expect("a backup");
    let bytes = std::fs::read(&file).expect("the dump");
    let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(has(b"payment.created") && has(b"8453"), "the dump can be read at all");
    search("the dump", &bytes, secrets);
}

//! The rules of `deploy/edge/nginx` before a bank: attacks end there, honest words arrive byte for byte.

use std::path::Path;

use exchequer::staff::model::Role;
use http::Method;
use money::Rng;
use serde_json::{Value, json};
use testkit::{Person, TestBank};

use crate::declared::concrete;
use crate::memos::memos;
use crate::nginx::{
    HOST, Proxied, Rules, deployed, get, is_blocked, is_the_bank_s, missing, post, with_body,
};

/// Percent-encoding of all that is not plain (RFC 3986 §2.1), but of what stands for itself here.
fn encoded(text: &str, kept: &[u8]) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let escaped = format!("%{byte:02X}");
            out.push_str(&escaped);
        }
    }
    out
}

/// The request of a line of the table.
fn request(place: &str, payload: &str, token: &str) -> String {
    let (kind, name) = place.split_once(' ').unwrap_or((place, ""));
    match kind {
        "query" => get(&format!("/v1/staff/events?{name}={}", encoded(payload, b"%")), token, ""),
        "path" => get(&format!("/v1/accounts/{payload}"), token, ""),
        "agent" => get("/v1/me", token, "").replace("shop/1.0", payload),
        "header" => get("/v1/me", token, &format!("{name}: {payload}\r\n")),
        "field" => post(token, "attack", &json!({ name: payload, "amount": 1 })),
        "raw" => {
            let text = payload.replace("\\r\\n", "\r\n").replace("\\x00", "\0");
            let (first, rest) = text.split_once("\r\n").unwrap_or((&text, ""));
            let (head, body) = rest.split_once("\r\n\r\n").unwrap_or((rest, ""));
            let head = if head.is_empty() { String::new() } else { format!("{head}\r\n") };
            format!("{first}\r\n{head}connection: close\r\n\r\n{body}")
        }
        other => panic!("no such place: {other}"),
    }
}

// PCI DSS 6.4.1, 6.4.2: a filter of web attacks stands before the bank, and what it stops is tried.
#[tokio::test]
async fn attacks_end_before_the_bank() {
    if let Some(missing) = missing() {
        println!("no {} here", missing.display());
        return;
    }
    let proxied = Proxied::start(Rules::On).await;
    let auditor = proxied.bank.operator(Role::Compliance).await;
    let token = auditor.client.token().expect("a token").to_owned();
    let served = proxied.say(&request("query action", "account.frozen", &token)).await;
    assert!(served.starts_with("HTTP/1.1 200"), "{served}\n{}", proxied.last_words());
    let (mut count, mut through) = (0, Vec::new());
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/edge/attacks.txt");
    let table = std::fs::read_to_string(table).expect("the table of attacks");
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.splitn(3, " | ");
        let (Some(_family), Some(place), Some(payload)) =
            (parts.next(), parts.next(), parts.next())
        else {
            panic!("not three parts: {line}");
        };
        let answer = proxied.say(&request(place, payload, &token)).await;
        count += 1;
        if !is_blocked(&answer) {
            through.push(format!("{line}  =>  {:.60}", answer.replace("\r\n", " ")));
        }
    }
    assert!(count >= 150, "{count}");
    println!("{count} attacks, {} through", through.len());
    assert!(
        through.is_empty(),
        "{} of {count} came through:\n{}",
        through.len(),
        through.join("\n")
    );
    proxied.end().await;
}

struct Pair {
    token: String,
    from: String,
    to: String,
}

async fn pair(bank: &TestBank) -> Pair {
    let teller = bank.operator(Role::Teller).await;
    let (asha, bela): (Person, Person) = (bank.customer("Asha").await, bank.customer("Bela").await);
    let (from, to) = (bank.account(&asha, "INR").await, bank.account(&bela, "INR").await);
    bank.deposit(&teller, &from, 10_000, "INR").await;
    Pair { token: asha.client.token().expect("a token").to_owned(), from, to }
}

/// Ticks (a hundredth of a second) that the worker has worked.
fn worker_ticks(master: u32) -> u64 {
    let children = format!("/proc/{master}/task/{master}/children");
    let children = std::fs::read_to_string(children).expect("the children of the master");
    let worker = children.split_whitespace().next().expect("a worker");
    let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).expect("its figures");
    // Behind the name, which may hold blanks: the 14th and 15th fields of all (proc(5)).
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().expect("a count")).sum()
}

/// Requests that show what nginx costs without the rules.
const CHECKED: usize = 300;

fn micros_each(ticks: u64, requests: usize) -> u64 {
    ticks * 10_000 / requests as u64
}

/// Processor time of a request that nobody looks into.
async fn without_rules(memos: &[String]) -> u64 {
    let proxied = Proxied::start(Rules::Off).await;
    let Pair { token, from, to } = pair(&proxied.bank).await;
    let ticks = worker_ticks(proxied.nginx.id());
    for (n, memo) in memos.iter().enumerate() {
        let order = json!({ "from": from, "to": to, "amount": 1, "currency": "INR", "memo": memo });
        let answer = proxied.say(&post(&token, &format!("plain-{n}"), &order)).await;
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
    let ticks = worker_ticks(proxied.nginx.id()) - ticks;
    proxied.end().await;
    micros_each(ticks, memos.len())
}

#[tokio::test]
async fn a_thousand_honest_memos_arrive_as_they_were_written() {
    if let Some(missing) = missing() {
        println!("no {} here", missing.display());
        return;
    }
    let proxied = Proxied::start(Rules::On).await;
    let Pair { token, from, to } = pair(&proxied.bank).await;
    let memos = memos(&Rng::seeded(6), 1_000);
    let ticks = worker_ticks(proxied.nginx.id());
    let mut blocked = Vec::new();
    for (n, memo) in memos.iter().enumerate() {
        let order = json!({ "from": from, "to": to, "amount": 1, "currency": "INR", "memo": memo });
        let answer = proxied.say(&post(&token, &format!("memo-{n}"), &order)).await;
        if is_blocked(&answer) {
            blocked.push(format!("{memo:?}: {}", proxied.last_words()));
            continue;
        }
        assert!(answer.starts_with("HTTP/1.1 201"), "{memo:?}: {answer}");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        let body: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["memo"].as_str(), Some(memo.as_str()));
    }
    let with = micros_each(worker_ticks(proxied.nginx.id()) - ticks, memos.len());
    println!("{} of {} memos blocked", blocked.len(), memos.len());
    // 0.5 % at most.
    assert!(blocked.len() * 200 <= memos.len(), "{}", blocked.join("\n"));
    proxied.end().await;
    let without = without_rules(memos.get(..CHECKED).expect("as many")).await;
    println!("nginx: {with} µs of a processor a request with the rules, {without} µs without");
    assert!(with > without, "the rules were not on");
}

/// A search for each of some memos, a page's form that has it, and a card that is whose it says; what nginx kept to itself.
async fn of_forms_and_searches(proxied: &Proxied, token: &str, memos: &[String]) -> Vec<String> {
    let mut blocked = Vec::new();
    for memo in memos {
        let words = encoded(memo, b"");
        let search = get(&format!("/v1/staff/customers?query={words}"), token, "");
        let form = format!("from=acc_1&to=acc_2&amount=12.50&memo={words}&name={words}");
        let form = with_body("/send", ("application/x-www-form-urlencoded", &form), "");
        let card = json!({ "number": "4242424242424242", "exp_month": 12, "exp_year": 2030, "customer": memo });
        let card = with_body("/v1/cards", ("application/json", &card.to_string()), "");
        for text in [search, form, card] {
            let answer = proxied.say(&text).await;
            if !is_the_bank_s(&answer) {
                blocked.push(format!("{memo:?}: {answer:.60} {}", proxied.last_words()));
            }
        }
    }
    blocked
}

/// A key with rules as the API's document has them.
fn key_with_rules() -> String {
    let routes = ["GET /v1/payments/{id}", "POST /v1/payments", "GET /v1/*", "* /v1/holds*"];
    let networks = ["192.0.2.0/24", "2001:db8::/32"];
    let key = json!({ "name": "till", "mode": "test", "routes": routes, "addresses": networks });
    with_body("/v1/staff/merchants/mer_1/keys", ("application/json", &key.to_string()), "")
}

/// One body with every field of the API and the pages, whose names alone must not look like anything.
fn every_field() -> String {
    let lists = deployed("fields.conf");
    let names = lists.split("(?:.*\\.)?)?").skip(1);
    let names = names.filter_map(|rest| rest.split(['(', '\\']).next());
    let body: serde_json::Map<_, _> = names.map(|name| (name.to_owned(), json!("1"))).collect();
    assert!(body.len() > 60 && body.contains_key("memo"), "{body:?}");
    Value::Object(body).to_string()
}

/// Lines of a head as honest programs send them: signatures (RFC 9421), browsers, tracing.
const HONEST: [&str; 12] = [
    "signature-input: sig1=(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\");\
     created=1795390200;nonce=\"nonce-00000000000000000001\";keyid=\"key_01jz7m5v3k8e9q2r4s6t8w0xyz\"\
     ;alg=\"hmac-sha256\"",
    "signature: sig1=:dJ0wTfTq8a6zVvXrR1Yp2h3k4l5m6n7o8p9q0r1s2t3=:",
    "content-digest: sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:",
    "x-signature: 7d1f0a3c5b9e8d7c6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e",
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "cookie: __Host-session=c2VsZWN0IG1vcmUgdGhhbiBvbmU-; __Host-seen=1",
    "sec-ch-ua: \"Chromium\";v=\"124\", \"Google Chrome\";v=\"124\", \"Not-A.Brand\";v=\"99\"",
    "sec-fetch-user: ?1",
    "accept-language: en-IN,en;q=0.9,hi;q=0.8",
    "accept-encoding: gzip, deflate, br, zstd",
    "if-none-match: \"33a64df551425fcc55e4d42a148795d9f25f89d4\"",
    "referer: https://bank.example/activity?query=O%27Brien%20%26%20sons;%20select&from=2026-01-01",
];

#[tokio::test]
async fn honest_words_pass_in_forms_searches_and_heads() {
    if let Some(missing) = missing() {
        println!("no {} here", missing.display());
        return;
    }
    let proxied = Proxied::start(Rules::On).await;
    let Pair { token, from, to } = pair(&proxied.bank).await;
    let memos = memos(&Rng::seeded(7), CHECKED);
    let mut blocked = of_forms_and_searches(&proxied, &token, &memos).await;
    for line in HONEST {
        let answer = proxied.say(&get("/v1/me", &token, &format!("{line}\r\n"))).await;
        if !is_the_bank_s(&answer) {
            blocked.push(format!("{line}: {answer:.60} {}", proxied.last_words()));
        }
    }
    let all = with_body("/v1/transfers", ("application/json", &every_field()), "");
    let answer = proxied.say(&all).await;
    if !is_the_bank_s(&answer) {
        blocked.push(format!("every field: {answer:.60} {}", proxied.last_words()));
    }
    let answer = proxied.say(&key_with_rules()).await;
    if !is_the_bank_s(&answer) {
        blocked.push(format!("a key with rules: {answer:.60} {}", proxied.last_words()));
    }
    // More fields than the rules would look at, and longer than any other body may be.
    let many: Vec<Value> = (0..2_000)
        .map(|n| json!({ "from": from, "to": to, "amount": 1, "memo": memos[n % memos.len()] }))
        .collect();
    let many = json!({ "transfers": many }).to_string();
    assert!(many.len() > 128 * 1024, "{}", many.len());
    let own = format!("authorization: Bearer {token}\r\nidempotency-key: many\r\n");
    let batch = with_body("/v1/transfers/batch", ("application/json", &many), &own);
    let answer = proxied.say(&batch).await;
    if !is_the_bank_s(&answer) {
        blocked.push(format!("a batch: {answer:.60} {}", proxied.last_words()));
    }
    assert!(blocked.is_empty(), "{}", blocked.join("\n"));
    // A refusal of one is a problem like any other.
    let batch = batch.replacen("accept: */*", "x-original-url: /v1/staff", 1);
    let answer = proxied.say(&batch).await;
    assert!(answer.contains("refused_at_edge"), "{answer}");
    let order = json!({ "from": from, "to": to, "amount": 1, "currency": "INR" }).to_string();
    let more =
        format!("authorization: Bearer {token}\r\nidempotency-key: x\r\nexpect: 100-continue\r\n");
    let answer =
        proxied.say(&with_body("/v1/transfers", ("application/json", &order), &more)).await;
    assert!(answer.contains("HTTP/1.1 201"), "{answer}");
    // The name of the handshake is the bank's, and that of the request another's.
    let other = get("/v1/me", &token, "").replace(HOST, "other.example");
    let answer = proxied.say(&other).await;
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    proxied.end().await;
}

#[tokio::test]
async fn every_route_is_reached() {
    if let Some(missing) = missing() {
        println!("no {} here", missing.display());
        return;
    }
    let proxied = Proxied::start(Rules::On).await;
    let mut blocked = Vec::new();
    let routes = exchequer::http::routes();
    for route in routes.table() {
        let asked = get(&concrete(route), "nobody", "");
        let asked = asked.replacen("GET", route.method.as_str(), 1);
        let kind = "connection: close\r\ncontent-type: application/json\r\ncontent-length: 2";
        let text = match route.method {
            Method::GET | Method::HEAD => asked,
            _ => asked.replace("connection: close", kind) + "{}",
        };
        let answer = proxied.say(&text).await;
        if !is_the_bank_s(&answer) {
            let why = proxied.last_words();
            blocked.push(format!("{} {}: {answer:.60} {why}", route.method, route.path));
        }
    }
    assert!(blocked.is_empty(), "{}", blocked.join("\n"));
    proxied.end().await;
}

#[tokio::test]
async fn the_proxy_s_word_on_the_caller_is_the_only_one() {
    if let Some(missing) = missing() {
        println!("no {} here", missing.display());
        return;
    }
    let proxied = Proxied::start(Rules::On).await;
    let asha = proxied.bank.customer("Asha").await;
    let token = asha.client.token().expect("a token");
    let said = "x-forwarded-for: 6.6.6.6\r\nforwarded: for=6.6.6.6\r\nx-real-ip: 6.6.6.6\r\n\
                x-forwarded-proto: http\r\n";
    let text = get("/v1/sessions", token, said);
    let answer = proxied.say(&text).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("127.0.0.1") && !answer.contains("6.6.6.6"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("strict-transport-security:"), "{answer}");
    // Passwords are no content: whatever stands in one is compared, not obeyed.
    let password = "' OR 1=1; <script>alert(1)</script> ../../etc/passwd";
    let body = json!({ "email": "nobody@example.test", "password": password }).to_string();
    let text = with_body("/v1/auth/login", ("application/json", &body), "");
    let answer = proxied.say(&text).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let log = proxied.log_from(0);
    assert!(!log.contains("OR 1=1"), "{log}");
    proxied.end().await;
}

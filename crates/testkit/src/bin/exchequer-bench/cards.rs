//! Cards and payments: numbers into the vault, signatures, log lines, and payments end to end.
//!
//! The first three are one core's. Payments go over 64 connections to the shipped binary with a demo bank, which
//! asks the demo's sandbox gateway over the loopback address for each; requests are signed as they are sent. Any
//! answer but a payment that succeeded fails the measurement; the demo's books are verified after it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;

use exchequer::cards::{self, NewCard};
use exchequer::merchants::keys::Mode;
use exchequer::merchants::model::Fees;
use exchequer::merchants::{self, Terms};
use money::{Clock, IdMint, MerchantId, Rng};
use serde_json::{Value, json};
use store::DbError;
use vault::SecretBytes;
use vault::card::{Expiry, Number};
use vault::redaction::redact;
use vault::signature::{Request, hmac};

use crate::bank::Opened;
use crate::served::Demo;
use crate::{ACCOUNTS, Result, keys, now};

/// Cards of one transaction.
const AT_ONCE: u32 = 500;
const CONNECTIONS: u32 = 64;
const BODY_BYTES: usize = 1_024;
const SECRET: &[u8] = b"a secret of a bench that has more than 32 bytes";

/// The measurements of this part, by their words.
pub fn measure(words: &[&str]) -> Result<Value> {
    match words {
        ["tokenize", total, folder] => {
            let opened = Opened::fresh_in(Path::new(folder), ACCOUNTS)?;
            let rate = tokenize(total.parse()?, &opened)?;
            opened.finish()?;
            Ok(rate)
        }
        ["signature", total] => signature(total.parse()?),
        ["redaction", total] => redaction(total.parse()?),
        ["keys", total, folder] => {
            let opened = Opened::fresh_in(Path::new(folder), ACCOUNTS)?;
            let numbers = keys::run(total.parse()?, &opened)?;
            opened.finish()?;
            Ok(numbers)
        }
        ["payments", total, folder] => payments(total.parse()?, Path::new(folder)),
        _ => Err("a measurement of cards and its counts".into()),
    }
}

/// Cards kept a second: number read, looked for, sealed, written, with its event.
fn tokenize(total: u32, opened: &Opened) -> Result<Value> {
    opened.runtime.block_on(async {
        let act = opened.bank.system_act("bench");
        let merchant: MerchantId = opened
            .bank
            .db()
            .write("bench", move |tx| {
                let terms = Terms {
                    name: "Bench".to_owned(),
                    settlement: None,
                    fees: Fees::default(),
                    refund_limit: None,
                };
                let made = merchants::create_in(tx, &act, &terms)?;
                made.map(|row| row.id).map_err(|_| DbError::Corrupt("a merchant".to_owned()))
            })
            .await?;
        let before = now();
        for part in 0..total.div_ceil(AT_ONCE) {
            let act = opened.bank.system_act("bench");
            opened
                .bank
                .db()
                .write("bench", move |tx| {
                    for n in 0..AT_ONCE {
                        let new = card(part * AT_ONCE + n, act.now)?;
                        let _kept = cards::store_in(tx, &act, (&merchant, Mode::Live), &new)?;
                    }
                    Ok::<_, DbError>(())
                })
                .await?;
        }
        Ok(json!({ "rate": f64::from(total) / before.elapsed().as_secs_f64() }))
    })
}

fn card(n: u32, now: money::Timestamp) -> Result<NewCard, DbError> {
    let wrong = || DbError::Corrupt("a card of the bench".to_owned());
    let payload = format!("41111{n:010}");
    let digits = (0..10).map(|check| format!("{payload}{check}"));
    let number = digits.into_iter().find_map(|text| Number::parse(&text).ok()).ok_or_else(wrong)?;
    let brand = number.brand().ok_or_else(wrong)?;
    let expiry = Expiry::new(12, 2030, now).map_err(|_| wrong())?;
    Ok(NewCard { number, brand, expiry, customer: None, wants_token: false })
}

/// Microseconds of one check of a signed request with 1 KiB of body.
fn signature(total: u32) -> Result<Value> {
    let at = Clock::System.now();
    let (body, nonce) = (vec![b'x'; BODY_BYTES], "a-nonce-of-the-bench");
    let secret = SecretBytes::new(SECRET.to_vec());
    let request = |headers| Request {
        method: "POST",
        scheme: "https",
        authority: "bank.example",
        path: "/v1/payments",
        query: None,
        headers,
        body: &body,
    };
    let tag = hmac::sign(&request(&[]), at, nonce, &secret)?;
    let seconds = at.seconds().to_string();
    let headers = [
        (hmac::AUTHORIZATION, &b"Exchequer key_01jz7m5v3k8e9q2r4s6t8w0xyz"[..]),
        (hmac::TIMESTAMP, seconds.as_bytes()),
        (hmac::NONCE, nonce.as_bytes()),
        (hmac::SIGNATURE, tag.as_bytes()),
    ];
    let before = now();
    for _ in 0..total {
        let signed = request(&headers);
        let _accepted = hmac::read(&signed)?.verify(&secret, at)?;
    }
    Ok(json!({ "micros": before.elapsed().as_secs_f64() * 1e6 / f64::from(total) }))
}

/// Megabytes a second of ordinary log lines through the scanner: lines of JSON, and lines of text.
fn redaction(total: u32) -> Result<Value> {
    const JSON: [&str; 1] = [
        r#"{"timestamp":"2026-11-21T18:28:00.123456Z","level":"INFO","target":"exchequer::jobs","message":"a job has run","job":"holds.expire","rows":17,"request_id":"req_01jz7m5v3k8e9q2r4s6t8w0xyz"}"#,
    ];
    const TEXT: [&str; 4] = [
        "2026-11-21T18:28:00.123456Z  INFO exchequer::jobs: a job has run job=holds.expire rows=17 request_id=req_01jz7m5v3k8e9q2r4s6t8w0xyz",
        "2026-11-21T18:28:00.123456Z  INFO exchequer::http::dispatch: answered request_id=req_01jz7m5v3k8e9q2r4s6t8w0xyz method=POST route=/v1/transfers status=201 elapsed_us=1877",
        "2026-11-21T18:28:00.123456Z  WARN exchequer::outbox::job: a message was not delivered and is tried again later kind=sms attempts=3 error=\"the server did not answer in time\"",
        "2026-11-21T18:28:00.123456Z DEBUG store::sqlite: a group was committed closures=37 rows=412 elapsed_us=933 waiting=0",
    ];
    Ok(json!({ "rate": scan(&JSON, total)?, "text_rate": scan(&TEXT, total)? }))
}

/// Megabytes a second of these lines in turn, `total` of them at least.
fn scan(lines: &[&str], total: u32) -> Result<f64> {
    let turns = total.div_ceil(u32::try_from(lines.len())?);
    let before = now();
    let mut bytes = 0_usize;
    for _ in 0..turns {
        for line in lines {
            bytes += std::hint::black_box(redact(std::hint::black_box(line))).len();
        }
    }
    let seconds = before.elapsed().as_secs_f64();
    let turn: usize = lines.iter().map(|line| line.len()).sum();
    if bytes != turn * usize::try_from(turns)? {
        return Err("an ordinary line was changed".into());
    }
    Ok(f64::from(u32::try_from(bytes / 1_000_000)?) / seconds)
}

/// Payments a second that succeeded.
fn payments(total: u32, folder: &Path) -> Result<Value> {
    let demo = Demo::fresh(folder)?;
    let shop = Shop::of(&demo)?;
    let mint = IdMint::new(Rng::System);
    let nonce = || mint.mint::<money::kind::Request>(Clock::System.now()).to_string();
    let card = json!({ "number": "4242424242424242", "exp_month": 12, "exp_year": 2035 });
    let mut connection = shop.connect()?;
    let card: Value =
        serde_json::from_slice(&shop.post(&mut connection, "/v1/cards", &card, &nonce())?)?;
    let order = json!({
        "amount": 1_250, "currency": "INR", "card": card["id"], "capture": "automatic"
    });
    let share = total.div_ceil(CONNECTIONS);
    let before = now();
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (shop, order, nonce) = (&shop, &order, &nonce);
                scope.spawn(move || {
                    let mut connection = shop.connect()?;
                    for _ in 0..share {
                        let paid = shop.post(&mut connection, "/v1/payments", order, &nonce())?;
                        let paid: Value = serde_json::from_slice(&paid)?;
                        if paid["status"] != "succeeded" {
                            return Err(format!("a payment: {paid}").into());
                        }
                    }
                    Result::<()>::Ok(())
                })
            })
            .collect();
        for caller in callers {
            caller.join().map_err(|_| "a caller panicked")??;
        }
        Result::<()>::Ok(())
    })?;
    let rate = f64::from(share * CONNECTIONS) / before.elapsed().as_secs_f64();
    demo.stop_and_verify()?;
    Ok(json!({ "rate": rate }))
}

/// The demo's merchant.
struct Shop {
    address: String,
    key: String,
    secret: SecretBytes,
}

impl Shop {
    fn of(demo: &Demo) -> Result<Self> {
        let introduction = demo.introduction();
        let text = |name: &str| {
            let found = introduction["merchants"][0][name].as_str().map(str::to_owned);
            found.ok_or_else(|| format!("a demo without a merchant's {name}"))
        };
        let secret = SecretBytes::new(text("secret")?.into_bytes());
        Ok(Self { address: demo.address().to_owned(), key: text("key_id")?, secret })
    }

    fn connect(&self) -> Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        Ok(BufReader::new(stream))
    }

    /// The body of an answer 201.
    fn post(
        &self,
        connection: &mut BufReader<TcpStream>,
        path: &str,
        body: &Value,
        nonce: &str,
    ) -> Result<Vec<u8>> {
        let (body, at) = (body.to_string(), Clock::System.now());
        let request = Request {
            method: "POST",
            scheme: "http",
            authority: &self.address,
            path,
            query: None,
            headers: &[],
            body: body.as_bytes(),
        };
        let signature = hmac::sign(&request, at, nonce, &self.secret)?;
        let (length, seconds) = (body.len(), at.seconds());
        let Self { address, key, .. } = self;
        let text = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Exchequer {key}\r\n\
             x-timestamp: {seconds}\r\nx-nonce: {nonce}\r\nx-signature: {signature}\r\n\
             idempotency-key: {nonce}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        connection.get_mut().write_all(text.as_bytes())?;
        read_created(connection)
    }
}

fn read_created(connection: &mut BufReader<TcpStream>) -> Result<Vec<u8>> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    let is_created = line.starts_with("HTTP/1.1 201");
    let status = line.trim_end().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        connection.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    if is_created {
        Ok(body)
    } else {
        Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into())
    }
}

//! Webhooks that are to lead inside, to hang the bank, to be shown again, or to be another's.

use std::io::Write;
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use exchequer::jobs::Job;
use exchequer::webhooks::sender::{Failure, Lookup, Post, Sender, Terms};
use serde_json::json;
use store::params;
use testkit::receiver::{Answer, Received};
use testkit::{Receiver, Shop, TestBank, Till};
use tokio::sync::watch;

const PUBLIC_ONLY: Terms =
    Terms { allow_private: false, connect: Duration::from_secs(2), whole: Duration::from_secs(2) };
const ALSO_PRIVATE: Terms = Terms { allow_private: true, ..PUBLIC_ONLY };

fn post() -> Post {
    let body = b"{}".to_vec();
    Post { id: "evt_1".into(), timestamp: 1_767_607_200, signatures: "v1,AA==".into(), body }
}

/// A resolver that gives one list of addresses after another, and counts.
fn resolver(answers: &[&[&str]]) -> (Lookup, Arc<AtomicUsize>) {
    let parse = |text: &&str| -> IpAddr { text.parse().expect("an address") };
    let answers: Vec<Vec<IpAddr>> =
        answers.iter().map(|list| list.iter().map(parse).collect()).collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup: Lookup = Arc::new(move |_| {
        let nth = count.fetch_add(1, Ordering::SeqCst);
        let found = answers[nth.min(answers.len() - 1)].clone();
        Box::pin(async move { Ok(found) })
    });
    (lookup, asked)
}

// ASVS 1.3.6: a merchant's address is https, to a public host, without user and password.
#[tokio::test]
async fn no_endpoint_is_made_that_leads_inside() {
    let bank = TestBank::with(|config| config.webhooks.private_targets = false).await;
    let admin = bank.operator(exchequer::staff::model::Role::Admin).await;
    let shop = Shop::new(&bank, &admin, "test").await;
    for url in [
        "http://example.com/",
        "https://localhost/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.8:5432/",
        "https://user:word@example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
    ] {
        let refused = shop.post("/v1/webhook_endpoints", &json!({ "url": url })).await;
        refused.refused(422, "invalid_fields");
    }
    let good = json!({ "url": "https://example.com/" });
    let made = shop.post("/v1/webhook_endpoints", &good).await.expect(201);
    let change = json!({ "url": "https://127.0.0.1/", "events": ["*"], "status": "enabled" });
    let path = format!("/v1/webhook_endpoints/{}", made.text("/id"));
    shop.put(&path, &change).await.refused(422, "invalid_fields");
}

// ASVS 1.3.6, 13.2.4: every address of a name is checked, and a connection goes to public ones only.
/// After resolution, and whichever of the addresses it is.
#[tokio::test]
async fn no_name_leads_inside() {
    let receiver = Receiver::new().await;
    let url = format!("https://hooks.example.com:{}/", receiver.port());
    for inside in [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::1",
        "::",
        "fd00::1",
        "fe80::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "ff02::1",
    ] {
        for answer in [&[inside][..], &["8.8.8.8", inside][..], &[inside, "8.8.8.8"][..]] {
            let (lookup, asked) = resolver(&[answer]);
            let sender = Sender::with_lookup(PUBLIC_ONLY, lookup);
            assert_eq!(sender.send(&url, post()).await, Err(Failure::Address), "{answer:?}");
            assert_eq!(asked.load(Ordering::SeqCst), 1);
        }
    }
    // A name that is inside and one that is nowhere are one answer, by which nobody maps what is inside.
    let nowhere: Lookup =
        Arc::new(|_| Box::pin(async { Err(std::io::Error::other("no such name")) }));
    let sender = Sender::with_lookup(PUBLIC_ONLY, nowhere);
    assert_eq!(sender.send(&url, post()).await, Err(Failure::Address));
    assert_eq!(receiver.connections(), 0);
}

// ASVS 1.3.6: the connection is made to the address that was checked.
/// The connection goes to what was checked: there is no second question to answer differently.
#[tokio::test]
async fn a_name_that_changes_its_mind_is_asked_once_for_each_connection() {
    let (first, second) = (Receiver::new().await, Receiver::new().await);
    let (lookup, asked) = resolver(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let terms = Terms { whole: Duration::from_millis(300), ..ALSO_PRIVATE };
    let sender = Sender::with_lookup(terms, lookup);
    let url = format!("https://rebinding.example.com:{}/", first.port());
    // It speaks no TLS, so that is where it ends.
    assert!(sender.send(&url, post()).await.is_err());
    assert_eq!((asked.load(Ordering::SeqCst), first.connections()), (1, 1));
    assert_eq!((second.connections(), first.take().len()), (0, 0));
    // Checked first, changed later: the later answer is checked as well.
    let (lookup, _) = resolver(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let sender = Sender::with_lookup(PUBLIC_ONLY, lookup);
    for _ in 0..2 {
        assert_eq!(sender.send(&url, post()).await, Err(Failure::Address));
    }
    assert_eq!(first.connections(), 1);
}

/// An address that was taken while private ones were allowed, in a bank that no longer allows them.
#[tokio::test]
async fn what_was_taken_once_is_checked_at_every_try() {
    let receiver = Receiver::new().await;
    let sender = Sender::new(PUBLIC_ONLY);
    for url in [receiver.url(), format!("https://127.0.0.1:{}/", receiver.port())] {
        assert_eq!(sender.send(&url, post()).await, Err(Failure::Url));
    }
    let localhost = format!("http://localhost:{}/", receiver.port());
    assert_eq!(sender.send(&localhost, post()).await, Err(Failure::Url));
    assert_eq!(receiver.connections(), 0);
    assert_eq!(Sender::new(ALSO_PRIVATE).send(&localhost, post()).await, Ok(()));
}

// ASVS 15.3.2: a redirect is an answer like another and leads nowhere.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (receiver, inside) = (Receiver::new().await, Receiver::new().await);
    receiver.answer(Answer::Redirect(inside.url()));
    let sent = Sender::new(ALSO_PRIVATE).send(&receiver.url(), post()).await;
    assert_eq!(sent, Err(Failure::Redirect));
    assert_eq!((receiver.take().len(), inside.connections()), (1, 0));
}

// ASVS 13.2.6: a receiver has its seconds and no more.
#[tokio::test]
async fn a_receiver_that_is_silent_or_endless_is_not_waited_for() {
    let receiver = Receiver::new().await;
    let terms = Terms { whole: Duration::from_millis(300), ..ALSO_PRIVATE };
    let sender = Sender::new(terms);
    receiver.answer(Answer::Silence);
    assert_eq!(sender.send(&receiver.url(), post()).await, Err(Failure::Timeout));
    // The head of the answer says it all.
    receiver.answer(Answer::Endless);
    assert_eq!(sender.send(&receiver.url(), post()).await, Ok(()));
    drop(receiver);
    let nobody = "http://127.0.0.1:1/";
    assert_eq!(sender.send(nobody, post()).await, Err(Failure::NoConnection));
}

/// TLS is demanded of everybody but this machine, and must be good for the name.
#[tokio::test]
async fn who_speaks_no_tls_gets_nothing() {
    let receiver = Receiver::new().await;
    let terms = Terms { whole: Duration::from_millis(300), ..ALSO_PRIVATE };
    let url = format!("https://127.0.0.1:{}/", receiver.port());
    // The receiver waits for a request, and the bank for the other half of a handshake.
    assert_eq!(Sender::new(terms).send(&url, post()).await, Err(Failure::Timeout));
    assert_eq!(receiver.take().len(), 0);
}

async fn one_webhook() -> (String, Received) {
    let (till, receiver) = (Till::new().await, Receiver::new().await);
    let body = json!({ "url": receiver.url() });
    let made = till.shop.post("/v1/webhook_endpoints", &body).await.expect(201);
    let _paid = till.pay("4242424242424242", "automatic").await.expect(201);
    let (_go, stop) = watch::channel(false);
    let sent = Job::DeliverWebhooks.run(till.bank.bank(), &stop).await.expect("it is sent");
    assert_eq!(sent, 1);
    (made.text("/secret"), receiver.take().remove(0))
}

/// The block of `docs/api.md` in a language, of the section about webhooks.
fn sample(language: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md");
    let text = std::fs::read_to_string(path).expect("docs/api.md");
    let (_, section) = text.split_once("\n## Webhooks\n").expect("the section");
    let (_, block) = section.split_once(&format!("```{language}\n")).expect("the sample");
    block.split_once("\n```").expect("its end").0.to_owned()
}

/// Whether a program ends well, where this machine has it.
#[expect(clippy::print_stdout, reason = "a test that does not run says so")]
fn run(
    program: &str,
    arguments: &[&str],
    (input, variables): (&[u8], &[(&str, &str)]),
) -> Option<bool> {
    let mut command = Command::new(program);
    command.args(arguments).envs(variables.iter().copied()).stdin(Stdio::piped());
    let mut child = match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
        Ok(child) => child,
        Err(error) => {
            println!("{program}: {error}; the sample is not tried");
            return None;
        }
    };
    // Who refuses before it has read everything closes the pipe.
    let written = child.stdin.take().expect("a pipe").write_all(input);
    drop(written);
    Some(child.wait().expect("it ends").success())
}

/// Tries both samples on a webhook: whether each takes it, where this machine has the programs.
fn judge(secret: &str, got: &Received, now: i64) -> Vec<bool> {
    let (id, at) = (got.header("webhook-id"), got.header("webhook-timestamp"));
    let (signatures, now) = (got.header("webhook-signature"), now.to_string());
    let python = format!(
        "{}\nimport os, sys\nnames = ['id', 'timestamp', 'signature']\n\
         headers = {{'webhook-' + name: os.environ[name.upper()] for name in names}}\n\
         verify(os.environ['SECRET'], headers, sys.stdin.buffer.read(), int(os.environ['NOW']))\n",
        sample("python")
    );
    let variables = [
        ("SECRET", secret),
        ("ID", id),
        ("TIMESTAMP", at),
        ("SIGNATURE", signatures),
        ("NOW", &*now),
    ];
    let by_python = run("python3", &["-c", &python], (&got.body, &variables));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("body.json");
    std::fs::write(&file, &got.body).expect("the body");
    let shell = format!("cd '{}'\n{}\n", folder.path().display(), sample("sh"));
    let has_openssl = run("openssl", &["version"], (b"", &[])).is_some();
    let by_shell = has_openssl.then(|| run("sh", &["-c", &shell], (b"", &variables))).flatten();
    by_python.into_iter().chain(by_shell).collect()
}

/// Copied from the papers, the two samples take a webhook of the bank, and nothing that was changed or is shown
/// again five minutes later.
#[tokio::test]
async fn the_samples_of_the_papers_take_the_right_one_and_no_replay() {
    let (secret, got) = one_webhook().await;
    let at: i64 = got.header("webhook-timestamp").parse().expect("seconds");
    let all = |verdicts: Vec<bool>, wanted: bool, what: &str| {
        assert!(verdicts.iter().all(|verdict| *verdict == wanted), "{what}: {verdicts:?}");
    };
    for now in [at - 300, at, at + 300] {
        all(judge(&secret, &got, now), true, "in time");
    }
    for now in [at - 301, at + 301, at + 86_400] {
        all(judge(&secret, &got, now), false, "shown again");
    }
    let mut changed = got.clone();
    let place = changed.body.iter().position(|byte| *byte == b'1').expect("a digit");
    changed.body[place] = b'2';
    all(judge(&secret, &changed, at), false, "a changed body");
    for (header, value) in [
        ("webhook-id", "evt_01jz7m5v3k8e9q2r4s6t8w0xyz".to_owned()),
        ("webhook-timestamp", (at + 1).to_string()),
        ("webhook-signature", "v1,AAAA".to_owned()),
        ("webhook-signature", String::new()),
    ] {
        let mut changed = got.clone();
        changed.headers.insert(header.to_owned(), value);
        all(judge(&secret, &changed, at), false, header);
    }
    let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    all(judge(other, &got, at), false, "another secret");
}

/// A stranger who can write to the database gives two endpoints each other's secrets.
#[tokio::test]
async fn a_secret_that_was_moved_to_another_endpoint_signs_nothing() {
    let (till, receiver) = (Till::new().await, Receiver::new().await);
    let body = json!({ "url": receiver.url() });
    let mut ids = Vec::new();
    for _ in 0..2 {
        let made = till.shop.post("/v1/webhook_endpoints", &body).await.expect(201);
        ids.push(made.text("/id").parse::<money::WebhookId>().expect("an id"));
    }
    let db = till.bank.bank().db().clone();
    let (mine, other) = (ids[0], ids[1]);
    let moved = db
        .write("test", move |tx| {
            tx.execute(
                "UPDATE webhook_endpoints SET secret = (SELECT w.secret FROM webhook_endpoints AS w \
                 WHERE w.id = $2) WHERE id = $1",
                params![&mine, &other],
            )
        })
        .await
        .expect("the database takes it");
    assert_eq!(moved, 1);
    let _paid = till.pay("4242424242424242", "automatic").await.expect(201);
    let (_go, stop) = watch::channel(false);
    let sent = Job::DeliverWebhooks.run(till.bank.bank(), &stop).await;
    assert!(sent.is_err(), "the damage is told");
    // The other one got its own.
    assert_eq!(receiver.take().len(), 1);
}

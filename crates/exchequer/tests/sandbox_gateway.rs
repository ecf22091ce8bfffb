//! `exchequer sandbox-gateway` as a process: what it prints, what it remembers, how it ends.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use exchequer::gateways::sandbox::Sandbox;
use exchequer::gateways::{Act, Asked, Card, Gateway, Kind, Limits, Operation, Outcome, Question};
use money::{Clock, Currency, IdMint, Money, PaymentId, Rng};
use vault::SecretString;
use vault::card::{Expiry, Number};

const SECRET: &str = "a secret of this test";
const NUMBER: &str = "4242424242424242";

struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(journal: &Path) -> Self {
        let mut child = command()
            .args(["--listen", "127.0.0.1:0", "--journal"])
            .arg(journal)
            .env("EXCHEQUER_SANDBOX_SECRET", SECRET)
            .spawn()
            .expect("the process answers");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("the process answers"))
            .read_line(&mut line)
            .expect("the process answers");
        let url =
            line.strip_prefix("listening on ").expect("the process answers").trim_end().to_owned();
        Self { child, url }
    }

    fn client(&self) -> Sandbox {
        Sandbox::new(&self.url, SecretString::new(SECRET.to_owned()), Limits::default())
            .expect("the process answers")
    }

    /// What it wrote to standard error.
    fn killed(mut self) -> String {
        self.child.kill().expect("the process answers");
        self.child.wait().expect("the process answers");
        errors(&mut self.child)
    }

    fn terminated(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .expect("the process answers")
                .success()
        );
        let code = self.child.wait().expect("the process answers").code();
        (code, errors(&mut self.child))
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exchequer"));
    command.arg("sandbox-gateway").env_remove("EXCHEQUER_SANDBOX_SECRET");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn errors(child: &mut Child) -> String {
    let mut text = String::new();
    child
        .stderr
        .as_mut()
        .expect("the process answers")
        .read_to_string(&mut text)
        .expect("the process answers");
    text
}

async fn pay(gateway: &Sandbox, payment: PaymentId) -> Outcome {
    let Ok(number) = Number::parse(NUMBER) else { panic!("no number") };
    let now = Clock::System.now();
    let expiry = Expiry::parse("12/49", now)
        .or_else(|_| Expiry::parse("12/35", now))
        .expect("the process answers");
    let card = Card { number, expiry, cvv: None };
    let act =
        Act::Authorize { money: Money::new(1_000, Currency::INR), card: &card, capture: true };
    let id = payment.to_string();
    gateway.submit(&Operation { id: &id, payment, reference: None, act }).await
}

async fn ask(gateway: &Sandbox, payment: PaymentId) -> Asked {
    let (id, kind) = (payment.to_string(), Kind::Authorize);
    gateway
        .ask(&Question {
            id: &id,
            payment,
            reference: None,
            currency: Currency::INR,
            kind,
            give_up: false,
        })
        .await
}

#[tokio::test]
async fn what_was_answered_is_known_after_kill_9_and_a_stop_is_clean() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let mint = IdMint::new(Rng::System);
    let payments: Vec<PaymentId> = (0..20).map(|_| mint.mint(Clock::System.now())).collect();
    let mut told = Vec::new();
    let mut said = String::new();
    for half in payments.chunks(10) {
        let process = Process::start(&journal);
        let gateway = process.client();
        for payment in half {
            let outcome = pay(&gateway, *payment).await;
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
            told.push(outcome);
        }
        said += &process.killed();
    }
    let process = Process::start(&journal);
    let gateway = process.client();
    for (payment, outcome) in payments.iter().zip(told) {
        assert_eq!(ask(&gateway, *payment).await, Asked::Known(outcome));
    }
    let (code, last) = process.terminated();
    assert_eq!(code, Some(0));
    said += &last;
    let text = std::fs::read_to_string(&journal).unwrap();
    assert_eq!(text.lines().count(), 20);
    for hidden in [NUMBER, SECRET] {
        assert!(!text.contains(hidden) && !said.contains(hidden));
    }
}

#[test]
fn without_a_good_secret_it_does_not_start() {
    for (secret, reason) in
        [(None, "EXCHEQUER_SANDBOX_SECRET"), (Some("too short"), "fewer than 16 characters")]
    {
        let mut command = command();
        command.args(["--listen", "127.0.0.1:0"]);
        command.envs(secret.map(|secret| ("EXCHEQUER_SANDBOX_SECRET", secret)));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(reason), "{said}");
        assert!(!said.contains("too short"), "{said}");
    }
}

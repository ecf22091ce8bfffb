//! Authorisation, enumerated: every route that wants a second factor, without one, and with every proof that is not its
//! own: of another act, of another session, of somebody else, made up.

use exchequer::staff::model::Role;
use serde_json::{Value, json};
use testkit::authenticator::Authenticator;
use testkit::{Person, Reply, TestBank};

use crate::authorisation::{Line, call_with, lines};

const RESUME: &str = "/v1/protections/resume";

/// A customer with a security key, and what the routes are asked about.
struct Asker {
    person: Person,
    key: Authenticator,
    from: String,
    to: String,
    /// An authenticator, which is not what answers here.
    factor: String,
    session: String,
}

/// A customer whose session is so old that nothing shown at its beginning counts any more.
async fn asker(bank: &TestBank, name: &str, to: Option<&str>) -> Asker {
    let mut person = bank.customer(name).await;
    let from = bank.account(&person, "INR").await;
    let teller = bank.operator(Role::Teller).await;
    bank.deposit(&teller, &from, 10_000, "INR").await;
    bank.enrol_totp(&mut person).await;
    let factor = person.client.get("/v1/factors").await.expect(200).text("/data/0/id");
    let kind = json!({ "kind": "security_key" });
    let options = bank.post_stepped(&person, "/v1/factors/webauthn/options", &kind).await;
    let mut key = bank.authenticator();
    let credential = key.create(&options.expect(200).json());
    let body = json!({ "credential": credential, "name": "Key" });
    let _added = person.client.post("/v1/factors/webauthn", &body).await.expect(201);
    let limits = json!({ "per_transfer": 5_000 });
    let _set = person.client.put("/v1/limits/INR", &limits).await.expect(200);
    let alerts = json!({ "enabled": true });
    let _told = person.client.put("/v1/alerts/INR", &alerts).await.expect(200);
    let session = person.client.get("/v1/sessions").await.expect(200).text("/data/0/id");
    let to = to.map_or_else(|| from.clone(), str::to_owned);
    Asker { person, key, from, to, factor, session }
}

impl Asker {
    /// Another session of the same customer.
    async fn elsewhere(&self, bank: &TestBank) -> Person {
        let mut person = self.person.clone();
        bank.sign_in_with_totp(&mut person).await;
        person
    }

    /// A request that asks for a second factor.
    async fn call(&self, by: &Person, line: &Line, proof: Option<&str>) -> Reply {
        let id = if line.path.contains("/sessions/") { &self.session } else { &self.factor };
        let path = line.path.replace("{id}", id).replace("{currency}", "INR");
        let body = self.needing(line.path).to_string();
        let headers: Vec<(&str, &str)> = proof.iter().map(|proof| ("step-up", *proof)).collect();
        call_with(&by.client, line, &path, (&headers, &body)).await
    }

    /// What makes a route ask for a second factor.
    fn needing(&self, path: &str) -> Value {
        let order =
            || json!({ "from": self.from, "to": self.to, "amount": 100, "currency": "INR" });
        match path {
            "/v1/factors/totp"
            | "/v1/factors/webauthn/options"
            | "/v1/factors/email"
            | "/v1/factors/recovery_codes"
            | "/v1/factors/{id}"
            | "/v1/sessions"
            | "/v1/sessions/{id}"
            | "/v1/protections/resume" => json!({}),
            "/v1/factors/sms" => json!({ "phone": "+919876543210" }),
            "/v1/beneficiaries" => json!({ "account": self.to, "name": "Bela" }),
            "/v1/limits/{currency}" => json!({ "per_transfer": 6_000 }),
            "/v1/alerts/{currency}" => json!({ "enabled": false }),
            "/v1/password" => json!({
                "current_password": self.person.password,
                "new_password": "another long enough passphrase"
            }),
            "/v1/transfers" | "/v1/holds" => order(),
            "/v1/transfers/batch" => json!({ "transfers": [order()], "atomic": false }),
            path => panic!("teach the test what makes {path} ask for a second factor"),
        }
    }

    /// Asks without a proof: the question.
    async fn ask(&self, by: &Person, line: &Line) -> Reply {
        if line.path == RESUME {
            let _stopped = by.client.post("/v1/protections/stop", &json!({})).await.expect(200);
        }
        let asked = self.call(by, line, None).await;
        assert_eq!(asked.code(), "step_up_required", "{} {}", line.method, line.path);
        asked.refused(403, "step_up_required");
        asked
    }

    /// The proof that the security key gives for this request: good, and not used yet.
    async fn prove(&mut self, bank: &TestBank, by: &Person, line: &Line) -> String {
        let asked = self.ask(by, line).await.json();
        let verified = bank.verify_with(&asked["challenge"], &mut self.key).await.expect(200);
        bank.secret(&verified.text("/proof"));
        verified.text("/proof")
    }

    /// What the routes could change, the switch aside.
    async fn state(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for list in ["factors", "sessions", "beneficiaries", "accounts", "limits/INR", "alerts/INR"]
        {
            let reply = self.person.client.get(&format!("/v1/{list}")).await.expect(200).json();
            match reply["data"].as_array() {
                Some(rows) => all.extend(rows.iter().map(without_times)),
                None => all.push(reply),
            }
        }
        all
    }
}

/// When each was last used is not of the routes' doing.
fn without_times(row: &Value) -> Value {
    let fields = row.as_object().expect("an object").iter();
    Value::Object(
        fields
            .filter(|(name, _)| !name.ends_with("_at"))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect(),
    )
}

/// Asha and Bela, who pay each other, in sessions that have shown no factor for five minutes.
async fn two(bank: &TestBank) -> (Asker, Asker) {
    let bela = asker(bank, "Bela", None).await;
    let mut asha = asker(bank, "Asha", Some(&bela.from)).await;
    let mut bela = Asker { to: asha.from.clone(), ..bela };
    for one in [&mut asha, &mut bela] {
        one.person = one.elsewhere(bank).await;
    }
    bank.advance(301);
    for one in [&mut asha, &mut bela] {
        bank.refresh(&mut one.person).await;
    }
    (asha, bela)
}

/// Money that is stopped is refused before a factor is asked for, so letting it out comes last.
fn asking() -> Vec<Line> {
    let mut lines: Vec<Line> = lines().into_iter().filter(|line| line.needs_step_up).collect();
    lines.sort_by_key(|line| line.path == RESUME);
    assert!(lines.len() >= 15, "only {} routes ask for a second factor", lines.len());
    lines
}

/// ASVS 7.5.1, 7.5.3: every route that says so asks for a second factor, and changes nothing without.
#[tokio::test]
async fn no_route_that_needs_a_second_factor_serves_without() {
    let bank = TestBank::new().await;
    let (asha, _bela) = two(&bank).await;
    let before = asha.state().await;
    for line in &asking() {
        let _asked = asha.ask(&asha.person, line).await;
    }
    assert_eq!(asha.state().await, before);
}

/// ASVS 7.5.3: a proof is good for the one request, of the one session, that it was asked for with.
#[tokio::test]
async fn no_route_that_needs_a_second_factor_takes_the_proof_of_anything_else() {
    let bank = TestBank::new().await;
    let (mut asha, mut bela) = two(&bank).await;
    let mut elsewhere = asha.elsewhere(&bank).await;
    bank.advance(301);
    for person in [&mut asha.person, &mut bela.person, &mut elsewhere] {
        bank.refresh(person).await;
    }
    let here = asha.person.clone();
    let (before, lines) = (asha.state().await, asking());
    let mut own: Vec<String> = Vec::new();
    for line in &lines {
        own.push(asha.prove(&bank, &here, line).await);
        let of_bela = bela.person.clone();
        let mut foreign = vec![
            ("another session", asha.prove(&bank, &elsewhere, line).await),
            ("another customer", bela.prove(&bank, &of_bela, line).await),
        ];
        foreign.extend(made_up(own.last().expect("a proof")));
        // Good ones of the same session, each for what was asked before.
        let others = &own[..own.len() - 1];
        foreign.extend(others.iter().map(|proof| ("another act", proof.clone())));
        for (whose, proof) in foreign {
            let refused = asha.call(&here, line, Some(&proof)).await;
            let told = (refused.status.as_u16(), refused.code());
            let expected = (403, "step_up_required".to_owned());
            assert_eq!(told, expected, "{} {}: {whose}", line.method, line.path);
        }
    }
    assert!(own.len() >= 15);
    assert_eq!(asha.state().await, before);
    each_serves_its_own(&asha, &here, lines.into_iter().zip(own).collect()).await;
}

/// What resembles a proof, or not at all.
fn made_up(proof: &str) -> Vec<(&'static str, String)> {
    let (id, token) = proof.split_once('.').expect("a challenge and a token");
    let last = if token.ends_with('A') { "B" } else { "A" };
    vec![
        ("garbage", "garbage".to_owned()),
        ("nobody's", "chl_00000000000000000000000000.x".to_owned()),
        ("without a token", format!("{id}.")),
        ("another token", format!("{id}.{}{last}", &token[..token.len() - 1])),
        ("a longer token", format!("{proof}A")),
    ]
}

/// Each of the proofs was good all the while: what refused them was where they were shown. Money goes again first; of
/// the two that end this session only one can be served, and that last.
async fn each_serves_its_own(asha: &Asker, here: &Person, mut all: Vec<(Line, String)>) {
    all.sort_by_key(|(line, _)| match line.path {
        RESUME => 0,
        "/v1/sessions/{id}" => 2,
        "/v1/factors/{id}" => 3,
        "/v1/password" => 4,
        _ => 1,
    });
    all.retain(|(line, _)| line.path != "/v1/sessions");
    for (line, proof) in &all {
        let reply = asha.call(here, line, Some(proof)).await;
        let told = (reply.status, reply.code());
        assert!(told.0.is_success(), "{} {}: {told:?}", line.method, line.path);
    }
}

//! Second factors in a test's hands: an authenticator, the demo's inbox, the answer to a challenge.

use exchequer::factors::totp;
use serde_json::{Value, json};
use vault::SecretString;

use crate::authenticator::Authenticator;
use crate::{Person, Reply, TestBank};

impl TestBank {
    /// Adds and confirms an authenticator; gives the recovery codes that came with it.
    pub async fn enrol_totp(&self, person: &mut Person) -> Vec<String> {
        let enrolled = person.client.post("/v1/factors/totp", &json!({})).await.expect(201);
        let secret = enrolled.text("/secret");
        self.secret(&secret);
        person.totp_secret = Some(secret);
        let code = json!({ "code": self.totp_code(person) });
        let path = format!("/v1/factors/{}/confirm", enrolled.text("/id"));
        let confirmed = person.client.post(&path, &code).await.expect(200).json();
        let codes = confirmed["recovery_codes"].as_array().expect("a list").iter();
        codes.map(|code| code.as_str().expect("a code").to_owned()).collect()
    }

    /// Adds and confirms a telephone.
    pub async fn enrol_sms(&self, person: &Person, phone: &str) -> Reply {
        let enrolled =
            self.post_stepped(person, "/v1/factors/sms", &json!({ "phone": phone })).await;
        let enrolled = enrolled.expect(201);
        let code = json!({ "code": self.newest_code(phone).await });
        let path = format!("/v1/factors/{}/confirm", enrolled.text("/id"));
        person.client.post(&path, &code).await.expect(200)
    }

    /// A security key or passkey in a browser on the bank's page.
    pub fn authenticator(&self) -> Authenticator {
        Authenticator::new(&self.bank().config().webauthn.origins[0])
    }

    /// Adds a `security_key` or a `passkey`.
    pub async fn enrol_webauthn(&self, person: &Person, kind: &str) -> Authenticator {
        let begin = json!({ "kind": kind });
        let options = person.client.post("/v1/factors/webauthn/options", &begin).await.expect(200);
        let mut key = self.authenticator();
        let body = json!({ "credential": key.create(&options.json()), "name": "Key" });
        let _added = person.client.post("/v1/factors/webauthn", &body).await.expect(201);
        key
    }

    /// Answers a challenge as a browser with this key would.
    pub async fn verify_with(&self, challenge: &Value, key: &mut Authenticator) -> Reply {
        let body = json!({ "method": "webauthn", "credential": key.get(&challenge["webauthn"]) });
        let id = challenge["id"].as_str().expect("an id");
        let path = format!("/v1/auth/challenges/{id}/verify");
        self.client().post_raw(&path, None, body.to_string().into_bytes()).await
    }

    /// Answers a challenge with any method's code.
    pub async fn verify(&self, challenge: &str, method: &str, code: &str) -> Reply {
        let body = json!({ "method": method, "code": code }).to_string().into_bytes();
        let path = format!("/v1/auth/challenges/{challenge}/verify");
        self.client().post_raw(&path, None, body).await
    }

    /// A POST, with the proof of the person's authenticator where one is asked for.
    pub async fn post_stepped(&self, person: &Person, path: &str, body: &Value) -> Reply {
        let key = crate::key();
        let reply = person.client.post_with_key(path, &key, body).await;
        if reply.code() != "step_up_required" {
            return reply;
        }
        let proof = self.prove(person, &reply.text("/challenge/id")).await;
        person.client.post_proved(path, &key, body, &proof).await
    }

    /// The same for a DELETE.
    pub async fn delete_stepped(&self, person: &Person, path: &str) -> Reply {
        let reply = person.client.delete(path).await;
        if reply.code() != "step_up_required" {
            return reply;
        }
        let proof = self.prove(person, &reply.text("/challenge/id")).await;
        person.client.delete_proved(path, &proof).await
    }

    /// The proof that the person's authenticator gives for a challenge, with its next code.
    pub async fn prove(&self, person: &Person, challenge: &str) -> String {
        self.advance(totp::STEP_SECONDS);
        let verified = self.verify(challenge, "totp", &self.totp_code(person)).await.expect(200);
        let proof = verified.text("/proof");
        self.secret(&proof);
        proof
    }

    /// The proof that the password gives for a request of somebody without a factor.
    pub async fn prove_by_password(&self, person: &Person, asked: &Reply) -> String {
        asked.refused(403, "step_up_required");
        assert_eq!(asked.json()["challenge"]["methods"], json!(["password"]), "{}", asked.json());
        let challenge = asked.text("/challenge/id");
        let verified = self.verify(&challenge, "password", &person.password).await.expect(200);
        let proof = verified.text("/proof");
        self.secret(&proof);
        proof
    }

    /// Signs in with password and authenticator.
    pub async fn sign_in_with_totp(&self, person: &mut Person) {
        let body = json!({ "email": person.email, "password": person.password });
        let body = body.to_string().into_bytes();
        let half = self.client().post_raw("/v1/auth/login", None, body).await.expect(200);
        // Each step is accepted once: the next sign-in needs the next step.
        self.advance(totp::STEP_SECONDS);
        let code = self.totp_code(person);
        let reply = self.verify(&half.text("/challenge/id"), "totp", &code).await.expect(200);
        self.keep_tokens(person, &reply);
    }

    /// The messages of a demo bank, newest first.
    pub async fn inbox(&self) -> Vec<Value> {
        let inbox = self.client().get("/demo/inbox.json").await.expect(200).json();
        inbox["data"].as_array().expect("a list").clone()
    }

    /// The code of the newest message to this address.
    pub async fn newest_code(&self, to: &str) -> String {
        let inbox = self.inbox().await;
        let is_code = |m: &&Value| {
            let purpose = m["purpose"].as_str().unwrap_or_default();
            m["to"] == to && purpose.ends_with("_code")
        };
        let message = inbox.iter().find(is_code).unwrap_or_else(|| panic!("no code for {to}"));
        let code: String = message["text"].as_str().expect("a text").chars().take(6).collect();
        self.secret(&code);
        code
    }

    /// The token of the newest mail about this to that address: a line of 43 characters.
    pub async fn mailed_token(&self, to: &str, purpose: &str) -> String {
        let inbox = self.inbox().await;
        let mail = inbox.iter().find(|m| m["to"] == to && m["purpose"] == purpose);
        let text = mail.unwrap_or_else(|| panic!("no {purpose} for {to}"))["text"].as_str();
        let token = text.expect("a text").lines().find(|line| line.len() == 43);
        let token = token.expect("a token").to_owned();
        self.secret(&token);
        token
    }

    /// The person shows that they read their address: only then they get tokens that set a password.
    pub async fn confirm_email(&self, person: &Person) {
        let token = self.mailed_token(&person.email, "email_confirmation").await;
        let body = serde_json::json!({ "token": token }).to_string().into_bytes();
        let _done = self.client().post_raw("/v1/auth/email/confirm", None, body).await.expect(200);
    }

    /// A code that the authenticator does not show now, a step before or a step after.
    pub fn wrong_totp_code(&self, person: &Person) -> String {
        let secret = SecretString::new(person.totp_secret.clone().expect("a secret"));
        let now = self.clock().now();
        let near = [-1, 0, 1].map(|steps| {
            totp::code_at(&secret, now.plus_seconds(steps * totp::STEP_SECONDS)).expect("base 32")
        });
        let wrong = (0..4).map(|n| format!("{n:06}")).find(|code| !near.contains(code));
        wrong.expect("three of four are near at most")
    }
}

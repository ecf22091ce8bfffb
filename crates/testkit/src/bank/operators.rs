//! Operators of a bank: made, signed in, and approving for each other.

use exchequer::customers::model::Email;
use exchequer::staff;
use exchequer::staff::model::Role;
use serde_json::json;
use store::params;

use super::{Person, SECOND_SIGNED_IN, TestBank};

impl TestBank {
    /// An operator, signed in with the second factor.
    pub async fn operator(&self, role: Role) -> Person {
        let email = format!("{}-{}@bank.test", role.as_str(), crate::key());
        let password = format!("operator of the {} counter", role.as_str());
        let secret = self.create_operator(&email, role, &password).await;
        let mut person = Person {
            client: self.client(),
            id: String::new(),
            email,
            password,
            refresh_token: String::new(),
            totp_secret: Some(secret),
        };
        self.sign_in_operator(&mut person).await;
        person
    }

    async fn create_operator(&self, email: &str, role: Role, password: &str) -> String {
        let hash = self.bank.hashing().hash(password.to_owned()).await.expect("a hash");
        let act = self.bank.system_act("testkit");
        let email: Email = email.parse().expect("an e-mail");
        let (_, secret) = self
            .bank
            .db()
            .write("staff.create", move |tx| staff::create_in(tx, &act, &email, role, &hash))
            .await
            .expect("an operator")
            .expect("a new e-mail");
        self.secret(secret.expose());
        secret.expose().to_owned()
    }

    /// Counts an operator as seen just now, whose access a jump of the clock would have ended.
    pub async fn see_operator(&self, person: &Person) {
        let (email, now) = (person.email.clone(), self.clock.now());
        let seen = self.bank.db().write("staff.seen", move |tx| {
            let sql = "UPDATE staff SET last_signed_in_at = $2, absent_since = $2 WHERE email = $1";
            tx.execute(sql, params![&email, now])
        });
        assert_eq!(seen.await.expect("an operator"), 1);
    }

    pub async fn sign_in_operator(&self, person: &mut Person) {
        let body = json!({ "email": person.email, "password": person.password });
        let challenge = self
            .client()
            .post_raw("/v1/staff/login", None, body.to_string().into_bytes())
            .await
            .expect(200)
            .text("/challenge/id");
        // Each step is accepted once: the next sign-in needs the next step.
        self.advance(30);
        let code = self.totp_code(person);
        let reply = self
            .client()
            .post_raw(
                &format!("/v1/auth/challenges/{challenge}/verify"),
                None,
                json!({ "method": "totp", "code": code }).to_string().into_bytes(),
            )
            .await
            .expect(200);
        self.keep_tokens(person, &reply);
    }

    /// Has an act that was left to wait (202) approved by another operator of a role; gives the approval.
    pub async fn approved(&self, asked: crate::Reply, role: Role) -> crate::Reply {
        let approval = asked.expect(202).text("/approval/id");
        let second = self.second(role).await;
        let path = format!("/v1/staff/approvals/{approval}/approve");
        let decided = second.client.post(&path, &json!({})).await.expect(200);
        assert_eq!(decided.text("/status"), "approved");
        decided
    }

    /// The same for an act that must then be done.
    pub async fn done(&self, asked: crate::Reply, role: Role) -> String {
        self.approved(asked, role).await.text("/outcome/resource")
    }

    /// The second operator of a role, signed in; the same person each time.
    async fn second(&self, role: Role) -> Person {
        let mut seconds = self.seconds.lock().await;
        let now = self.clock.now();
        if let Some((_, person, since)) = seconds.iter_mut().find(|(of, _, _)| *of == role) {
            let age = now.micros_since(*since) / 1_000_000;
            if !(0..SECOND_SIGNED_IN).contains(&age) {
                self.see_operator(person).await;
                self.sign_in_operator(person).await;
                *since = self.clock.now();
            }
            return person.clone();
        }
        let person = self.operator(role).await;
        seconds.push((role, person.clone(), self.clock.now()));
        person
    }
}

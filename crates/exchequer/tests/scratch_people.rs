#![allow(unused_must_use, clippy::all)]
//! Scratch of the customers/staff/sessions part; to be removed.
use exchequer::staff::model::Role;
use serde_json::{Value, json};
use store::params;
use testkit::{Person, TestBank, key};

async fn post(bank: &TestBank, path: &str, body: Value) -> testkit::Reply {
    bank.client().post_raw(path, None, body.to_string().into_bytes()).await
}
async fn text(bank: &TestBank, sql: &'static str) -> Vec<String> {
    bank.bank()
        .db()
        .read("t", move |tx| {
            tx.query(sql, params![])?
                .iter()
                .map(|r| Ok::<_, store::DbError>(r.text(0)?.to_owned()))
                .collect::<Result<Vec<_>, _>>()
        })
        .await
        .unwrap()
}
async fn exec(bank: &TestBank, sql: &'static str) -> u64 {
    bank.bank()
        .db()
        .write("t", move |tx| tx.execute(sql, params![]))
        .await
        .map_err(|e: store::DbError| e)
        .unwrap()
}

#[tokio::test]
async fn registering() {
    let bank = TestBank::new().await;
    let body = json!({"email":" Asha@Example.com","password":"violet tram under rain","full_name":"Asha Rao","phone":"+91 98765-43210","government_id":"abcde 1234 f"});
    let k = key();
    let first = bank.client().post_with_key("/v1/customers", &k, &body).await.expect(201);
    println!("{}", first.json());
    let again = bank.client().post_with_key("/v1/customers", &k, &body).await.expect(201);
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let known = bank.client().post("/v1/customers", &body).await.expect(201);
    assert_ne!(known.text("/id"), first.text("/id"));
    let (mut a, mut b) = (first.json(), known.json());
    a["id"] = Value::Null;
    b["id"] = Value::Null;
    assert_eq!(a, b);
    println!(
        "{:?}",
        text(&bank, "SELECT action || ' ' || resource || ' ' || outcome FROM events ORDER BY id")
            .await
    );
    let bad = bank.client().post("/v1/customers", &json!({"email":"x","password":"short","full_name":" ","phone":"1","government_id":"?"})).await;
    println!("{}", bad.json());
    bad.refused(422, "invalid_fields");
    bank.client()
        .post(
            "/v1/customers",
            &json!({"email":"a@b.co","password":"x".repeat(1025),"full_name":"A"}),
        )
        .await
        .refused(422, "invalid_fields");
    let tokens = post(
        &bank,
        "/v1/auth/login",
        json!({"email":"ASHA@example.com ","password":"violet tram under rain"}),
    )
    .await
    .expect(200);
    println!("{}", tokens.json());
    let me = bank.client().with_token(&tokens.text("/access_token"));
    println!("{}", me.get("/v1/me").await.expect(200).json());
    // concurrent registrations of one e-mail
    let tasks: Vec<_> = (0..20).map(|_| { let c = bank.client(); tokio::spawn(async move { c.post("/v1/customers", &json!({"email":"race@example.com","password":"violet tram under rain","full_name":"R"})).await.status.as_u16() }) }).collect();
    for t in tasks {
        assert_eq!(t.await.unwrap(), 201);
    }
    assert_eq!(
        text(&bank, "SELECT action FROM events WHERE action = 'customer.registered'").await.len(),
        2
    );
    assert_eq!(
        text(&bank, "SELECT action FROM events WHERE action = 'customer.registration_repeated'")
            .await
            .len(),
        20
    );
}

#[tokio::test]
async fn sessions() {
    let bank = TestBank::new().await;
    let mut asha = bank.customer("Asha Rao").await;
    let ravi = bank.customer("Ravi").await;
    for (email, password) in [
        (asha.email.as_str(), "wrong"),
        ("nobody@example.test", "wrong"),
        ("garbage", ""),
        (&asha.email, &"x".repeat(5000)),
    ] {
        post(&bank, "/v1/auth/login", json!({"email":email,"password":password}))
            .await
            .refused(401, "invalid_credentials");
    }
    println!("{:?}", text(&bank, "SELECT resource || ' ' || after FROM events WHERE action = 'session.sign_in_failed' ORDER BY id").await);
    let first = asha.clone();
    bank.sign_in(&mut asha).await;
    bank.sign_in(&mut asha).await;
    let list = asha.client.get("/v1/sessions?limit=2").await.expect(200).json();
    println!("{list}");
    assert_eq!(list["data"][0]["current"], true);
    let next = list["next_cursor"].as_str().unwrap();
    let rest =
        asha.client.get(&format!("/v1/sessions?limit=2&cursor={next}")).await.expect(200).json();
    assert_eq!(rest["data"].as_array().unwrap().len(), 1);
    assert_eq!(rest["next_cursor"], Value::Null);
    let oldest = rest["data"][0]["id"].as_str().unwrap().to_owned();
    // stranger's and unknown
    ravi.client.delete(&format!("/v1/sessions/{oldest}")).await.refused(404, "not_found");
    asha.client
        .delete(&format!("/v1/sessions/{}", bank.unknown_id::<money::kind::Session>()))
        .await
        .refused(404, "not_found");
    first.client.get("/v1/me").await.expect(200);
    asha.client.delete(&format!("/v1/sessions/{oldest}")).await.expect(204);
    first.client.get("/v1/me").await.refused(401, "unauthenticated");
    asha.client.delete(&format!("/v1/sessions/{oldest}")).await.expect(204);
    // refresh
    let old = asha.refresh_token.clone();
    let new = post(&bank, "/v1/auth/refresh", json!({"refresh_token":old})).await.expect(200);
    let newer = bank.client().with_token(&new.text("/access_token"));
    newer.get("/v1/me").await.expect(200);
    post(&bank, "/v1/auth/refresh", json!({"refresh_token":old}))
        .await
        .refused(401, "invalid_refresh_token");
    newer.get("/v1/me").await.refused(401, "unauthenticated");
    asha.client.get("/v1/me").await.refused(401, "unauthenticated");
    post(&bank, "/v1/auth/refresh", json!({"refresh_token":new.text("/refresh_token")}))
        .await
        .refused(401, "invalid_refresh_token");
    post(&bank, "/v1/auth/refresh", json!({"refresh_token":"nonsense"}))
        .await
        .refused(401, "invalid_refresh_token");
    // logout, all
    bank.sign_in(&mut asha).await;
    asha.client.post_raw("/v1/auth/logout", None, vec![]).await.expect(204);
    asha.client.get("/v1/me").await.refused(401, "unauthenticated");
    bank.sign_in(&mut asha).await;
    let one = asha.clone();
    bank.sign_in(&mut asha).await;
    asha.client.delete("/v1/sessions").await.expect(204);
    for p in [&one, &asha] {
        p.client.get("/v1/me").await.refused(401, "unauthenticated");
    }
    ravi.client.get("/v1/me").await.expect(200);
    println!("{}", bank.client().get("/.well-known/jwks.json").await.expect(200).json());
    // disabled
    exec(&bank, "UPDATE customers SET status = 1").await;
    post(&bank, "/v1/auth/login", json!({"email":asha.email,"password":asha.password}))
        .await
        .refused(401, "invalid_credentials");
    post(&bank, "/v1/auth/refresh", json!({"refresh_token":ravi.refresh_token}))
        .await
        .refused(401, "invalid_refresh_token");
    // upgrade of an older hash
    exec(&bank, "UPDATE customers SET status = 0, password_hash = '$2a$05$LhayLxezLhK1LhWvKxCyLOj0j1u.Kj0jZ0pEmm134uzrQlFvQJLF6'").await;
    exec(&bank, "UPDATE customers SET password_hash = '$2b$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm'").await;
    let r =
        post(&bank, "/v1/auth/login", json!({"email":ravi.email,"password":"some password"})).await;
    println!("bcrypt: {}", r.status);
}

async fn challenge(bank: &TestBank, p: &Person) -> String {
    post(bank, "/v1/staff/login", json!({"email":p.email,"password":p.password}))
        .await
        .expect(200)
        .text("/challenge/id")
}
async fn answer(bank: &TestBank, id: &str, code: &str) -> testkit::Reply {
    post(bank, &format!("/v1/auth/challenges/{id}/verify"), json!({"method":"totp","code":code}))
        .await
}

#[tokio::test]
async fn second_factor() {
    let bank = TestBank::new().await;
    let admin = bank.operator(Role::Admin).await;
    post(&bank, "/v1/staff/login", json!({"email":admin.email,"password":"wrong"}))
        .await
        .refused(401, "invalid_credentials");
    post(&bank, "/v1/staff/login", json!({"email":"x@y.zz","password":"wrong"}))
        .await
        .refused(401, "invalid_credentials");
    // the code that signed in does not serve again
    let used = bank.totp_code(&admin);
    let c = challenge(&bank, &admin).await;
    answer(&bank, &c, &used).await.refused(401, "invalid_code");
    bank.advance(60);
    let good = bank.totp_code(&admin);
    let wrong = format!("{:06}", (good.parse::<u32>().unwrap() + 1) % 1_000_000);
    answer(&bank, &c, &wrong).await.refused(401, "invalid_code");
    answer(&bank, &c, &wrong).await.refused(401, "invalid_code");
    answer(&bank, &c, &good).await.refused(401, "invalid_code"); // dead
    answer(&bank, &c, "12345").await.refused(422, "invalid_fields");
    answer(&bank, &bank.unknown_id::<money::kind::Challenge>(), &good)
        .await
        .refused(404, "not_found");
    // expired
    let c = challenge(&bank, &admin).await;
    bank.advance(300);
    answer(&bank, &c, &bank.totp_code(&admin)).await.refused(401, "invalid_code");
    // 64 in parallel, each with its own challenge: one
    bank.advance(60);
    let code = bank.totp_code(&admin);
    let mut ids = vec![];
    for _ in 0..64 {
        ids.push(challenge(&bank, &admin).await);
    }
    let tasks: Vec<_> = ids
        .into_iter()
        .map(|id| {
            let (c, code) = (bank.client(), code.clone());
            tokio::spawn(async move {
                c.post_raw(
                    &format!("/v1/auth/challenges/{id}/verify"),
                    None,
                    json!({"method":"totp","code":code}).to_string().into_bytes(),
                )
                .await
                .status
                .as_u16()
            })
        })
        .collect();
    let mut won = 0;
    for t in tasks {
        if t.await.unwrap() == 200 {
            won += 1;
        }
    }
    assert_eq!(won, 1);
    // used challenge is dead
    let mut again = admin.clone();
    bank.advance(60);
    bank.sign_in_operator(&mut again).await;
    again.client.post_raw("/v1/staff/logout", None, vec![]).await.expect(204);
    again.client.get("/v1/staff/events").await.refused(401, "unauthenticated");
    // customers are no operators
    let asha = bank.customer("Asha").await;
    asha.client.get("/v1/staff/events").await.refused(403, "wrong_caller");
    bank.sign_in_operator(&mut again).await;
    again.client.get("/v1/me").await.refused(403, "wrong_caller");
}

#[tokio::test]
async fn operators() {
    let bank = TestBank::new().await;
    let (teller, admin, support) = (
        bank.operator(Role::Teller).await,
        bank.operator(Role::Admin).await,
        bank.operator(Role::Support).await,
    );
    let (asha, ravi) = (bank.customer("Asha").await, bank.customer("Ravi").await);
    let a = bank.account(&asha, "INR").await;
    let b = bank.account(&ravi, "INR").await;
    let usd = bank.account(&asha, "USD").await;
    bank.deposit(&teller, &a, 10_000, "INR").await;
    bank.deposit(&teller, &usd, 10_000, "USD").await;
    let number = asha.client.get(&format!("/v1/accounts/{a}")).await.expect(200).text("/number");
    bank.deposit(&teller, &number, 500, "INR").await;
    let t = teller
        .client
        .post(
            "/v1/staff/withdrawals",
            &json!({"account":a,"amount":500,"currency":"INR","reference":"slip"}),
        )
        .await
        .expect(201);
    println!("{}", t.json());
    teller
        .client
        .post(
            "/v1/staff/withdrawals",
            &json!({"account":a,"amount":10_001,"currency":"INR","reference":"slip"}),
        )
        .await
        .refused(422, "insufficient_funds");
    teller
        .client
        .post(
            "/v1/staff/withdrawals",
            &json!({"account":a,"amount":1,"currency":"JPY","reference":"slip"}),
        )
        .await
        .refused(422, "currency_mismatch");
    let bad = teller
        .client
        .post(
            "/v1/staff/deposits",
            &json!({"account":"x","amount":0,"currency":"inr","reference":""}),
        )
        .await;
    println!("{}", bad.json());
    bad.refused(422, "invalid_fields");
    admin
        .client
        .post(
            "/v1/staff/deposits",
            &json!({"account":a,"amount":1,"currency":"INR","reference":"x"}),
        )
        .await
        .refused(403, "forbidden");
    let cash =
        exchequer::bank::cash_account(money::Currency::from_code("INR").unwrap()).to_string();
    teller
        .client
        .post(
            "/v1/staff/deposits",
            &json!({"account":cash,"amount":1,"currency":"INR","reference":"x"}),
        )
        .await
        .refused(422, "account_not_found");
    assert_eq!(bank.balance(&asha, &a).await, [10_000, 0, 10_000]);
    // standing
    let f = support
        .client
        .post(&format!("/v1/staff/accounts/{a}/freeze"), &json!({}))
        .await
        .expect(200);
    println!("{}", f.json());
    support
        .client
        .post(&format!("/v1/staff/accounts/{a}/freeze"), &json!({}))
        .await
        .refused(409, "already_frozen");
    support
        .client
        .post(&format!("/v1/staff/accounts/{a}/unfreeze"), &json!({}))
        .await
        .refused(403, "forbidden");
    asha.client
        .post("/v1/transfers", &json!({"from":a,"to":b,"amount":1,"currency":"INR"}))
        .await
        .refused(422, "account_frozen");
    admin.client.post(&format!("/v1/staff/accounts/{a}/unfreeze"), &json!({})).await.expect(200);
    admin
        .client
        .post(&format!("/v1/staff/accounts/{a}/close"), &json!({}))
        .await
        .refused(409, "balance_not_zero");
    admin
        .client
        .post(
            &format!("/v1/staff/accounts/{}/close", bank.unknown_id::<money::kind::Account>()),
            &json!({}),
        )
        .await
        .refused(404, "not_found");
    // limits
    let limits = format!("/v1/staff/accounts/{a}/limits");
    let r = admin
        .client
        .post(&limits, &json!({"per_transfer":100,"per_day":150}))
        .await
        .expect(200)
        .json();
    assert_eq!(r["limits"], json!({"per_transfer":100,"per_day":150}));
    let r = admin.client.post(&limits, &json!({"per_transfer":null})).await.expect(200).json();
    assert_eq!(r["limits"], json!({"per_transfer":null,"per_day":150}));
    admin.client.post(&limits, &json!({})).await.refused(422, "invalid_fields");
    let get = support.client.get(&format!("/v1/staff/accounts/{a}")).await.expect(200).json();
    println!("{get}");
    assert_eq!(get["owner"], asha.id);
    admin.client.post(&limits, &json!({"per_day":null})).await.expect(200);
    // reversal
    let t = asha
        .client
        .post("/v1/transfers", &json!({"from":a,"to":b,"amount":300,"currency":"INR"}))
        .await
        .expect(201)
        .text("/id");
    let path = format!("/v1/staff/transfers/{t}/reverse");
    let r = admin.client.post(&path, &json!({"amount":100,"reason":"mistake"})).await.expect(201);
    println!("{}", r.json());
    admin
        .client
        .post(&path, &json!({"amount":201,"reason":"mistake"}))
        .await
        .refused(422, "reversal_exceeds_transfer");
    admin.client.post(&path, &json!({"reason":"mistake"})).await.expect(201);
    admin
        .client
        .post(&path, &json!({"reason":"mistake"}))
        .await
        .refused(422, "reversal_exceeds_transfer");
    admin
        .client
        .post(&format!("/v1/staff/transfers/{}/reverse", r.text("/id")), &json!({"reason":"x"}))
        .await
        .refused(404, "not_found");
    assert_eq!(bank.balance(&asha, &a).await, [10_000, 0, 10_000]);
    // search
    let q = |q: &str| {
        let c = support.client.clone();
        let q = format!("/v1/staff/customers?query={q}");
        async move { c.get(&q).await }
    };
    println!("{}", q("asha@example.test").await.expect(200).json());
    assert_eq!(q(&asha.id).await.expect(200).json()["data"][0]["id"], asha.id);
    assert_eq!(
        q("nobody@example.test").await.expect(200).json(),
        json!({"data":[],"next_cursor":null})
    );
    q("asha").await.refused(422, "invalid_fields");
    for i in 0..5 {
        bank.client().post("/v1/customers", &json!({"email":format!("f{i}@example.test"),"password":"violet tram under rain","full_name":"F","phone":"+1234567890"})).await.expect(201);
    }
    let page = q("+1234567890&limit=3").await.expect(200).json();
    assert_eq!(page["data"].as_array().unwrap().len(), 3);
    let rest =
        q(&format!("%2B1234567890&limit=3&cursor={}", page["next_cursor"].as_str().unwrap()))
            .await
            .expect(200)
            .json();
    assert_eq!(rest["data"].as_array().unwrap().len(), 2);
    assert_eq!(rest["next_cursor"], Value::Null);
    // events: walk all
    let total = text(&bank, "SELECT action FROM events").await.len()
        + text(&bank, "SELECT currency FROM transfers").await.len();
    let (mut cursor, mut seen) = (String::new(), vec![]);
    loop {
        let page =
            admin.client.get(&format!("/v1/staff/events?limit=7{cursor}")).await.expect(200).json();
        for e in page["data"].as_array().unwrap() {
            seen.push(e["id"].as_str().unwrap().to_owned());
        }
        match page["next_cursor"].as_str() {
            Some(c) => cursor = format!("&cursor={c}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), total);
    assert!(seen.windows(2).all(|w| w[0] > w[1]));
    let page = admin.client.get("/v1/staff/events?action=account.frozen").await.expect(200).json();
    println!("{page:#}");
    let page = admin.client.get(&format!("/v1/staff/events?resource={t}")).await.expect(200).json();
    println!("{page:#}");
    assert_eq!(page["data"].as_array().unwrap().len(), 5);
    let page = admin
        .client
        .get("/v1/staff/events?action=transfer.posted&limit=2")
        .await
        .expect(200)
        .json();
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
    assert!(page["next_cursor"].is_string());
    teller.client.get("/v1/staff/events").await.refused(403, "forbidden");
    let page = admin.client.get("/v1/staff/events?action=access.refused").await.expect(200).json();
    println!("{}", page["data"][0]);
}

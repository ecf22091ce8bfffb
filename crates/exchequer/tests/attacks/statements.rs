//! Statements: another's, memos that want to be more than text, and too many at once.

use exchequer::staff::model::Role;
use futures_util::FutureExt;
use futures_util::future::join_all;
use money::kind::Account;
use serde_json::json;
use testkit::{Client, Reply, TestBank};

use crate::scene::Scene;

const FORMATS: [&str; 4] = ["json", "csv", "pdf", "camt053"];

async fn statement(client: &Client, account: &str, query: &str) -> Reply {
    client.get(&format!("/v1/accounts/{account}/statement?{query}")).await
}

#[tokio::test]
async fn anothers_account_is_an_unknown_one_in_every_format() {
    let p = Scene::new().await;
    let unknown = p.bank.unknown_id::<Account>();
    let mut bodies = Vec::new();
    for id in [p.to.as_str(), unknown.as_str(), "nonsense", "%00"] {
        for format in FORMATS {
            let query = format!("from=2026-01-05&to=2026-01-05&format={format}");
            let reply = statement(&p.asha.client, id, &query).await;
            reply.refused(404, "not_found");
            assert_eq!(reply.header("content-disposition"), None);
            let mut json = reply.json();
            json.as_object_mut().expect("an object").remove("request_id");
            bodies.push(json);
        }
    }
    assert!(bodies.windows(2).all(|two| two[0] == two[1]), "{bodies:?}");
    let operator = p.bank.operator(Role::Compliance).await;
    let staff = format!("/v1/staff/accounts/{unknown}/statement");
    operator.client.get(&staff).await.refused(404, "not_found");
    p.asha
        .client
        .get(&format!("/v1/staff/accounts/{}/statement", p.from))
        .await
        .refused(403, "wrong_caller");
}

// ASVS 1.2.1, 1.2.10: a memo is a text in JSON, CSV, XML and PDF, and no formula.
#[tokio::test]
async fn a_memo_is_text_in_every_format() {
    let p = Scene::new().await;
    let memos = [
        "=HYPERLINK(\"http://evil.test\",\"refund\")",
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        "＝1",
        "\"quoted\", with; commas",
        "</Ustrd><Ntry>&lt;",
        "]]>",
        "{{7*7}}${7*7}",
        "Ω≈ç√∫ \u{202e}rtl\u{202c} 🏦",
    ];
    let mut order = p.order(1);
    for memo in memos {
        order["memo"] = json!(memo);
        let _sent = p.asha.client.post("/v1/transfers", &order).await.expect(201);
    }
    let days = "from=2026-01-05&to=2026-01-05";
    let json = statement(&p.asha.client, &p.from, days).await.expect(200).json();
    let told: Vec<_> =
        json["entries"].as_array().expect("a list")[1..].iter().map(|e| &e["memo"]).collect();
    assert_eq!(told, memos);
    let csv = statement(&p.asha.client, &p.from, &format!("{days}&format=csv")).await.expect(200);
    let csv = String::from_utf8(csv.body.to_vec()).expect("UTF-8");
    for formula in ["\"=", "\"+", "\"-", "\"@", "\"＝", ",=", ",+", ",-", ",@"] {
        assert!(!csv.contains(formula), "{formula} in {csv}");
    }
    let xml =
        statement(&p.asha.client, &p.from, &format!("{days}&format=camt053")).await.expect(200);
    let xml = String::from_utf8(xml.body.to_vec()).expect("UTF-8");
    let document = roxmltree::Document::parse(&xml).expect("well-formed");
    let shown: Vec<_> = document
        .descendants()
        .filter(|n| n.has_tag_name(("urn:iso:std:iso:20022:tech:xsd:camt.053.001.08", "Ustrd")))
        .filter_map(|n| n.text())
        .collect();
    assert_eq!(&shown[shown.len() - memos.len()..], memos);
    let pdf = statement(&p.asha.client, &p.from, &format!("{days}&format=pdf")).await.expect(200);
    assert!(pdf.body.starts_with(b"%PDF-1.7"));
}

#[tokio::test]
async fn statements_have_a_limit_of_their_own() {
    let bank = TestBank::with(|config| config.rate_limits_on = true).await;
    let asha = bank.customer("Asha").await;
    let account = bank.account(&asha, "INR").await;
    let mut refused = 0;
    for _ in 0..21 {
        let reply = statement(&asha.client, &account, "").await;
        assert_eq!(reply.header("ratelimit-policy"), Some("\"caller\";q=20;w=60"));
        refused += usize::from(reply.code() == "rate_limited");
    }
    assert_eq!(refused, 1);
    let _others = asha.client.get(&format!("/v1/accounts/{account}")).await.expect(200);
}

// ASVS 15.2.2: statements are made a few at a time.
#[tokio::test]
async fn a_crowd_of_statements_is_served_or_told_to_wait_and_leaves_no_place_taken() {
    let p = Scene::new().await;
    for round in 0..3 {
        let query = "from=2026-01-05&to=2026-01-05&format=pdf";
        let crowd = (0..40).map(|_| statement(&p.asha.client, &p.from, query));
        // Who hangs up while it is made gives its place back, too.
        for late in (0..8).map(|_| statement(&p.asha.client, &p.from, query)) {
            assert!(late.now_or_never().is_none(), "round {round}");
        }
        for reply in join_all(crowd).await {
            match reply.status.as_u16() {
                200 => assert!(reply.body.starts_with(b"%PDF")),
                _ => reply.refused(503, "overloaded"),
            }
        }
        let _again = statement(&p.asha.client, &p.from, query).await.expect(200);
    }
}

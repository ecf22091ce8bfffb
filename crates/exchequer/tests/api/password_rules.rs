//! What a password may be, over HTTP: of any composition, of any length that somebody types, taken as it came, good for
//! as long as its owner likes; and no little more than what everybody would think of.

use exchequer::config::Lockout;
use serde_json::json;
use testkit::{Reply, TestBank};

use crate::sessions::log_in;

async fn register(bank: &TestBank, email: &str, password: &str) -> Reply {
    let body = json!({ "email": email, "password": password, "full_name": "Asha Raman" });
    bank.client().post("/v1/customers", &body).await
}

/// Registered with it and signed in with it.
async fn serves(bank: &TestBank, email: &str, password: &str) {
    bank.secret(password);
    let _registered = register(bank, email, password).await.expect(201);
    let _in = log_in(bank, email, password).await.expect(200);
}

// ASVS 6.2.5: no rule of composition: one kind of character alone makes a password.
#[tokio::test]
async fn a_password_may_be_composed_of_anything() {
    let bank = TestBank::new().await;
    let passwords = [
        "velvetotterlampkiosk",
        "VELVETOTTERLAMPKIOSK",
        "8407359261580394",
        "!?%&/()=-_.:,;#~^*<>",
        "пароль не угадать никому",
        "日本語のながい合言葉をここに書く",
        "🦀🦉🦦🐢🦩🐝🦔🐙🦚🐳🦥🐌🦜🐧🦭",
        " two blanks about it ",
    ];
    for (n, password) in passwords.iter().enumerate() {
        serves(&bank, &format!("composed{n}@example.test"), password).await;
    }
}

// ASVS 6.2.9: 64 characters and more; 1,024 bytes are taken, and what is longer is refused, not cut.
#[tokio::test]
async fn a_password_may_be_long() {
    let bank = TestBank::new().await;
    let long: String = "seven quiet otters by the weir, ".repeat(40);
    for length in [64, 65, 128, 1_024] {
        serves(&bank, &format!("long{length}@example.test"), &long[..length]).await;
    }
    let refused = register(&bank, "longer@example.test", &long[..1_025]).await;
    refused.refused(422, "invalid_fields");
    assert_eq!(refused.text("/fields/0/code"), "too_long");
}

// ASVS 6.2.8: verified exactly as received: no cutting, no case, no blanks, no other form of the same letters.
#[tokio::test]
async fn a_password_is_taken_as_it_came() {
    let bank = TestBank::with(|config| {
        config.sessions.lockout = Lockout { failures: 1_000, seconds: 900 };
    })
    .await;
    let long = format!("{} end", "seven quiet otters by the weir, ".repeat(4));
    let accents = "caf\u{e9} au lait au bord du lac";
    let cases: [(&str, Vec<String>); 4] = [
        ("Eleven Calm Herons On A Jetty", vec!["eleven calm herons on a jetty".to_owned()]),
        (
            "  eleven calm herons  ",
            vec!["eleven calm herons".to_owned(), " eleven calm herons ".to_owned()],
        ),
        (&long, vec![long[..72].to_owned(), long[..long.len() - 1].to_owned(), format!("{long} ")]),
        (accents, vec![accents.replace('\u{e9}', "e\u{301}"), accents.replace('\u{e9}', "e")]),
    ];
    for (n, (password, others)) in cases.iter().enumerate() {
        let email = format!("exact{n}@example.test");
        serves(&bank, &email, password).await;
        for other in others {
            log_in(&bank, &email, other).await.refused(401, "invalid_credentials");
        }
    }
}

// ASVS 6.2.10: no password ages.
#[tokio::test]
async fn a_password_serves_until_its_owner_changes_it() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    for _ in 0..5 {
        bank.advance(365 * 86_400);
        let reply = log_in(&bank, &asha.email, &asha.password).await.expect(200);
        assert_eq!(reply.text("/status"), "authenticated");
        let me = bank.client().with_token(&reply.text("/access_token"));
        let _me = me.get("/v1/me").await.expect(200);
    }
}

// ASVS 6.2.11: the words of `password_context_words`, which docs/operating.md lists, make no password.
#[tokio::test]
async fn words_of_the_context_make_no_password() {
    let own = vec!["zettelbank".to_owned(), "kontor".to_owned()];
    let bank = TestBank::with(|config| config.passwords.context_words.extend(own)).await;
    for (n, password) in [
        "exchequer-netbanking-2026",
        "TreasuryLedgerVault!",
        "Compliance Teller 1",
        "zettelbank-kontor-7",
    ]
    .iter()
    .enumerate()
    {
        let refused = register(&bank, &format!("word{n}@example.test"), password).await;
        refused.refused(422, "invalid_fields");
        assert_eq!(refused.text("/fields/0/code"), "too_common", "{password}");
    }
    serves(&bank, "sentence@example.test", "the exchequer has a bank by a weir").await;
    // A bank that has not named them does not refuse them.
    let other = TestBank::new().await;
    serves(&other, "other@example.test", "zettelbank-kontor-7").await;
}

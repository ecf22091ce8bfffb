//! What nginx's error log has at the level of `deploy/edge/nginx`: that something was refused, by which rule and in which field; never a
//! field's value, a header or a token from a mail.

use serde_json::json;

use crate::nginx::{Proxied, Rules, get, is_the_bank_s, missing, with_body};

/// A card's number as people write it: the blanks are what the firewall refuses in a card's id.
const NUMBER: &str = "4242 4242 4242 4242";
const CANARY: &str = "c4n4ry-of-a-token";
/// The pages that links in mails lead to.
const LINKS: [&str; 2] = ["/reset", "/confirm"];

/// A header line of another request, which is refused wherever it comes.
const OVERRIDE: &str = "x-original-url: /v1/staff\r\n";

#[tokio::test]
async fn what_is_refused_is_not_quoted() {
    if let Some(missing) = missing() {
        println!("no {} here", missing.display());
        return;
    }
    let proxied = Proxied::start(Rules::On).await;
    let order = json!({ "amount": 1250, "currency": "INR", "card": NUMBER }).to_string();
    let expression = format!("x-note: ${{{CANARY}}}\r\n");
    for (request, words) in [
        (
            with_body("/v1/payments", ("application/json", &order), ""),
            "A value of card has a character that none has",
        ),
        (get("/v1/me", "nobody", &expression), "An expression in a header"),
        (get("/v1/accounts/..%2fx", "nobody", ""), "A path that is not as it is written"),
        (get("/v1/me", "nobody", OVERRIDE), "A header that means another request"),
    ] {
        let before = proxied.log_length();
        let answer = proxied.say(&request).await;
        assert!(answer.contains("refused_at_edge"), "{answer}");
        let log = proxied.log_from(before);
        assert!(log.contains("Access denied with code 403") && log.contains(words), "{log}");
        assert!(!log.contains("4242") && !log.contains(CANARY), "{log}");
    }
    for page in LINKS {
        let link = format!("{page}?token={CANARY}");
        let answer = proxied.say(&get(&link, "nobody", OVERRIDE)).await;
        assert!(answer.contains("refused_at_edge"), "{answer}");
        // Nor do the page's own requests carry the link in `Referer`.
        let answer = proxied.say(&get(&link, "nobody", "")).await;
        assert!(is_the_bank_s(&answer), "{answer}");
        let head = answer.to_ascii_lowercase();
        let policies: Vec<&str> =
            head.lines().filter(|line| line.starts_with("referrer-policy:")).collect();
        assert_eq!(policies, ["referrer-policy: strict-origin"]);
    }
    let log = proxied.log_from(0);
    assert!(!log.contains(CANARY), "{log}");
    proxied.end().await;
}

#[tokio::test]
async fn a_link_of_a_mail_leaves_no_token_when_the_bank_is_away() {
    if let Some(missing) = missing() {
        println!("no {} here", missing.display());
        return;
    }
    let mut proxied = Proxied::start(Rules::On).await;
    proxied.stop_bank().await;
    let search = get("/sign-in?next=control", "nobody", "");
    let links = LINKS.map(|page| get(&format!("{page}?token={CANARY}"), "nobody", ""));
    for request in links.iter().chain([&search]) {
        let answer = proxied.say(request).await;
        assert!(answer.starts_with("HTTP/1.1 503") && !is_the_bank_s(&answer), "{answer}");
    }
    let log = proxied.log_from(0);
    assert!(log.contains("connect() failed") && log.contains("/sign-in?next=control"), "{log}");
    assert!(!log.contains(CANARY), "{log}");
    proxied.end().await;
}

//! A console on a host of its own, and from some networks alone: whoever comes to the wrong door finds nothing.

use exchequer::config::Network;
use exchequer::staff::model::Role;
use http::{HeaderMap, Method};
use testkit::{Browser, Client, Person, Reply, TestBank};

use crate::{console, filled};

const BANK: &str = "bank.example";
const CONSOLE: &str = "console.bank.example";

struct Town {
    bank: TestBank,
    admin: Person,
    asha: Person,
    /// The same bank, by its two doors.
    client: Client,
}

impl Town {
    async fn new(networks: &[&str], proxies: u8) -> Self {
        let bank = TestBank::new().await;
        let (admin, asha) = (bank.operator(Role::Admin).await, bank.customer("asha").await);
        let node = bank
            .other_bank_with(|config| {
                config.http.public_url = format!("https://{BANK}");
                config.http.trusted_proxies = proxies;
                config.console.public_url = Some(format!("https://{CONSOLE}"));
                let networks = networks.iter().map(|text| Network::parse(text).expect("a network"));
                config.console.networks = networks.collect();
            })
            .await;
        let client = Client::new(exchequer::http::service(&node));
        Self { bank, admin, asha, client }
    }

    async fn ask(&self, (method, path): (&str, &str), client: &Client, hosts: &[&str]) -> Reply {
        let method: Method = method.parse().expect("a method");
        let mut request = client.request(method, path);
        for host in hosts {
            request = request.header("host", *host);
        }
        client.send(request.body(axum::body::Body::empty()).expect("a request")).await
    }

    /// What somebody with this token finds.
    async fn with_token(&self, path: &str, person: &Person, hosts: &[&str]) -> Reply {
        let client = self.client.with_token(person.client.token().expect("signed in"));
        self.ask(("GET", path), &client, hosts).await
    }
}

/// An answer without what is each request's own.
fn bare(reply: &Reply) -> (u16, HeaderMap, serde_json::Value) {
    let (mut headers, mut body) = (reply.headers.clone(), reply.json());
    let _id = headers.remove("x-request-id");
    body.as_object_mut().expect("an object").remove("request_id");
    (reply.status.as_u16(), headers, body)
}

// ASVS 3.5.4: with `console_public_url` nothing of the console is on the customers' host and nothing of theirs on its own:
// every route and page of the other is a path that nobody knows.
#[tokio::test]
async fn each_host_has_its_own_routes_and_pages_and_nothing_of_the_other() {
    let town = Town::new(&[], 0).await;
    let unknown = bare(&town.ask(("GET", "/v1/nowhere"), &town.client, &[BANK]).await);
    let api = exchequer::http::routes();
    let api = api.table().map(|route| (route.method.to_string(), route.path.to_owned()));
    let pages = web::pages().into_iter().map(|(method, path, _)| (method, path.to_owned()));
    let (mut of_operators, mut of_customers) = (0, 0);
    for (method, path) in api.chain(pages) {
        let is_of_operators = path.starts_with("/console") || path.starts_with("/v1/staff/");
        let is_of_both =
            ["/assets/", "/docs", "/v1/auth/challenges/", "/v1/web/session/challenges/"]
                .iter()
                .any(|beginning| path.starts_with(beginning))
                || ["/healthz", "/readyz", "/openapi.json", "/v1/auth/refresh", "/v1/csp_reports"]
                    .contains(&&*path);
        if is_of_both {
            continue;
        }
        let wrong = if is_of_operators { BANK } else { CONSOLE };
        let path = filled(&path);
        let asked = (&*method, &*path);
        for host in [wrong.to_owned(), wrong.to_uppercase(), format!("{wrong}:443")] {
            let reply = town.ask(asked, &town.client, &[&host]).await;
            assert_eq!(bare(&reply), unknown, "{method} {path} at {host}");
        }
        *(if is_of_operators { &mut of_operators } else { &mut of_customers }) += 1;
    }
    assert!(of_operators > 100 && of_customers > 100, "{of_operators}, {of_customers}");
    // And at the right door they are there.
    let _me = town.with_token("/v1/staff/me", &town.admin, &[CONSOLE]).await.expect(200);
    let _own = town.with_token("/v1/accounts", &town.asha, &[BANK]).await.expect(200);
    for host in [BANK, CONSOLE] {
        let _probe = town.ask(("GET", "/healthz"), &town.client, &[host]).await.expect(200);
    }
}

/// No other way of writing the host opens a door.
#[tokio::test]
async fn a_host_that_is_unclear_is_not_the_consoles() {
    let town = Town::new(&[], 0).await;
    let near = format!("{CONSOLE}.evil.example");
    let none: &[&str] = &[];
    for hosts in [
        none,
        &[CONSOLE, BANK],
        &[BANK, CONSOLE],
        &[CONSOLE, CONSOLE],
        &[near.as_str()],
        &["127.0.0.1:8080"],
        &["console.bank.example:8443"],
        &[" "],
    ] {
        let reply = town.with_token("/v1/staff/me", &town.admin, hosts).await;
        reply.refused(404, "not_found");
    }
    // The target's own authority goes before the header.
    let absolute = format!("https://{BANK}/v1/staff/me");
    town.with_token(&absolute, &town.admin, &[CONSOLE]).await.refused(404, "not_found");
    let absolute = format!("https://{CONSOLE}/v1/staff/me");
    let _me = town.with_token(&absolute, &town.admin, &[BANK]).await.expect(200);
}

// ASVS 3.5.4: an operator's cookie is of the console's host, whose pages alone take forms with it.
#[tokio::test]
async fn an_operator_signs_in_at_the_consoles_host_and_is_nobody_at_the_other() {
    let town = Town::new(&[], 0).await;
    let mut browser = Browser::new(town.client.clone());
    browser.host = CONSOLE;
    let page = console::with_password(&browser, &town.admin).await.expect(200);
    town.bank.advance(30);
    let form = page.form("/console/sign-in/code");
    let page = browser.submit(&form, &[("code", &town.bank.totp_code(&town.admin))]).await;
    assert_eq!(page.expect(200).path, "/console");
    assert!(browser.cookie("__Host-exchequer").is_some(), "a cookie of this host alone");
    let out = browser.get("/console").await.form("/console/sign-out").body(&[]);
    let site = ("sec-fetch-site", "same-origin");
    for origin in [&*format!("https://{BANK}"), "https://evil.example", "null"] {
        let reply = browser.post("/console/sign-out", &out, &[site, ("origin", origin)]).await;
        assert_eq!(reply.status.as_u16(), 403, "{origin}");
    }
    browser.host = BANK;
    assert_eq!(browser.get("/console").await.status, 404);
    // A browser would not even send the cookie; whoever does is no customer.
    let home = browser.get("/").await;
    assert!(home.status == 403 || home.path.starts_with("/sign-in"), "{}", home.path);
    browser.host = CONSOLE;
    let own = format!("https://{CONSOLE}");
    let reply = browser.post("/console/sign-out", &out, &[site, ("origin", &own)]).await;
    assert_eq!(reply.status.as_u16(), 303);
}

// ASVS 8.4.2: with `console_networks` the operators' routes are there for whoever comes from one of them, who then shows
// both factors, a role and a session all the same; what a caller writes about the address counts for nothing.
#[tokio::test]
async fn from_elsewhere_there_is_no_console_whatever_is_shown() {
    let town = Town::new(&["10.8.0.0/16", "2001:db8:7::/48"], 0).await;
    let token = town.admin.client.token().expect("signed in");
    for (address, is_inside) in [
        ("10.8.3.4", true),
        ("2001:db8:7::1", true),
        ("::ffff:10.8.3.4", true),
        ("10.9.0.1", false),
        ("192.0.2.1", false),
        ("2001:db8:8::1", false),
        ("", false),
        ("10.8.3.4.5", false),
    ] {
        let client = town.client.from_address(address);
        for (method, path) in
            [("GET", "/v1/staff/me"), ("POST", "/v1/staff/login"), ("GET", "/console")]
        {
            let nobody = town.ask((method, path), &client, &[CONSOLE]).await;
            assert_eq!(nobody.status != 404, is_inside, "{address} {path}: {nobody:?}");
            let known = town.ask((method, path), &client.with_token(token), &[CONSOLE]).await;
            assert_eq!(known.status != 404, is_inside, "{address} {path}: {known:?}");
        }
        let nobody = town.ask(("GET", "/v1/staff/me"), &client, &[CONSOLE]).await;
        assert_eq!(nobody.status.as_u16(), if is_inside { 401 } else { 404 });
        let _customers = town.ask(("GET", "/sign-in"), &client, &[BANK]).await.expect(200);
    }
    let forged = town.client.with_token(token).from_address("192.0.2.1");
    let request = forged.request(Method::GET, "/v1/staff/me").header("host", CONSOLE);
    let request = request.header("x-forwarded-for", "10.8.3.4").header("forwarded", "for=10.8.3.4");
    let reply = forged.send(request.body(axum::body::Body::empty()).expect("a request")).await;
    reply.refused(404, "not_found");
}

/// Behind a proxy it is the address that the proxy wrote, and not what stood before it.
#[tokio::test]
async fn behind_a_proxy_the_address_is_the_one_that_it_wrote() {
    let town = Town::new(&["10.8.0.0/16"], 1).await;
    let client = town.client.with_token(town.admin.client.token().expect("signed in"));
    for (said, status) in [
        ("10.8.3.4", 200),
        ("192.0.2.1, 10.8.3.4", 200),
        ("10.8.3.4, 192.0.2.1", 404),
        ("192.0.2.1", 404),
        ("nonsense", 404),
    ] {
        let request = client.request(Method::GET, "/v1/staff/me").header("host", CONSOLE);
        let request = request.header("x-forwarded-for", said);
        let request = request.body(axum::body::Body::empty()).expect("a request");
        assert_eq!(client.send(request).await.status.as_u16(), status, "{said}");
    }
}

//! Signing in, and which rooms each role has.

use std::collections::BTreeSet;

use exchequer::staff::model::Role;
use http::StatusCode;
use testkit::browser::Page;
use testkit::{Browser, TestBank};

use super::{at_console, with_password};
use crate::filled;

/// Rooms by role, as the issue has them: who may not see one has neither the page nor the way to it.
fn rooms(role: Role) -> &'static [&'static str] {
    match role {
        Role::Teller => &["", "approvals", "customers", "accounts"],
        Role::Support => &[
            "",
            "approvals",
            "customers",
            "accounts",
            "payments",
            "reconciliation",
            "merchants",
            "webhooks",
            "figures",
            "system",
        ],
        Role::Compliance | Role::Auditor | Role::Admin => &[
            "",
            "approvals",
            "customers",
            "accounts",
            "payments",
            "reconciliation",
            "merchants",
            "webhooks",
            "events",
            "figures",
            "system",
            "members",
        ],
    }
}

/// The room of a page's path. Transfers have none of their own: they are seen from an account; and what an operator signs in
/// with is everybody's, as the first room is.
fn room_of(path: &str) -> &str {
    match path.trim_start_matches("/console").trim_start_matches('/').split('/').next() {
        Some("transfers") => "accounts",
        Some("access") | None => "",
        Some(room) => room,
    }
}

fn navigation(page: &Page) -> BTreeSet<String> {
    let (_, nav) = page.html.split_once("<nav class=\"rooms\"").expect("a navigation");
    let nav = nav.split("</nav>").next().unwrap_or_default();
    let links = nav.split("href=\"").skip(1).filter_map(|part| part.split('"').next());
    links.map(|path| room_of(path).to_owned()).collect()
}

// PCI DSS 7.3.1, 7.3.2: each page of the console is asked for by each role, and opens for those that may see it.
#[tokio::test]
async fn each_role_sees_its_rooms_and_no_other() {
    let bank = TestBank::new().await;
    for role in Role::ALL {
        let (browser, _) = at_console(&bank, role).await;
        let allowed = rooms(role);
        let home = browser.get("/console").await.expect(200);
        let expected: BTreeSet<String> = allowed.iter().map(|room| (*room).to_owned()).collect();
        assert_eq!(navigation(&home), expected, "{role}");
        assert!(home.says("Sign out"), "{role} has no way out");
        let pages = web::pages().into_iter().filter(|(_, _, access)| *access == "operator");
        for (_, path, _) in pages.filter(|(method, _, _)| method == "GET") {
            let path = filled(path);
            let reply = browser.visit(&path).await;
            let may = allowed.contains(&room_of(&path));
            // Ids here are nobody's, so that what may be seen is not there.
            let expected: &[u16] = if may { &[200, 404, 422] } else { &[403] };
            assert!(expected.contains(&reply.status.as_u16()), "{role} {path}: {}", reply.status);
        }
    }
}

/// Forms that change nothing: the way out, and what is looked for without an address that says so.
const ASKING: [&str; 3] = ["/console/sign-out", "/console/customers", "/console/accounts"];

// ASVS 8.3.1, 8.3.3: a form that the page did not show is refused by the server, for the person who is signed in.
/// Who may only read has no form but the one to sign out, and no form is taken of them.
#[tokio::test]
async fn an_auditor_changes_nothing() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let account = bank.account(&asha, "INR").await;
    let (browser, _) = at_console(&bank, Role::Auditor).await;
    let page = browser.get(&format!("/console/accounts/{account}")).await.expect(200);
    let forms: Vec<_> = page.forms().into_iter().filter(|form| form.method == "post").collect();
    assert_eq!(
        forms.iter().map(|form| form.action.as_str()).collect::<Vec<_>>(),
        ["/console/sign-out"]
    );
    let token = forms[0].value("csrf_token").expect("a token").to_owned();
    for (method, path, access) in web::pages() {
        // What they sign in with is their own.
        let is_own = path.starts_with("/console/access");
        if method != "POST" || access != "operator" || is_own || ASKING.contains(&path) {
            continue;
        }
        let path = filled(path).replace("acc_00000000000000000000000000", &account);
        let body = format!("csrf_token={token}&key=key-of-an-auditor&reason=x&note=x&amount=1");
        let reply = browser.post(&path, &body, &[("sec-fetch-site", "same-origin")]).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert!(browser.get(&format!("/console/accounts/{account}")).await.says("Open"));
}

#[tokio::test]
async fn no_form_is_taken_without_its_token_or_from_elsewhere() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let account = bank.account(&asha, "INR").await;
    let (browser, _) = at_console(&bank, Role::Compliance).await;
    let page = browser.get(&format!("/console/accounts/{account}")).await;
    let freeze = page.form(&format!("/console/accounts/{account}/freeze"));
    let right = freeze.body(&[]);
    let (own, from) = ([("sec-fetch-site", "same-origin")], [("sec-fetch-site", "cross-site")]);
    let evil = [("origin", "https://evil.example")];
    let (none, wrong) = ("key=a-key-of-ours", "key=a-key-of-ours&csrf_token=wrong");
    let tries: [(&str, &[(&str, &str)]); 4] =
        [(none, &own), (wrong, &own), (&right, &from), (&right, &evil)];
    for (method, path, access) in web::pages() {
        if method != "POST" || access != "operator" {
            continue;
        }
        let path = filled(path).replace("acc_00000000000000000000000000", &account);
        for (body, headers) in tries {
            let reply = browser.post(&path, body, headers).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path} {body} {headers:?}");
        }
    }
    let page = browser.get(&format!("/console/accounts/{account}")).await.expect(200);
    let _still_open = page.form(&format!("/console/accounts/{account}/freeze"));
}

#[tokio::test]
async fn a_sign_in_takes_a_password_and_a_code_and_leads_nowhere_else() {
    let bank = TestBank::new().await;
    let person = bank.operator(Role::Support).await;
    let browser = Browser::new(bank.client());
    let asked = browser.get("/console/customers").await;
    assert_eq!(asked.path, "/console/sign-in?next=%2Fconsole%2Fcustomers");
    let form = asked.form("/console/sign-in");
    let hostile = "\"><script>alert(1)</script>@bank.test";
    let wrong =
        browser.submit(&form, &[("email", hostile), ("password", "wrong wrong wrong")]).await;
    assert!(wrong.status >= 400 && !wrong.html.contains("<script>alert"), "{}", wrong.html);
    assert_eq!(wrong.form("/console/sign-in").value("email"), Some(hostile));
    let filled = [("email", person.email.as_str()), ("password", person.password.as_str())];
    let second = browser.submit(&form, &filled).await.expect(200);
    assert!(browser.cookie("exchequer").is_none(), "a password alone opens nothing");
    assert_eq!(browser.visit("/console").await.status, StatusCode::SEE_OTHER);
    bank.advance(30);
    let code = bank.totp_code(&person);
    let other = if code == "000000" { "000001" } else { "000000" };
    let form = second.form("/console/sign-in/code");
    let again = browser.submit(&form, &[("code", other)]).await.expect(401);
    let form = again.form("/console/sign-in/code");
    let page = browser.submit(&form, &[("code", &code)]).await.expect(200);
    assert_eq!(page.path, "/console/customers");
    let out = browser.submit(&page.form("/console/sign-out"), &[]).await.expect(200);
    assert_eq!(out.path, "/console/sign-in?done=signed_out");
    assert_eq!(browser.visit("/console").await.status, StatusCode::SEE_OTHER);
    for next in ["https://evil.example/", "//evil.example", "/", "/console/../sign-in"] {
        let browser = Browser::new(bank.client());
        let page = with_password(&browser, &person).await.expect(200);
        bank.advance(30);
        let filled = [("code", &*bank.totp_code(&person)), ("next", next)];
        let reply = browser.submit_once(&page.form("/console/sign-in/code"), &filled).await;
        assert_eq!(reply.header("location"), Some("/console"), "{next}");
    }
}

// ASVS 8.3.3: a page acts with the visitor's own session and no other.
#[tokio::test]
async fn a_customer_is_no_operator_and_an_operator_no_customer() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let customer = crate::signed_in(&bank, &asha).await;
    assert_eq!(customer.get("/console").await.path, "/console/sign-in?next=%2Fconsole");
    let (operator, _) = at_console(&bank, Role::Admin).await;
    let reply = operator.visit("/").await;
    assert!(reply.status == StatusCode::SEE_OTHER || reply.status == StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn home_counts_what_waits_and_leads_to_it() {
    let bank = TestBank::new().await;
    let (browser, compliance) = at_console(&bank, Role::Compliance).await;
    let asha = bank.customer("asha").await;
    let path = format!("/v1/staff/customers/{}", asha.id);
    let body = serde_json::json!({});
    let _locked = compliance.client.post(&format!("{path}/lock"), &body).await.expect(200);
    let _asked = compliance.client.post(&format!("{path}/unlock"), &body).await.expect(202);
    let home = browser.get("/console").await.expect(200);
    assert!(
        home.html.contains("<span class=\"count\">1</span> <span>Acts that wait"),
        "{}",
        home.html
    );
    assert!(home.html.contains("href=\"/console/approvals?status=pending\""));
    for path in ["/console/figures?days=90", "/console/figures?days=evil", "/console/system"] {
        let page = browser.get(path).await.expect(200);
        assert!(page.html.len() < 50_000, "{path}: {}", page.html.len());
    }
}

//! What holds for every page: headers, tokens, where a form may come from, whose page it is.

use testkit::{Browser, TestBank};

use crate::{filled, signed_in};

// PCI DSS 6.4.3: every page allows what it names and nothing else, and nothing inline.
// ASVS 3.4.7: what the policy stopped is told to the bank.
// ASVS 1.3.2, 3.2.1, 3.4.3, 3.4.4, 3.4.5, 3.4.6, 3.4.8, 3.5.8, 3.6.1, 14.2.3, 14.3.2: a page runs and loads our own
// files only, sends nobody elsewhere its address, is in nobody's frame or window, and is kept by no cache.
#[tokio::test]
async fn every_page_has_its_headers_and_private_ones_want_a_sign_in() {
    let bank = TestBank::new().await;
    for (method, path, access) in web::pages() {
        if method != "GET" {
            continue;
        }
        let browser = Browser::new(bank.client());
        let reply = browser.visit(&filled(path)).await;
        let policy = reply.header("content-security-policy").unwrap_or_default();
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "trusted-types 'none'",
            "report-uri /v1/csp_reports",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{path}: {name}");
        }
        if access != "anybody" {
            assert_eq!(reply.status.as_u16(), 303, "{path}");
            assert!(reply.header("location").is_some_and(|to| to.contains("sign-in")), "{path}");
        }
        if !path.starts_with("/assets") {
            assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        }
    }
}

// ASVS 3.5.1, 3.5.2: a form without the session's token, or from another page, does nothing.
#[tokio::test]
async fn no_form_is_taken_without_its_token_or_from_elsewhere() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    for (method, path, access) in web::pages() {
        if method != "POST" || access == "operator" {
            continue;
        }
        let browser = signed_in(&bank, &asha).await;
        let token =
            browser.get("/").await.form("/sign-out").value("csrf_token").unwrap().to_owned();
        let path = filled(path);
        let own = [("sec-fetch-site", "same-origin")];
        for (body, headers) in [
            ("", &own[..]),
            ("csrf_token=wrong", &own[..]),
            (&*format!("csrf_token={token}"), &[("sec-fetch-site", "cross-site")][..]),
            (&*format!("csrf_token={token}"), &[("sec-fetch-site", "same-site")][..]),
            (&*format!("csrf_token={token}"), &[("origin", "https://evil.example")][..]),
            (&*format!("csrf_token={token}"), &[("origin", "null")][..]),
        ] {
            let reply = browser.post(&path, body, headers).await;
            assert_eq!(reply.status.as_u16(), 403, "{path} {body} {headers:?}");
        }
        assert_eq!(browser.get("/").await.path, "/", "still signed in: nothing was done");
    }
}

// ASVS 14.2.5: a path that is none is a 404, never another page's content.
#[tokio::test]
async fn what_is_unknown_is_a_page_for_people_and_a_problem_for_programs() {
    let bank = TestBank::new().await;
    let page = Browser::new(bank.client()).get("/nowhere").await.expect(404);
    assert!(page.says("There is nothing here"), "{}", page.html);
    let page = Browser::new(bank.client()).get("/console/nowhere").await.expect(404);
    assert!(page.html.contains("<body class=\"console\">"), "{}", page.html);
    let asked = Browser::new(bank.client()).visit("/console/sign-in/code").await;
    assert_eq!(asked.status.as_u16(), 405);
    assert!(String::from_utf8_lossy(&asked.body).contains("<body class=\"console\">"));
    bank.client().get("/nowhere").await.refused(404, "not_found");
    bank.client().get("/v1/nowhere").await.refused(404, "not_found");
}

// ASVS 3.7.5: a browser that tells nothing of where a request comes from is held to its tokens, and one that keeps no
// cookies cannot sign in and is told to load the page anew, as docs/web.md says.
#[tokio::test]
async fn a_browser_that_lacks_a_feature_is_served_or_told_and_never_less_safe() {
    let bank = TestBank::new().await;
    let asha = bank.customer("asha").await;
    let browser = Browser::new(bank.client());
    let form = browser.get("/sign-in").await.form("/sign-in");
    let filled = [("email", &*asha.email), ("password", &*asha.password)];
    let body = form.body(&filled);
    // Neither `Sec-Fetch-Site` nor `Origin`, and no cookie comes back.
    let forgetful = Browser::new(bank.client());
    let refused = forgetful.post("/sign-in", &body, &[]).await;
    assert_eq!(refused.status.as_u16(), 403);
    assert!(refused.header("set-cookie").is_none_or(|cookie| !cookie.starts_with("exchequer=")));
    // The same with its cookie is served.
    let served = browser.post("/sign-in", &body, &[]).await;
    assert_eq!(served.status.as_u16(), 303);
    // Signed in, an old browser's form has an effect with its token and none without.
    let out = browser.get("/").await.form("/sign-out").body(&[]);
    assert_eq!(browser.post("/sign-out", "", &[]).await.status.as_u16(), 403);
    assert_eq!(browser.get("/").await.path, "/", "still signed in");
    assert_eq!(browser.post("/sign-out", &out, &[]).await.status.as_u16(), 303);
    assert!(browser.get("/").await.path.starts_with("/sign-in"));
    // What stands for the features that a browser may lack is in every private answer.
    let reply = signed_in(&bank, &asha).await.visit("/").await;
    for (name, value) in [("cache-control", "no-store"), ("x-frame-options", "DENY")] {
        assert_eq!(reply.header(name), Some(value));
    }
    let html = String::from_utf8_lossy(&reply.body).into_owned();
    assert!(html.contains("<noscript><meta http-equiv=\"refresh\""), "{html}");
}

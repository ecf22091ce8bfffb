//! Cookies and where requests come from, without a bank.

use std::path::PathBuf;

use super::*;

fn config(public_url: &str) -> Config {
    let mut config = Config::demo(PathBuf::from("unused"), ([127, 0, 0, 1], 8080).into());
    public_url.clone_into(&mut config.http.public_url);
    config
}

fn parts(method: Method, headers: &[(&'static str, &str)]) -> Parts {
    let mut request = http::Request::builder().method(method).uri("/v1/me");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

/// ASVS 3.3.1, 3.3.2, 3.3.4: Secure, SameSite, HttpOnly, and the name that browsers hold to it.
#[test]
fn the_cookie_is_bound_to_this_host_and_hidden_from_scripts() {
    let config = config("https://bank.example");
    let set = set_cookie(&config, "VALUE");
    assert_eq!(
        set.to_str().unwrap(),
        "__Host-exchequer=VALUE; Path=/; HttpOnly; SameSite=Strict; Secure"
    );
    assert!(set.is_sensitive());
    assert!(clear_cookie(&config).to_str().unwrap().ends_with("; Secure; Max-Age=0"));
    let plain = set_cookie(&self::config("http://127.0.0.1:8080"), "VALUE");
    assert_eq!(plain.to_str().unwrap(), "exchequer=VALUE; Path=/; HttpOnly; SameSite=Strict");
}

// ASVS 15.3.7: two cookies of the name are none.
#[test]
fn one_cookie_of_the_name_is_taken_and_two_are_not() {
    let config = config("https://bank.example");
    for (cookies, found) in [
        (&["__Host-exchequer=abc"][..], Some("abc")),
        (&["a=b; __Host-exchequer=abc; c=d"], Some("abc")),
        (&["a=b", "__Host-exchequer=abc"], Some("abc")),
        (&["exchequer=abc"], None),
        (&["x__Host-exchequer=abc"], None),
        (&["__host-exchequer=abc"], None),
        (&["__Host-exchequer"], None),
        (&[], None),
    ] {
        let headers: Vec<_> = cookies.iter().map(|cookie| ("cookie", *cookie)).collect();
        let parts = parts(Method::GET, &headers);
        assert_eq!(extract(&config, &parts.headers).unwrap(), found, "{cookies:?}");
    }
    for cookies in
        ["__Host-exchequer=a; __Host-exchequer=a", "__Host-exchequer=a;__Host-exchequer=b"]
    {
        let parts = parts(Method::GET, &[("cookie", cookies)]);
        assert!(extract(&config, &parts.headers).is_err(), "{cookies}");
    }
}

// ASVS 3.2.1, 3.5.8: an answer is given to our own pages and to a visit, not to a picture or script of another page.
#[test]
fn what_the_browser_says_of_the_page_decides() {
    let config = config("https://bank.example");
    let own = "https://bank.example";
    for (headers, read, write) in [
        (&[][..], true, true),
        (&[("sec-fetch-site", "same-origin"), ("origin", own)], true, true),
        (&[("sec-fetch-site", "same-origin")], true, true),
        (&[("origin", own)], true, true),
        (&[("sec-fetch-site", "none")], true, false),
        (&[("sec-fetch-site", "same-site")], false, false),
        (&[("sec-fetch-site", "cross-site")], false, false),
        (&[("sec-fetch-site", "same-origin"), ("origin", "https://evil.test")], false, false),
        (&[("sec-fetch-site", "cross-site"), ("origin", own)], false, false),
        (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], true, false),
        (&[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate")], true, false),
        (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")], false, false),
        (&[("origin", "null")], false, false),
        (&[("origin", "https://bank.example.evil.test")], false, false),
        (&[("origin", "http://bank.example")], false, false),
        (&[("origin", "https://bank.example:444")], false, false),
    ] {
        let is_own = |method| is_from_own_page(&config, &parts(method, headers));
        assert_eq!((is_own(Method::GET), is_own(Method::POST)), (read, write), "{headers:?}");
        assert_eq!(is_own(Method::DELETE), write, "{headers:?}");
    }
}

#[test]
fn on_this_machine_its_names_and_ports_are_one_and_no_other_host_is() {
    let demo = config("http://127.0.0.1:0");
    for (host, origin) in [
        ("127.0.0.1:40123", "http://127.0.0.1:40123"),
        ("localhost:8080", "http://localhost:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("evil.test:8080", "http://127.0.0.1:0"),
        ("127.0.0.1.evil.test", "http://127.0.0.1:0"),
        ("localhost.evil.test", "http://127.0.0.1:0"),
    ] {
        assert_eq!(own_origin(&demo, &parts(Method::GET, &[("host", host)])), origin, "{host}");
    }
    // Where the bank has a name of its own, the request's host says nothing.
    let bank = config("https://bank.example");
    let parts = parts(Method::GET, &[("host", "localhost:1")]);
    assert_eq!(own_origin(&bank, &parts), "https://bank.example");
}

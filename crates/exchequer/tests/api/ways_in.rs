//! Before anybody is known: a new bank has nobody, no page asks for a password badly, and nobody is asked for their
//! mother's name.

use exchequer::http::openapi::document;
use exchequer::http::routes;
use http::Method;
use serde_json::{Value, json};
use testkit::TestBank;

use crate::rows::number;
use crate::sessions::post;
use crate::sessions_web::{ask, sign_in};

/// What is tried first at any door.
const FIRST_TRIED: [&str; 8] =
    ["root", "admin", "administrator", "sa", "test", "guest", "exchequer", "operator"];

// ASVS 6.3.2: there are no default accounts.
// PCI DSS 6.5.6, 8.2.2: a new bank has no account at all, neither for tests nor for several people to share.
#[tokio::test]
async fn a_new_bank_has_nobody() {
    let bank = TestBank::new().await;
    for sql in [
        "SELECT CAST(COUNT(*) AS BIGINT) FROM customers",
        "SELECT CAST(COUNT(*) AS BIGINT) FROM staff",
        "SELECT CAST(COUNT(*) AS BIGINT) FROM merchants",
        "SELECT CAST(COUNT(*) AS BIGINT) FROM sessions",
    ] {
        assert_eq!(number(&bank, sql).await, 0, "{sql}");
    }
    for name in FIRST_TRIED {
        for email in [name.to_owned(), format!("{name}@localhost"), format!("{name}@bank.example")]
        {
            for path in ["/v1/auth/login", "/v1/staff/login", "/v1/web/session"] {
                let body = json!({ "email": email, "password": name });
                post(&bank, path, &body).await.refused(401, "invalid_credentials");
            }
        }
    }
}

/// The names of all fields of a schema and of those within.
fn fields<'d>(value: &'d Value, visit: &mut dyn FnMut(&'d str, &'d Value)) {
    match value {
        Value::Object(object) => {
            for (name, property) in
                object.get("properties").and_then(Value::as_object).into_iter().flatten()
            {
                visit(name, property);
            }
            object.values().for_each(|inner| fields(inner, visit));
        }
        Value::Array(items) => items.iter().for_each(|inner| fields(inner, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

// ASVS 6.4.2: no hints and no secret questions, in any body that is taken or given, nor in the schema.
#[tokio::test]
async fn nobody_is_asked_what_others_could_know() {
    let document = serde_json::to_value(document(&routes())).expect("JSON");
    let mut seen = 0;
    fields(&document, &mut |name, _| {
        seen += 1;
        for word in ["hint", "question", "maiden", "memorable", "mother"] {
            assert!(!name.to_lowercase().contains(word), "{name}");
        }
    });
    assert!(seen > 300, "only {seen} fields were looked at");
}

// ASVS 6.2.6: what is a password says so to whoever draws a form from the document.
#[test]
fn every_password_in_the_document_is_one_to_mask() {
    let document = serde_json::to_value(document(&routes())).expect("JSON");
    let mut seen = 0;
    fields(&document, &mut |name, property| {
        let is_text = property["type"] == "string" || property["type"][0] == "string";
        if is_text && (name == "password" || name.ends_with("_password")) {
            assert_eq!(property["format"], "password", "{name}: {property}");
            seen += 1;
        }
    });
    assert!(seen >= 5, "only {seen} passwords were found");
}

/// The tags of this name on a page.
fn tags<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let begin = format!("<{name}");
    page.match_indices(&begin)
        .map(|(at, _)| page[at..].split('>').next().unwrap_or_default())
        .collect()
}

/// What holds for every page, whoever sees it.
fn is_kind_to_passwords(path: &str, policy: &str, page: &str) {
    // A page that runs nothing keeps nobody from pasting, and no password manager from filling in.
    assert!(
        !policy.contains("unsafe-inline") && !policy.contains("unsafe-eval"),
        "{path}: {policy}"
    );
    for handler in ["onpaste", "ondrop", "oncopy", "onbeforeinput"] {
        assert!(!page.contains(handler), "{path} has {handler}");
    }
    let takes = |tag: &&&str| tag.contains("password") && !tag.contains("type=\"hidden\"");
    for input in tags(page, "input").iter().filter(takes) {
        assert!(input.contains("type=\"password\""), "{path} shows a password: {input}");
        let filled = ["current-password", "new-password"].iter().any(|kind| input.contains(kind));
        assert!(filled, "{path} does not tell password managers which it is: {input}");
    }
}

// ASVS 6.2.6, 6.2.7: a page masks passwords and lets them be pasted and filled in.
// ASVS 7.4.4: a page of somebody signed in shows them the way out.
#[tokio::test]
async fn every_page_is_kind_to_passwords_and_shows_the_way_out() {
    let bank = TestBank::new().await;
    let asha = bank.customer("Asha").await;
    let browser = sign_in(&bank, &asha).await;
    let mut pages = 0;
    // Operators' pages stand in one frame, which `tests/pages/console` looks at in every role.
    for (method, path, access) in web::pages() {
        if method != "GET" || path.contains('{') || path.starts_with("/console") {
            continue;
        }
        let cookie = [("cookie", &*browser.cookie)];
        let reply = if access == "customer" {
            ask(&bank, (Method::GET, path), &cookie, &Value::Null).await
        } else {
            bank.client().get(path).await
        };
        if !reply.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
            continue;
        }
        let page = String::from_utf8(reply.body.to_vec()).expect("UTF-8");
        is_kind_to_passwords(path, reply.header("content-security-policy").unwrap(), &page);
        if access == "customer" {
            assert!(page.contains("Sign out"), "{path} shows no way out");
        }
        pages += 1;
    }
    assert!(pages >= 20, "only {pages} pages were looked at");
}

// ASVS 7.4.4: whichever way somebody came in, there is a way out, which a browser's page can show.
#[test]
fn every_kind_of_session_has_a_way_out() {
    let table = routes();
    for (method, path) in [
        (Method::POST, "/v1/auth/logout"),
        (Method::DELETE, "/v1/web/session"),
        (Method::POST, "/v1/staff/logout"),
    ] {
        let route = table.table().find(|r| r.method == method && r.path == path);
        let route = route.unwrap_or_else(|| panic!("{method} {path} is not there"));
        assert!(!route.codes.contains(&exchequer::http::Code::StepUpRequired), "{path} asks first");
    }
}

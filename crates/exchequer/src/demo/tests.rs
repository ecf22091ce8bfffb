//! The demo's folder, its people, and that its books are right from the start.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use vault::{MAX_PASSWORD_BYTES, PasswordRules, check_password};

use ::store::DbError;

use super::people::{CUSTOMERS, OPERATORS, greeting};
use super::*;
use crate::customers::{self, Known, SearchKey};
use crate::verify;

fn config(folder: &Path) -> Config {
    Config::demo(folder.to_owned(), "127.0.0.1:0".parse().unwrap())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn published_passwords_pass_the_strictest_rules() {
    let rules = PasswordRules {
        min_chars: 15,
        max_bytes: MAX_PASSWORD_BYTES,
        needs_letters_and_digits: true,
        context_words: config(Path::new("unused")).passwords.context_words,
    };
    let customers = CUSTOMERS.iter().map(|c| (c.password, vec![c.email, c.full_name]));
    let operators = OPERATORS.iter().map(|o| (o.password, vec![o.email]));
    for (password, context) in customers.chain(operators) {
        assert_eq!(check_password(password, &rules, &context), Ok(()), "{password}");
    }
}

#[tokio::test]
async fn a_demo_is_made_once_and_then_found_again() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("demo");
    let claimed = DemoFolder::claim(&config(&folder)).unwrap();
    let (bank, people, is_new) = open(config(&folder), &claimed).await.unwrap();
    assert!(is_new);
    for customer in &people.customers {
        let key = SearchKey::Email(customer.email.parse().unwrap());
        let tools = bank.tools().clone();
        let found =
            bank.db().read("test", move |tx| customers::search(tx, &tools, (&key, None), 1));
        let found: Result<_, DbError> = found.await;
        let found = found.unwrap();
        let is_proven = |known: &Known| matches!(known, Known::Here(here) if here.email_verified);
        assert!(is_proven(&found.customers[0]), "{}", customer.email);
    }
    let report = verify::run(bank.db()).await.unwrap();
    let verify::Report::Right(summary) = &report else { panic!("{report}") };
    assert_eq!((summary.accounts, summary.transfers), (9, 9));
    bank.db().close();
    drop(bank);
    for name in ["bank.db", "exchequer-demo.json", "master.key", "teller.totp", "ines.totp"] {
        let mode = std::fs::metadata(folder.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let teller = &people.staff[0];
    let kept = std::fs::read_to_string(folder.join("teller.totp")).unwrap();
    assert_eq!(kept, teller.totp_secret);

    let claimed = DemoFolder::claim(&config(&folder)).unwrap();
    let (bank, again, is_new) = open(config(&folder), &claimed).await.unwrap();
    assert!(!is_new);
    assert_eq!(again, people);
    bank.db().close();
}

#[tokio::test]
async fn a_demo_that_was_killed_while_it_was_made_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let claimed = DemoFolder::claim(&config(folder.path())).unwrap();
    claimed.make_key().unwrap();
    for name in ["bank.db", "bank.db-wal", "bank.db-shm"] {
        std::fs::write(folder.path().join(name), "half of something").unwrap();
    }
    let claimed = DemoFolder::claim(&config(folder.path())).unwrap();
    let (bank, _, is_new) = open(config(folder.path()), &claimed).await.unwrap();
    assert!(is_new);
    bank.db().close();
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.tex"), "precious").unwrap();
    let Err(Failure::Said(text)) = DemoFolder::claim(&config(folder.path())) else { panic!() };
    assert!(text.contains("nothing was changed"), "{text}");
    assert_eq!(names(folder.path()), ["thesis.tex"]);

    std::fs::write(folder.path().join("exchequer-demo.json"), "{}").unwrap();
    let claimed = DemoFolder::claim(&config(folder.path())).unwrap();
    let Err(Failure::Said(text)) = claimed.standing() else { panic!() };
    assert!(text.contains("not a marker"), "{text}");
    assert_eq!(names(folder.path()), ["exchequer-demo.json", "thesis.tex"]);
}

#[test]
fn the_introduction_says_how_to_sign_in() {
    let operator = DemoOperator {
        email: "teller@example.test".to_owned(),
        password: "pass word".to_owned(),
        role: "teller".to_owned(),
        totp_secret: "ABC".to_owned(),
    };
    let people = People { customers: Vec::new(), staff: vec![operator], merchants: Vec::new() };
    let object = introduction("http://127.0.0.1:8080", &people, "http://127.0.0.1:8090");
    assert_eq!(object["url"], "http://127.0.0.1:8080");
    assert_eq!(object["customers"], json!([]));
    assert_eq!(object["merchants"], json!([]));
    assert_eq!(object["staff"][0]["totp_secret"], "ABC");
    assert_eq!(object["staff"][0]["role"], "teller");
    let text = greeting(
        "http://127.0.0.1:8080",
        &people,
        (Path::new("demo-data"), "http://127.0.0.1:8090"),
        true,
    );
    for part in ["pass word", "totp --secret-file demo-data/teller.totp", "/docs"] {
        assert!(text.contains(part), "{part}");
    }
}

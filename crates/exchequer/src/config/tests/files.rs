//! Order of the sources, secrets in files, the master key's file.

use super::{Folder, key_line, write};
use crate::config::{DatabaseUrl, Profile, Sources, read_master_key};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const POSTGRES: &str = "postgres://bank:a-long-pass-phrase@localhost:5433/bank";

#[test]
fn the_file_then_dotenv_then_the_environment() {
    let mut folder = Folder::new();
    folder.file("[http]\ndrain_seconds = 1\nmax_connections = 1\nidle_timeout_seconds = 1\n");
    folder.dotenv("EXCHEQUER_HTTP_MAX_CONNECTIONS=2\nEXCHEQUER_HTTP_IDLE_TIMEOUT_SECONDS='2'\n");
    folder.environment("EXCHEQUER_HTTP_IDLE_TIMEOUT_SECONDS", "3");
    let http = folder.load().http;
    assert_eq!((http.drain_seconds, http.max_connections, http.idle_timeout_seconds), (1, 2, 3));
}

#[test]
fn the_file_takes_a_name_with_or_without_its_section() {
    for text in
        ["session_idle_seconds = 77", "[session]\nidle_seconds = 77", "session.idle_seconds = 77"]
    {
        let mut folder = Folder::new();
        folder.file(text);
        assert_eq!(folder.load().sessions.idle_seconds, 77, "{text}");
    }
}

#[test]
fn other_tools_variables_and_those_of_tests_are_passed_over() {
    let mut folder = Folder::new();
    folder.dotenv("\u{feff}COMPOSE_PROJECT_NAME=bank\n\n# a comment\nexport EXCHEQUER_LOG=debug\n");
    folder.environment("PATH", "/bin");
    folder.environment("EXCHEQUER_REFS", "/refs");
    folder.environment("EXCHEQUER_TEST_POSTGRES_URL", POSTGRES);
    folder.environment("EXCHEQUER_BENCH_SECONDS", "3");
    assert_eq!(folder.load().log.filter, "debug");
}

#[test]
fn an_empty_variable_is_one_that_is_not_set_where_there_is_no_default() {
    let mut folder = Folder::new();
    for name in ["EXCHEQUER_REDIS_URL", "EXCHEQUER_DATABASE_URL", "EXCHEQUER_SESSION_IDLE_SECONDS"]
    {
        folder.environment(name, "");
    }
    folder.environment("EXCHEQUER_PROFILE", "psd2");
    let config = folder.load();
    assert_eq!((config.profile, config.sessions.idle_seconds), (Profile::Psd2, 300));
    let DatabaseUrl::Sqlite { path } = config.database.url else { panic!("not SQLite") };
    assert_eq!(path, folder.path("data/bank.db"));
}

#[test]
fn lists_come_from_the_file_and_from_the_environment() {
    let mut folder = Folder::new();
    folder.file("http_cors_origins = [\"https://a.example\", \"https://b.example:8443\"]");
    assert_eq!(folder.load().http.cors_origins, ["https://a.example", "https://b.example:8443"]);
    folder.environment("EXCHEQUER_HTTP_CORS_ORIGINS", "https://c.example, http://localhost:3000");
    assert_eq!(folder.load().http.cors_origins, ["https://c.example", "http://localhost:3000"]);
}

// PCI DSS 8.6.2: a password of the bank itself need not stand in its configuration, and is never shown.
#[test]
fn a_secret_may_stand_in_a_file_of_its_own_and_is_never_rendered() {
    let mut folder = Folder::new();
    let secret = folder.path("database-url");
    write(&secret, &format!("{POSTGRES}\n"), 0o444);
    folder.environment("EXCHEQUER_DATABASE_URL_FILE", &secret.display().to_string());
    let config = folder.load();
    let rendered = config.render();
    assert!(rendered.contains("database_url = \"(set)\""), "{rendered}");
    assert!(!rendered.contains("a-long-pass-phrase"));
    let DatabaseUrl::Postgres { url } = config.database.url else { panic!("not PostgreSQL") };
    assert_eq!(url.expose(), POSTGRES);
}

#[test]
fn a_secret_from_a_later_source_wins_whichever_way_it_is_given() {
    let mut folder = Folder::new();
    folder.file("database_url_file = \"/nowhere\"");
    folder.environment("EXCHEQUER_DATABASE_URL", "sqlite:///srv/bank.db");
    let DatabaseUrl::Sqlite { path } = folder.load().database.url else { panic!("not SQLite") };
    assert_eq!(path, Path::new("/srv/bank.db"));
}

#[test]
fn a_secret_file_that_others_can_write_is_refused() {
    let mut folder = Folder::new();
    for (text, mode, wrong) in [
        (POSTGRES, 0o666, "mode 0666"),
        ("", 0o600, "empty"),
        ("one\ntwo\n", 0o600, "more than one line"),
    ] {
        let secret = folder.path("database-url");
        write(&secret, text, mode);
        folder.environment("EXCHEQUER_DATABASE_URL_FILE", &secret.display().to_string());
        let faults = folder.faults().to_string();
        assert!(faults.contains(wrong), "{faults}");
    }
}

fn key_refusal(path: &Path) -> String {
    read_master_key(path).err().expect("a key file that should be refused is not")
}

// ASVS 12.3.3, 13.3.1: what wraps the keys is called by https only.
#[test]
fn a_master_key_in_transit_is_whole_and_the_only_one() {
    let mut folder = Folder::new();
    folder.environment("EXCHEQUER_MASTER_KEY_TRANSIT_URL", "http://vault.example:8200");
    let faults = folder.faults().to_string();
    for wrong in [
        "another master key, in Transit",
        "http, which anybody on the way can read",
        "master_key_transit_key",
        "master_key_transit_token",
    ] {
        assert!(faults.contains(wrong), "{wrong}: {faults}");
    }
    folder.environment("EXCHEQUER_MASTER_KEY_FILE", "");
    folder.environment("EXCHEQUER_MASTER_KEY_TRANSIT_URL", "https://vault.example:8200");
    folder.environment("EXCHEQUER_MASTER_KEY_TRANSIT_KEY", "exchequer");
    let token = folder.path("token");
    write(&token, "hvs.secret\n", 0o600);
    folder.environment("EXCHEQUER_MASTER_KEY_TRANSIT_TOKEN_FILE", &token.display().to_string());
    let config = folder.load();
    let transit = config.transit.as_ref().expect("a Transit");
    assert_eq!((&*transit.mount, &*transit.key), ("transit", "exchequer"));
    assert_eq!(transit.token.expose(), "hvs.secret");
    assert!(!config.render().contains("hvs.secret"));
    for (name, value) in [("KEY", "../sys/seal"), ("MOUNT", "a//b"), ("KEY", "a?b"), ("MOUNT", "/")]
    {
        let mut folder = Folder { sources: folder.sources.clone(), ..Folder::new() };
        folder.environment(&format!("EXCHEQUER_MASTER_KEY_TRANSIT_{name}"), value);
        assert!(folder.faults().to_string().contains("is no name"), "{value}");
    }
}

// PCI DSS 3.6.1.3: the bank does not start with a master key that anybody but its own user can read.
// ASVS 13.3.2: the master key is its owner's alone.
#[test]
fn a_master_key_in_kms_is_whole_and_the_only_one() {
    let mut folder = Folder::new();
    folder.environment("EXCHEQUER_MASTER_KEY_KMS_KEY", "alias/exchequer");
    let faults = folder.faults().to_string();
    for wrong in [
        "another master key, in AWS KMS",
        "master_key_kms_region",
        "master_key_kms_access_key_id",
        "master_key_kms_secret_access_key",
    ] {
        assert!(faults.contains(wrong), "{wrong}: {faults}");
    }
    folder.environment("EXCHEQUER_MASTER_KEY_FILE", "");
    folder.environment("EXCHEQUER_MASTER_KEY_KMS_REGION", "ap-south-1");
    folder.environment("EXCHEQUER_MASTER_KEY_KMS_ACCESS_KEY_ID", "AKIDEXAMPLE");
    let secret = folder.path("secret");
    write(&secret, "a/secret+of-aws\n", 0o600);
    let file = secret.display().to_string();
    folder.environment("EXCHEQUER_MASTER_KEY_KMS_SECRET_ACCESS_KEY_FILE", &file);
    let config = folder.load();
    let kms = config.kms.as_ref().expect("a KMS");
    assert_eq!(kms.url, "https://kms.ap-south-1.amazonaws.com");
    assert_eq!(kms.secret_access_key.expose(), "a/secret+of-aws");
    assert!(!config.render().contains("a/secret+of-aws"));
    folder.environment("EXCHEQUER_MASTER_KEY_TRANSIT_URL", "https://vault.example:8200");
    assert!(folder.faults().to_string().contains("either, not both"));
    folder.environment("EXCHEQUER_MASTER_KEY_TRANSIT_URL", "");
    for (name, value) in [("REGION", "a/../b?"), ("URL", "http://kms.example"), ("KEY", "a b")] {
        let mut folder = Folder { sources: folder.sources.clone(), ..Folder::new() };
        folder.environment(&format!("EXCHEQUER_MASTER_KEY_KMS_{name}"), value);
        let faults = folder.faults().to_string();
        assert!(faults.contains(&format!("MASTER_KEY_KMS_{name}")), "{value}: {faults}");
    }
}

#[test]
fn a_master_key_that_others_can_read_is_refused_and_its_mode_named() {
    let folder = Folder::new();
    let path = folder.path("master.key");
    for mode in [0o644, 0o640, 0o604, 0o620, 0o700, 0o4600] {
        write(&path, &key_line(), mode);
        let refused = key_refusal(&path);
        assert!(refused.contains(&format!("{mode:04o}")), "{mode:o}: {refused}");
    }
    for mode in [0o600, 0o400] {
        write(&path, &key_line(), mode);
        assert!(read_master_key(&path).is_ok(), "{mode:o}");
    }
}

// PCI DSS 3.6.1: a master key in a folder where somebody else could put another in its place is refused.
#[test]
fn a_master_key_is_a_regular_file_with_a_key_in_a_folder_of_its_own() {
    let folder = Folder::new();
    assert!(key_refusal(&folder.path("nowhere")).contains("does not exist"));
    assert!(key_refusal(folder.dir.path()).contains("not a regular file"));
    let weak = folder.path("weak.key");
    for text in ["", "password", "exchequer-master-1:AAAA:AAAAAA"] {
        write(&weak, text, 0o600);
        let refused = key_refusal(&weak);
        assert!(refused.contains("master key"), "{refused}");
    }
    let open = folder.path("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    write(&open.join("master.key"), &key_line(), 0o600);
    assert!(key_refusal(&open.join("master.key")).contains("mode 0777"));

    // A private folder below one that everybody may rename is no better.
    std::fs::create_dir(open.join("private")).unwrap();
    write(&open.join("private/master.key"), &key_line(), 0o600);
    assert!(key_refusal(&open.join("private/master.key")).contains("mode 0777"));

    // A link elsewhere counts by both folders.
    let link = open.join("link.key");
    std::os::unix::fs::symlink(folder.path("master.key"), &link).unwrap();
    assert!(key_refusal(&link).contains("mode 0777"));
    let good = folder.path("link.key");
    std::os::unix::fs::symlink(folder.path("master.key"), &good).unwrap();
    assert!(read_master_key(&good).is_ok());
}

#[test]
fn the_data_folder_is_made_for_the_bank_alone() {
    let config = Folder::new();
    let loaded = config.load();
    loaded.make_data_dir().unwrap();
    let mode = loaded.data_dir.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o700);
    config.load().make_data_dir().unwrap();

    let open = std::fs::Permissions::from_mode(0o1777);
    std::fs::set_permissions(&loaded.data_dir, open).unwrap();
    let faults = config.faults().to_string();
    assert!(faults.contains("mode 1777; everybody can write to it"), "{faults}");
}

#[test]
fn of_the_process_environment_only_our_names_are_taken() {
    let foreign = |sources: Sources| {
        sources.environment.iter().any(|(name, _)| !name.starts_with("EXCHEQUER_"))
    };
    assert!(std::env::var_os("PATH").is_some() && !foreign(Sources::of_process(None)));
}

//! Every fault, by what was given and what the list says of it.

use super::{Folder, write};
use crate::config::Config;

/// One variable alone, and what its fault must say. `wrong` may stand anywhere in the fault.
const VARIABLES: &[(&str, &str, &str)] = &[
    ("EXCHEQUER_LISTEM", "x", "did you mean EXCHEQUER_LISTEN"),
    ("EXCHEQUER_Listen", "127.0.0.1:1", "no such setting"),
    ("EXCHEQUER_REFSX", "x", "no such setting"),
    ("EXCHEQUER_QWERTYUIOP", "x", "no such setting"),
    ("EXCHEQUER_MASTER_KEY", "x", "no such setting"),
    ("EXCHEQUER_LISTEN_FILE", "x", "no such setting"),
    ("EXCHEQUER_PROFILE", "PCI", "default or pci or rbi or psd2"),
    ("EXCHEQUER_LISTEN", "localhost:8080", "no address with a port"),
    ("EXCHEQUER_LISTEN", "127.0.0.1", "no address with a port"),
    ("EXCHEQUER_LISTEN", "", "is empty"),
    ("EXCHEQUER_LISTEN", "0.0.0.0:8080", "EXCHEQUER_HTTP_BEHIND_PROXY"),
    ("EXCHEQUER_LISTEN", "192.0.2.1:8080", "without TLS"),
    ("EXCHEQUER_METRICS_LISTEN", "9464", "no address with a port"),
    ("EXCHEQUER_METRICS_LISTEN", "localhost:9464", "such as 127.0.0.1:9464"),
    ("EXCHEQUER_METRICS_LISTEN", "0.0.0.0:9464", "without TLS"),
    ("EXCHEQUER_METRICS_LISTEN", "[2001:db8::1]:9464", "EXCHEQUER_METRICS_PLAINTEXT"),
    ("EXCHEQUER_CONSOLE_PUBLIC_URL", "http://127.0.0.1:9", "share cookies between ports"),
    ("EXCHEQUER_CONSOLE_PUBLIC_URL", "https://console.example", "another scheme"),
    ("EXCHEQUER_CONSOLE_PUBLIC_URL", "http://console.example", "anybody on the way"),
    ("EXCHEQUER_CONSOLE_PUBLIC_URL", "http://localhost/", "host or host:port"),
    ("EXCHEQUER_CONSOLE_NETWORKS", "10.8.0.1/16", "no network"),
    ("EXCHEQUER_CONSOLE_NETWORKS", "10.8.0.0/16,here", "\"here\" is no network"),
    ("EXCHEQUER_TRACES_URL", "http://collector.example", "which anybody on the way can read"),
    ("EXCHEQUER_TRACES_URL", "http://127.0.0.1:4318/", "ends with a slash"),
    ("EXCHEQUER_TRACES_URL", "127.0.0.1:4318", "such as http://127.0.0.1:4318"),
    ("EXCHEQUER_TRACES_PER_MILLION", "1000001", "0 to 1000000"),
    ("EXCHEQUER_EVIDENCE_TRAIL_URL", "http://logs.example", "which anybody on the way can read"),
    ("EXCHEQUER_EVIDENCE_TRAIL_URL", "https://logs.example/bank/", "ends with a slash"),
    ("EXCHEQUER_EVIDENCE_TRAIL_TOKEN", "x", "without evidence_trail_url"),
    ("EXCHEQUER_MASTER_KEY_FILE", "", "there is no master key"),
    ("EXCHEQUER_MASTER_KEY_FILE", "/nowhere/master.key", "does not exist"),
    ("EXCHEQUER_DATA_DIR", "/dev/null", "not a folder"),
    ("EXCHEQUER_DATA_DIR", "a\u{0}b", "control character"),
    ("EXCHEQUER_DATA_DIR", "a\u{fffd}b", "not UTF-8"),
    ("EXCHEQUER_DATABASE_URL", "mysql://h/d", "neither of the two forms"),
    ("EXCHEQUER_DATABASE_URL", "bank.db", "sqlite:///path/bank.db"),
    ("EXCHEQUER_DATABASE_URL", "sqlite://bank.db", "must be absolute"),
    ("EXCHEQUER_DATABASE_URL", "sqlite:///srv/", "name a file"),
    ("EXCHEQUER_DATABASE_URL", "sqlite:///srv/bank.db?mode=ro", "no options"),
    ("EXCHEQUER_DATABASE_URL", "postgres:///bank", "no host"),
    ("EXCHEQUER_DATABASE_URL", "postgres://localhost:x/bank", "no port"),
    ("EXCHEQUER_DATABASE_URL", "postgres://u:%zz@localhost/bank", "hexadecimal"),
    ("EXCHEQUER_DATABASE_URL", "postgres://localhost/bank?sslmode=require", "any certificate"),
    ("EXCHEQUER_DATABASE_URL", "postgres://db.example/bank?sslmode=prefer", "plain text"),
    ("EXCHEQUER_DATABASE_URL", "postgres://u:p@db/bank?sslmode=disable", "database_plaintext"),
    (
        "EXCHEQUER_DATABASE_URL",
        "postgres://u:p@localhost,db/b?sslmode=disable",
        "database_plaintext",
    ),
    ("EXCHEQUER_DATABASE_URL", "postgres://db/bank?sslrootcert=/nowhere/ca.pem", "does not exist"),
    ("EXCHEQUER_DATABASE_URL", "postgres://db.example/bank?sslrootcert=/dev/null", "authorities"),
    ("EXCHEQUER_DATABASE_URL", "postgres://localhost/bank?hostaddr=192.0.2.1", "another host"),
    ("EXCHEQUER_DATABASE_URL_FILE", "/nowhere", "does not exist"),
    ("EXCHEQUER_LOG", "verbose", "`verbose` is no level"),
    ("EXCHEQUER_LOG", "store=loud", "no filter"),
    ("EXCHEQUER_LOG_FORMAT", "xml", "json or text"),
    ("EXCHEQUER_RATE_LIMITS", "off", "only a demo bank"),
    ("EXCHEQUER_RATE_LIMITS", "false", "on or off"),
    ("EXCHEQUER_SESSION_IDLE_SECONDS", "59", "60 to 900"),
    ("EXCHEQUER_SESSION_IDLE_SECONDS", "901", "from 1 to 900"),
    ("EXCHEQUER_SESSION_ABSOLUTE_SECONDS", "600", "shorter than the idle limit"),
    ("EXCHEQUER_DATABASE_READ_CONNECTIONS", "0", "from 1 to 64"),
    ("EXCHEQUER_DATABASE_LOCK_TIMEOUT_MS", "1.5", "not a whole number"),
    ("EXCHEQUER_DATABASE_PLAINTEXT", "yes", "true or false"),
    ("EXCHEQUER_HTTP_BEHIND_PROXY", "1", "true or false"),
    ("EXCHEQUER_HTTP_MAX_CONNECTIONS", "-1", "not a whole number"),
    ("EXCHEQUER_HTTP_MAX_CONNECTIONS", "+5", "not a whole number"),
    ("EXCHEQUER_HTTP_MAX_CONNECTIONS", "99999999999999999999999", "out of bounds"),
    ("EXCHEQUER_HTTP_MAX_BODY_BYTES", "65537", "from 1024 to 65536"),
    ("EXCHEQUER_HTTP_REQUEST_TIMEOUT_SECONDS", "5", "http_body_timeout_seconds"),
    ("EXCHEQUER_HTTP_CORS_ORIGINS", "*", "every page"),
    ("EXCHEQUER_HTTP_CORS_ORIGINS", "https://*.example", "is not host"),
    ("EXCHEQUER_HTTP_CORS_ORIGINS", "null", "every page"),
    ("EXCHEQUER_HTTP_CORS_ORIGINS", "http://shop.example", "is http"),
    ("EXCHEQUER_HTTP_CORS_ORIGINS", "http://localhost.evil.example", "is http"),
    ("EXCHEQUER_HTTP_CORS_ORIGINS", "http://127.0.0.1@evil.example", "is not host"),
    ("EXCHEQUER_HTTP_CORS_ORIGINS", "https://shop.example/", "is not host"),
    ("EXCHEQUER_HTTP_CORS_ORIGINS", "https://Shop.example", "lower case"),
    ("EXCHEQUER_HTTP_CORS_ORIGINS", "https://shop.example:443", "default port"),
    ("EXCHEQUER_HTTP_CORS_ORIGINS", "https://shop.example:0", "no proper port"),
    ("EXCHEQUER_HTTP_CORS_ORIGINS", "https://a.example,", "does not begin"),
    ("EXCHEQUER_HTTP_CORS_ORIGINS", "shop.example", "does not begin"),
    ("EXCHEQUER_HTTP_PUBLIC_URL", "https://bank.example/api", "is not host"),
    ("EXCHEQUER_HTTP_PUBLIC_URL", "http://bank.example", "is http"),
    ("EXCHEQUER_HTTP_TRUSTED_PROXIES", "9", "from 0 to 8"),
    ("EXCHEQUER_TLS_MIN_VERSION", "1.1", "1.2 or 1.3"),
    ("EXCHEQUER_REDIS_URL", "http://127.0.0.1", "scheme"),
    ("EXCHEQUER_REDIS_URL", "redis://cache.example", "needs TLS"),
    ("EXCHEQUER_REDIS_URL", "redis://:longsecret@10.0.0.1", "needs TLS"),
    ("EXCHEQUER_REDIS_URL", "redis+cluster://127.0.0.1,10.0.0.1", "needs TLS"),
    ("EXCHEQUER_REDIS_URL", "rediss://cache.example", "needs a password"),
    ("EXCHEQUER_REDIS_URL", "rediss://:password@cache.example", "everybody tries first"),
    ("EXCHEQUER_REDIS_URL", "redis+sentinel://127.0.0.1", "no service"),
    ("EXCHEQUER_REDIS_CA_FILE", "/nowhere/ca.pem", "does not exist"),
    ("EXCHEQUER_REDIS_KEY_FILE", "/nowhere/own.key", "given without redis_certificate_file"),
    ("EXCHEQUER_MASTER_KEY_TRANSIT_CERTIFICATE_KEY_FILE", "/nowhere/own.key", "both, or neither"),
    ("EXCHEQUER_TOKEN_AUDIENCE", "two words", "no blank"),
    ("EXCHEQUER_TOKEN_ACCESS_SECONDS", "301", "from 10 to 300"),
    ("EXCHEQUER_PASSWORD_ITERATIONS", "1", "too cheap"),
    ("EXCHEQUER_PASSWORD_MEMORY_KIB", "12288", "too cheap"),
    ("EXCHEQUER_PASSWORD_MIN_CHARACTERS", "14", "15 to 128"),
];

/// A file alone, and what its fault must say.
const FILES: &[(&str, &str)] = &[
    ("listen = \"127.0.0.1:1", "line 1"),
    ("\n\nlisten == 1", "line 3"),
    ("log = \"info\"\nlog = \"warn\"", "line 2"),
    ("[session]\nidle_seconds = 90\nidle_secs = 90", "did you mean session_idle_seconds"),
    ("session_idle_seconds = 90\n[session]\nidle_seconds = 90", "stands here twice"),
    ("database_url = \"sqlite:///a/b\"\ndatabase_url_file = \"/c\"", "stands here twice"),
    ("[htp]", "no such section"),
    ("[htp]\ndrain_seconds = 1", "did you mean http_drain_seconds"),
    ("[http]\ndrain_seconds = \"1\"", "not a whole number"),
    ("[http]\ndrain_seconds = 1.0", "a fraction"),
    ("[http]\ndrain_seconds = 99999999999999999999", "beyond 64 bits"),
    ("[http]\nbehind_proxy = \"true\"", "true or false"),
    ("[http]\ncors_origins = [1]", "something else than texts"),
    ("rate_limits = true", "not text"),
    ("listen = 2026-01-01", "a date"),
    ("data_dir = [\"a\"]", "the list"),
];

// ASVS 3.4.2, 12.2.1, 13.2.3: no wildcard of origins, no public address in plain http, no default password of a service
// starts a bank.
#[test]
fn each_wrong_variable_is_a_fault_that_says_what_is_wrong() {
    for (name, value, says) in VARIABLES {
        let mut folder = Folder::new();
        folder.environment(name, value);
        let faults = folder.faults();
        let text = faults.to_string();
        assert_eq!(faults.len(), 1, "{name}={value}: {text}");
        assert!(text.contains(says), "{name}={value} should say {says:?}: {text}");
        assert!(text.to_ascii_uppercase().contains(&name.to_ascii_uppercase()), "{name}: {text}");
    }
}

#[test]
fn each_wrong_file_is_a_fault_with_its_line() {
    for (file, says) in FILES {
        let mut folder = Folder::new();
        folder.sources.environment.retain(|(name, _)| name != "EXCHEQUER_DATA_DIR");
        folder.file(file);
        let text = folder.faults().to_string();
        assert!(text.contains(says), "{file:?} should say {says:?}: {text}");
        assert!(text.contains("exchequer.toml, line "), "{file:?}: {text}");
    }
}

#[test]
fn all_faults_of_all_sources_come_at_once() {
    let mut folder = Folder::new();
    folder.file("nonsense = 1\n[http]\ndrain_seconds = 1000\n");
    folder.dotenv("EXCHEQUER_PROFILE=gdpr\n");
    folder.environment("EXCHEQUER_REDIS_URL", "redis://cache");
    folder.environment("EXCHEQUER_MASTER_KEY_FILE", "");
    let faults = folder.faults();
    let settings: Vec<&str> =
        faults.as_slice().iter().map(|fault| fault.setting.as_str()).collect();
    assert_eq!(
        settings,
        [
            "nonsense",
            "EXCHEQUER_PROFILE",
            "http.drain_seconds",
            "EXCHEQUER_REDIS_URL",
            "EXCHEQUER_MASTER_KEY_FILE"
        ]
    );
    let text = faults.to_string();
    assert!(text.starts_with("5 faults in the configuration"), "{text}");
    for part in
        ["\n  1. nonsense (", "exchequer.toml, line 3)", "/.env): ", "(environment): ", "\n  5. "]
    {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
}

// PCI DSS 8.6.3: a fault of the configuration never repeats the password that stands in it.
#[test]
fn no_fault_shows_a_secret() {
    let secret = "correct-horse-battery";
    let url = format!("postgres://bank:{secret}@db.example/bank");
    let mut by_variable = Folder::new();
    by_variable.environment("EXCHEQUER_DATABASE_URL", &url);
    by_variable.environment("EXCHEQUER_DATABASE_URI", &url);
    by_variable.environment("EXCHEQUER_LISTEN", &url);
    by_variable.environment("EXCHEQUER_REDIS_URL", &format!("redis://:{secret}@cache"));

    let mut broken_lines = vec![by_variable];
    for text in [
        format!("database_url = \"{url}"),
        format!("database_url = {url}"),
        format!("database_url \"{url}\""),
        format!("[database_url]\n{secret}"),
        format!("database_url = [\"{url}\"]"),
    ] {
        let mut folder = Folder::new();
        folder.file(&text);
        broken_lines.push(folder);
    }
    for text in [format!("EXCHEQUER_DATABASE_URL='{url}"), format!("\n{url} and more")] {
        let mut folder = Folder::new();
        folder.dotenv(&text);
        broken_lines.push(folder);
    }
    for folder in broken_lines {
        let text = folder.faults().to_string();
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_line_of_dotenv_that_cannot_be_read_is_named() {
    let mut folder = Folder::new();
    folder.dotenv("EXCHEQUER_LOG=info\n\nthis is no line\n");
    let text = folder.faults().to_string();
    assert!(text.contains("line 3 cannot be read"), "{text}");
}

#[test]
fn a_source_that_cannot_be_read_is_a_fault() {
    let mut folder = Folder::new();
    folder.sources.file = Some(folder.path("nowhere.toml"));
    folder.sources.dotenv = Some(folder.dir.path().to_owned());
    let text = folder.faults().to_string();
    assert!(text.contains("nowhere.toml: it does not exist"), "{text}");
    assert!(text.contains("not a regular file"), "{text}");

    let mut folder = Folder::new();
    folder.file("");
    std::fs::write(folder.path("exchequer.toml"), b"log = \"\xff\"").unwrap();
    assert!(folder.faults().to_string().contains("not UTF-8"));
    write(&folder.path("exchequer.toml"), &"#".repeat((1 << 20) + 1), 0o600);
    assert!(folder.faults().to_string().contains("larger than"));
}

#[test]
fn any_address_is_allowed_behind_a_proxy_when_callers_have_a_name_for_it() {
    let mut folder = Folder::new();
    folder.environment("EXCHEQUER_LISTEN", "0.0.0.0:8080");
    folder.environment("EXCHEQUER_HTTP_BEHIND_PROXY", "true");
    let text = folder.faults().to_string();
    assert!(text.contains("EXCHEQUER_HTTP_PUBLIC_URL (not given)"), "{text}");
    folder.environment("EXCHEQUER_HTTP_PUBLIC_URL", "https://bank.example");
    assert_eq!(folder.load().tokens.issuer, "https://bank.example");
}

// PCI DSS 8.2.8, 8.3.6: what the profile asks of sessions and passwords can be made stricter and not laxer.
#[test]
fn a_profile_may_be_tightened_and_not_relaxed() {
    let mut folder = Folder::new();
    folder.environment("EXCHEQUER_PROFILE", "psd2");
    folder.environment("EXCHEQUER_SESSION_IDLE_SECONDS", "301");
    assert!(folder.faults().to_string().contains("60 to 300"));
    folder.environment("EXCHEQUER_SESSION_IDLE_SECONDS", "120");
    assert_eq!(folder.load().sessions.idle_seconds, 120);

    let mut folder = Folder::new();
    folder.environment("EXCHEQUER_PROFILE", "pci");
    let passwords = folder.load().passwords;
    assert_eq!((passwords.min_characters, passwords.letters_and_digits), (12, true));
    folder.environment("EXCHEQUER_PASSWORD_MIN_CHARACTERS", "20");
    assert_eq!(folder.load().passwords.min_characters, 20);
}

// PCI DSS 6.5.6: a demo, whose people and passwords are published, is never made in a real bank.
#[test]
fn a_demo_bank_takes_short_idle_limits_and_no_real_bank() {
    let mut folder = Folder::new();
    folder.sources.environment.clear();
    folder.environment("EXCHEQUER_SESSION_IDLE_SECONDS", "2");
    folder.environment("EXCHEQUER_RATE_LIMITS", "off");
    folder.environment("EXCHEQUER_LISTEN", "127.0.0.1:1");
    let listen = "127.0.0.1:9".parse().unwrap();
    let demo = |folder: &Folder| {
        Config::load_demo(Some(folder.path("demo")), Some(listen), &folder.sources)
    };
    let config = demo(&folder).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!((config.sessions.idle_seconds, config.rate_limits_on), (2, false));
    assert_eq!((config.listen, config.data_dir), (listen, folder.path("demo")));

    folder.environment("EXCHEQUER_DATABASE_URL", "postgres://localhost/bank");
    folder.environment("EXCHEQUER_MASTER_KEY_FILE", "/etc/exchequer/master.key");
    let faults = demo(&folder).err().expect("a demo on a real bank");
    assert_eq!(faults.len(), 2, "{faults}");

    let elsewhere = Config::load_demo(None, None, &crate::config::Sources::default());
    let elsewhere = elsewhere.unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(elsewhere.data_dir, std::path::Path::new("demo-data"));
    assert_eq!(elsewhere.listen.to_string(), "127.0.0.1:8080");
}

/// A pair of files for the bank's own TLS, in the folder.
fn pair(folder: &Folder) {
    let from = money::Timestamp::from_seconds(1_767_607_200);
    let authority = tls::trial::Authority::new(from, from.plus_seconds(86_400)).unwrap();
    let pair = authority.issue("bank", &["bank.example"]).unwrap();
    write(&folder.path("certificate.pem"), &pair.certificate_pem(), 0o644);
    write(&folder.path("key.pem"), &pair.key_pem(), 0o600);
    write(&folder.path("authorities.pem"), &authority.certificate_pem(), 0o644);
}

#[test]
fn with_tls_the_bank_listens_anywhere_and_calls_itself_https() {
    let mut folder = Folder::new();
    pair(&folder);
    let (certificate, key) = (folder.path("certificate.pem"), folder.path("key.pem"));
    folder.environment("EXCHEQUER_TLS_CERTIFICATE_FILE", &certificate.display().to_string());
    folder.environment("EXCHEQUER_TLS_KEY_FILE", &key.display().to_string());
    folder.environment("EXCHEQUER_LISTEN", "192.0.2.1:443");
    let config = folder.load();
    assert_eq!(config.http.public_url, "https://192.0.2.1:443");
    let text = config.render();
    assert!(text.contains(&format!("key_file = \"{}\"", key.display())), "{text}");
    assert!(text.contains("min_version = \"1.3\""), "{text}");
    folder.environment("EXCHEQUER_LISTEN", "0.0.0.0:443");
    assert!(folder.faults().to_string().contains("EXCHEQUER_HTTP_PUBLIC_URL"));
    folder.environment("EXCHEQUER_HTTP_PUBLIC_URL", "http://localhost");
    assert!(folder.faults().to_string().contains("the bank speaks TLS"));
    folder.environment("EXCHEQUER_HTTP_PUBLIC_URL", "https://bank.example");
    assert!(folder.load().tls.is_some());
}

#[test]
fn tls_files_that_do_not_fit_stop_the_start() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("CERTIFICATE_FILE", "certificate.pem")], "the private key of tls_certificate_file"),
        (&[("KEY_FILE", "key.pem")], "nothing speaks TLS"),
        (&[("CLIENT_CA_FILE", "authorities.pem")], "nothing speaks TLS"),
        (&[("CERTIFICATE_FILE", "nowhere.pem"), ("KEY_FILE", "key.pem")], "does not exist"),
        (&[("CERTIFICATE_FILE", "key.pem"), ("KEY_FILE", "key.pem")], "no certificate"),
        (&[("CERTIFICATE_FILE", "certificate.pem"), ("KEY_FILE", "certificate.pem")], "mode 0644"),
        (&[("CERTIFICATE_FILE", "authorities.pem"), ("KEY_FILE", "key.pem")], "not that of"),
        (
            &[
                ("CERTIFICATE_FILE", "certificate.pem"),
                ("KEY_FILE", "key.pem"),
                ("CLIENT_CA_FILE", "master.key"),
            ],
            "no certificate",
        ),
    ];
    for (given, says) in cases {
        let mut folder = Folder::new();
        pair(&folder);
        for (name, file) in *given {
            let path = folder.path(file).display().to_string();
            folder.environment(&format!("EXCHEQUER_TLS_{name}"), &path);
        }
        let faults = folder.faults();
        let text = faults.to_string();
        assert_eq!(faults.len(), 1, "{given:?}: {text}");
        assert!(text.contains(says), "{given:?} should say {says:?}: {text}");
    }
}

#[test]
fn a_token_that_no_header_takes_is_a_fault_and_is_not_shown() {
    let mut folder = Folder::new();
    folder.environment("EXCHEQUER_EVIDENCE_TRAIL_URL", "https://logs.example/bank");
    folder.environment("EXCHEQUER_EVIDENCE_TRAIL_TOKEN", "two words");
    let faults = folder.faults();
    let text = faults.to_string();
    assert_eq!(faults.len(), 1, "{text}");
    assert!(text.contains("no header takes") && !text.contains("two words"), "{text}");
}

//! What a database or a Redis on another machine needs, and what several nodes need.

use super::{Folder, write};
use crate::config::Config;

// PCI DSS 8.6.2: a password that everybody tries first, or none, stops the start.
#[test]
fn another_host_needs_a_network_that_encrypts_and_a_password_worth_the_name() {
    let load = |url: &str| {
        let mut folder = Folder::new();
        folder.environment("EXCHEQUER_DATABASE_PLAINTEXT", "true");
        folder.environment("EXCHEQUER_DATABASE_URL", &format!("{url}?sslmode=disable"));
        Config::load(&folder.sources).map(|_| ()).map_err(|faults| faults.to_string())
    };
    assert_eq!(load("postgres://bank:a-long-pass-phrase@db.example:5432/bank"), Ok(()));
    for url in ["postgres://bank:bank@db.example/bank", "postgresql://bank:%70assword@db/bank"] {
        assert!(load(url).unwrap_err().contains("tries first"), "{url}");
    }
    assert!(load("postgres://bank@db.example/bank").unwrap_err().contains("neither a password"));
}

// ASVS 12.3.4: a database on another machine means TLS by an authority that is named or the system's, unless two
// settings say otherwise.
#[test]
fn another_host_is_spoken_to_in_tls_by_a_named_authority() {
    let mut folder = Folder::new();
    let day = money::Clock::System.now();
    let authority = tls::trial::Authority::new(day, day.plus_seconds(86_400)).unwrap();
    let own = authority.issue("bank", &[]).unwrap();
    let [ca, certificate, key] =
        ["ca.pem", "own.pem", "own.key"].map(|name| folder.path(name).display().to_string());
    write(&folder.path("ca.pem"), &authority.certificate_pem(), 0o644);
    write(&folder.path("own.pem"), &own.certificate_pem(), 0o644);
    write(&folder.path("own.key"), &own.key_pem(), 0o644);
    let url = |person: &str| format!("postgres://{person}@db.example/bank?sslrootcert={ca}");
    folder.environment("EXCHEQUER_DATABASE_URL", &url("bank:a-long-pass-phrase"));
    folder.load();
    folder.environment("EXCHEQUER_DATABASE_URL", &url("bank:bank"));
    assert!(folder.faults().to_string().contains("tries first"));
    let shown = format!("{}&sslcert={certificate}&sslkey={key}", url("bank"));
    folder.environment("EXCHEQUER_DATABASE_URL", &shown);
    assert!(folder.faults().to_string().contains("chmod 640"), "everybody reads the key");
    write(&folder.path("own.key"), &own.key_pem(), 0o600);
    folder.load();
}

// ASVS 12.3.1: what the bank speaks to, and who asks it, is on this machine or spoken to in TLS; where that is not so,
// somebody has said so by a setting.
#[test]
fn nothing_on_another_host_is_spoken_to_in_plain_text_unless_a_setting_says_so() {
    for (name, value) in [
        ("EXCHEQUER_LISTEN", "192.0.2.1:8080"),
        ("EXCHEQUER_METRICS_LISTEN", "192.0.2.1:9464"),
        ("EXCHEQUER_METRICS_LISTEN", "0.0.0.0:9464"),
        ("EXCHEQUER_HTTP_PUBLIC_URL", "http://bank.example"),
        ("EXCHEQUER_CONSOLE_PUBLIC_URL", "http://console.bank.example"),
        ("EXCHEQUER_DATABASE_URL", "postgres://u:a-long-pass-phrase@db.example/b?sslmode=disable"),
        ("EXCHEQUER_REDIS_URL", "redis://u:a-long-pass-phrase@redis.example"),
        ("EXCHEQUER_TRACES_URL", "http://collector.example"),
        ("EXCHEQUER_MAIL_SMTP_URL", "smtp://u:p@mail.example:25?tls=none"),
        ("EXCHEQUER_SMS_GATEWAY_URL", "http://sms.example"),
        ("EXCHEQUER_MASTER_KEY_TRANSIT_URL", "http://bao.example:8200"),
        ("EXCHEQUER_MASTER_KEY_KMS_URL", "http://kms.example"),
        ("EXCHEQUER_EVIDENCE_TRAIL_URL", "http://logs.example"),
    ] {
        let mut folder = Folder::new();
        // An address of AWS KMS is looked at where all else of it is there.
        for (name, value) in [
            ("KEY", "alias/exchequer"),
            ("REGION", "ap-south-1"),
            ("ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("SECRET_ACCESS_KEY", "a-secret-of-forty-letters-and-some-more-"),
        ] {
            folder.environment(&format!("EXCHEQUER_MASTER_KEY_KMS_{name}"), value);
        }
        folder.environment(name, value);
        let text = folder.faults().to_string();
        assert!(text.contains(name), "{name} {value}: {text}");
    }
    let mut folder = Folder::new();
    folder.environment("EXCHEQUER_METRICS_LISTEN", "[::1]:9464");
    assert!(folder.load().metrics_listen.is_some());
    folder.environment("EXCHEQUER_METRICS_LISTEN", "0.0.0.0:9464");
    folder.environment("EXCHEQUER_METRICS_PLAINTEXT", "true");
    assert!(folder.load().metrics_listen.is_some());
}

#[test]
fn a_proxy_s_address_is_not_taken_for_the_operator_s() {
    let mut folder = Folder::new();
    folder.environment("EXCHEQUER_HTTP_BEHIND_PROXY", "true");
    folder.environment("EXCHEQUER_CONSOLE_NETWORKS", "10.8.0.0/16");
    assert!(folder.faults().to_string().contains("http_trusted_proxies"));
    folder.environment("EXCHEQUER_HTTP_TRUSTED_PROXIES", "1");
    assert_eq!(folder.load().console.networks.len(), 1);
}

#[test]
fn this_machine_needs_neither() {
    for url in [
        "postgres://bank:bank@localhost/bank",
        "postgres://bank@127.0.0.1:5433/bank?sslmode=disable",
        "postgres://bank@[::1]:5433/bank",
        "postgres://bank@%2Frun%2Fpostgresql/bank",
        "postgresql:///bank?host=/run/postgresql&port=5433",
    ] {
        let mut folder = Folder::new();
        folder.environment("EXCHEQUER_DATABASE_URL", url);
        folder.load();
    }
}

/// Each node would make an issuer of its own.
#[test]
fn nodes_that_share_a_redis_have_one_name_for_the_bank() {
    let mut folder = Folder::new();
    folder.environment("EXCHEQUER_REDIS_URL", "redis://127.0.0.1");
    let faults = folder.faults();
    let text = faults.to_string();
    assert_eq!(faults.len(), 1, "{text}");
    assert!(text.contains("EXCHEQUER_HTTP_PUBLIC_URL (not given)"), "{text}");
    assert!(text.contains("several nodes"), "{text}");
    folder.environment("EXCHEQUER_LISTEN", "0.0.0.0:8080");
    folder.environment("EXCHEQUER_HTTP_BEHIND_PROXY", "true");
    assert_eq!(folder.faults().len(), 1, "one cause is one fault");
    folder.environment("EXCHEQUER_HTTP_PUBLIC_URL", "https://bank.example");
    assert_eq!(folder.load().tokens.issuer, "https://bank.example");

    let mut demo = Folder::new();
    demo.sources.environment.clear();
    demo.environment("EXCHEQUER_REDIS_URL", "redis://127.0.0.1");
    let listen = "127.0.0.1:9".parse().unwrap();
    assert!(Config::load_demo(Some(demo.path("demo")), Some(listen), &demo.sources).is_ok());
}

/// A pair, its key and one of another pair, in a folder.
fn pairs(folder: &Folder) -> [String; 3] {
    let authority =
        tls::trial::Authority::new(money::Timestamp::EPOCH, money::Timestamp::MAX).unwrap();
    let (own, other) =
        (authority.issue("bank", &[]).unwrap(), authority.issue("bank", &[]).unwrap());
    write(&folder.path("own.pem"), &own.certificate_pem(), 0o644);
    write(&folder.path("own.key"), &own.key_pem(), 0o640);
    write(&folder.path("other.key"), &other.key_pem(), 0o640);
    ["own.pem", "own.key", "other.key"].map(|name| folder.path(name).display().to_string())
}

// ASVS 12.3.5: Redis and Transit are shown a certificate that is a pair with its key, by TLS only, or the start is refused.
#[test]
fn what_the_bank_shows_is_a_pair_for_a_server_with_tls() {
    for (prefix, key_setting, url, with_tls, without) in [
        ("EXCHEQUER_REDIS", "KEY_FILE", "URL", "rediss://cache.example", "redis://127.0.0.1"),
        (
            "EXCHEQUER_MASTER_KEY_TRANSIT",
            "CERTIFICATE_KEY_FILE",
            "URL",
            "https://bao.example:8200",
            "http://127.0.0.1:8200",
        ),
    ] {
        let mut folder = Folder::new();
        let [certificate, key, other] = pairs(&folder);
        folder.environment("EXCHEQUER_HTTP_PUBLIC_URL", "https://bank.example");
        if prefix.ends_with("TRANSIT") {
            folder.environment("EXCHEQUER_MASTER_KEY_FILE", "");
            folder.environment(&format!("{prefix}_KEY"), "exchequer");
            folder.environment(&format!("{prefix}_TOKEN"), "hvs.a-token");
        }
        let name = |rest: &str| format!("{prefix}_{rest}");
        folder.environment(&name(url), with_tls);
        folder.environment(&name("CERTIFICATE_FILE"), &certificate);
        folder.environment(&name(key_setting), &key);
        let config = folder.load();
        assert!(config.render().contains(&format!("certificate_file = {certificate:?}")));
        folder.environment(&name(key_setting), &other);
        assert!(folder.faults().to_string().contains("not that of the first certificate"));
        write(&folder.path("other.key"), "", 0o644);
        assert!(folder.faults().to_string().contains("chmod 640"), "everybody reads the key");
        folder.environment(&name(key_setting), "");
        assert!(folder.faults().to_string().contains(&name(key_setting)));
        folder.environment(&name(key_setting), &key);
        folder.environment(&name(url), without);
        let faults = folder.faults().to_string();
        assert!(faults.contains("nobody is shown"), "{faults}");
    }
}

#[test]
fn a_redis_elsewhere_knows_the_bank_by_a_password_or_a_certificate() {
    let mut folder = Folder::new();
    let [certificate, key, _] = pairs(&folder);
    folder.environment("EXCHEQUER_HTTP_PUBLIC_URL", "https://bank.example");
    folder.environment("EXCHEQUER_REDIS_URL", "rediss://cache.example");
    assert!(folder.faults().to_string().contains("redis_certificate_file"));
    folder.environment("EXCHEQUER_REDIS_CERTIFICATE_FILE", &certificate);
    folder.environment("EXCHEQUER_REDIS_KEY_FILE", &key);
    folder.load();
    folder.environment("EXCHEQUER_REDIS_URL", "rediss://:password@cache.example");
    assert!(folder.faults().to_string().contains("tries first"));
    folder.environment("EXCHEQUER_REDIS_URL", "");
    assert!(folder.faults().to_string().contains("given without redis_url"));
}

//! The passwords and tokens that the bank shows to other services, and for how many days each may be the same.
//!
//! They do not end by themselves, so the bank knows their age (`crate::secrets`). The days are those of
//! docs/operating.md, or those of `secret_days`. A certificate in place of a password, and what ends by itself, has no
//! line here.

use std::sync::Arc;

use vault::SecretString;

use super::reading::Reading;

/// What was configured of them.
#[derive(Clone, Default)]
pub struct Secrets {
    /// For all of them, where it is not the usual days.
    pub days: Option<u32>,
    /// Nothing where ages are not to be looked at.
    pub given: Vec<ServiceSecret>,
}

/// A secret that was configured.
#[derive(Clone)]
pub struct ServiceSecret {
    /// The name of its setting.
    pub setting: &'static str,
    /// Of an address only a password.
    pub value: Arc<SecretString>,
    /// Days after which it is too old.
    pub days: u32,
}

/// Each setting with a secret that does not end by itself, and its days.
const DAYS: [(&str, u32); 9] = [
    ("master_key_transit_token", 30),
    ("master_key_kms_secret_access_key", 30),
    ("database_url", 90),
    ("redis_url", 90),
    ("mail_smtp_url", 365),
    ("sms_token", 365),
    ("stripe_secret_key", 365),
    ("stripe_webhook_secret", 365),
    ("evidence_trail_token", 365),
];

/// To be called when every setting was read.
pub(super) fn read(reading: &mut Reading) -> Secrets {
    let days = reading.optional_integer("secret_days").and_then(|days| u32::try_from(days).ok());
    // With a session token the others end with it.
    let are_temporary = reading.is_given("master_key_kms_session_token");
    let mut given = Vec::new();
    for (setting, usual) in DAYS.into_iter().filter(|_| days != Some(0)) {
        if are_temporary && setting.starts_with("master_key_kms_") {
            continue;
        }
        let found = reading.given_secret(setting).map(|value| passwords(value.expose()));
        given.extend(found.into_iter().flatten().map(|value| ServiceSecret {
            setting,
            value: Arc::new(value),
            days: days.unwrap_or(usual),
        }));
    }
    Secrets { days, given }
}

/// The passwords of an address: the user's, which an option `password` replaces as it does for the driver, and those
/// of other servers (`sentinel_password`). What is no address is a secret as a whole.
fn passwords(value: &str) -> Vec<SecretString> {
    let found = match value.split_once("://") {
        None => vec![value],
        Some(("sqlite", _)) => Vec::new(),
        Some((_, rest)) => {
            let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
            let of_user = place.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
            let option = |name: &str| {
                let given = options.split('&').filter_map(|option| option.split_once('='));
                given.filter(|(of, _)| *of == name).map(|(_, value)| value).next_back()
            };
            let main = option("password").or(of_user.map(|(_, password)| password));
            main.into_iter().chain(option("sentinel_password")).collect()
        }
    };
    let found = found.into_iter().filter(|text| !text.is_empty());
    found.map(|text| SecretString::new(text.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SETTINGS;
    use crate::config::setting::Kind;

    fn of(value: &str) -> Vec<String> {
        passwords(value).iter().map(|found| found.expose().to_owned()).collect()
    }

    #[test]
    fn of_an_address_the_passwords_alone_count() {
        for (value, expected) in [
            ("sk_live_4eC39", &["sk_live_4eC39"][..]),
            ("postgres://bank:p%40ss@db.example/bank", &["p%40ss"]),
            ("postgres://bank:a#b@db.example/bank", &["a#b"]),
            ("postgres://bank@db.example/bank?password=apart&sslmode=verify-full", &["apart"]),
            ("postgres://bank:old@db.example/bank?password=older&password=new", &["new"]),
            ("postgres://bank:p@one:5432,two:5432/bank", &["p"]),
            ("postgres://bank@db.example/bank?sslcert=/a.pem", &[]),
            ("postgres:///bank?host=/run/postgresql", &[]),
            ("sqlite:///srv/a:b@c/bank.db", &[]),
            ("rediss://:only@cache.example:6380/0", &["only"]),
            ("redis+sentinel://bank:pw@one:26379,two:26379/main", &["pw"]),
            ("redis+sentinel://bank:pw@one:26379/main?sentinel_password=other", &["pw", "other"]),
            ("redis://127.0.0.1:6379", &[]),
            ("smtp://bank:a:b@mail.example:587", &["a:b"]),
            ("smtp://AKIA:pa/ss+w@mail.example:587?tls=required", &["pa/ss+w"]),
            ("smtp://bank:@mail.example:587", &[]),
        ] {
            assert_eq!(of(value), expected, "{value}");
        }
    }

    /// The session token of KMS ends by itself; the sandbox takes no real money.
    #[test]
    fn every_secret_of_the_table_has_its_days_or_ends_by_itself() {
        let without = ["master_key_kms_session_token", "sandbox_secret"];
        for setting in SETTINGS.iter().filter(|setting| matches!(setting.kind, Kind::Secret)) {
            let name = setting.name();
            let has_days = DAYS.iter().any(|(of, _)| *of == name);
            assert_ne!(has_days, without.contains(&name.as_str()), "{name}");
        }
        for (name, _) in DAYS {
            assert!(SETTINGS.iter().any(|setting| setting.name() == name), "{name}");
        }
    }
}

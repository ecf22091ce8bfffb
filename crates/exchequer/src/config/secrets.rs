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
    /// Of an address only the password.
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
    let mut given = Vec::new();
    for (setting, usual) in DAYS.into_iter().filter(|_| days != Some(0)) {
        let password = reading.given_secret(setting).and_then(|value| password(value.expose()));
        if let Some(value) = password {
            let days = days.unwrap_or(usual);
            given.push(ServiceSecret { setting, value: Arc::new(value), days });
        }
    }
    Secrets { days, given }
}

/// The password of an address, if it has one; what is no address is a secret as a whole.
fn password(value: &str) -> Option<SecretString> {
    let found = match value.split_once("://") {
        None => Some(value),
        Some((_, rest)) => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
            let of_user = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
            let options = rest.split_once('?').map_or("", |(_, options)| options);
            let of_options = || options.split('&').find_map(|one| one.strip_prefix("password="));
            of_user.map(|(_, password)| password).or_else(of_options)
        }
    };
    found.filter(|text| !text.is_empty()).map(|text| SecretString::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SETTINGS;
    use crate::config::setting::Kind;

    fn of(value: &str) -> Option<String> {
        password(value).map(|found| found.expose().to_owned())
    }

    #[test]
    fn of_an_address_the_password_alone_counts() {
        for (value, expected) in [
            ("sk_live_4eC39", Some("sk_live_4eC39")),
            ("postgres://bank:p%40ss@db.example/bank", Some("p%40ss")),
            ("postgres://bank@db.example/bank?password=apart&sslmode=verify-full", Some("apart")),
            ("postgres://bank@db.example/bank?sslcert=/a.pem", None),
            ("postgres:///bank?host=/run/postgresql", None),
            ("sqlite:///srv/bank.db", None),
            ("rediss://:only@cache.example:6380/0", Some("only")),
            ("redis+sentinel://bank:pw@one:26379,two:26379/main", Some("pw")),
            ("redis://127.0.0.1:6379", None),
            ("smtp://bank:a:b@mail.example:587", Some("a:b")),
            ("smtp://bank:@mail.example:587", None),
        ] {
            assert_eq!(of(value).as_deref(), expected, "{value}");
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

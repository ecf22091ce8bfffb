//! The configuration in force, as a file that could be read again but for the secrets.

use std::path::PathBuf;

use tls::OwnFiles;

use super::setting::{Kind, Setting};
use super::settings::SETTINGS;
use super::{Config, DatabaseUrl, LogFormat, card_vault};

/// Every setting of the table in its order.
pub(super) fn render(config: &Config) -> String {
    let mut text = String::new();
    let mut section = "";
    for setting in SETTINGS {
        if setting.section != section {
            section = setting.section;
            text.extend(["\n[", section, "]\n"]);
        }
        let value = literal(setting, &value_in_force(config, &setting.name()));
        text.extend([setting.key, " = ", &value, "\n"]);
    }
    text
}

/// A value as TOML writes it, by the kind of its setting.
pub(super) fn literal(setting: &Setting, value: &str) -> String {
    match setting.kind {
        Kind::Integer { .. } | Kind::Boolean if !value.is_empty() => value.to_owned(),
        Kind::List => {
            let items = value.split(',').filter(|item| !item.is_empty()).map(quote);
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Kind::Integer { .. }
        | Kind::Boolean
        | Kind::Text
        | Kind::Secret
        | Kind::Path
        | Kind::Choice(_) => quote(value),
    }
}

/// A basic string of TOML 1.0.
fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn value_in_force(config: &Config, name: &str) -> String {
    let (http, database) = (&config.http, &config.database);
    match name {
        "profile" => config.profile.name().to_owned(),
        "listen" => config.listen.to_string(),
        "metrics_listen" => config.metrics_listen.map_or(String::new(), |at| at.to_string()),
        "metrics_plaintext" => config.metrics_plaintext.to_string(),
        "console_public_url" => config.console.public_url.clone().unwrap_or_default(),
        "console_networks" => console_networks(config),
        "traces_url" => config.traces.url.clone().unwrap_or_default(),
        "traces_per_million" => config.traces.per_million.to_string(),
        "traces_follow_callers" => config.traces.follow_callers.to_string(),
        "data_dir" => config.data_dir.display().to_string(),
        "master_key_file" => config.master_key_file.display().to_string(),
        "master_key_share_files" => share_files(config),
        "sealing_cipher" => config.cipher.name().to_owned(),
        "database_url" => match &database.url {
            DatabaseUrl::Sqlite { path } => format!("sqlite://{}", path.display()),
            DatabaseUrl::Postgres { .. } => "(set)".to_owned(),
        },
        "log" => config.log.filter.clone(),
        "log_format" => match config.log.format {
            LogFormat::Json => "json".to_owned(),
            LogFormat::Text => "text".to_owned(),
        },
        "rate_limits" => if config.rate_limits_on { "on" } else { "off" }.to_owned(),
        "session_idle_seconds" => config.sessions.idle_seconds.to_string(),
        "session_absolute_seconds" => config.sessions.absolute_seconds.to_string(),
        "session_max" => config.sessions.max.to_string(),
        "session_at_cap" => config.sessions.at_cap.name().to_owned(),
        "session_on_move" => config.sessions.on_move.name().to_owned(),
        "database_sqlite_cache_mib" => database.sqlite_cache_mib.to_string(),
        "database_read_connections" => database.read_connections.to_string(),
        "database_write_connections" => database.write_connections.to_string(),
        "database_lock_timeout_ms" => database.lock_timeout_ms.to_string(),
        "database_durability" => {
            (if database.require_durable { "required" } else { "unchecked" }).to_owned()
        }
        "database_plaintext" => database.plaintext.to_string(),
        "database_encrypted" => database.is_encrypted.to_string(),
        "http_header_timeout_seconds" => http.header_timeout_seconds.to_string(),
        "http_body_timeout_seconds" => http.body_timeout_seconds.to_string(),
        "http_idle_timeout_seconds" => http.idle_timeout_seconds.to_string(),
        "http_request_timeout_seconds" => http.request_timeout_seconds.to_string(),
        "http_drain_seconds" => http.drain_seconds.to_string(),
        "http_max_connections" => http.max_connections.to_string(),
        "http_max_body_bytes" => http.max_body_bytes.to_string(),
        "http_max_bulk_body_bytes" => http.max_bulk_body_bytes.to_string(),
        "http_cors_origins" => http.cors_origins.join(","),
        "http_public_url" => http.public_url.clone(),
        "http_behind_proxy" => http.behind_proxy.to_string(),
        "http_trusted_proxies" => http.trusted_proxies.to_string(),
        "token_issuer" => config.tokens.issuer.clone(),
        "token_audience" => config.tokens.audience.clone(),
        "token_access_seconds" => config.tokens.access_seconds.to_string(),
        "token_refresh_seconds" => config.tokens.refresh_seconds.to_string(),
        "password_memory_kib" => config.passwords.cost.memory_kib().to_string(),
        "password_iterations" => config.passwords.cost.iterations().to_string(),
        "password_parallelism" => config.passwords.cost.parallelism().to_string(),
        "password_hashing_threads" => config.passwords.hashing_threads.to_string(),
        "password_context_words" => config.passwords.context_words.join(","),
        "password_min_characters" => config.passwords.min_characters.to_string(),
        "secret_days" => config.secrets.days.map_or(String::new(), |days| days.to_string()),
        name if name.starts_with("tls_") => certificates(config, name),
        name if name.starts_with("redis_") => redis(config, name),
        name if name.starts_with("master_key_transit_") => transit(config, name),
        name if name.starts_with("master_key_kms_") => kms(config, name),
        name => messages(config, name),
    }
}

fn transit(config: &Config, name: &str) -> String {
    let Some(transit) = &config.transit else {
        let default = if name == "master_key_transit_mount" { "transit" } else { "" };
        return default.to_owned();
    };
    match name {
        "master_key_transit_url" => transit.url.clone(),
        "master_key_transit_mount" => transit.mount.clone(),
        "master_key_transit_key" => transit.key.clone(),
        "master_key_transit_token" => "(set)".to_owned(),
        "master_key_transit_namespace" => transit.namespace.clone().unwrap_or_default(),
        "master_key_transit_ca_file" => {
            transit.authorities.as_ref().map_or("", |_| "(set)").to_owned()
        }
        "master_key_transit_certificate_file" => own(transit.own.as_ref(), true),
        "master_key_transit_certificate_key_file" => own(transit.own.as_ref(), false),
        name => unreachable!("{name} is no setting of Transit"),
    }
}

fn certificates(config: &Config, name: &str) -> String {
    let settings = config.tls.as_ref().map(|server| server.settings());
    let path = |path: Option<&PathBuf>| path.map_or(String::new(), |p| p.display().to_string());
    match name {
        "tls_certificate_file" => path(settings.map(|tls| &tls.certificate_file)),
        "tls_key_file" => path(settings.map(|tls| &tls.key_file)),
        "tls_client_ca_file" => path(settings.and_then(|tls| tls.client_ca_file.as_ref())),
        "tls_client_crl_file" => path(settings.and_then(|tls| tls.client_crl_file.as_ref())),
        "tls_min_version" => {
            settings.map_or(tls::Version::Tls13, |tls| tls.min_version).name().to_owned()
        }
        name => unreachable!("{name} is no setting of TLS"),
    }
}

fn kms(config: &Config, name: &str) -> String {
    let Some(kms) = &config.kms else { return String::new() };
    match name {
        "master_key_kms_key" => kms.key.clone(),
        "master_key_kms_region" => kms.region.clone(),
        "master_key_kms_url" => kms.url.clone(),
        "master_key_kms_access_key_id" => kms.access_key_id.clone(),
        "master_key_kms_secret_access_key" => "(set)".to_owned(),
        "master_key_kms_session_token" => {
            kms.session_token.as_ref().map_or("", |_| "(set)").to_owned()
        }
        name => unreachable!("{name} is no setting of KMS"),
    }
}

fn console_networks(config: &Config) -> String {
    let networks = config.console.networks.iter().map(ToString::to_string);
    networks.collect::<Vec<_>>().join(",")
}

fn redis(config: &Config, name: &str) -> String {
    let Some(redis) = &config.redis else { return String::new() };
    match name {
        "redis_url" => "(set)".to_owned(),
        "redis_ca_file" => {
            redis.ca_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
        }
        "redis_certificate_file" => own(redis.own.as_ref(), true),
        "redis_key_file" => own(redis.own.as_ref(), false),
        name => unreachable!("{name} is no setting of Redis"),
    }
}

/// What the bank shows to a server: the certificate's file, or the key's.
fn own(files: Option<&OwnFiles>, is_certificate: bool) -> String {
    let Some(files) = files else { return String::new() };
    let path = if is_certificate { &files.certificate_file } else { &files.key_file };
    path.display().to_string()
}

fn share_files(config: &Config) -> String {
    let files = config.master_key_share_files.iter().map(|path| path.display().to_string());
    files.collect::<Vec<_>>().join(",")
}

fn checkpoint_file(config: &Config) -> String {
    let file = config.evidence.checkpoint_file.as_ref();
    file.map(|path| path.display().to_string()).unwrap_or_default()
}

/// The same for the settings of messages.
fn messages(config: &Config, name: &str) -> String {
    let messages = &config.messages;
    let sms = messages.sms.as_ref();
    match name {
        "mail_smtp_url" => messages.mail.as_ref().map_or("", |_| "(set)").to_owned(),
        "mail_from" => messages.mail_from.clone(),
        "mail_per_hour" => messages.caps.mail_hour.to_string(),
        "sms_gateway_url" => sms.map(|sms| sms.url.clone()).unwrap_or_default(),
        "sms_account" => sms.map(|sms| sms.account.clone()).unwrap_or_default(),
        "sms_token" => sms.map_or("", |_| "(set)").to_owned(),
        "sms_from" => sms.map(|sms| sms.from.clone()).unwrap_or_default(),
        "sms_prefixes" => messages.sms_prefixes.join(","),
        "sms_per_hour" => messages.caps.sms_hour.to_string(),
        "message_destination_per_hour" => messages.caps.destination_hour.to_string(),
        "message_send_seconds" => messages.send_seconds.to_string(),
        "message_payment_alerts" => {
            (if messages.payment_alerts { "on" } else { "profile" }).to_owned()
        }
        "message_destination_per_day" => messages.caps.destination_day.to_string(),
        "factor_email_at_sign_in" => config.factors.email_at_sign_in.to_string(),
        "webauthn_rp_id" => config.webauthn.rp_id.clone(),
        "webauthn_origins" => config.webauthn.origins.join(","),
        name => step_up(config, name),
    }
}

/// The same for the settings of step-up.
fn step_up(config: &Config, name: &str) -> String {
    let step_up = &config.step_up;
    match name {
        "step_up_amount" => step_up.amount.to_string(),
        "step_up_day_total" => step_up.day_total.to_string(),
        "step_up_hourly_payments" => step_up.hourly_payments.to_string(),
        "step_up_cooling_seconds" => step_up.cooling_seconds.to_string(),
        "step_up_cooling_amount" => step_up.cooling_amount.to_string(),
        "step_up_password_change_seconds" => step_up.password_change_seconds.to_string(),
        name => cards(config, name),
    }
}

/// The same for the settings of card payments and webhooks.
fn cards(config: &Config, name: &str) -> String {
    let cards = &config.cards;
    let (sandbox, stripe) = (cards.sandbox.as_ref(), cards.stripe.as_ref());
    match name {
        "card_expired_days" => cards.expired_days.to_string(),
        "card_reveals_per_hour" => cards.reveals_per_hour.to_string(),
        name if name.starts_with("card_vault_") => card_vault::render(cards.vault.as_ref(), name),
        "card_reversal_days" => cards.reversal_days.to_string(),
        "card_gateway_seconds" => cards.gateway_seconds.to_string(),
        "sandbox_url" => sandbox.map(|sandbox| sandbox.url.clone()).unwrap_or_default(),
        "sandbox_secret" => sandbox.map_or("", |_| "(set)").to_owned(),
        "stripe_url" => {
            stripe.map_or_else(|| "https://api.stripe.com".to_owned(), |stripe| stripe.url.clone())
        }
        "stripe_secret_key" | "stripe_webhook_secret" => stripe.map_or("", |_| "(set)").to_owned(),
        "webhook_private_targets" => config.webhooks.private_targets.to_string(),
        "webhook_event_days" => config.webhooks.event_days.to_string(),
        "webhook_seconds" => config.webhooks.seconds.to_string(),
        "approvals_required" => {
            (if config.approvals.are_required { "on" } else { "off" }).to_owned()
        }
        "approvals_amount" => config.approvals.amount.to_string(),
        "approvals_refund_amount" => config.approvals.refund_amount.to_string(),
        "approvals_hours" => config.approvals.hours.to_string(),
        "staff_absence_days" => config.staff.absence_days.to_string(),
        "evidence_origin" => config.evidence.origin.clone(),
        "evidence_salt_days" => config.evidence.salt_days.to_string(),
        "evidence_checkpoint_file" => checkpoint_file(config),
        "evidence_witness_url" => {
            config.evidence.witness.as_ref().map(|witness| witness.url.clone()).unwrap_or_default()
        }
        "evidence_witness_key" => {
            let witness = config.evidence.witness.as_ref();
            witness.map(|witness| witness.key.to_string()).unwrap_or_default()
        }
        "evidence_trail_url" => {
            config.evidence.trail.as_ref().map(|trail| trail.url.clone()).unwrap_or_default()
        }
        "evidence_trail_token" => {
            let token = config.evidence.trail.as_ref().and_then(|trail| trail.token.as_ref());
            token.map_or("", |_| "(set)").to_owned()
        }
        other => unreachable!("{other} is a row of the table of settings without an arm here"),
    }
}

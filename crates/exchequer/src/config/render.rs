//! The configuration in force, as a file that could be read again but for the secrets.

use super::settings::{Kind, SETTINGS, Setting};
use super::{Config, DatabaseUrl, LogFormat};

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
        "data_dir" => config.data_dir.display().to_string(),
        "master_key_file" => config.master_key_file.display().to_string(),
        "database_url" => match &database.url {
            DatabaseUrl::Sqlite { path } => format!("sqlite://{}", path.display()),
            DatabaseUrl::Postgres { .. } => "(set)".to_owned(),
        },
        "redis_url" => String::new(),
        "log" => config.log.filter.clone(),
        "log_format" => match config.log.format {
            LogFormat::Json => "json".to_owned(),
            LogFormat::Text => "text".to_owned(),
        },
        "rate_limits" => if config.rate_limits_on { "on" } else { "off" }.to_owned(),
        "session_idle_seconds" => config.sessions.idle_seconds.to_string(),
        "session_absolute_seconds" => config.sessions.absolute_seconds.to_string(),
        "database_sqlite_cache_mib" => database.sqlite_cache_mib.to_string(),
        "database_read_connections" => database.read_connections.to_string(),
        "database_write_connections" => database.write_connections.to_string(),
        "database_lock_timeout_ms" => database.lock_timeout_ms.to_string(),
        "database_durability" => {
            (if database.require_durable { "required" } else { "unchecked" }).to_owned()
        }
        "database_plaintext" => database.plaintext.to_string(),
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
        "token_issuer" => config.tokens.issuer.clone(),
        "token_audience" => config.tokens.audience.clone(),
        "token_access_seconds" => config.tokens.access_seconds.to_string(),
        "token_refresh_seconds" => config.tokens.refresh_seconds.to_string(),
        "password_memory_kib" => config.passwords.memory_kib.to_string(),
        "password_iterations" => config.passwords.iterations.to_string(),
        "password_parallelism" => config.passwords.parallelism.to_string(),
        "password_hashing_threads" => config.passwords.hashing_threads.to_string(),
        "password_min_characters" => config.passwords.min_characters.to_string(),
        other => unreachable!("{other} is a row of the table of settings without an arm here"),
    }
}

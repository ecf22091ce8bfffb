//! From readings to the structs, one function per concern, and the rules that join several settings.
//!
//! Order: values, then what depends on two of them, then the file system. Nothing is opened but the
//! master key's file, and nothing is made.

use super::fault::{Faults, Origin};
use super::reading::{Reading, quoted};
use super::sources::{Given, Layer, Raw, Sources};
use super::{
    AtCap, Config, Database, Http, Log, LogFormat, OnMove, Passwords, Profile, Sessions, Staff,
    Tokens, address, approvals, cards, certificates, console, database, evidence, factors, kms,
    master_key, messages, metrics, redis, sealing, secrets, step_up, traces, transit, webauthn,
    webhooks,
};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use vault::{MAX_CONTEXT_WORDS, PasswordParams};

const DEMO_DATA_DIR: &str = "demo-data";
/// Beside the database, which is no second place: it shows what one would get.
const DEMO_CHECKPOINTS: &str = "checkpoints.txt";
const DEFAULT_PORT: u16 = 8080;

/// Below this an idle limit only serves tests.
const SHORTEST_IDLE_SECONDS: u64 = 60;

/// Origins are compared one by one on each preflight.
const MAX_CORS_ORIGINS: usize = 64;

/// Issuer and audience stand in every token.
const MAX_TOKEN_NAME_CHARACTERS: usize = 255;

pub(super) fn bank(sources: &Sources) -> Result<Config, Faults> {
    let mut faults = Faults::default();
    let Some(given) = sources.gather(&mut faults) else { return Err(faults) };
    let mut reading = Reading::new(given, faults, false);
    let config = config(&mut reading, None);
    check_files(&mut reading, &config);
    finish(config, reading)
}

pub(super) fn demo(
    data_dir: Option<PathBuf>,
    listen: Option<SocketAddr>,
    sources: &Sources,
) -> Result<Config, Faults> {
    let mut faults = Faults::default();
    let Some(mut given) = sources.gather(&mut faults) else { return Err(faults) };
    if let Some(listen) = listen {
        let listen = Given {
            raw: Raw::Text(listen.to_string()),
            origin: Origin::Argument,
            spelled: "--listen".to_owned(),
            in_file: false,
        };
        given.0.insert("listen".to_owned(), listen);
    }
    let mut reading = Reading::new(given, faults, true);
    let mut config = config(&mut reading, data_dir);
    if config.evidence.checkpoint_file.is_none() {
        config.evidence.checkpoint_file = Some(config.data_dir.join(DEMO_CHECKPOINTS));
    }
    check_data_dir(&mut reading, &config.data_dir);
    finish(config, reading)
}

pub(super) fn demo_by_default(data_dir: PathBuf, listen: SocketAddr) -> Config {
    let mut reading = Reading::new(Layer::default(), Faults::default(), true);
    let mut config = config(&mut reading, Some(data_dir));
    config.listen = listen;
    config.http.public_url = format!("http://{listen}");
    config.tokens.issuer.clone_from(&config.http.public_url);
    config.evidence.origin = evidence::origin_of(&config.http.public_url);
    config
}

fn finish(config: Config, reading: Reading) -> Result<Config, Faults> {
    if reading.faults.is_empty() { Ok(config) } else { Err(reading.faults) }
}

fn config(reading: &mut Reading, data_dir: Option<PathBuf>) -> Config {
    let word = reading.choice("profile");
    let profile = Profile::from_name(word)
        .unwrap_or_else(|| unreachable!("the table's profiles are those of the enum"));
    let data_dir = read_data_dir(reading, data_dir);
    let listen = read_listen(reading);
    let http = read_http(reading, listen);
    let tls = certificates::read(reading);
    let rate_limits_on = reading.choice("rate_limits") == "on";
    if !rate_limits_on && !reading.demo {
        reading.fault("rate_limits", "only a demo bank may switch them off, for load tests", "on");
    }
    Config {
        database: read_database(reading, &data_dir),
        listen,
        master_key_file: master_key::read_file(reading, &data_dir),
        master_key_share_files: master_key::read_share_files(reading),
        transit: transit::read(reading),
        kms: kms::read(reading),
        cipher: sealing::read(reading),
        data_dir,
        profile,
        log: read_log(reading),
        redis: redis::read(reading, &http.public_url),
        rate_limits_on,
        metrics_listen: metrics::read(reading),
        metrics_plaintext: reading.boolean("metrics_plaintext"),
        console: console::read(reading, &http),
        traces: traces::read(reading),
        tokens: read_tokens(reading, &http),
        webauthn: webauthn::read(reading, &http.public_url),
        tls,
        sessions: read_sessions(reading, profile),
        passwords: read_passwords(reading, profile),
        factors: factors::read(reading, profile),
        messages: messages::read(reading, profile),
        step_up: step_up::read(reading, profile),
        cards: cards::read(reading, profile),
        webhooks: webhooks::read(reading),
        approvals: approvals::read(reading),
        staff: Staff { absence_days: reading.integer("staff_absence_days") },
        evidence: evidence::read(reading, &http.public_url),
        http,
        demo: reading.demo,
        secrets: secrets::read(reading),
    }
}

fn read_data_dir(reading: &mut Reading, argument: Option<PathBuf>) -> PathBuf {
    let given = reading.is_given("data_dir");
    let configured = reading.path("data_dir").unwrap_or_default();
    match argument {
        Some(path) => path,
        None if reading.demo && !given => PathBuf::from(DEMO_DATA_DIR),
        None => configured,
    }
}

fn read_listen(reading: &mut Reading) -> SocketAddr {
    let has_tls = reading.is_given("tls_certificate_file");
    let is_safe = reading.boolean("http_behind_proxy") || has_tls;
    let text = reading.text("listen").unwrap_or_default();
    match text.parse::<SocketAddr>() {
        Ok(listen) if listen.ip().is_loopback() || is_safe => listen,
        Ok(listen) => {
            let wrong = format!("{listen} can be reached from other machines, without TLS");
            let allowed = "127.0.0.1:PORT or [::1]:PORT; or any address with tls_certificate_file \
                           and tls_key_file, or with http_behind_proxy = true \
                           (EXCHEQUER_HTTP_BEHIND_PROXY) when a proxy with TLS stands before the bank";
            reading.fault("listen", wrong, allowed);
            listen
        }
        Err(_not_an_address) => {
            let wrong = format!("{} is no address with a port", quoted(&text));
            reading.fault("listen", wrong, "an IP address and a port, such as 127.0.0.1:8080");
            SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT))
        }
    }
}

fn read_database(reading: &mut Reading, data_dir: &Path) -> Database {
    let url = database::read(reading, data_dir);
    Database {
        is_encrypted: database::is_encrypted(reading, &url),
        url,
        sqlite_cache_mib: reading.integer("database_sqlite_cache_mib"),
        read_connections: reading.integer("database_read_connections"),
        write_connections: reading.integer("database_write_connections"),
        lock_timeout_ms: reading.integer("database_lock_timeout_ms"),
        require_durable: reading.choice("database_durability") == "required",
        plaintext: reading.boolean("database_plaintext"),
    }
}

fn read_log(reading: &mut Reading) -> Log {
    let filter = reading.text("log").unwrap_or_default();
    if let Err(why) = crate::logging::parse_filter(&filter) {
        let wrong = format!("{} is no filter: {why}", quoted(&filter));
        let allowed = "off, error, warn, info, debug, trace, or a list such as info,store=debug";
        reading.fault("log", wrong, allowed);
    }
    let text =
        reading.choice("log_format") == "text" || (reading.demo && !reading.is_given("log_format"));
    Log { filter, format: if text { LogFormat::Text } else { LogFormat::Json } }
}

fn read_http(reading: &mut Reading, listen: SocketAddr) -> Http {
    let http = Http {
        header_timeout_seconds: reading.integer("http_header_timeout_seconds"),
        body_timeout_seconds: reading.integer("http_body_timeout_seconds"),
        idle_timeout_seconds: reading.integer("http_idle_timeout_seconds"),
        request_timeout_seconds: reading.integer("http_request_timeout_seconds"),
        drain_seconds: reading.integer("http_drain_seconds"),
        max_connections: reading.integer("http_max_connections"),
        max_body_bytes: reading.integer("http_max_body_bytes"),
        max_bulk_body_bytes: reading.integer("http_max_bulk_body_bytes"),
        cors_origins: read_cors_origins(reading),
        public_url: read_public_url(reading, listen),
        behind_proxy: reading.boolean("http_behind_proxy"),
        trusted_proxies: reading.integer("http_trusted_proxies"),
    };
    if http.request_timeout_seconds < http.body_timeout_seconds {
        let wrong = "shorter than http_body_timeout_seconds, so that slow bodies would be answered \
                     as if the bank were slow";
        reading.fault("http_request_timeout_seconds", wrong, "at least as long");
    }
    http
}

fn read_cors_origins(reading: &mut Reading) -> Vec<String> {
    let origins = reading.list("http_cors_origins");
    for origin in &origins {
        if let Err(wrong) = address::check_origin(origin) {
            let allowed = "exact origins such as https://shop.example or http://localhost:3000";
            reading.fault("http_cors_origins", format!("{} {wrong}", quoted(origin)), allowed);
        }
    }
    if origins.len() > MAX_CORS_ORIGINS {
        let allowed = format!("at most {MAX_CORS_ORIGINS} origins");
        reading.fault("http_cors_origins", format!("{} origins", origins.len()), allowed);
    }
    origins
}

fn read_public_url(reading: &mut Reading, listen: SocketAddr) -> String {
    let allowed = "https://host or https://host:port; http for this machine only";
    // Without the proxy the address itself is the fault, and one is enough.
    let has_tls = reading.is_given("tls_certificate_file");
    let is_safe = reading.boolean("http_behind_proxy") || has_tls;
    let nameless = listen.ip().is_unspecified() && is_safe;
    match reading.text("http_public_url") {
        None if nameless => {
            let wrong = format!("not given, and {listen} says nothing about what callers use");
            reading.fault("http_public_url", wrong, allowed);
            String::new()
        }
        None if has_tls => format!("https://{listen}"),
        None => format!("http://{listen}"),
        Some(url) if has_tls && url.starts_with("http:") => {
            let wrong = format!("{} is http, and the bank speaks TLS", quoted(&url));
            reading.fault("http_public_url", wrong, "https://host or https://host:port");
            url
        }
        Some(url) => {
            if let Err(wrong) = address::check_origin(&url) {
                reading.fault("http_public_url", format!("{} {wrong}", quoted(&url)), allowed);
            }
            url
        }
    }
}

fn read_tokens(reading: &mut Reading, http: &Http) -> Tokens {
    let mut name_of = |setting: &str| {
        let name = reading.text(setting)?;
        if name.len() > MAX_TOKEN_NAME_CHARACTERS || !name.bytes().all(|b| b.is_ascii_graphic()) {
            let allowed =
                format!("at most {MAX_TOKEN_NAME_CHARACTERS} printable ASCII characters, no blank");
            reading.fault(setting, format!("{} does not suit a token", quoted(&name)), allowed);
        }
        Some(name)
    };
    Tokens {
        issuer: name_of("token_issuer").unwrap_or_else(|| http.public_url.clone()),
        audience: name_of("token_audience").unwrap_or_default(),
        access_seconds: reading.integer("token_access_seconds"),
        refresh_seconds: reading.integer("token_refresh_seconds"),
    }
}

fn read_sessions(reading: &mut Reading, profile: Profile) -> Sessions {
    let longest = profile.idle_seconds();
    let shortest = if reading.demo { 1 } else { SHORTEST_IDLE_SECONDS };
    let idle_seconds = reading.optional_integer("session_idle_seconds").unwrap_or(longest);
    let absolute_seconds = reading.integer("session_absolute_seconds");
    if !(shortest..=longest).contains(&idle_seconds) {
        let wrong = format!("{idle_seconds} is out of the bounds of profile {}", profile.name());
        reading.fault("session_idle_seconds", wrong, format!("{shortest} to {longest}"));
    }
    if absolute_seconds < idle_seconds {
        let wrong = format!("{absolute_seconds} is shorter than the idle limit of {idle_seconds}");
        reading.fault("session_absolute_seconds", wrong, "at least session_idle_seconds");
    }
    let refuses = reading.choice("session_at_cap") == AtCap::Refuse.name();
    Sessions {
        idle_seconds,
        absolute_seconds,
        max: reading.integer("session_max"),
        at_cap: if refuses { AtCap::Refuse } else { AtCap::EndOldest },
        on_move: read_on_move(reading, profile),
        lockout: profile.lockout(),
    }
}

fn read_on_move(reading: &mut Reading, profile: Profile) -> OnMove {
    let floor = profile.on_move();
    let on_move = OnMove::from_name(reading.choice("session_on_move")).unwrap_or(floor);
    if on_move < floor {
        let wrong = format!("{} is not for profile {}", on_move.name(), profile.name());
        reading.fault("session_on_move", wrong, "profile or step_up or end");
    }
    on_move
}

fn read_passwords(reading: &mut Reading, profile: Profile) -> Passwords {
    let memory_kib: u32 = reading.integer("password_memory_kib");
    let iterations: u32 = reading.integer("password_iterations");
    let parallelism = reading.integer("password_parallelism");
    let cost = PasswordParams::new(memory_kib, iterations, parallelism).unwrap_or_else(|_weak| {
        let wrong =
            format!("{memory_kib} KiB and {iterations} passes are too cheap to guess against");
        let floors = PasswordParams::FLOOR;
        let floors =
            floors.map(|least| format!("{} and {}", least.memory_kib(), least.iterations()));
        let floors = floors.join(", ");
        let allowed = format!("password_memory_kib and password_iterations at least {floors}");
        let passes_given = reading.is_given("password_iterations");
        let blamed = if passes_given { "password_iterations" } else { "password_memory_kib" };
        reading.fault(blamed, wrong, allowed);
        PasswordParams::default()
    });
    let floor = profile.min_password_characters();
    let min_characters = reading.optional_integer("password_min_characters").unwrap_or(floor);
    if min_characters < floor {
        let wrong = format!("{min_characters} is less than profile {} asks for", profile.name());
        reading.fault("password_min_characters", wrong, format!("{floor} to 128"));
    }
    Passwords {
        cost,
        hashing_threads: reading.integer("password_hashing_threads"),
        min_characters: usize::try_from(min_characters).unwrap_or(usize::MAX),
        letters_and_digits: profile.letters_and_digits(),
        context_words: read_context_words(reading),
    }
}

fn read_context_words(reading: &mut Reading) -> Vec<String> {
    let words = reading.list("password_context_words");
    let allowed = format!("at most {MAX_CONTEXT_WORDS} words of 3 to 32 letters and digits");
    let is_word = |word: &String| {
        (3..=32).contains(&word.chars().count()) && word.chars().all(char::is_alphanumeric)
    };
    if let Some(wrong) = words.iter().find(|word| !is_word(word)) {
        reading.fault("password_context_words", format!("{} is none", quoted(wrong)), allowed);
    } else if words.len() > MAX_CONTEXT_WORDS {
        reading.fault("password_context_words", format!("{} words", words.len()), allowed);
    }
    words
}

fn check_files(reading: &mut Reading, config: &Config) {
    master_key::check(reading, config);
    check_data_dir(reading, &config.data_dir);
}

fn check_data_dir(reading: &mut Reading, data_dir: &Path) {
    let wrong = match data_dir.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return, // it will be made
        Err(error) => error.to_string(),
        Ok(metadata) if !metadata.is_dir() => "it is not a folder".to_owned(),
        Ok(_) => match master_key::refuse_mode(data_dir, 0o002, "everybody can write to it") {
            Ok(()) => return,
            Err(wrong) => wrong,
        },
    };
    let allowed = "a folder that only the bank writes to; a missing one is made";
    reading.fault("data_dir", format!("{}: {wrong}", data_dir.display()), allowed);
}

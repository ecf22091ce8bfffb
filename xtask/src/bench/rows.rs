//! The rows of the table: what is measured, and the floor that the issue gives.

use super::probes::Probe;

pub struct Row {
    /// The word for `--only`.
    pub group: &'static str,
    pub measure: &'static str,
    pub probe: Probe,
    /// Which of the probe's numbers.
    pub name: &'static str,
    /// What the floor is a ratio to, run by run: another probe's number, and what it is called.
    pub base: Option<(Probe, &'static str, &'static str)>,
    pub floor: Floor,
    pub unit: Unit,
}

/// Of the median, or of its ratio to the base's where there is one.
#[derive(Clone, Copy)]
pub enum Floor {
    AtLeast(f64),
    AtMost(f64),
}

#[derive(Clone, Copy)]
pub enum Unit {
    PerSecond,
    Microseconds,
    Times,
    Milliseconds,
    Megabytes,
    Seconds,
}

/// Measured alone, since it wants a build of its own, in which SQLite is another one.
pub const ENCRYPTED: &str = "encrypted";
const RATE: &str = "rate";

const fn rate(
    group: &'static str,
    probe: Probe,
    measure: &'static str,
    base: Option<(Probe, &'static str, &'static str)>,
    floor: f64,
) -> Row {
    Row {
        group,
        measure,
        probe,
        name: RATE,
        base,
        floor: Floor::AtLeast(floor),
        unit: Unit::PerSecond,
    }
}

const fn at_most(
    group: &'static str,
    probe: Probe,
    measure: &'static str,
    name: &'static str,
    (most, unit): (f64, Unit),
) -> Row {
    Row { group, measure, probe, name, base: None, floor: Floor::AtMost(most), unit }
}

const ORDERED: Option<(Probe, &str, &str)> = Some((Probe::Ordered, RATE, "the first row"));
const RANDOM: Option<(Probe, &str, &str)> = Some((Probe::Random, RATE, "the second row"));

#[rustfmt::skip] // a table: one row, one line
pub const ROWS: [Row; 29] = [
    rate("engine", Probe::Ordered, "engine, batches of 8,000, 10,000 accounts, time-ordered keys", None, 150_000.0),
    rate("engine", Probe::Random, "the same with random keys", None, 80_000.0),
    rate("batch100", Probe::Hundred, "engine, batches of 100", None, 60_000.0),
    rate("door", Probe::Door64, "async door, 64 callers waiting", None, 30_000.0),
    rate("door", Probe::Door1, "async door, one caller alone", None, 3_000.0),
    rate("hot", Probe::Hot, "engine, two hot accounts", ORDERED, 1.0),
    rate("full", Probe::FullOrdered, "engine, {full} transfers already there, time-ordered keys", ORDERED, 0.6),
    rate("full", Probe::FullRandom, "the same with random keys", RANDOM, 0.6),
    rate("postgres", Probe::Postgres, "PostgreSQL engine, batches of 1,000, against pgbench TPC-B",
        Some((Probe::Postgres, "pgbench", "pgbench")), 10.0),
    Row {
        name: "bank",
        ..rate("http", Probe::Http, "POST /v1/transfers, 64 connections, against a bare axum route",
            Some((Probe::Http, "bare", "the bare route")), 0.45)
    },
    at_most("http", Probe::Http, "the same, 99th percentile", "p99_ms", (15.0, Unit::Milliseconds)),
    at_most("memory", Probe::Memory, "served demo after {memory} transfers, resident", "megabytes", (80.0, Unit::Megabytes)),
    rate("limits", Probe::Limits, "rate limiter in memory, decisions of one core", None, 1_000_000.0),
    rate("limits", Probe::LimitsRedis, "rate limiter on Redis, against a bare EVAL of its size",
        Some((Probe::LimitsRedis, "eval", "the bare EVAL")), 0.8),
    at_most("limits", Probe::Session, "check of a known token, in memory", "micros", (5.0, Unit::Microseconds)),
    at_most("limits", Probe::SessionRedis, "the same on Redis: commands a check", "trips", (1.0, Unit::Times)),
    at_most("limits", Probe::Sessions, "{sessions} remembered sessions", "megabytes", (60.0, Unit::Megabytes)),
    rate("limits", Probe::SignIn, "sign-ins, against their hashes alone", Some((Probe::SignIn, "hashes", "the hashes")), 0.9),
    rate("cards", Probe::Tokenize, "cards kept in the vault, one core", None, 20_000.0),
    at_most("cards", Probe::Signature, "check of a signed request of 1 KiB (HMAC)", "micros", (10.0, Unit::Microseconds)),
    rate("cards", Probe::Redaction, "megabytes of ordinary log lines through the scanner", None, 500.0),
    Row {
        group: "cards",
        measure: "the same, lines of text",
        probe: Probe::Redaction,
        name: "text_rate",
        base: None,
        floor: Floor::AtLeast(500.0),
        unit: Unit::PerSecond,
    },
    rate("cards", Probe::Payments, "card payments through the sandbox gateway, 64 connections", None, 2_000.0),
    at_most("keys", Probe::Keys, "a field of 13 bytes sealed", "seal_micros", (2.0, Unit::Microseconds)),
    at_most("keys", Probe::Keys, "the same opened", "open_micros", (2.0, Unit::Microseconds)),
    rate("keys", Probe::Keys, "rotation: rows sealed anew while 64 callers send transfers", None, 50_000.0),
    at_most("keys", Probe::Keys, "the same: 99th percentile of a transfer, against before", "p99_times", (2.0, Unit::Times)),
    rate(ENCRYPTED, Probe::Encrypted, "engine in an encrypted file, against a plain one in the same build",
        Some((Probe::Encrypted, "plain", "the plain file")), 0.5),
    at_most("start", Probe::Start, "start to listening, {start} transfers there", "seconds", (1.0, Unit::Seconds)),
];

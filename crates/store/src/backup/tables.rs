//! Every table of a bank with its columns: the one list that backup and restore go by.
//!
//! A test compares it with the schema of both databases, so a migration that adds a table or a column
//! without adding it here fails. The SQL texts of a table are made from its line at compile time.

/// A table, and how its rows are read in the order of its key and written.
pub(crate) struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Kind)],
    /// The columns of the primary key.
    pub key: &'static [&'static str],
    /// Rows read at once: bounds the memory of a copy.
    pub page: i64,
    pub count: &'static str,
    pub probe: &'static str,
    /// The first page; `$1` is the limit.
    pub first: &'static str,
    /// The page behind a key; `$1` is the limit, the key follows.
    pub next: &'static str,
    /// The key of the row behind `$1` others.
    pub last: &'static str,
    /// One row, on SQLite.
    pub insert_one: &'static str,
    /// A set of rows by columns, on PostgreSQL.
    pub insert_set: &'static str,
}

/// What a column holds, of the types that both databases share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Blob,
}

impl Table {
    /// Where in a row the columns of the key stand.
    pub fn key_places(&self) -> impl Iterator<Item = usize> {
        self.key.iter().filter_map(|key| self.columns.iter().position(|(name, _)| name == key))
    }
}

/// Rows of a few hundred bytes.
const SMALL_ROWS: i64 = 2_000;
/// Rows of up to some MiB: the stored answer of a bulk request.
const LARGE_ROWS: i64 = 64;

macro_rules! array_type {
    (Int) => {
        "bigint[]"
    };
    (Text) => {
        "text[]"
    };
    (Blob) => {
        "bytea[]"
    };
}

macro_rules! table {
    ($name:literal, $page:expr, [$k1:literal = $b1:literal $(, $k:literal = $b:literal)*],
     $n1:literal $c1:literal $t1:ident $(, $n:literal $c:literal $t:ident)* $(,)?) => {
        Table {
            name: $name,
            columns: &[($c1, Kind::$t1) $(, ($c, Kind::$t))*],
            key: &[$k1 $(, $k)*],
            page: $page,
            count: concat!("SELECT COUNT(*) FROM ", $name),
            probe: concat!("SELECT 1 FROM ", $name, " LIMIT 1"),
            first: concat!(
                "SELECT ", $c1 $(, ", ", $c)*, " FROM ", $name,
                " ORDER BY ", $k1 $(, ", ", $k)*, " LIMIT $1"
            ),
            next: concat!(
                "SELECT ", $c1 $(, ", ", $c)*, " FROM ", $name,
                " WHERE (", $k1 $(, ", ", $k)*, ") > (", $b1 $(, ", ", $b)*,
                ") ORDER BY ", $k1 $(, ", ", $k)*, " LIMIT $1"
            ),
            last: concat!(
                "SELECT ", $k1 $(, ", ", $k)*, " FROM ", $name,
                " ORDER BY ", $k1 $(, ", ", $k)*, " LIMIT 1 OFFSET $1"
            ),
            insert_one: concat!(
                "INSERT INTO ", $name, " (", $c1 $(, ", ", $c)*,
                ") VALUES ($", $n1 $(, ", $", $n)*, ")"
            ),
            insert_set: concat!(
                "INSERT INTO ", $name, " (", $c1 $(, ", ", $c)*,
                ") SELECT * FROM unnest($", $n1, "::", array_type!($t1)
                $(, ", $", $n, "::", array_type!($t))*, ")"
            ),
        }
    };
}

/// The history of migrations, which a new database has before anything is copied into it.
pub(crate) const HISTORY: &str = "schema_migrations";
pub(crate) const CLEAR_HISTORY: &str = "DELETE FROM schema_migrations";

/// Idempotency keys, and the table that follows from them: a copy makes it anew.
pub(crate) const KEYS: &str = "idempotency";
pub(crate) const RUNS: &str = "idempotency_runs";

/// All tables, in the order of the migrations.
pub(crate) const TABLES: &[Table] = &[
    table!("schema_migrations", SMALL_ROWS, ["version" = "$2"],
        1 "version" Int, 2 "name" Text, 3 "checksum" Text, 4 "applied_at" Int),
    table!("accounts", SMALL_ROWS, ["place" = "$2"],
        1 "place" Int, 2 "id" Blob, 3 "owner" Blob, 4 "number" Text, 5 "name" Text,
        6 "currency" Text, 7 "bounded" Int, 8 "opened_at" Int),
    table!("balances", SMALL_ROWS, ["place" = "$2"],
        1 "place" Int, 2 "version" Int, 3 "status" Int, 4 "bounded" Int, 5 "overdraft_limit" Int,
        6 "limit_transfer" Int, 7 "limit_day" Int, 8 "debits_posted" Int, 9 "credits_posted" Int,
        10 "debits_held" Int, 11 "credits_held" Int, 12 "entry_count" Int, 13 "last_entry" Blob,
        14 "outgoing_stopped" Int),
    table!("transfers", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "debit_account" Blob, 3 "credit_account" Blob, 4 "amount" Int,
        5 "currency" Text, 6 "kind" Int, 7 "posted_at" Int, 8 "debit_number" Int,
        9 "debit_previous" Blob, 10 "debit_balance" Int, 11 "credit_number" Int,
        12 "credit_previous" Blob, 13 "credit_balance" Int, 14 "memo" Text, 15 "reference" Blob,
        16 "origin" Blob, 17 "request" Blob),
    table!("holds", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "debit_account" Blob, 3 "credit_account" Blob, 4 "amount" Int,
        5 "captured" Int, 6 "currency" Text, 7 "status" Int, 8 "created_at" Int,
        9 "expires_at" Int, 10 "memo" Text),
    table!("outflows", SMALL_ROWS, ["account" = "$2", "posted_at" = "$3", "id" = "$4"],
        1 "account" Blob, 2 "posted_at" Int, 3 "id" Blob, 4 "amount" Int),
    table!("reversals", SMALL_ROWS, ["transfer" = "$2"],
        1 "transfer" Blob, 2 "reversed" Int),
    table!("idempotency", LARGE_ROWS, ["run" = "$2", "scope" = "$3"],
        1 "run" Int, 2 "scope" Blob, 3 "request_hash" Blob, 4 "resource" Blob, 5 "status" Int,
        6 "created_at" Int, 7 "answer" Blob),
    table!("idempotency_runs", LARGE_ROWS, ["run" = "$2"],
        1 "run" Int, 2 "mark" Blob, 3 "fingerprints" Blob),
    table!("origins", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "actor_kind" Text, 3 "actor" Blob, 4 "session" Blob, 5 "address" Text,
        6 "agent" Text, 7 "first_seen_at" Int),
    table!("events", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "at" Int, 3 "origin" Blob, 4 "request" Blob, 5 "action" Text,
        6 "resource" Text, 7 "outcome" Text, 8 "before" Text, 9 "after" Text, 10 "subject" Blob),
    table!("data_keys", SMALL_ROWS, ["purpose" = "$2", "version" = "$3"],
        1 "purpose" Text, 2 "version" Int, 3 "state" Text, 4 "created_at" Int, 5 "wrapped" Blob,
        6 "retired_at" Int, 7 "resealed_at" Int, 8 "sealings" Int,
        9 "destruction_approved_at" Int),
    table!("customers", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "status" Int, 3 "email_sealed" Blob, 4 "email_index" Blob,
        5 "full_name_sealed" Blob, 6 "phone_sealed" Blob, 7 "phone_index" Blob,
        8 "government_id_sealed" Blob, 9 "government_id_index" Blob, 10 "password_hash" Text,
        11 "password_changed_at" Int, 12 "outgoing_stopped_at" Int, 13 "created_at" Int,
        14 "locked_at" Int, 15 "email_verified_at" Int, 16 "index_version" Int, 17 "erased_at" Int),
    table!("staff", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "email" Text, 3 "role" Text, 4 "status" Int, 5 "password_hash" Text,
        6 "totp_sealed" Blob, 7 "totp_last_step" Int, 8 "created_at" Int, 9 "renewal" Int,
        10 "first_password_until" Int, 11 "totp_new_sealed" Blob, 12 "last_signed_in_at" Int,
        13 "absent_since" Int),
    table!("former_passwords", SMALL_ROWS, ["principal" = "$2", "place" = "$3"],
        1 "principal" Blob, 2 "place" Int, 3 "password_hash" Text, 4 "replaced_at" Int),
    table!("sessions", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "principal_kind" Text, 3 "principal" Blob, 4 "created_at" Int,
        5 "last_used_at" Int, 6 "expires_at" Int, 7 "ended_at" Int, 8 "end_reason" Text,
        9 "address" Text, 10 "agent" Text, 11 "form" Int, 12 "cookie_hash" Blob, 13 "device" Blob,
        14 "device_key" Blob, 15 "proved_at" Int),
    table!("refresh_tokens", SMALL_ROWS, ["token_hash" = "$2"],
        1 "token_hash" Blob, 2 "session" Blob, 3 "issued_at" Int, 4 "used_at" Int),
    table!("factors", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "customer" Blob, 3 "kind" Text, 4 "name" Text, 5 "status" Int,
        6 "secret_sealed" Blob, 7 "credential_index" Blob, 8 "counter" Int, 9 "created_at" Int,
        10 "confirmed_at" Int, 11 "last_used_at" Int, 12 "index_version" Int),
    table!("recovery_codes", SMALL_ROWS, ["customer" = "$2", "code_hash" = "$3"],
        1 "customer" Blob, 2 "code_hash" Blob, 3 "created_at" Int, 4 "used_at" Int),
    table!("challenges", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "principal_kind" Text, 3 "principal" Blob, 4 "purpose" Text,
        5 "session" Blob, 6 "device" Blob, 7 "factor" Blob, 8 "binding" Blob, 9 "text_sealed" Blob,
        10 "attempts" Int, 11 "sends" Int, 12 "code_method" Text, 13 "code_hash" Blob,
        14 "code_expires_at" Int, 15 "proof_hash" Blob, 16 "proof_factor" Blob, 17 "created_at" Int,
        18 "expires_at" Int, 19 "answered_at" Int, 20 "used_at" Int),
    table!("attempts", SMALL_ROWS, ["subject" = "$2", "kind" = "$3", "device" = "$4"],
        1 "subject" Blob, 2 "kind" Text, 3 "device" Blob, 4 "failures" Int, 5 "last_at" Int,
        6 "locked_until" Int),
    table!("devices", SMALL_ROWS, ["principal" = "$2", "device" = "$3"],
        1 "principal" Blob, 2 "device" Blob, 3 "created_at" Int, 4 "last_seen_at" Int),
    table!("outbox", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "channel" Text, 3 "purpose" Text, 4 "counted" Int,
        5 "destination_sealed" Blob, 6 "destination_index" Blob, 7 "text_sealed" Blob,
        8 "status" Int, 9 "attempts" Int, 10 "next_at" Int, 11 "created_at" Int,
        12 "expires_at" Int, 13 "sent_at" Int),
    table!("outbox_destinations", SMALL_ROWS, ["destination" = "$2"],
        1 "destination" Blob, 2 "last_at" Int),
    table!("password_resets", SMALL_ROWS, ["token_hash" = "$2"],
        1 "token_hash" Blob, 2 "customer" Blob, 3 "created_at" Int, 4 "expires_at" Int,
        5 "used_at" Int),
    table!("email_confirmations", SMALL_ROWS, ["token_hash" = "$2"],
        1 "token_hash" Blob, 2 "customer" Blob, 3 "created_at" Int, 4 "expires_at" Int),
    table!("beneficiaries", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "customer" Blob, 3 "account" Blob, 4 "name_sealed" Blob, 5 "created_at" Int,
        6 "trusted_at" Int),
    table!("customer_limits", SMALL_ROWS, ["customer" = "$2", "currency" = "$3"],
        1 "customer" Blob, 2 "currency" Text, 3 "per_transfer" Int, 4 "per_day" Int,
        5 "per_week" Int, 6 "per_month" Int, 7 "changed_at" Int),
    table!("spending", SMALL_ROWS, ["customer" = "$2", "currency" = "$3", "hour" = "$4"],
        1 "customer" Blob, 2 "currency" Text, 3 "hour" Int, 4 "amount" Int, 5 "transfers" Int),
    table!("merchants", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "name" Text, 3 "status" Int, 4 "settlement" Blob, 5 "fee_basis_points" Int,
        6 "fee_fixed" Int, 7 "created_at" Int, 8 "refund_limit" Int),
    table!("merchant_keys", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "merchant" Blob, 3 "mode" Int, 4 "algorithm" Int, 5 "material" Blob,
        6 "name" Text, 7 "routes" Text, 8 "addresses" Text, 9 "created_at" Int,
        10 "expires_at" Int, 11 "revoked_at" Int),
    table!("merchant_accounts", SMALL_ROWS, ["merchant" = "$2", "mode" = "$3", "currency" = "$4"],
        1 "merchant" Blob, 2 "mode" Int, 3 "currency" Text, 4 "account" Blob),
    table!("cards", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "merchant" Blob, 3 "mode" Int, 4 "customer" Text, 5 "brand" Text,
        6 "last4" Text, 7 "exp_month" Int, 8 "exp_year" Int, 9 "fingerprint" Blob, 10 "token" Text,
        11 "key_version" Int, 12 "number" Blob, 13 "created_at" Int, 14 "deleted_at" Int),
    table!("card_reveals", SMALL_ROWS, ["actor" = "$2", "hour" = "$3"],
        1 "actor" Text, 2 "hour" Int, 3 "reveals" Int),
    table!("payments", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "merchant" Blob, 3 "mode" Int, 4 "card" Blob, 5 "amount" Int,
        6 "currency" Text, 7 "automatic" Int, 8 "state" Int, 9 "captured" Int, 10 "capturing" Int,
        11 "refunded" Int, 12 "refunding" Int, 13 "fee" Int, 14 "gateway" Text,
        15 "reference" Text, 16 "refusal" Text, 17 "metadata" Text, 18 "created_at" Int,
        19 "updated_at" Int),
    table!("payment_steps", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "payment" Blob, 3 "kind" Int, 4 "amount" Int, 5 "final" Int, 6 "state" Int,
        7 "reference" Text, 8 "refusal" Text, 9 "created_at" Int, 10 "ended_at" Int,
        11 "asked" Int, 12 "ask_at" Int, 13 "number" Int),
    table!("report_lines", SMALL_ROWS, ["gateway" = "$2", "operation" = "$3", "kind" = "$4"],
        1 "gateway" Text, 2 "operation" Text, 3 "kind" Int, 4 "day" Int, 5 "payment" Text,
        6 "reference" Text, 7 "amount" Int, 8 "currency" Text, 9 "fee" Int, 10 "reported_at" Int,
        11 "fee_transfer" Blob),
    table!("reconciliations", SMALL_ROWS, ["gateway" = "$2", "day" = "$3"],
        1 "gateway" Text, 2 "day" Int, 3 "mode" Int, 4 "lines" Int, 5 "matched" Int,
        6 "differences" Int, 7 "done_at" Int),
    table!("differences", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "gateway" Text, 3 "mode" Int, 4 "day" Int, 5 "what" Int, 6 "operation" Text,
        7 "currency" Text, 8 "ours" Int, 9 "theirs" Int, 10 "transfer" Blob, 11 "found_at" Int,
        12 "resolved_at" Int, 13 "resolved_by" Blob, 14 "note" Text),
    table!("payment_reversals", SMALL_ROWS, ["step" = "$2"],
        1 "step" Blob, 2 "payment" Blob, 3 "difference" Blob, 4 "amount" Int, 5 "state" Int,
        6 "reference" Text, 7 "refusal" Text, 8 "transfer" Blob, 9 "created_at" Int,
        10 "due_at" Int, 11 "overdue_at" Int, 12 "ended_at" Int, 13 "asked" Int, 14 "ask_at" Int),
    table!("merchant_sequences", SMALL_ROWS, ["merchant" = "$2", "mode" = "$3"],
        1 "merchant" Blob, 2 "mode" Int, 3 "last" Int),
    table!("merchant_events", SMALL_ROWS, ["merchant" = "$2", "mode" = "$3", "sequence" = "$4"],
        1 "merchant" Blob, 2 "mode" Int, 3 "sequence" Int, 4 "id" Blob, 5 "type" Text,
        6 "data" Text, 7 "created_at" Int),
    table!("webhook_endpoints", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "merchant" Blob, 3 "mode" Int, 4 "url" Text, 5 "events" Text,
        6 "description" Text, 7 "algorithm" Int, 8 "secret" Blob, 9 "previous_secret" Blob,
        10 "previous_until" Int, 11 "public_key" Text, 12 "status" Int, 13 "position" Int,
        14 "next_at" Int, 15 "leased_until" Int, 16 "streak" Int, 17 "failing_since" Int,
        18 "last_error" Text, 19 "last_delivered_at" Int, 20 "created_at" Int),
    table!("webhook_deliveries", SMALL_ROWS, ["endpoint" = "$2", "sequence" = "$3"],
        1 "endpoint" Blob, 2 "sequence" Int, 3 "event" Blob, 4 "status" Int, 5 "attempts" Int,
        6 "last_error" Text, 7 "next_at" Int, 8 "created_at" Int, 9 "ended_at" Int),
    table!("approvals", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "kind" Text, 3 "status" Int, 4 "maker" Blob, 5 "request" Blob,
        6 "material" Blob, 7 "slot" Text, 8 "created_at" Int, 9 "expires_at" Int,
        10 "decided_at" Int, 11 "decided_by" Blob, 12 "reason" Text, 13 "resource" Text,
        14 "refusal" Text),
    table!("account_days", SMALL_ROWS, ["account" = "$2", "day" = "$3"],
        1 "account" Blob, 2 "day" Int, 3 "posted" Int, 4 "last_entry" Blob),
    table!("customer_words", SMALL_ROWS, ["word" = "$2", "customer" = "$3"],
        1 "word" Blob, 2 "customer" Blob),
    table!("job_places", SMALL_ROWS, ["job" = "$2"],
        1 "job" Text, 2 "place" Blob, 3 "at" Int),
    table!("daily_figures", SMALL_ROWS, ["day" = "$2", "what" = "$3", "name" = "$4"],
        1 "day" Int, 2 "what" Text, 3 "name" Text, 4 "count" Int, 5 "volume" Int),
    table!("figure_pending", SMALL_ROWS, ["payment" = "$2"],
        1 "payment" Blob),
    table!("payment_alerts", SMALL_ROWS, ["customer" = "$2", "currency" = "$3"],
        1 "customer" Blob, 2 "currency" Text, 3 "enabled" Int, 4 "at_least" Int,
        5 "enabled_at" Int, 6 "changed_at" Int),
    table!("alerts_gathered", SMALL_ROWS,
        ["customer" = "$2", "currency" = "$3", "direction" = "$4"],
        1 "customer" Blob, 2 "currency" Text, 3 "direction" Int, 4 "payments" Int,
        5 "amount" Int, 6 "listed" Blob),
    table!("alerts_told", SMALL_ROWS, ["customer" = "$2"],
        1 "customer" Blob, 2 "hour_at" Int, 3 "incoming" Int, 4 "outgoing" Int, 5 "message" Blob,
        6 "due_at" Int),
    table!("log_tiles", LARGE_ROWS, ["level" = "$2", "number" = "$3"],
        1 "level" Int, 2 "number" Int, 3 "hashes" Blob),
    table!("log_bundles", LARGE_ROWS, ["number" = "$2"],
        1 "number" Int, 2 "lowest" Blob, 3 "highest" Blob, 4 "secret" Blob, 5 "entries" Blob),
    table!("log_checkpoints", SMALL_ROWS, ["size" = "$2"],
        1 "size" Int, 2 "at" Int, 3 "note" Text),
    table!("log_salts", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "salt" Blob, 3 "created_at" Int, 4 "destroyed_at" Int,
        5 "closed_since" Int, 6 "due_since" Int),
    table!("kept_indexes", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "version" Int, 3 "key_sealed" Blob, 4 "created_at" Int),
    table!("service_secrets", SMALL_ROWS, ["id" = "$2"],
        1 "id" Blob, 2 "setting" Text, 3 "digest_sealed" Blob, 4 "seen_at" Int,
        5 "used_at" Int),
    table!("log_state", SMALL_ROWS, ["id" = "$2"],
        1 "id" Int, 2 "size" Int, 3 "settled" Blob, 4 "leader" Blob, 5 "leased_until" Int),
];

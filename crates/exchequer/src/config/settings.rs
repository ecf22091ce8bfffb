//! The one table of settings. Environment names, keys of the file, texts of faults, `check-config`,
//! the reference file and `.env.example` all come from it, and tests compare them.
//!
//! A setting has one name. In the environment it is `EXCHEQUER_` and the name in capitals; in the file it is the name, or a
//! section and the rest: `[http] drain_seconds` is `http_drain_seconds`. To add one: a row here, a field in `mod.rs` or
//! beside it, an arm in `render.rs`; then see the test of `reference.rs`, which writes the two files anew.

use super::setting::{Kind, Setting};
use super::words::CONTEXT_WORDS;

const fn row(
    section: &'static str,
    key: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Setting {
    Setting { section, key, kind, default, doc }
}

const fn whole(min: u64, max: u64) -> Kind {
    Kind::Integer { min, max }
}

/// Every setting, in the order of the reference file.
#[rustfmt::skip] // one row, one setting
pub const SETTINGS: &[Setting] = &[
    row("", "profile", Kind::Choice(&["default", "pci", "rbi", "psd2"]), "default",
        "The rule book that decides where rule books disagree (idle limit, lockout, passwords): \
         default (NIST SP 800-63B-4), pci (PCI DSS 4.0.1), rbi, psd2 (RTS 2018/389)."),
    row("", "listen", Kind::Text, "127.0.0.1:8080",
        "Address and port to serve on; port 0 picks a free one. Any address but this machine's own \
         needs tls_certificate_file, or http_behind_proxy where a proxy speaks TLS."),
    row("", "data_dir", Kind::Path, "data",
        "The bank's folder. It is made with mode 0700 when it is missing."),
    row("", "master_key_file", Kind::Path, "",
        "The file with the key that wraps all other keys: mode 0600 or stricter, made by `exchequer init`. There is \
         no default, and no bank without it, or without master_key_share_files, master_key_transit_url or \
         master_key_kms_key."),
    row("", "master_key_share_files", Kind::List, "",
        "Instead of the file: the files with all shares of the master key, 2 to 8, each with mode 0600 or stricter, as \
         `exchequer keys split` makes them for as many custodians. They are read at the start and by commands, and may \
         be taken away meanwhile."),
    row("", "master_key_transit_url", Kind::Text, "",
        "Instead of the file: the OpenBao or Vault whose Transit engine has the master key. https://host \
         or https://host:port; http for this machine only. Asked at the start and when data keys \
         change; where it does not answer, the bank does not start."),
    row("", "master_key_transit_mount", Kind::Text, "transit",
        "Where the Transit engine is mounted."),
    row("", "master_key_transit_key", Kind::Text, "",
        "The key's name in Transit; of type aes256-gcm96 or chacha20-poly1305."),
    row("", "master_key_transit_token", Kind::Secret, "",
        "A token that may encrypt and decrypt with that key and nothing else. master_key_transit_token_file \
         names a file that holds it."),
    row("", "master_key_transit_namespace", Kind::Text, "",
        "The namespace of the engine, where there are namespaces."),
    row("", "master_key_transit_ca_file", Kind::Path, "",
        "Certificates (PEM) of the authorities that may have signed the certificate of the server. Empty: \
         those that browsers trust."),
    row("", "master_key_transit_certificate_file", Kind::Path, "",
        "The bank's certificate (PEM), for a server that asks who calls. Renewed files are taken the next time that it is \
         asked."),
    row("", "master_key_transit_certificate_key_file", Kind::Path, "",
        "That certificate's private key (PEM); nobody but its owner and group may read the file (chmod 640)."),
    row("", "master_key_kms_key", Kind::Text, "",
        "Instead of the file: the symmetric key in AWS KMS that is the master key, by its ARN or id. Asked as Transit \
         is."),
    row("", "master_key_kms_region", Kind::Text, "",
        "The key's region: ap-south-1."),
    row("", "master_key_kms_url", Kind::Text, "",
        "Where KMS answers, where that is an endpoint of your own. Empty: https://kms.REGION.amazonaws.com."),
    row("", "master_key_kms_access_key_id", Kind::Text, "",
        "The access key of a user or role that may kms:Encrypt and kms:Decrypt with that key and nothing else. The \
         machine's own credentials are not looked for."),
    row("", "master_key_kms_secret_access_key", Kind::Secret, "",
        "Its secret. master_key_kms_secret_access_key_file names a file that holds it."),
    row("", "master_key_kms_session_token", Kind::Secret, "",
        "Of temporary credentials. They are read at the start: once they have expired, data keys that are made meanwhile \
         are not taken up."),
    row("", "sealing_cipher", Kind::Choice(&["aes-256-gcm", "chacha20-poly1305"]), "aes-256-gcm",
        "What values are sealed with from now on; what either has sealed opens. After a change what lasts gets the \
         new one when the keys that seal are rotated (`exchequer keys rotate`). The same on all nodes, and none of them of a \
         version before this setting."),
    row("", "database_url", Kind::Secret, "",
        "sqlite:///path/bank.db or postgres://user:password@host/database. \
         Empty: bank.db in data_dir. database_url_file names a file that holds it. A PostgreSQL on another host is \
         spoken to in TLS with a certificate for that host (sslmode=verify-full), by an authority of the system's or \
         of ?sslrootcert=/path; &sslcert=/path&sslkey=/path show it one of the bank's."),
    row("", "redis_url", Kind::Secret, "",
        "What nodes have in common that may be lost: rate limits, ended sessions, used proofs. \
         redis://[user:password@]host:port/database, redis+sentinel://…@host:port,host:port/service or \
         redis+cluster://…@host:port,host:port; rediss, rediss+sentinel and rediss+cluster with TLS, \
         which any host but this machine needs. What Sentinels want: ?sentinel_password=. Empty: in \
         memory, for one node. redis_url_file names a file that holds it."),
    row("", "redis_ca_file", Kind::Path, "",
        "Certificates (PEM) of the authorities that may have signed the certificate of Redis. Empty: \
         those that browsers trust."),
    row("", "redis_certificate_file", Kind::Path, "",
        "The bank's certificate (PEM), for a Redis that asks who calls (tls-auth-clients yes). Renewed files are taken with \
         the next connection; by the nodes of a cluster when the bank connects to it anew."),
    row("", "redis_key_file", Kind::Path, "",
        "That certificate's private key (PEM); nobody but its owner and group may read the file (chmod 640)."),
    row("", "log", Kind::Text, "info",
        "What to log: off, error, warn, info, debug or trace, or by part: info,store=debug. \
         Libraries never log below info, since their debug lines show values."),
    row("", "log_format", Kind::Choice(&["json", "text"]), "json",
        "One JSON object or one line of text per event, on standard error. A demo bank: text."),
    row("", "rate_limits", Kind::Choice(&["on", "off"]), "on",
        "off is accepted by a demo bank only, for load tests."),
    row("", "session_idle_seconds", whole(1, 900), "",
        "A session ends after this time without a request. Empty: the profile's value, 900 (psd2: \
         300), which is also the most. Less than 60 is for demo banks."),
    row("", "session_absolute_seconds", whole(60, 43_200), "43200",
        "A session ends after this time whatever it does."),
    row("", "session_max", whole(1, 20), "3",
        "Sessions that one customer or operator has at once."),
    row("", "session_at_cap", Kind::Choice(&["end_oldest", "refuse"]), "end_oldest",
        "What happens at session_max: the oldest session ends, or the new one is refused with too_many_sessions."),
    row("", "session_on_move", Kind::Choice(&["profile", "log", "step_up", "end"]), "profile",
        "What happens when a session that is bound to no key (DPoP) comes from another network (/24, \
         /64) or agent: log writes an event, step_up asks for a second factor, end ends it. profile: \
         log; step_up with psd2 and rbi, where log is refused."),
    row("database", "sqlite_cache_mib", whole(1, 4096), "32",
        "Memory for each SQLite connection's page cache."),
    row("database", "read_connections", whole(1, 64), "2",
        "Connections that only read."),
    row("database", "write_connections", whole(1, 64), "4",
        "Connections that write, on PostgreSQL. SQLite always has one."),
    row("database", "lock_timeout_ms", whole(1, 60_000), "5000",
        "How long a statement waits for a lock before the request is refused with 503."),
    row("database", "durability", Kind::Choice(&["required", "unchecked"]), "required",
        "`required`: refuse a PostgreSQL whose fsync or full_page_writes is off, because it loses \
         acknowledged money at a power cut. `unchecked` starts on it all the same; for tests."),
    row("database", "plaintext", Kind::Boolean, "false",
        "Allows a PostgreSQL on another host without TLS, for a network that encrypts by itself; \
         database_url then says sslmode=disable. Without it TLS is what such a host is spoken to in."),
    row("database", "encrypted", Kind::Boolean, "false",
        "The embedded database is an encrypted file, whose key is wrapped by the master key and stands beside it \
         (bank.db.key). Of a new bank it is made so; `exchequer move --encrypt` makes one of a plain one. Needs a \
         build with the feature `sqlcipher`. PostgreSQL is encrypted by its volume."),
    row("http", "header_timeout_seconds", whole(1, 300), "10",
        "For a request's head to arrive whole."),
    row("http", "body_timeout_seconds", whole(1, 300), "15",
        "For a request's body to arrive whole."),
    row("http", "idle_timeout_seconds", whole(1, 3600), "60",
        "A connection without a request is closed after this time."),
    row("http", "request_timeout_seconds", whole(1, 300), "30",
        "An answer that takes longer becomes 503; what was committed stays committed."),
    row("http", "drain_seconds", whole(0, 600), "20",
        "How long SIGTERM waits for the requests under way."),
    row("http", "max_connections", whole(1, 65_536), "4096",
        "Connections at a time; more wait in the system's queue."),
    row("http", "max_body_bytes", whole(1024, 65_536), "65536",
        "The largest body of a request."),
    row("http", "max_bulk_body_bytes", whole(65_536, 4_194_304), "4194304",
        "The largest body of a bulk request, such as a batch of transfers."),
    row("http", "cors_origins", Kind::List, "",
        "Web origins whose pages may call the API: https://shop.example, exact, never `*`. \
         http is allowed for this machine only."),
    row("http", "public_url", Kind::Text, "",
        "What the outside calls this bank: https://bank.example, no path. \
         Empty: http://, or https:// with tls_certificate_file, and listen; not with redis_url, whose nodes have one name."),
    row("http", "behind_proxy", Kind::Boolean, "false",
        "Says that a proxy with TLS stands before the bank, and so allows listen to be any address."),
    row("http", "trusted_proxies", whole(0, 8), "0",
        "How many proxies of yours stand before the bank, each appending to X-Forwarded-For or \
         Forwarded: the address that the outermost wrote counts as the caller's, and X-Forwarded-Proto says \
         whether the caller has TLS. 0: nobody's headers are believed. Nothing else may reach the bank's port."),
    row("console", "public_url", Kind::Text, "",
        "A host of the operators' own, such as https://console.bank.example, with the scheme of http_public_url. The \
         console and the operators' routes then answer there and nowhere else, the customers' not there. Empty: both \
         on one host."),
    row("console", "networks", Kind::List, "",
        "Networks from which the console and the operators' routes are there at all: 10.8.0.0/16, 2001:db8::/32 or \
         single addresses. It takes nothing off what operators have to show. Empty: any."),
    row("metrics", "listen", Kind::Text, "",
        "Where Prometheus may ask for /metrics, such as 127.0.0.1:9464; port 0 picks a free one. It is plain HTTP \
         without a password and shows nothing of persons: an address of this machine, or see metrics_plaintext. \
         Empty: nowhere."),
    row("metrics", "plaintext", Kind::Boolean, "false",
        "Allows metrics_listen to be an address that other machines reach, for a network that encrypts by itself."),
    row("traces", "url", Kind::Text, "",
        "A collector of OpenTelemetry (OTLP/HTTP, JSON), as the address in front of /v1/traces: https, or http on this \
         machine, such as http://127.0.0.1:4318. It is told how long requests took and what they waited for, and \
         nothing of persons. Empty: none."),
    row("traces", "per_million", whole(0, 1_000_000), "10000",
        "Of a million requests and runs of jobs, so many are told of, drawn by chance."),
    row("traces", "follow_callers", Kind::Boolean, "false",
        "Lets a caller's traceparent say whether a request is told of, for callers that are all your own: a stranger \
         could have every request told."),
    row("tls", "certificate_file", Kind::Path, "",
        "The bank's certificate, and those of the authorities between it and a trusted one, in PEM. With it the bank \
         speaks TLS itself and nothing else; listen may then be any address. Files are looked at every \
         10 seconds, and a new pair is taken up without a restart; a broken one is not, and the health says so."),
    row("tls", "key_file", Kind::Path, "",
        "The certificate's private key in PEM; nobody but its owner and group may read the file (chmod 640)."),
    row("tls", "min_version", Kind::Choice(&["1.2", "1.3"]), "1.3",
        "The oldest TLS that is spoken. 1.2 for callers that cannot 1.3, with forward secrecy and AEAD only."),
    row("tls", "client_ca_file", Kind::Path, "",
        "Certificates (PEM) of authorities that sign merchants' certificates. With it a merchant's requests are taken \
         from connections that showed a certificate of one of them only, whose common name is the merchant's id. \
         Customers and operators need none."),
    row("tls", "client_crl_file", Kind::Path, "",
        "What those authorities took back: revocation lists in PEM, one at least of each authority. A certificate that is on \
         one, or whose authority has none that holds now, opens nothing; a new file counts within 10 seconds."),
    row("token", "issuer", Kind::Text, "",
        "The `iss` of access tokens. Empty: http_public_url."),
    row("token", "audience", Kind::Text, "exchequer",
        "The `aud` of access tokens."),
    row("token", "access_seconds", whole(10, 300), "300",
        "Life of an access token."),
    row("token", "refresh_seconds", whole(300, 2_592_000), "2592000",
        "Life of a refresh token; each use replaces it."),
    row("password", "memory_kib", whole(7168, 1_048_576), "19456",
        "Memory for one Argon2id hash. With password_iterations at least 47104 and 1, 19456 and 2, \
         12288 and 3, 9216 and 4, or 7168 and 5 (OWASP Password Storage Cheat Sheet)."),
    row("password", "iterations", whole(1, 16), "2",
        "Passes of one Argon2id hash."),
    row("password", "parallelism", whole(1, 8), "1",
        "Lanes of one Argon2id hash."),
    row("password", "hashing_threads", whole(1, 64), "2",
        "Hashes at a time, so that sign-ins cannot starve the bank; each takes \
         password_memory_kib."),
    row("password", "min_characters", whole(8, 128), "",
        "Shortest new password. Empty: the profile's value, 15 (pci: 12, with letters and digits); \
         it can only be raised."),
    row("password", "context_words", Kind::List, CONTEXT_WORDS,
        "Words that everybody here would think of: names of the bank, its products and departments. A new \
         password that is little more than some of them is refused. At most 64 words of 3 to 32 letters and \
         digits. What is given replaces the default."),
    row("mail", "smtp_url", Kind::Secret, "",
        "The server that takes our mails: smtp://user:password@host:587 (STARTTLS is required) or \
         smtps://user:password@host:465. Empty: mails stay in the outbox until they are too late, \
         which serve says at its start. A demo bank without one shows them at /demo/inbox."),
    row("mail", "from", Kind::Text, "",
        "The sender of our mails. Needed where there is a server."),
    row("mail", "per_hour", whole(1, 1_000_000), "5000",
        "Mails with codes and reset tokens in any hour; more are refused with 429. Notices are not counted."),
    row("sms", "gateway_url", Kind::Text, "",
        "The gateway for text messages, with the interface of Twilio's Messages resource: \
         https://host, no path. Empty: no text messages, and no second factor by them. A demo bank \
         without one shows them at /demo/inbox."),
    row("sms", "account", Kind::Text, "", "Our account at the gateway."),
    row("sms", "token", Kind::Secret, "", "The account's password at the gateway."),
    row("sms", "from", Kind::Text, "", "The sender: a number in E.164 or a name."),
    row("sms", "prefixes", Kind::List, "",
        "Beginnings of the telephone numbers that are served, such as +91. Needed where there is a \
         gateway: whoever owns an expensive number earns by asking for codes."),
    row("sms", "per_hour", whole(1, 1_000_000), "1000",
        "Text messages in any hour, notices counted; more are refused with 429."),
    row("message", "destination_per_hour", whole(1, 1000), "5",
        "Codes and reset tokens to one address or number in any hour; more are refused with 429."),
    row("message", "destination_per_day", whole(1, 10_000), "10",
        "The same in any 24 hours."),
    row("message", "send_seconds", whole(1, 60), "15",
        "For the mail server or gateway to take one message; then it is tried again later."),
    row("message", "payment_alerts", Kind::Choice(&["profile", "on"]), "profile",
        "Whether customers who have not chosen are told of payments that leave or reach their accounts. \
         profile: on with rbi, else only who asks for it (/v1/alerts)."),
    row("step_up", "amount", whole(0, 1_000_000_000), "10000",
        "A payment of at least so many whole major units needs a second factor, or is refused where \
         the customer has none. One number for all currencies. The profiles psd2 (but for one's own \
         accounts) and rbi ask for one with every payment."),
    row("step_up", "day_total", whole(0, 1_000_000_000), "1000000",
        "So do payments to others that come to more than this in any 24 hours, per currency; counted \
         for customers with a factor or limits of their own."),
    row("step_up", "hourly_payments", whole(0, 100_000), "0",
        "So do more payments to others than this in any hour. 0: off."),
    row("step_up", "cooling_seconds", whole(0, 604_800), "",
        "A payee is new for so long and gets no large sums. Empty: the profile's value, 0 (rbi: 3600), \
         which is also the least."),
    row("step_up", "cooling_amount", whole(0, 1_000_000_000), "10000",
        "What a new payee does not get: so many major units or more."),
    row("step_up", "password_change_seconds", whole(0, 2_592_000), "86400",
        "For so long after a change of password, payments to others stay below step_up_amount \
         together. 0: off."),
    row("factor", "email_at_sign_in", Kind::Boolean, "false",
        "Lets a confirmed e-mail address complete a sign-in beside the password. A code by e-mail is no \
         factor by itself in any profile, since whoever reads the mail resets the password too: it \
         never makes a second step necessary alone where this is false, and never confirms an act. \
         Not for psd2 and rbi."),
    row("webauthn", "rp_id", Kind::Text, "",
        "The domain that security keys and passkeys are made for: bank.example. Another one loses all of \
         them. Empty: the host of http_public_url, or localhost for an address of this machine."),
    row("webauthn", "origins", Kind::List, "",
        "The pages that may ask for them: https://bank.example, exact, of webauthn_rp_id or a domain \
         below it. Empty: http_public_url."),
    row("card", "reveals_per_hour", whole(1, 1_000_000_000), "1000000",
        "Card numbers opened for the gateway in any hour of the clock, per merchant; more are refused with 429."),
    row("card", "expired_days", whole(0, 366), "90",
        "So many days after a card's last month its number is deleted, as if its merchant had done it: nothing can be \
         charged with it any more."),
    row("card", "vault_socket", Kind::Path, "",
        "The socket of a card vault that is a process of its own (`exchequer vault`): there it listens, and the \
         bank asks it to seal and to open card numbers and has no key for them. Empty: the bank does it itself. \
         Both need it, each in its own configuration; see docs/vault.md."),
    row("card", "vault_peer_uid", whole(0, 4_294_967_294), "",
        "The number of the user that the process at the other end of the socket runs as. Empty: the same as this one."),
    row("card", "vault_address", Kind::Text, "",
        "Instead of the socket, host:port of a card vault on another machine: there it listens, and there the bank calls \
         it, by the host that its certificate is for. TLS 1.3 in which both show a certificate, and nothing else. Needs \
         the four settings below, in both configurations."),
    row("card", "vault_peer_name", Kind::Text, "",
        "The common name in the certificate of the process at the other end. It alone is spoken to, whomever else \
         the authorities sign for."),
    row("card", "vault_certificate_file", Kind::Path, "",
        "This process's certificate for the other, and those of the authorities between it and one that the other knows, in \
         PEM. These files are looked at every 10 seconds as those of tls_certificate_file are."),
    row("card", "vault_key_file", Kind::Path, "",
        "Its private key in PEM; nobody but its owner and group may read the file (chmod 640)."),
    row("card", "vault_ca_file", Kind::Path, "",
        "The authorities that sign the other process's certificate, in PEM: best one that signs for these two alone."),
    row("card", "vault_crl_file", Kind::Path, "",
        "What those authorities took back: revocation lists in PEM, one at least of each, as in tls_client_crl_file. \
         Empty: nothing is looked up."),
    row("card", "vault_reveals_per_hour", whole(1, 1_000_000_000), "10000000",
        "For the vault: card numbers opened in any hour of the clock for all merchants together; more are \
         refused with 429. card_reveals_per_hour holds there for each merchant."),
    row("card", "gateway_seconds", whole(1, 60), "10",
        "For a gateway to answer; then the outcome is unknown and the gateway is asked until it is known."),
    row("card", "reversal_days", whole(1, 5), "",
        "A charge of a payment that failed here is given back as soon as a report shows it, and at the latest so \
         many days behind the day of the charge; then the log and the events say that it is late. Empty: the \
         profile's, 5 (psd2: 2)."),
    row("sandbox", "url", Kind::Text, "",
        "The sandbox gateway, which takes payments in test mode: http://127.0.0.1:8090, no path. Empty: no \
         payments in test mode. A demo bank starts one of its own."),
    row("sandbox", "secret", Kind::Secret, "", "What the sandbox gateway was started with."),
    row("stripe", "url", Kind::Text, "https://api.stripe.com",
        "Stripe, or what speaks like it, which takes payments in live mode."),
    row("stripe", "secret_key", Kind::Secret, "",
        "Our key at Stripe. Empty: no payments in live mode."),
    row("stripe", "webhook_secret", Kind::Secret, "",
        "What Stripe signs its notices with; they go to /v1/gateways/stripe/notices."),
    row("webhook", "private_targets", Kind::Boolean, "false",
        "Lets merchants' webhooks go to addresses that are not public, and to this machine without TLS: for \
         receivers inside. Whoever makes an endpoint then makes the bank connect to what stands beside it. \
         A demo bank: true."),
    row("webhook", "seconds", whole(1, 30), "10",
        "For a receiver of a webhook to answer; then the event is sent again later."),
    row("webhook", "event_days", whole(7, 3_650), "90",
        "For so many days a merchant's events are kept; who asks for older ones is told 410. What an endpoint \
         still has to be sent stays."),
    row("approvals", "required", Kind::Choice(&["on", "off"]), "on",
        "Whether acts of operators that weaken a protection or move much money wait for a second operator. \
         off is accepted by a demo bank only."),
    row("approvals", "amount", whole(0, 1_000_000_000_000), "10000000",
        "Deposits, withdrawals, reversals and payouts by hand of at least so many whole major units wait for a \
         second operator. One number for all currencies. 0: none of them. A demo bank: 0."),
    row("approvals", "refund_amount", whole(0, 1_000_000_000_000), "100000",
        "Refunds of at least so many whole major units that an operator makes in a merchant's place wait for a \
         second operator. One number for all currencies. 0: none of them."),
    row("approvals", "hours", whole(1, 720), "72",
        "For so long an act waits; then it has to be asked for again."),
    row("staff", "absence_days", whole(1, 90), "90",
        "An operator who has not signed in for so many days has no access any more, until another one or \
         `exchequer staff enable` opens it (PCI DSS 8.2.6). The last administrator keeps it."),
    row("secret", "days", whole(0, 3_650), "",
        "So many days the password or token of another service may be the same; then the health and an alert say so. \
         Counted from the start that first saw it. Empty: 30 for those that open the data keys, 90 for database and Redis, \
         365 for mail, text messages, gateways and the server for logs. 0: not looked at."),
    row("evidence", "origin", Kind::Text, "",
        "The name of the bank's log, in its checkpoints and before their key: bank.example/v1/log. Whoever keeps \
         checkpoints knows the log by it, so it does not change. Empty: http_public_url without its scheme, and /v1/log."),
    row("evidence", "checkpoint_file", Kind::Path, "",
        "A file that each signed checkpoint of the log is appended to, on another disk or machine than the database: \
         what `exchequer verify --checkpoints` holds a bank against, to notice one that was rolled back or cut off as a \
         whole. Empty: none, which serve says at its start; a demo bank: checkpoints.txt in its folder."),
    row("evidence", "witness_url", Kind::Text, "",
        "A witness (C2SP tlog-witness) that each signed checkpoint is sent to, as the address in front of /add-checkpoint: \
         https, or http on this machine. It checks that the log only grew, keeps what it saw and signs it, so that not even \
         whoever has the bank's keys can tell another history later. Empty: none."),
    row("evidence", "witness_key", Kind::Text, "", "The witness' public key, name+hash+key as it publishes it (type 4, cosignature/v1)."),
    row("evidence", "trail_url", Kind::Text, "",
        "A server for logs, apart from the bank, that each event and transfer is posted to within seconds, as lines of JSON \
         with the signed checkpoint: https, or http on this machine. Empty: none."),
    row("evidence", "trail_token", Kind::Secret, "", "Sent to that server as Authorization: Bearer."),
    row("evidence", "salt_days", whole(0, 36_500), "1827",
        "So many days after a customer was disabled and their last account closed, and one more to be sure of the clock, \
         the customer is erased for good: name, addresses, government id, factors, payees and all else that is personal in \
         their rows, and what their memos, addresses and agents are committed to with in the log. Accounts and transfers \
         stay, and every proof holds. 1827 are the five years of PMLA 2002, section 12. 0: never."),
];

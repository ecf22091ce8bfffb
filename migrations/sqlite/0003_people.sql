-- People: customers, operators, their sessions, and the wrapped data keys.
-- Columns named *_sealed hold ciphertext bound to table, column and row; *_index are keyed blind
-- indexes; *_hash are hashes of 256-bit random tokens.

CREATE TABLE data_keys (
    purpose         TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    state           TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    wrapped         BLOB    NOT NULL,
    PRIMARY KEY (purpose, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE customers (
    id                   BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    status               INTEGER NOT NULL CHECK (status IN (0, 1)), -- active, disabled
    email_sealed         BLOB    NOT NULL,
    email_index          BLOB    NOT NULL,
    full_name_sealed     BLOB    NOT NULL,
    phone_sealed         BLOB,
    phone_index          BLOB,
    government_id_sealed BLOB,
    government_id_index  BLOB,
    password_hash        TEXT    NOT NULL,
    password_changed_at  INTEGER,
    outgoing_stopped_at  INTEGER,             -- the kill switch
    created_at           INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX customers_email ON customers (email_index);
CREATE INDEX customers_phone ON customers (phone_index);
CREATE INDEX customers_government_id ON customers (government_id_index);

CREATE TABLE staff (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email           TEXT    NOT NULL,
    role            TEXT    NOT NULL,
    status          INTEGER NOT NULL CHECK (status IN (0, 1)),
    password_hash   TEXT    NOT NULL,
    totp_sealed     BLOB    NOT NULL,
    totp_last_step  INTEGER NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX staff_email ON staff (email);

CREATE TABLE sessions (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    principal_kind  TEXT    NOT NULL,
    principal       BLOB    NOT NULL,
    created_at      INTEGER NOT NULL,
    last_used_at    INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    ended_at        INTEGER,
    end_reason      TEXT,
    address         TEXT    NOT NULL,
    agent           TEXT    NOT NULL,
    form            INTEGER NOT NULL CHECK (form BETWEEN 0 AND 1), -- bearer tokens, a browser's cookie
    cookie_hash     BLOB    CHECK (cookie_hash IS NULL OR length(cookie_hash) = 32),
    device          BLOB,             -- hash of the device's token
    device_key      BLOB    CHECK (device_key IS NULL OR length(device_key) = 32), -- RFC 7638 thumbprint
    proved_at       INTEGER              -- when a second factor was last shown
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_principal ON sessions (principal, id);
CREATE UNIQUE INDEX sessions_cookie ON sessions (cookie_hash);

-- Every refresh token a session ever had, until the session is swept: a used one that returns
-- ends the session.
CREATE TABLE refresh_tokens (
    token_hash      BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    session         BLOB    NOT NULL,
    issued_at       INTEGER NOT NULL,
    used_at         INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_session ON refresh_tokens (session);

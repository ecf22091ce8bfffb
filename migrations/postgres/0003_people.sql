-- People: customers, operators, their sessions, and the wrapped data keys.
-- Columns named *_sealed hold ciphertext bound to table, column and row; *_index are keyed blind
-- indexes; *_hash are hashes of 256-bit random tokens.

CREATE TABLE data_keys (
    purpose         TEXT    NOT NULL,
    version         BIGINT  NOT NULL,
    state           TEXT    NOT NULL,
    created_at      BIGINT  NOT NULL,
    wrapped         BYTEA   NOT NULL,
    PRIMARY KEY (purpose, version)
);

CREATE TABLE customers (
    id                   BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    status               BIGINT  NOT NULL CHECK (status IN (0, 1)), -- active, disabled
    email_sealed         BYTEA   NOT NULL,
    email_index          BYTEA   NOT NULL,
    full_name_sealed     BYTEA   NOT NULL,
    phone_sealed         BYTEA,
    phone_index          BYTEA,
    government_id_sealed BYTEA,
    government_id_index  BYTEA,
    password_hash        TEXT    NOT NULL,
    password_changed_at  BIGINT,
    outgoing_stopped_at  BIGINT,             -- the kill switch
    created_at           BIGINT  NOT NULL
);
CREATE UNIQUE INDEX customers_email ON customers (email_index);
CREATE INDEX customers_phone ON customers (phone_index);
CREATE INDEX customers_government_id ON customers (government_id_index);

CREATE TABLE staff (
    id              BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email           TEXT    NOT NULL,
    role            TEXT    NOT NULL,
    status          BIGINT  NOT NULL CHECK (status IN (0, 1)),
    password_hash   TEXT    NOT NULL,
    totp_sealed     BYTEA   NOT NULL,
    totp_last_step  BIGINT  NOT NULL,
    created_at      BIGINT  NOT NULL
);
CREATE UNIQUE INDEX staff_email ON staff (email);

CREATE TABLE sessions (
    id              BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    principal_kind  TEXT    NOT NULL,
    principal       BYTEA   NOT NULL,
    created_at      BIGINT  NOT NULL,
    last_used_at    BIGINT  NOT NULL,
    expires_at      BIGINT  NOT NULL,
    ended_at        BIGINT,
    end_reason      TEXT,
    address         TEXT    NOT NULL,
    agent           TEXT    NOT NULL,
    form            BIGINT  NOT NULL CHECK (form BETWEEN 0 AND 1), -- bearer tokens, a browser's cookie
    cookie_hash     BYTEA   CHECK (cookie_hash IS NULL OR length(cookie_hash) = 32),
    device          BYTEA,             -- hash of the device's token
    device_key      BYTEA   CHECK (device_key IS NULL OR length(device_key) = 32), -- RFC 7638 thumbprint
    proved_at       BIGINT              -- when a second factor was last shown
);
CREATE INDEX sessions_principal ON sessions (principal, id);
CREATE UNIQUE INDEX sessions_cookie ON sessions (cookie_hash);

-- Every refresh token a session ever had, until the session is swept: a used one that returns
-- ends the session.
CREATE TABLE refresh_tokens (
    token_hash      BYTEA   NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    session         BYTEA   NOT NULL,
    issued_at       BIGINT  NOT NULL,
    used_at         BIGINT
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session);

-- Who is asking: second factors, questions and their answers, counters of wrong tries, devices, and what
-- waits to be delivered. Columns named *_sealed hold ciphertext bound to table, column and row; *_index are
-- keyed blind indexes; *_hash are keyed hashes or hashes of 256-bit random tokens.

-- A customer's second factors. `secret_sealed` is by kind: the secret of an authenticator, the telephone or
-- e-mail address that codes are sent to, the public key and state of a WebAuthn credential.
CREATE TABLE factors (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    customer         BLOB    NOT NULL,
    kind             TEXT    NOT NULL,                                -- totp, sms, email, webauthn
    name             TEXT    NOT NULL,
    status           INTEGER NOT NULL CHECK (status BETWEEN 0 AND 1), -- unconfirmed, active
    secret_sealed    BLOB    NOT NULL,
    credential_index BLOB,                                            -- of a WebAuthn credential's id
    counter          INTEGER NOT NULL,                                -- last time step; signature counter
    created_at       INTEGER NOT NULL,
    confirmed_at     INTEGER,
    last_used_at     INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX factors_customer ON factors (customer, id);
CREATE UNIQUE INDEX factors_credential ON factors (credential_index);

-- The current set of each customer; a new set replaces it.
CREATE TABLE recovery_codes (
    customer         BLOB    NOT NULL,
    code_hash        BLOB    NOT NULL CHECK (length(code_hash) = 32),
    created_at       INTEGER NOT NULL,
    used_at          INTEGER,
    PRIMARY KEY (customer, code_hash)
) STRICT, WITHOUT ROWID;

-- A question to somebody and what became of it: the second half of a sign-in, a step-up for one act, the
-- confirmation of a factor, a WebAuthn ceremony. `binding` is a hash over what a proof is for; `text_sealed`
-- is what a message about it names (amount, payee).
CREATE TABLE challenges (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    principal_kind   TEXT    NOT NULL,
    principal        BLOB    NOT NULL,
    purpose          TEXT    NOT NULL,
    session          BLOB,
    device           BLOB,
    factor           BLOB,             -- a question about one factor only
    binding          BLOB    CHECK (binding IS NULL OR length(binding) = 32),
    text_sealed      BLOB,
    attempts         INTEGER NOT NULL,
    sends            INTEGER NOT NULL,
    code_method      TEXT,
    code_hash        BLOB    CHECK (code_hash IS NULL OR length(code_hash) = 32),
    code_expires_at  INTEGER,
    proof_hash       BLOB    CHECK (proof_hash IS NULL OR length(proof_hash) = 32),
    proof_factor     BLOB,             -- which factor answered
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    answered_at      INTEGER,
    used_at          INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX challenges_principal ON challenges (principal, id);

-- Wrong tries: `subject` is a keyed hash of an e-mail (password) or a principal (factor), so that unknown
-- e-mails are counted like known ones; `device` is zeros for all unknown devices together.
CREATE TABLE attempts (
    subject          BLOB    NOT NULL CHECK (length(subject) = 32),
    kind             TEXT    NOT NULL,                                -- password, factor
    device           BLOB    NOT NULL CHECK (length(device) = 32),
    failures         INTEGER NOT NULL CHECK (failures >= 0),
    last_at          INTEGER NOT NULL,
    locked_until     INTEGER,
    PRIMARY KEY (subject, kind, device)
) STRICT, WITHOUT ROWID;

-- Devices that somebody has signed in from: a hash of the token that the device keeps.
CREATE TABLE devices (
    principal        BLOB    NOT NULL,
    device           BLOB    NOT NULL CHECK (length(device) = 32),
    created_at       INTEGER NOT NULL,
    last_seen_at     INTEGER NOT NULL,
    PRIMARY KEY (principal, device)
) STRICT, WITHOUT ROWID;

-- Messages that wait for their delivery; emptied (text and destination) once sent. `counted`: whether the
-- caps against toll fraud count it; notices by e-mail are not counted.
CREATE TABLE outbox (
    id                 BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    channel            TEXT    NOT NULL,                               -- email, sms
    purpose            TEXT    NOT NULL,
    counted            INTEGER NOT NULL CHECK (counted BETWEEN 0 AND 1),
    destination_sealed BLOB,
    destination_index  BLOB    NOT NULL,
    text_sealed        BLOB,
    status             INTEGER NOT NULL CHECK (status BETWEEN 0 AND 3), -- waiting, sent, failed, too late
    attempts           INTEGER NOT NULL,
    next_at            INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL,
    sent_at            INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_waiting ON outbox (channel, next_at) WHERE status = 0;
CREATE INDEX outbox_destination ON outbox (destination_index, created_at) WHERE counted = 1;
CREATE INDEX outbox_channel ON outbox (channel, created_at) WHERE counted = 1;

-- What senders to one destination lock, so that its cap is exact: the beginning of its index.
CREATE TABLE outbox_destinations (
    destination        BLOB    NOT NULL PRIMARY KEY CHECK (length(destination) = 16),
    last_at            INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE password_resets (
    token_hash       BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    customer         BLOB    NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    used_at          INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX password_resets_customer ON password_resets (customer, created_at);

-- Who is asking: second factors, questions and their answers, counters of wrong tries, devices, and what
-- waits to be delivered. Columns named *_sealed hold ciphertext bound to table, column and row; *_index are
-- keyed blind indexes; *_hash are keyed hashes or hashes of 256-bit random tokens.

-- A customer's second factors. `secret_sealed` is by kind: the secret of an authenticator, the telephone or
-- e-mail address that codes are sent to, the public key and state of a WebAuthn credential.
CREATE TABLE factors (
    id               BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    customer         BYTEA   NOT NULL,
    kind             TEXT    NOT NULL,                                -- totp, sms, email, webauthn
    name             TEXT    NOT NULL,
    status           BIGINT  NOT NULL CHECK (status BETWEEN 0 AND 1), -- unconfirmed, active
    secret_sealed    BYTEA   NOT NULL,
    credential_index BYTEA,                                            -- of a WebAuthn credential's id
    counter          BIGINT  NOT NULL,                                -- last time step; signature counter
    created_at       BIGINT  NOT NULL,
    confirmed_at     BIGINT,
    last_used_at     BIGINT
);
CREATE INDEX factors_customer ON factors (customer, id);
CREATE UNIQUE INDEX factors_credential ON factors (credential_index);

-- The current set of each customer; a new set replaces it.
CREATE TABLE recovery_codes (
    customer         BYTEA   NOT NULL,
    code_hash        BYTEA   NOT NULL CHECK (length(code_hash) = 32),
    created_at       BIGINT  NOT NULL,
    used_at          BIGINT,
    PRIMARY KEY (customer, code_hash)
);

-- A question to somebody and what became of it: the second half of a sign-in, a step-up for one act, the
-- confirmation of a factor, a WebAuthn ceremony. `binding` is a hash over what a proof is for; `text_sealed`
-- is what a message about it names (amount, payee).
CREATE TABLE challenges (
    id               BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    principal_kind   TEXT    NOT NULL,
    principal        BYTEA   NOT NULL,
    purpose          TEXT    NOT NULL,
    session          BYTEA,
    device           BYTEA,
    factor           BYTEA,             -- a question about one factor only
    binding          BYTEA   CHECK (binding IS NULL OR length(binding) = 32),
    text_sealed      BYTEA,
    attempts         BIGINT  NOT NULL,
    sends            BIGINT  NOT NULL,
    code_method      TEXT,
    code_hash        BYTEA   CHECK (code_hash IS NULL OR length(code_hash) = 32),
    code_expires_at  BIGINT,
    proof_hash       BYTEA   CHECK (proof_hash IS NULL OR length(proof_hash) = 32),
    proof_factor     BYTEA,             -- which factor answered
    created_at       BIGINT  NOT NULL,
    expires_at       BIGINT  NOT NULL,
    answered_at      BIGINT,
    used_at          BIGINT
);
CREATE INDEX challenges_principal ON challenges (principal, id);

-- Wrong tries: `subject` is a keyed hash of an e-mail (password) or a principal (factor), so that unknown
-- e-mails are counted like known ones; `device` is zeros for all unknown devices together.
CREATE TABLE attempts (
    subject          BYTEA   NOT NULL CHECK (length(subject) = 32),
    kind             TEXT    NOT NULL,                                -- password, factor
    device           BYTEA   NOT NULL CHECK (length(device) = 32),
    failures         BIGINT  NOT NULL CHECK (failures >= 0),
    last_at          BIGINT  NOT NULL,
    locked_until     BIGINT,
    PRIMARY KEY (subject, kind, device)
);

-- Devices that somebody has signed in from: a hash of the token that the device keeps.
CREATE TABLE devices (
    principal        BYTEA   NOT NULL,
    device           BYTEA   NOT NULL CHECK (length(device) = 32),
    created_at       BIGINT  NOT NULL,
    last_seen_at     BIGINT  NOT NULL,
    PRIMARY KEY (principal, device)
);

-- Messages that wait for their delivery; emptied (text and destination) once sent. `counted`: whether the
-- caps against toll fraud count it; notices by e-mail are not counted.
CREATE TABLE outbox (
    id                 BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    channel            TEXT    NOT NULL,                               -- email, sms
    purpose            TEXT    NOT NULL,
    counted            BIGINT  NOT NULL CHECK (counted BETWEEN 0 AND 1),
    destination_sealed BYTEA,
    destination_index  BYTEA   NOT NULL,
    text_sealed        BYTEA,
    status             BIGINT  NOT NULL CHECK (status BETWEEN 0 AND 3), -- waiting, sent, failed, too late
    attempts           BIGINT  NOT NULL,
    next_at            BIGINT  NOT NULL,
    created_at         BIGINT  NOT NULL,
    expires_at         BIGINT  NOT NULL,
    sent_at            BIGINT
);
CREATE INDEX outbox_waiting ON outbox (channel, next_at) WHERE status = 0;
CREATE INDEX outbox_destination ON outbox (destination_index, created_at) WHERE counted = 1;
CREATE INDEX outbox_channel ON outbox (channel, created_at) WHERE counted = 1;

-- What senders to one destination lock, so that its cap is exact: the beginning of its index.
CREATE TABLE outbox_destinations (
    destination        BYTEA   NOT NULL PRIMARY KEY CHECK (length(destination) = 16),
    last_at            BIGINT  NOT NULL
);

CREATE TABLE password_resets (
    token_hash       BYTEA   NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    customer         BYTEA   NOT NULL,
    created_at       BIGINT  NOT NULL,
    expires_at       BIGINT  NOT NULL,
    used_at          BIGINT
);
CREATE INDEX password_resets_customer ON password_resets (customer, created_at);

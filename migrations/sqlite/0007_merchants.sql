-- Merchants, the keys they sign requests with, and their cards.

CREATE TABLE merchants (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name             TEXT    NOT NULL,
    status           INTEGER NOT NULL CHECK (status BETWEEN 0 AND 1),   -- active, suspended
    -- A customer's account that live money is paid out to; its currency is the only one paid out.
    settlement       BLOB,
    -- What the bank takes of each capture: hundredths of a per cent, and minor units.
    fee_basis_points INTEGER NOT NULL CHECK (fee_basis_points BETWEEN 0 AND 10000),
    fee_fixed        INTEGER NOT NULL CHECK (fee_fixed >= 0),
    created_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE merchant_keys (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    merchant         BLOB    NOT NULL REFERENCES merchants (id),
    mode             INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 1),     -- test, live
    algorithm        INTEGER NOT NULL CHECK (algorithm BETWEEN 0 AND 1), -- HMAC-SHA256, Ed25519
    -- Sealed secret, or the public key as it is.
    material         BLOB    NOT NULL,
    name             TEXT    NOT NULL,
    -- JSON lists; NULL: not restricted.
    routes           TEXT,
    addresses        TEXT,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER,
    revoked_at       INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX merchant_keys_merchant ON merchant_keys (merchant, id);

-- Where a merchant's money stands: an account of the bank's own, one for each mode and currency.
CREATE TABLE merchant_accounts (
    merchant         BLOB    NOT NULL REFERENCES merchants (id),
    mode             INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 1),
    currency         TEXT    NOT NULL CHECK (length(currency) = 3),
    account          BLOB    NOT NULL UNIQUE,
    PRIMARY KEY (merchant, mode, currency)
) STRICT, WITHOUT ROWID;

-- The card vault. `number` is sealed, bound to its row, and gone once the card is deleted.
CREATE TABLE cards (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    merchant         BLOB    NOT NULL,
    mode             INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 1),
    customer         TEXT,   -- the merchant's own name for whose it is
    brand            TEXT    NOT NULL,
    last4            TEXT    NOT NULL CHECK (length(last4) = 4),
    exp_month        INTEGER NOT NULL CHECK (exp_month BETWEEN 1 AND 12),
    exp_year         INTEGER NOT NULL,
    fingerprint      BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    token            TEXT,   -- format-preserving, where one was asked for
    key_version      INTEGER NOT NULL, -- of the key behind fingerprint and token
    number           BLOB,
    created_at       INTEGER NOT NULL,
    deleted_at       INTEGER,
    CONSTRAINT cards_deleted_have_no_number CHECK ((deleted_at IS NULL) = (number IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX cards_fingerprint ON cards (fingerprint, merchant, mode);

-- How often card numbers were opened, by whom, in each hour since 1970 (PCI DSS 4.0.1, 3.4, 10.2.1.1).
CREATE TABLE card_reveals (
    actor            TEXT    NOT NULL,
    hour             INTEGER NOT NULL,
    reveals          INTEGER NOT NULL CHECK (reveals >= 0),
    PRIMARY KEY (actor, hour)
) STRICT, WITHOUT ROWID;

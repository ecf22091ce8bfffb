-- The ledger: accounts with their running totals, immutable transfers, holds.
-- Same tables, columns and constraints as migrations/postgres/0001_ledger.sql; a test compares them.
-- Amounts are minor units of the account's currency; times are microseconds since 1970, UTC.

CREATE TABLE accounts (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner           BLOB    CHECK (owner IS NULL OR length(owner) = 16), -- NULL: the bank's own
    number          TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    currency        TEXT    NOT NULL CHECK (length(currency) = 3),
    status          INTEGER NOT NULL CHECK (status BETWEEN 0 AND 2),        -- open, frozen, closed
    bounded         INTEGER NOT NULL CHECK (bounded IN (0, 1)),
    overdraft_limit INTEGER NOT NULL CHECK (overdraft_limit >= 0),
    limit_transfer  INTEGER CHECK (limit_transfer >= 0),
    limit_day       INTEGER CHECK (limit_day >= 0),
    debits_posted   INTEGER NOT NULL CHECK (debits_posted >= 0),
    credits_posted  INTEGER NOT NULL CHECK (credits_posted >= 0),
    debits_held     INTEGER NOT NULL CHECK (debits_held >= 0),
    credits_held    INTEGER NOT NULL CHECK (credits_held >= 0),
    last_entry      BLOB    CHECK (last_entry IS NULL OR length(last_entry) = 16),
    entry_count     INTEGER NOT NULL CHECK (entry_count >= 0),
    opened_at       INTEGER NOT NULL,
    -- 1: its owner has stopped all outgoing money, which then counts as a limit of nothing.
    outgoing_stopped INTEGER NOT NULL DEFAULT 0 CHECK (outgoing_stopped IN (0, 1)),
    CONSTRAINT accounts_bank_or_bounded CHECK (bounded = 1 OR owner IS NULL),
    CONSTRAINT accounts_within_overdraft CHECK
        (bounded = 0 OR credits_posted - debits_posted - debits_held + overdraft_limit >= 0)
) STRICT; -- with a rowid: an update of totals descends one b-tree of integers
CREATE UNIQUE INDEX accounts_number ON accounts (number);
CREATE INDEX accounts_owner ON accounts (owner, id);

-- One row is the transfer, its two entries and its own event: `debit_previous` and
-- `credit_previous` link each account's entries backwards from `accounts.last_entry`, so that a page
-- of entries needs no index (an index hit at random costs more than all the rest together).
CREATE TABLE transfers (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    debit_account   BLOB    NOT NULL,
    credit_account  BLOB    NOT NULL,
    amount          INTEGER NOT NULL CHECK (amount > 0),
    currency        TEXT    NOT NULL,
    kind            INTEGER NOT NULL,
    posted_at       INTEGER NOT NULL,
    debit_number    INTEGER NOT NULL,
    debit_previous  BLOB,
    debit_balance   INTEGER NOT NULL,
    credit_number   INTEGER NOT NULL,
    credit_previous BLOB,
    credit_balance  INTEGER NOT NULL,
    memo            TEXT,
    reference       BLOB,    -- the hold it captures, the transfer it reverses, by kind
    origin          BLOB    NOT NULL,
    request         BLOB    NOT NULL,
    CONSTRAINT transfers_two_accounts CHECK (debit_account <> credit_account)
) STRICT, WITHOUT ROWID;

CREATE TABLE holds (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    debit_account   BLOB    NOT NULL,
    credit_account  BLOB    NOT NULL,
    amount          INTEGER NOT NULL CHECK (amount > 0),
    captured        INTEGER NOT NULL CHECK (captured >= 0),
    currency        TEXT    NOT NULL,
    status          INTEGER NOT NULL CHECK (status BETWEEN 0 AND 3), -- active, captured, voided, expired
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    memo            TEXT,
    CONSTRAINT holds_capture_within CHECK (captured <= amount)
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_expiry ON holds (expires_at) WHERE status = 0;

-- Outgoing money of accounts that have a daily limit, and of those only: what the rolling
-- 24 hours are summed from. `amount` falls when a hold is released.
CREATE TABLE outflows (
    account         BLOB    NOT NULL,
    posted_at       INTEGER NOT NULL,
    id              BLOB    NOT NULL,
    amount          INTEGER NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (account, posted_at, id)
) STRICT, WITHOUT ROWID;

-- How much of a transfer was reversed; a row appears with the first reversal.
CREATE TABLE reversals (
    transfer        BLOB    NOT NULL PRIMARY KEY,
    reversed        INTEGER NOT NULL CHECK (reversed >= 0)
) STRICT, WITHOUT ROWID;

-- Once: `scope` is a hash over (principal, route, key). `answer` is NULL where the answer is a pure
-- function of the immutable row that `resource` names.
CREATE TABLE idempotency (
    scope           BLOB    NOT NULL PRIMARY KEY CHECK (length(scope) = 16),
    request_hash    BLOB    NOT NULL CHECK (length(request_hash) = 16),
    resource        BLOB,
    status          INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    answer          BLOB
) STRICT, WITHOUT ROWID;

CREATE TRIGGER transfers_no_update BEFORE UPDATE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are immutable'); END;
CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are immutable'); END;

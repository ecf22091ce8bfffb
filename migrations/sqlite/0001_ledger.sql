-- The ledger: accounts, their running totals, immutable transfers, holds.
-- Same tables, columns and constraints as migrations/postgres/0001_ledger.sql; a test compares them.
-- Amounts are minor units of the account's currency; times are microseconds since 1970, UTC.

-- What never changes of an account. `place` is where its balance stands: a small integer, so that
-- a hundred balances fit a page, and that a b-tree is descended by integers.
CREATE TABLE accounts (
    place           INTEGER NOT NULL PRIMARY KEY,
    id              BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    owner           BLOB    CHECK (owner IS NULL OR length(owner) = 16), -- NULL: the bank's own
    number          TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    currency        TEXT    NOT NULL CHECK (length(currency) = 3),
    bounded         INTEGER NOT NULL CHECK (bounded IN (0, 1)),
    opened_at       INTEGER NOT NULL,
    CONSTRAINT accounts_bank_or_bounded CHECK (bounded = 1 OR owner IS NULL)
) STRICT;
CREATE UNIQUE INDEX accounts_number ON accounts (number);
CREATE INDEX accounts_owner ON accounts (owner, id);
CREATE UNIQUE INDEX accounts_policy ON accounts (place, bounded);

-- What changes of an account: everything that the planner decides by. Two rows of it change with
-- each transfer, so they are small. `version` moves with every change where others may write at the
-- same time (PostgreSQL): who read a row without a lock learns by it whether the row is the same.
CREATE TABLE balances (
    place           INTEGER NOT NULL PRIMARY KEY,
    version         INTEGER NOT NULL,
    status          INTEGER NOT NULL CHECK (status BETWEEN 0 AND 2),        -- open, frozen, closed
    bounded         INTEGER NOT NULL,
    overdraft_limit INTEGER NOT NULL CHECK (overdraft_limit >= 0),
    limit_transfer  INTEGER CHECK (limit_transfer >= 0),
    limit_day       INTEGER CHECK (limit_day >= 0),
    debits_posted   INTEGER NOT NULL CHECK (debits_posted >= 0),
    credits_posted  INTEGER NOT NULL CHECK (credits_posted >= 0),
    debits_held     INTEGER NOT NULL CHECK (debits_held >= 0),
    credits_held    INTEGER NOT NULL CHECK (credits_held >= 0),
    entry_count     INTEGER NOT NULL CHECK (entry_count >= 0),
    last_entry      BLOB     CHECK (last_entry IS NULL OR length(last_entry) = 16),
    -- 1: its owner has stopped all outgoing money, which then counts as a limit of nothing.
    outgoing_stopped INTEGER NOT NULL DEFAULT 0 CHECK (outgoing_stopped BETWEEN 0 AND 1),
    CONSTRAINT balances_of_account FOREIGN KEY (place, bounded) REFERENCES accounts (place, bounded),
    CONSTRAINT balances_within_overdraft CHECK
        (bounded = 0 OR credits_posted - debits_posted - debits_held + overdraft_limit >= 0)
) STRICT;

-- One row is the transfer, its two entries and its own event: `debit_previous` and
-- `credit_previous` link each account's entries backwards from `balances.last_entry`, so that a page
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
-- On SQLite keys are gathered in runs: new ones go into the one above the newest closed run, and a
-- closed run takes no more, so that a random key changes a page of a small b-tree and not of the
-- whole table's. On PostgreSQL all are in run 0.
CREATE TABLE idempotency (
    run             INTEGER NOT NULL CHECK (run >= 0),
    scope           BLOB    NOT NULL CHECK (length(scope) = 16),
    request_hash    BLOB    NOT NULL CHECK (length(request_hash) = 16),
    resource        BLOB,
    status          INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    answer          BLOB,
    PRIMARY KEY (run, scope)
) STRICT, WITHOUT ROWID;

-- Runs of keys that are closed, counted from 0 without a gap (SQLite only). `fingerprints` are 32 bits of
-- each scope, big-endian, ascending; `mark` is a hash over the mark before and them.
CREATE TABLE idempotency_runs (
    run             INTEGER NOT NULL PRIMARY KEY CHECK (run >= 0),
    mark            BLOB    NOT NULL CHECK (length(mark) = 16),
    fingerprints    BLOB    NOT NULL
) STRICT; -- with a rowid: its blobs are long
CREATE TRIGGER idempotency_open_run BEFORE INSERT ON idempotency
WHEN NEW.run <> (SELECT COALESCE(MAX(run) + 1, 0) FROM idempotency_runs)
BEGIN SELECT RAISE(ABORT, 'the run of keys is not open'); END;

CREATE TRIGGER transfers_no_update BEFORE UPDATE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are immutable'); END;
CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are immutable'); END;

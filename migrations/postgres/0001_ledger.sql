-- The ledger: accounts with their running totals, immutable transfers, holds.
-- Same tables, columns and constraints as migrations/sqlite/0001_ledger.sql; a test compares them.
-- Amounts are minor units of the account's currency; times are microseconds since 1970, UTC.

CREATE TABLE accounts (
    id              BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    owner           BYTEA   CHECK (owner IS NULL OR length(owner) = 16), -- NULL: the bank's own
    number          TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    currency        TEXT    NOT NULL CHECK (length(currency) = 3),
    status          BIGINT  NOT NULL CHECK (status BETWEEN 0 AND 2),        -- open, frozen, closed
    bounded         BIGINT  NOT NULL CHECK (bounded IN (0, 1)),
    overdraft_limit BIGINT  NOT NULL CHECK (overdraft_limit >= 0),
    limit_transfer  BIGINT CHECK (limit_transfer >= 0),
    limit_day       BIGINT CHECK (limit_day >= 0),
    debits_posted   BIGINT  NOT NULL CHECK (debits_posted >= 0),
    credits_posted  BIGINT  NOT NULL CHECK (credits_posted >= 0),
    debits_held     BIGINT  NOT NULL CHECK (debits_held >= 0),
    credits_held    BIGINT  NOT NULL CHECK (credits_held >= 0),
    last_entry      BYTEA   CHECK (last_entry IS NULL OR length(last_entry) = 16),
    entry_count     BIGINT  NOT NULL CHECK (entry_count >= 0),
    opened_at       BIGINT  NOT NULL,
    -- 1: its owner has stopped all outgoing money, which then counts as a limit of nothing.
    outgoing_stopped BIGINT NOT NULL DEFAULT 0 CHECK (outgoing_stopped IN (0, 1)),
    CONSTRAINT accounts_bank_or_bounded CHECK (bounded = 1 OR owner IS NULL),
    CONSTRAINT accounts_within_overdraft CHECK
        (bounded = 0 OR credits_posted - debits_posted - debits_held + overdraft_limit >= 0)
) WITH (fillfactor = 50); -- room in the page: an update of totals touches no index
CREATE UNIQUE INDEX accounts_number ON accounts (number);
CREATE INDEX accounts_owner ON accounts (owner, id);

-- One row is the transfer, its two entries and its own event: `debit_previous` and
-- `credit_previous` link each account's entries backwards from `accounts.last_entry`, so that a page
-- of entries needs no index (an index hit at random costs more than all the rest together).
CREATE TABLE transfers (
    id              BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    debit_account   BYTEA   NOT NULL,
    credit_account  BYTEA   NOT NULL,
    amount          BIGINT  NOT NULL CHECK (amount > 0),
    currency        TEXT    NOT NULL,
    kind            BIGINT  NOT NULL,
    posted_at       BIGINT  NOT NULL,
    debit_number    BIGINT  NOT NULL,
    debit_previous  BYTEA,
    debit_balance   BIGINT  NOT NULL,
    credit_number   BIGINT  NOT NULL,
    credit_previous BYTEA,
    credit_balance  BIGINT  NOT NULL,
    memo            TEXT,
    reference       BYTEA,    -- the hold it captures, the transfer it reverses, by kind
    origin          BYTEA   NOT NULL,
    request         BYTEA   NOT NULL,
    CONSTRAINT transfers_two_accounts CHECK (debit_account <> credit_account)
);

CREATE TABLE holds (
    id              BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    debit_account   BYTEA   NOT NULL,
    credit_account  BYTEA   NOT NULL,
    amount          BIGINT  NOT NULL CHECK (amount > 0),
    captured        BIGINT  NOT NULL CHECK (captured >= 0),
    currency        TEXT    NOT NULL,
    status          BIGINT  NOT NULL CHECK (status BETWEEN 0 AND 3), -- active, captured, voided, expired
    created_at      BIGINT  NOT NULL,
    expires_at      BIGINT  NOT NULL,
    memo            TEXT,
    CONSTRAINT holds_capture_within CHECK (captured <= amount)
);
CREATE INDEX holds_expiry ON holds (expires_at) WHERE status = 0;

-- Outgoing money of accounts that have a daily limit, and of those only: what the rolling
-- 24 hours are summed from. `amount` falls when a hold is released.
CREATE TABLE outflows (
    account         BYTEA   NOT NULL,
    posted_at       BIGINT  NOT NULL,
    id              BYTEA   NOT NULL,
    amount          BIGINT  NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (account, posted_at, id)
);

-- How much of a transfer was reversed; a row appears with the first reversal.
CREATE TABLE reversals (
    transfer        BYTEA   NOT NULL PRIMARY KEY,
    reversed        BIGINT  NOT NULL CHECK (reversed >= 0)
);

-- Once: `scope` is a hash over (principal, route, key). `answer` is NULL where the answer is a pure
-- function of the immutable row that `resource` names.
CREATE TABLE idempotency (
    scope           BYTEA   NOT NULL PRIMARY KEY CHECK (length(scope) = 16),
    request_hash    BYTEA   NOT NULL CHECK (length(request_hash) = 16),
    resource        BYTEA,
    status          BIGINT  NOT NULL,
    created_at      BIGINT  NOT NULL,
    answer          BYTEA
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% are immutable', TG_TABLE_NAME; END $$;
CREATE TRIGGER transfers_no_update BEFORE UPDATE ON transfers
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfers_no_delete BEFORE DELETE ON transfers
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfers_no_truncate BEFORE TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Payees and the customer's own protections.

CREATE TABLE beneficiaries (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    customer         BLOB    NOT NULL,
    account          BLOB    NOT NULL,
    name_sealed      BLOB    NOT NULL,
    created_at       INTEGER NOT NULL,
    -- From when large sums may go there: the end of the cooling time.
    trusted_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX beneficiaries_account ON beneficiaries (customer, account);

-- The customer's own limits, minor units, per currency. NULL: none.
CREATE TABLE customer_limits (
    customer         BLOB    NOT NULL,
    currency         TEXT    NOT NULL CHECK (length(currency) = 3),
    per_transfer     INTEGER CHECK (per_transfer >= 0),
    per_day          INTEGER CHECK (per_day >= 0),
    per_week         INTEGER CHECK (per_week >= 0),
    per_month        INTEGER CHECK (per_month >= 0),
    changed_at       INTEGER NOT NULL,
    PRIMARY KEY (customer, currency)
) STRICT, WITHOUT ROWID;

-- What protected customers sent to others, by the hour (hours since 1970): what rolling windows are summed
-- from.
CREATE TABLE spending (
    customer         BLOB    NOT NULL,
    currency         TEXT    NOT NULL,
    hour             INTEGER NOT NULL,
    amount           INTEGER NOT NULL CHECK (amount >= 0),
    transfers        INTEGER NOT NULL CHECK (transfers >= 0),
    PRIMARY KEY (customer, currency, hour)
) STRICT, WITHOUT ROWID;

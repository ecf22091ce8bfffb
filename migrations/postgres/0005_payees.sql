-- Payees and the customer's own protections.

CREATE TABLE beneficiaries (
    id               BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    customer         BYTEA   NOT NULL,
    account          BYTEA   NOT NULL,
    name_sealed      BYTEA   NOT NULL,
    created_at       BIGINT  NOT NULL,
    -- From when large sums may go there: the end of the cooling time.
    trusted_at       BIGINT  NOT NULL
);
CREATE UNIQUE INDEX beneficiaries_account ON beneficiaries (customer, account);

-- The customer's own limits, minor units, per currency. NULL: none.
CREATE TABLE customer_limits (
    customer         BYTEA   NOT NULL,
    currency         TEXT    NOT NULL CHECK (length(currency) = 3),
    per_transfer     BIGINT CHECK (per_transfer >= 0),
    per_day          BIGINT CHECK (per_day >= 0),
    per_week         BIGINT CHECK (per_week >= 0),
    per_month        BIGINT CHECK (per_month >= 0),
    changed_at       BIGINT  NOT NULL,
    PRIMARY KEY (customer, currency)
);

-- What protected customers sent to others, by the hour (hours since 1970): what rolling windows are summed
-- from.
CREATE TABLE spending (
    customer         BYTEA   NOT NULL,
    currency         TEXT    NOT NULL,
    hour             BIGINT  NOT NULL,
    amount           BIGINT  NOT NULL CHECK (amount >= 0),
    transfers        BIGINT  NOT NULL CHECK (transfers >= 0),
    PRIMARY KEY (customer, currency, hour)
);

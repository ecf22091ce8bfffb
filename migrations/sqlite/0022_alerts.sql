-- Messages about payments: who wants them, what waits to be told, and how much was told lately.

-- The customer's own choice, per currency; without a row the bank's profile decides.
CREATE TABLE payment_alerts (
    customer         BLOB    NOT NULL CHECK (length(customer) = 16),
    currency         TEXT    NOT NULL CHECK (length(currency) = 3),
    enabled          INTEGER NOT NULL CHECK (enabled BETWEEN 0 AND 1),
    at_least         INTEGER CHECK (at_least > 0), -- minor units; NULL: every payment is told
    enabled_at       INTEGER NOT NULL,             -- what was posted before is not told
    changed_at       INTEGER NOT NULL,
    PRIMARY KEY (customer, currency)
) STRICT, WITHOUT ROWID;
CREATE INDEX payment_alerts_enabled ON payment_alerts (customer) WHERE enabled = 1;

-- Payments that the next message tells of: sums, and the largest few, 8 bytes of amount and 16 of id each.
CREATE TABLE alerts_gathered (
    customer         BLOB    NOT NULL CHECK (length(customer) = 16),
    currency         TEXT    NOT NULL CHECK (length(currency) = 3),
    direction        INTEGER NOT NULL CHECK (direction BETWEEN 0 AND 1), -- in, out
    payments         INTEGER NOT NULL CHECK (payments > 0),
    amount           INTEGER NOT NULL CHECK (amount > 0),
    listed           BLOB    NOT NULL,
    PRIMARY KEY (customer, currency, direction)
) STRICT, WITHOUT ROWID;

-- Messages of the hour that began with one, those of incoming money alone and the others, and when the next may go;
-- `due_at` is NULL where nothing was gathered.
CREATE TABLE alerts_told (
    customer         BLOB    NOT NULL PRIMARY KEY CHECK (length(customer) = 16),
    hour_at          INTEGER NOT NULL,
    incoming         INTEGER NOT NULL CHECK (incoming >= 0),
    outgoing         INTEGER NOT NULL CHECK (outgoing >= 0),
    message          BLOB    CHECK (message IS NULL OR length(message) = 16), -- the last one
    due_at           INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX alerts_told_due ON alerts_told (due_at, customer) WHERE due_at IS NOT NULL;

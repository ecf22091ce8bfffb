-- What card gateways report, held against our payments.

-- One row for each movement that a gateway reported, so that a report read twice changes nothing.
CREATE TABLE report_lines (
    gateway          TEXT    NOT NULL,
    operation        TEXT    NOT NULL,
    kind             INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3),  -- as payment_steps
    day              INTEGER NOT NULL,                               -- days since 1970, UTC
    payment          TEXT    NOT NULL,
    reference        TEXT    NOT NULL,
    amount           INTEGER NOT NULL CHECK (amount > 0),
    currency         TEXT    NOT NULL CHECK (length(currency) = 3),
    fee              INTEGER NOT NULL,
    reported_at      INTEGER NOT NULL,
    PRIMARY KEY (gateway, operation, kind)
) STRICT, WITHOUT ROWID;

-- One row for each report that was read to its end.
CREATE TABLE reconciliations (
    gateway          TEXT    NOT NULL,
    day              INTEGER NOT NULL,
    mode             INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 1),
    lines            INTEGER NOT NULL CHECK (lines >= 0),
    matched          INTEGER NOT NULL CHECK (matched >= 0),
    differences      INTEGER NOT NULL CHECK (differences >= 0),
    done_at          INTEGER NOT NULL,
    PRIMARY KEY (gateway, day)
) STRICT, WITHOUT ROWID;

-- What does not agree, until an operator has said what it was.
CREATE TABLE differences (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    gateway          TEXT    NOT NULL,
    mode             INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 1),
    day              INTEGER NOT NULL,
    -- unknown_operation, not_done_here, amount_differs, currency_differs, not_reported
    what             INTEGER NOT NULL CHECK (what BETWEEN 0 AND 4),
    operation        TEXT    NOT NULL,
    currency         TEXT    NOT NULL CHECK (length(currency) = 3),
    ours             INTEGER NOT NULL CHECK (ours >= 0),
    theirs           INTEGER NOT NULL CHECK (theirs >= 0),
    transfer         BLOB,   -- to or from suspense
    found_at         INTEGER NOT NULL,
    resolved_at      INTEGER,
    resolved_by      BLOB,
    note             TEXT,
    CONSTRAINT differences_resolved CHECK ((resolved_at IS NULL) = (note IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX differences_once ON differences (gateway, operation, what);

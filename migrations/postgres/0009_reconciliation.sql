-- What card gateways report, held against our payments.

-- One row for each movement that a gateway reported, so that a report read twice changes nothing.
CREATE TABLE report_lines (
    gateway          TEXT    NOT NULL,
    operation        TEXT    NOT NULL,
    kind             BIGINT  NOT NULL CHECK (kind BETWEEN 0 AND 3),  -- as payment_steps
    day              BIGINT  NOT NULL,                               -- days since 1970, UTC
    payment          TEXT    NOT NULL,
    reference        TEXT    NOT NULL,
    amount           BIGINT  NOT NULL CHECK (amount > 0),
    currency         TEXT    NOT NULL CHECK (length(currency) = 3),
    fee              BIGINT  NOT NULL,
    reported_at      BIGINT  NOT NULL,
    PRIMARY KEY (gateway, operation, kind)
);

-- One row for each report that was read to its end.
CREATE TABLE reconciliations (
    gateway          TEXT    NOT NULL,
    day              BIGINT  NOT NULL,
    mode             BIGINT  NOT NULL CHECK (mode BETWEEN 0 AND 1),
    lines            BIGINT  NOT NULL CHECK (lines >= 0),
    matched          BIGINT  NOT NULL CHECK (matched >= 0),
    differences      BIGINT  NOT NULL CHECK (differences >= 0),
    done_at          BIGINT  NOT NULL,
    PRIMARY KEY (gateway, day)
);

-- What does not agree, until an operator has said what it was.
CREATE TABLE differences (
    id               BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    gateway          TEXT    NOT NULL,
    mode             BIGINT  NOT NULL CHECK (mode BETWEEN 0 AND 1),
    day              BIGINT  NOT NULL,
    -- unknown_operation, not_done_here, amount_differs, currency_differs, not_reported
    what             BIGINT  NOT NULL CHECK (what BETWEEN 0 AND 4),
    operation        TEXT    NOT NULL,
    currency         TEXT    NOT NULL CHECK (length(currency) = 3),
    ours             BIGINT  NOT NULL CHECK (ours >= 0),
    theirs           BIGINT  NOT NULL CHECK (theirs >= 0),
    transfer         BYTEA,   -- to or from suspense
    found_at         BIGINT  NOT NULL,
    resolved_at      BIGINT,
    resolved_by      BYTEA,
    note             TEXT,
    CONSTRAINT differences_resolved CHECK ((resolved_at IS NULL) = (note IS NULL))
);
CREATE UNIQUE INDEX differences_once ON differences (gateway, operation, what);

-- What merchants are told: their events in a gapless sequence, where they want them sent, and what was not
-- taken at the first try.

-- The last number that was given out. Its row is locked until the event is committed, so that no number is
-- left out and none is seen before the one below it.
CREATE TABLE merchant_sequences (
    merchant         BLOB    NOT NULL REFERENCES merchants (id),
    mode             INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 1),
    last             INTEGER NOT NULL CHECK (last > 0),
    PRIMARY KEY (merchant, mode)
) STRICT, WITHOUT ROWID;

CREATE TABLE merchant_events (
    merchant         BLOB    NOT NULL,
    mode             INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 1),
    sequence         INTEGER NOT NULL CHECK (sequence > 0),
    id               BLOB    NOT NULL CHECK (length(id) = 16),
    type             TEXT    NOT NULL,
    data             TEXT    NOT NULL, -- JSON, as the API showed it at that moment
    created_at       INTEGER NOT NULL,
    PRIMARY KEY (merchant, mode, sequence)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX merchant_events_id ON merchant_events (id);

CREATE TABLE webhook_endpoints (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    merchant         BLOB    NOT NULL REFERENCES merchants (id),
    mode             INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 1),
    url              TEXT    NOT NULL,
    events           TEXT    NOT NULL, -- a JSON list
    description      TEXT,
    algorithm        INTEGER NOT NULL CHECK (algorithm BETWEEN 0 AND 1), -- HMAC, Ed25519
    secret           BLOB    NOT NULL, -- sealed
    previous_secret  BLOB,             -- sealed; signs beside the other until its time is over
    previous_until   INTEGER,
    public_key       TEXT,
    -- enabled; disabled by the merchant; gone: it answered 410; failing: for days
    status           INTEGER NOT NULL CHECK (status BETWEEN 0 AND 3),
    -- Everything up to this number was tried, or is none of its.
    position         INTEGER NOT NULL CHECK (position >= 0),
    next_at          INTEGER NOT NULL, -- not looked at before
    leased_until     INTEGER NOT NULL, -- in one node's hands until then
    streak           INTEGER NOT NULL CHECK (streak >= 0), -- turns without a success
    failing_since    INTEGER,
    last_error       TEXT,
    last_delivered_at INTEGER,
    created_at       INTEGER NOT NULL,
    CONSTRAINT webhook_endpoints_previous CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_endpoints_merchant ON webhook_endpoints (merchant, mode, id);
CREATE INDEX webhook_endpoints_due ON webhook_endpoints (next_at) WHERE status = 0;

-- An event that an endpoint did not take at the first try, or that is sent again on request. One that was
-- taken at once has no row: the endpoint's position says so.
CREATE TABLE webhook_deliveries (
    endpoint         BLOB    NOT NULL REFERENCES webhook_endpoints (id),
    sequence         INTEGER NOT NULL,
    event            BLOB    NOT NULL CHECK (length(event) = 16),
    status           INTEGER NOT NULL CHECK (status BETWEEN 0 AND 2), -- waiting, delivered, dead
    attempts         INTEGER NOT NULL CHECK (attempts >= 0),
    last_error       TEXT,
    next_at          INTEGER,
    created_at       INTEGER NOT NULL,
    ended_at         INTEGER,
    PRIMARY KEY (endpoint, sequence),
    CONSTRAINT webhook_deliveries_ended CHECK ((next_at IS NULL) = (ended_at IS NOT NULL)),
    CONSTRAINT webhook_deliveries_waiting CHECK ((next_at IS NULL) = (status > 0))
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;

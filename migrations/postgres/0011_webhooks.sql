-- What merchants are told: their events in a gapless sequence, where they want them sent, and what was not
-- taken at the first try.

-- The last number that was given out. Its row is locked until the event is committed, so that no number is
-- left out and none is seen before the one below it.
CREATE TABLE merchant_sequences (
    merchant         BYTEA   NOT NULL REFERENCES merchants (id),
    mode             BIGINT  NOT NULL CHECK (mode BETWEEN 0 AND 1),
    last             BIGINT  NOT NULL CHECK (last > 0),
    PRIMARY KEY (merchant, mode)
);

CREATE TABLE merchant_events (
    merchant         BYTEA   NOT NULL,
    mode             BIGINT  NOT NULL CHECK (mode BETWEEN 0 AND 1),
    sequence         BIGINT  NOT NULL CHECK (sequence > 0),
    id               BYTEA   NOT NULL CHECK (length(id) = 16),
    type             TEXT    NOT NULL,
    data             TEXT    NOT NULL, -- JSON, as the API showed it at that moment
    created_at       BIGINT  NOT NULL,
    PRIMARY KEY (merchant, mode, sequence)
);
CREATE UNIQUE INDEX merchant_events_id ON merchant_events (id);

CREATE TABLE webhook_endpoints (
    id               BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    merchant         BYTEA   NOT NULL REFERENCES merchants (id),
    mode             BIGINT  NOT NULL CHECK (mode BETWEEN 0 AND 1),
    url              TEXT    NOT NULL,
    events           TEXT    NOT NULL, -- a JSON list
    description      TEXT,
    algorithm        BIGINT  NOT NULL CHECK (algorithm BETWEEN 0 AND 1), -- HMAC, Ed25519
    secret           BYTEA   NOT NULL, -- sealed
    previous_secret  BYTEA,             -- sealed; signs beside the other until its time is over
    previous_until   BIGINT,
    public_key       TEXT,
    -- enabled; disabled by the merchant; gone: it answered 410; failing: for days
    status           BIGINT  NOT NULL CHECK (status BETWEEN 0 AND 3),
    -- Everything up to this number was tried, or is none of its.
    position         BIGINT  NOT NULL CHECK (position >= 0),
    next_at          BIGINT  NOT NULL, -- not looked at before
    leased_until     BIGINT  NOT NULL, -- in one node's hands until then
    streak           BIGINT  NOT NULL CHECK (streak >= 0), -- turns without a success
    failing_since    BIGINT,
    last_error       TEXT,
    last_delivered_at BIGINT,
    created_at       BIGINT  NOT NULL,
    CONSTRAINT webhook_endpoints_previous CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
);
CREATE INDEX webhook_endpoints_merchant ON webhook_endpoints (merchant, mode, id);
CREATE INDEX webhook_endpoints_due ON webhook_endpoints (next_at) WHERE status = 0;

-- An event that an endpoint did not take at the first try, or that is sent again on request. One that was
-- taken at once has no row: the endpoint's position says so.
CREATE TABLE webhook_deliveries (
    endpoint         BYTEA   NOT NULL REFERENCES webhook_endpoints (id),
    sequence         BIGINT  NOT NULL,
    event            BYTEA   NOT NULL CHECK (length(event) = 16),
    status           BIGINT  NOT NULL CHECK (status BETWEEN 0 AND 2), -- waiting, delivered, dead
    attempts         BIGINT  NOT NULL CHECK (attempts >= 0),
    last_error       TEXT,
    next_at          BIGINT,
    created_at       BIGINT  NOT NULL,
    ended_at         BIGINT,
    PRIMARY KEY (endpoint, sequence),
    CONSTRAINT webhook_deliveries_ended CHECK ((next_at IS NULL) = (ended_at IS NOT NULL)),
    CONSTRAINT webhook_deliveries_waiting CHECK ((next_at IS NULL) = (status > 0))
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;

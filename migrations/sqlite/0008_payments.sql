-- Card payments, and every step of them that a gateway was or is to be asked for.

CREATE TABLE payments (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    merchant         BLOB    NOT NULL REFERENCES merchants (id),
    mode             INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 1),
    card             BLOB    NOT NULL,
    amount           INTEGER NOT NULL CHECK (amount > 0),
    currency         TEXT    NOT NULL CHECK (length(currency) = 3),
    automatic        INTEGER NOT NULL CHECK (automatic BETWEEN 0 AND 1),
    -- submitting, unknown, authorized, captured, declined, canceled
    state            INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    captured         INTEGER NOT NULL CHECK (captured >= 0),
    capturing        INTEGER NOT NULL CHECK (capturing >= 0),
    refunded         INTEGER NOT NULL CHECK (refunded >= 0),
    refunding        INTEGER NOT NULL CHECK (refunding >= 0),
    fee              INTEGER NOT NULL CHECK (fee >= 0),
    gateway          TEXT    NOT NULL,
    reference        TEXT,   -- the gateway's own
    refusal          TEXT,   -- why it was declined
    metadata         TEXT,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    CONSTRAINT payments_capture_within CHECK (captured + capturing <= amount),
    CONSTRAINT payments_refund_within CHECK (refunded + refunding <= captured)
) STRICT, WITHOUT ROWID;
CREATE INDEX payments_merchant ON payments (merchant, mode, id);

CREATE TABLE payment_steps (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    payment          BLOB    NOT NULL REFERENCES payments (id),
    kind             INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3),  -- authorize, capture, cancel, refund
    amount           INTEGER NOT NULL CHECK (amount >= 0),
    final            INTEGER NOT NULL CHECK (final BETWEEN 0 AND 1),
    state            INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3), -- submitting, unknown, done, refused
    reference        TEXT,
    refusal          TEXT,
    created_at       INTEGER NOT NULL,
    ended_at         INTEGER,
    asked            INTEGER NOT NULL CHECK (asked >= 0),
    -- When a job asks the gateway what became of it; NULL once that is known.
    ask_at           INTEGER,
    CONSTRAINT payment_steps_ended CHECK ((ask_at IS NULL) = (ended_at IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX payment_steps_payment ON payment_steps (payment, id);
CREATE INDEX payment_steps_due ON payment_steps (ask_at) WHERE ask_at IS NOT NULL;

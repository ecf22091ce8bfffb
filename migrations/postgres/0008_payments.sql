-- Card payments, and every step of them that a gateway was or is to be asked for.

CREATE TABLE payments (
    id               BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    merchant         BYTEA   NOT NULL REFERENCES merchants (id),
    mode             BIGINT  NOT NULL CHECK (mode BETWEEN 0 AND 1),
    card             BYTEA   NOT NULL,
    amount           BIGINT  NOT NULL CHECK (amount > 0),
    currency         TEXT    NOT NULL CHECK (length(currency) = 3),
    automatic        BIGINT  NOT NULL CHECK (automatic BETWEEN 0 AND 1),
    -- submitting, unknown, authorized, captured, declined, canceled
    state            BIGINT  NOT NULL CHECK (state BETWEEN 0 AND 5),
    captured         BIGINT  NOT NULL CHECK (captured >= 0),
    capturing        BIGINT  NOT NULL CHECK (capturing >= 0),
    refunded         BIGINT  NOT NULL CHECK (refunded >= 0),
    refunding        BIGINT  NOT NULL CHECK (refunding >= 0),
    fee              BIGINT  NOT NULL CHECK (fee >= 0),
    gateway          TEXT    NOT NULL,
    reference        TEXT,   -- the gateway's own
    refusal          TEXT,   -- why it was declined
    metadata         TEXT,
    created_at       BIGINT  NOT NULL,
    updated_at       BIGINT  NOT NULL,
    CONSTRAINT payments_capture_within CHECK (captured + capturing <= amount),
    CONSTRAINT payments_refund_within CHECK (refunded + refunding <= captured)
);
CREATE INDEX payments_merchant ON payments (merchant, mode, id);

CREATE TABLE payment_steps (
    id               BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    payment          BYTEA   NOT NULL REFERENCES payments (id),
    kind             BIGINT  NOT NULL CHECK (kind BETWEEN 0 AND 3),  -- authorize, capture, cancel, refund
    amount           BIGINT  NOT NULL CHECK (amount >= 0),
    final            BIGINT  NOT NULL CHECK (final BETWEEN 0 AND 1),
    state            BIGINT  NOT NULL CHECK (state BETWEEN 0 AND 3), -- submitting, unknown, done, refused
    reference        TEXT,
    refusal          TEXT,
    created_at       BIGINT  NOT NULL,
    ended_at         BIGINT,
    asked            BIGINT  NOT NULL CHECK (asked >= 0),
    -- When a job asks the gateway what became of it; NULL once that is known.
    ask_at           BIGINT,
    CONSTRAINT payment_steps_ended CHECK ((ask_at IS NULL) = (ended_at IS NOT NULL))
);
CREATE INDEX payment_steps_payment ON payment_steps (payment, id);
CREATE INDEX payment_steps_due ON payment_steps (ask_at) WHERE ask_at IS NOT NULL;

-- Charges of failed payments that are given back by themselves, the fees that gateways keep, and what a merchant may
-- give back without the bank; the end of keys, approved by two.

-- The most that a merchant gives back of one payment by itself, minor units; NULL: all of it.
ALTER TABLE merchants ADD COLUMN refund_limit BIGINT CHECK (refund_limit >= 0);

-- When two operators approved the end of a retired key.
ALTER TABLE data_keys ADD COLUMN destruction_approved_at BIGINT;

-- What a waiting key signs with is sealed for the row of its approval from now on: what waits is asked for anew.
UPDATE approvals SET status = 4, decided_at = created_at, slot = NULL, material = NULL
WHERE status = 0 AND material IS NOT NULL;

-- The transfer that booked the fee; NULL where there was none.
ALTER TABLE report_lines ADD COLUMN fee_transfer BYTEA;

CREATE UNIQUE INDEX report_lines_fee ON report_lines (fee_transfer) WHERE fee_transfer IS NOT NULL;

CREATE INDEX differences_open ON differences (id) WHERE resolved_at IS NULL;

-- One row for each step that failed here and took money at the gateway. What the gateway is asked for is named
-- by the step, so that it is the same whoever asks, and however often.
CREATE TABLE payment_reversals (
    step             BYTEA   NOT NULL PRIMARY KEY REFERENCES payment_steps (id),
    payment          BYTEA   NOT NULL REFERENCES payments (id),
    difference       BYTEA   NOT NULL UNIQUE REFERENCES differences (id),
    amount           BIGINT  NOT NULL CHECK (amount > 0),
    state            BIGINT  NOT NULL CHECK (state BETWEEN 0 AND 3), -- as payment_steps
    reference        TEXT,
    refusal          TEXT,
    transfer         BYTEA,   -- out of suspense
    created_at       BIGINT  NOT NULL,
    due_at           BIGINT  NOT NULL, -- when the profile wants it done
    overdue_at       BIGINT,           -- when it was said that it is not
    ended_at         BIGINT,
    asked            BIGINT  NOT NULL CHECK (asked >= 0),
    ask_at           BIGINT,
    CONSTRAINT payment_reversals_ended CHECK ((ask_at IS NULL) = (ended_at IS NOT NULL)),
    CONSTRAINT payment_reversals_booked CHECK ((state = 2) = (transfer IS NOT NULL))
);
CREATE INDEX payment_reversals_due ON payment_reversals (ask_at) WHERE ask_at IS NOT NULL;
CREATE INDEX payment_reversals_late ON payment_reversals (due_at) WHERE overdue_at IS NULL AND state <> 2;
CREATE INDEX payment_reversals_created ON payment_reversals (created_at);

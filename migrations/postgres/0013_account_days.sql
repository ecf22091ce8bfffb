-- What customers look at often: an account's balances by day, and what happened around their own sign-in.

-- Closing posted balances of days that are over, as far as somebody asked for them: what the chain of entries
-- says, kept because it cannot change any more. A row may be deleted at any time; it is then found anew.
CREATE TABLE account_days (
    account         BYTEA   NOT NULL CHECK (length(account) = 16),
    day             BIGINT  NOT NULL, -- days since 1970, UTC
    posted          BIGINT  NOT NULL, -- minor units
    last_entry      BYTEA   CHECK (last_entry IS NULL OR length(last_entry) = 16), -- NULL: none until then
    PRIMARY KEY (account, day)
);

-- The customer whose safety an event is about, of such events alone: sign-ins, factors, limits, payees.
-- Events of money have none, so the index costs rare acts only.
ALTER TABLE events ADD COLUMN subject BYTEA;
CREATE INDEX events_subject ON events (subject, id) WHERE subject IS NOT NULL;

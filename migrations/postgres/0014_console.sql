-- What operators look at and search by.

-- Words of customers' names, as keyed hashes: to find somebody by whole words, in any order. A customer's words are
-- written with them; those of customers from before are filled in by a job.
CREATE TABLE customer_words (
    word             BYTEA   NOT NULL CHECK (length(word) = 16),
    customer         BYTEA   NOT NULL CHECK (length(customer) = 16),
    PRIMARY KEY (word, customer)
);

-- How far a job has come that goes through a table once: the last id it has seen to.
CREATE TABLE job_places (
    job              TEXT    NOT NULL PRIMARY KEY,
    place            BYTEA   NOT NULL CHECK (length(place) = 16),
    at               BIGINT  NOT NULL
);

-- Sums of a day (days since 1970, UTC): what is summed, and under which name. A job adds to them.
CREATE TABLE daily_figures (
    day              BIGINT  NOT NULL,
    what             TEXT    NOT NULL,
    name             TEXT    NOT NULL,
    count            BIGINT  NOT NULL CHECK (count >= 0),
    volume           BIGINT  NOT NULL CHECK (volume >= 0),
    PRIMARY KEY (day, what, name)
);

-- Payments that were counted before their outcome was known, to be counted as what they became.
CREATE TABLE figure_pending (
    payment          BYTEA   NOT NULL PRIMARY KEY CHECK (length(payment) = 16)
);

-- Steps that are under way, by their payment: few at any time.
CREATE INDEX payment_steps_open ON payment_steps (payment, state) WHERE ask_at IS NOT NULL;

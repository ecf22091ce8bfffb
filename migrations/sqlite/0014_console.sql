-- What operators look at and search by.

-- Words of customers' names, as keyed hashes: to find somebody by whole words, in any order. A customer's words are
-- written with them; those of customers from before are filled in by a job.
CREATE TABLE customer_words (
    word             BLOB    NOT NULL CHECK (length(word) = 16),
    customer         BLOB    NOT NULL CHECK (length(customer) = 16),
    PRIMARY KEY (word, customer)
) STRICT, WITHOUT ROWID;

-- How far a job has come that goes through a table once: the last id it has seen to.
CREATE TABLE job_places (
    job              TEXT    NOT NULL PRIMARY KEY,
    place            BLOB    NOT NULL CHECK (length(place) = 16),
    at               INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Sums of a day (days since 1970, UTC): what is summed, and under which name. A job adds to them.
CREATE TABLE daily_figures (
    day              INTEGER NOT NULL,
    what             TEXT    NOT NULL,
    name             TEXT    NOT NULL,
    count            INTEGER NOT NULL CHECK (count >= 0),
    volume           INTEGER NOT NULL CHECK (volume >= 0),
    PRIMARY KEY (day, what, name)
) STRICT, WITHOUT ROWID;

-- Payments that were counted before their outcome was known, to be counted as what they became.
CREATE TABLE figure_pending (
    payment          BLOB    NOT NULL PRIMARY KEY CHECK (length(payment) = 16)
) STRICT, WITHOUT ROWID;

-- Steps that are under way, by their payment: few at any time.
CREATE INDEX payment_steps_open ON payment_steps (payment, state) WHERE ask_at IS NOT NULL;

-- The Merkle log over events and transfers: leaf numbers are given after commit, so that no write pays for them.

-- Hashes of one level, 256 to a tile (C2SP tlog-tiles); the last of a level is partial.
CREATE TABLE log_tiles (
    level            BIGINT  NOT NULL CHECK (level BETWEEN 0 AND 7),
    number           BIGINT  NOT NULL CHECK (number >= 0),
    hashes           BYTEA   NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192),
    PRIMARY KEY (level, number)
);

-- What stands behind the 256 leaves of a tile of level 0: of each a byte for its table, the row's id, and the commitment
-- to its personal values. `secret` keys the commitments to what not everybody with a proof may see.
CREATE TABLE log_bundles (
    number           BIGINT  NOT NULL PRIMARY KEY CHECK (number >= 0),
    lowest           BYTEA   NOT NULL CHECK (length(lowest) = 16),  -- of its ids
    highest          BYTEA   NOT NULL CHECK (length(highest) = 16),
    secret           BYTEA   NOT NULL CHECK (length(secret) = 32),
    entries          BYTEA   NOT NULL CHECK (length(entries) BETWEEN 49 AND 12544)
);
CREATE INDEX log_bundles_highest ON log_bundles (highest, number);

-- Signed checkpoints (C2SP tlog-checkpoint): one for each time that the log grew.
CREATE TABLE log_checkpoints (
    size             BIGINT  NOT NULL PRIMARY KEY CHECK (size > 0),
    at               BIGINT  NOT NULL,
    note             TEXT    NOT NULL
);

-- What a person's values are committed to with, sealed. Without it nobody can tell any more what they were, and all
-- proofs hold. `id` is the person, or zeros for the bank itself.
CREATE TABLE log_salts (
    id               BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    salt             BYTEA,
    created_at       BIGINT  NOT NULL,
    destroyed_at     BIGINT,
    CONSTRAINT log_salts_destroyed CHECK ((destroyed_at IS NULL) = (salt IS NOT NULL))
);

-- One row: how far the log is, and which node writes it.
CREATE TABLE log_state (
    id               BIGINT  NOT NULL PRIMARY KEY CHECK (id = 1),
    size             BIGINT  NOT NULL CHECK (size >= 0),
    settled          BYTEA   NOT NULL CHECK (length(settled) = 16), -- all rows below it that will ever be, are leaves
    leader           BYTEA   NOT NULL CHECK (length(leader) = 16),
    leased_until     BIGINT  NOT NULL
);

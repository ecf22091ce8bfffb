-- Blind indexes under versions of their key, so that the key can be rotated.

-- Which version all indexes of the row are made with, the words of the name included. Until now there was one.
ALTER TABLE customers ADD COLUMN index_version BIGINT NOT NULL DEFAULT 1 CHECK (index_version > 0);

ALTER TABLE factors ADD COLUMN index_version BIGINT NOT NULL DEFAULT 1 CHECK (index_version > 0);

-- What recovery codes are found by that were made under a version which is finished: the key of that column alone,
-- sealed. The codes are not stored, so their hashes cannot be made anew.
CREATE TABLE kept_indexes (
    id               BYTEA NOT NULL PRIMARY KEY CHECK (length(id) = 16), -- the version, big-endian
    version          BIGINT NOT NULL CHECK (version > 0),
    key_sealed       BYTEA NOT NULL,
    created_at       BIGINT NOT NULL
);

-- How old the passwords and tokens of other services are: when each was first seen in the configuration. A few rows a setting.
CREATE TABLE service_secrets (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    setting          TEXT    NOT NULL,
    digest_sealed    BLOB    NOT NULL, -- a hash that the same secret is known by again
    seen_at          INTEGER NOT NULL, -- first
    used_at          INTEGER NOT NULL  -- at the last start with it
) STRICT, WITHOUT ROWID;

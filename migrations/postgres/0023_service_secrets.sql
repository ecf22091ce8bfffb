-- How old the passwords and tokens of other services are: when each was first seen in the configuration. A few rows a setting.
CREATE TABLE service_secrets (
    id               BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    setting          TEXT    NOT NULL,
    digest_sealed    BYTEA   NOT NULL, -- a hash that the same secret is known by again
    seen_at          BIGINT  NOT NULL, -- first
    used_at          BIGINT  NOT NULL  -- at the last start with it
);

-- Events: one row for each change and each refusal that matters, written in the same transaction.

-- Who acts, from where: one row per session, address and agent; its id is a hash of the rest.
CREATE TABLE origins (
    id              BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    actor_kind      TEXT    NOT NULL,
    actor           BYTEA,
    session         BYTEA,
    address         TEXT    NOT NULL,
    agent           TEXT    NOT NULL,
    first_seen_at   BIGINT  NOT NULL
);

CREATE TABLE events (
    id              BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at              BIGINT  NOT NULL,
    origin          BYTEA   NOT NULL,
    request         BYTEA   NOT NULL,
    action          TEXT    NOT NULL,
    resource        TEXT    NOT NULL,
    outcome         TEXT    NOT NULL,
    before          TEXT,
    after           TEXT
);

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER origins_no_update BEFORE UPDATE ON origins
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER origins_no_delete BEFORE DELETE ON origins
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER origins_no_truncate BEFORE TRUNCATE ON origins
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

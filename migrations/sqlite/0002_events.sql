-- Events: one row for each change and each refusal that matters, written in the same transaction.

-- Who acts, from where: one row per session, address and agent; its id is a hash of the rest.
CREATE TABLE origins (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    actor_kind      TEXT    NOT NULL,
    actor           BLOB,
    session         BLOB,
    address         TEXT    NOT NULL,
    agent           TEXT    NOT NULL,
    first_seen_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at              INTEGER NOT NULL,
    origin          BLOB    NOT NULL,
    request         BLOB    NOT NULL,
    action          TEXT    NOT NULL,
    resource        TEXT    NOT NULL,
    outcome         TEXT    NOT NULL,
    before          TEXT,
    after           TEXT
) STRICT, WITHOUT ROWID;

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are immutable'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are immutable'); END;
CREATE TRIGGER origins_no_update BEFORE UPDATE ON origins
BEGIN SELECT RAISE(ABORT, 'origins are immutable'); END;
CREATE TRIGGER origins_no_delete BEFORE DELETE ON origins
BEGIN SELECT RAISE(ABORT, 'origins are immutable'); END;

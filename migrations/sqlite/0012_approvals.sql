-- Acts of operators that wait for a second operator.

CREATE TABLE approvals (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    kind             TEXT    NOT NULL,
    -- pending, approved, rejected, withdrawn, expired
    status           INTEGER NOT NULL CHECK (status BETWEEN 0 AND 4),
    maker            BLOB    NOT NULL,
    -- The act, sealed together with who asked and when: what is not as it was asked does not open.
    request          BLOB    NOT NULL,
    -- Of a merchant's key: what it signs with, sealed for its row; gone once it is decided.
    material         BLOB,
    -- What no second one may wait for, while this one does.
    slot             TEXT,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    decided_at       INTEGER,
    decided_by       BLOB,   -- nobody: its time was over
    reason           TEXT,
    -- Of an approved one: what it made or changed, or the code of the refusal.
    resource         TEXT,
    refusal          TEXT,
    CONSTRAINT approvals_decided CHECK ((status = 0) = (decided_at IS NULL)),
    CONSTRAINT approvals_slot CHECK (status = 0 OR (slot IS NULL AND material IS NULL)),
    CONSTRAINT approvals_never_own CHECK (status <> 1 OR (decided_by IS NOT NULL AND decided_by <> maker)),
    CONSTRAINT approvals_outcome CHECK ((status = 1) = (resource IS NOT NULL OR refusal IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX approvals_status ON approvals (status, id);
CREATE INDEX approvals_maker ON approvals (maker, status, id);
CREATE UNIQUE INDEX approvals_slots ON approvals (slot);

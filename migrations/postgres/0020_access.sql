-- How operators come in: passwords that have to be changed, an authenticator in place of another, long absence; and
-- the passwords that somebody had before.

-- What an operator does before there is a session: nothing, choose a password, or that and enrol an authenticator.
ALTER TABLE staff ADD COLUMN renewal BIGINT NOT NULL DEFAULT 0 CHECK (renewal BETWEEN 0 AND 2);
-- With a renewal: the password that begins it serves until then.
ALTER TABLE staff ADD COLUMN first_password_until BIGINT;
-- The secret of an authenticator that waits for its first code.
ALTER TABLE staff ADD COLUMN totp_new_sealed BYTEA;
-- The last complete sign-in.
ALTER TABLE staff ADD COLUMN last_signed_in_at BIGINT;
-- What an absence is counted from: the last sign-in, or when access was opened. Empty for those from before this step,
-- until the job has seen them.
ALTER TABLE staff ADD COLUMN absent_since BIGINT;

-- Hashes of the passwords that a customer or an operator had before, the newest with the highest place; a few of each.
CREATE TABLE former_passwords (
    principal        BYTEA   NOT NULL CHECK (length(principal) = 16),
    place            BIGINT  NOT NULL CHECK (place > 0),
    password_hash    TEXT    NOT NULL,
    replaced_at      BIGINT  NOT NULL,
    PRIMARY KEY (principal, place)
);

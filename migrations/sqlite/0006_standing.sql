-- Who may come in: customers that operators have locked, and addresses that are proven.

-- With status 1: set, the customer is locked, which support may do; not set, disabled.
ALTER TABLE customers ADD COLUMN locked_at INTEGER;
-- When the customer has shown that they read their e-mail. Only then reset tokens are sent there.
ALTER TABLE customers ADD COLUMN email_verified_at INTEGER;

-- What was mailed to prove an address: hashes of 256-bit random tokens. A row goes when its token is used.
CREATE TABLE email_confirmations (
    token_hash       BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    customer         BLOB    NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX email_confirmations_customer ON email_confirmations (customer, created_at);

-- The administrators are locked together where one of them is disabled.
CREATE INDEX staff_role ON staff (role, id);

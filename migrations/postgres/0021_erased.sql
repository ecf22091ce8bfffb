-- Customers who have left: the row stays, the person in it goes.

-- When everything personal was taken out of the row. The index of an e-mail is unique and longer than an id, so the id stands
-- in its place and is nobody's e-mail.
ALTER TABLE customers ADD COLUMN erased_at BIGINT CONSTRAINT customers_erased CHECK (erased_at IS NULL OR (status = 1 AND locked_at IS NULL AND email_index = id AND length(email_sealed) = 0 AND length(full_name_sealed) = 0 AND length(password_hash) = 0 AND phone_sealed IS NULL AND phone_index IS NULL AND government_id_sealed IS NULL AND government_id_index IS NULL));
-- Those who may be erased one day: few of all.
CREATE INDEX customers_disabled ON customers (status, id) WHERE status = 1 AND erased_at IS NULL;
-- Whose account a merchant is paid out to is not gone.
CREATE INDEX merchants_settlement ON merchants (settlement);
-- The words of a name go with the person, by whatever rule they were made.
CREATE INDEX customer_words_customer ON customer_words (customer);
-- Nobody is erased by a clock that is behind the latest time in the log.
CREATE INDEX log_checkpoints_at ON log_checkpoints (at);

-- When it was first seen that the time of a closed customer is over; empty while it is not.
ALTER TABLE log_salts ADD COLUMN due_since BIGINT;
-- Until now a mark stayed when its salt was destroyed, also where the customer was enabled again. From now on it is what a
-- person is erased by, so it is counted anew.
UPDATE log_salts SET closed_since = NULL WHERE salt IS NULL;

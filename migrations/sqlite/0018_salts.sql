-- What the retention time of a closed customer is counted from.

-- When it was first seen that the customer is disabled and every account of theirs is closed; empty while it is not so.
ALTER TABLE log_salts ADD COLUMN closed_since INTEGER;

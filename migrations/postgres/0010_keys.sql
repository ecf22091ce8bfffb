-- Data keys: when a version was retired, how often it has sealed, and when its last value was sealed anew.

ALTER TABLE data_keys ADD COLUMN retired_at BIGINT;
ALTER TABLE data_keys ADD COLUMN resealed_at BIGINT;
ALTER TABLE data_keys ADD COLUMN sealings BIGINT NOT NULL DEFAULT 0;

-- A version was retired when the next one was made.
UPDATE data_keys SET retired_at = (
    SELECT MIN(n.created_at) FROM data_keys AS n
    WHERE n.purpose = data_keys.purpose AND n.version > data_keys.version)
WHERE state = 'retired';

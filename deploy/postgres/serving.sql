-- What the role may do that `exchequer serve` signs in as, where it is not the owner of the tables: read all rows, write
-- them where the bank does, delete where the bank does, and nothing to the schema. So whoever has taken over a serving
-- process, or its password, cannot switch off the triggers that keep the trail, nor change or remove what they keep.
--
-- The owner runs this once the role is there (CREATE ROLE bank_serve LOGIN PASSWORD '…'), and again after each
-- `exchequer migrate`, which has made tables that nobody else may touch yet:
--
--     psql -v ON_ERROR_STOP=1 -f serving.sql postgres://OWNER@HOST/bank
--
-- It says all that the role may do: what is not here is taken away.
BEGIN;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM bank_serve;
GRANT USAGE ON SCHEMA public TO bank_serve;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO bank_serve;
REVOKE UPDATE ON transfers, events, origins FROM bank_serve;
REVOKE INSERT, UPDATE ON schema_migrations FROM bank_serve;
GRANT DELETE ON
    account_days, alerts_gathered, alerts_told, attempts, beneficiaries, card_reveals, challenges, customer_limits, customer_words, devices, email_confirmations,
    factors, figure_pending, former_passwords, idempotency, log_checkpoints, merchant_events, outbox,
    outbox_destinations, outflows, password_resets, payment_alerts, recovery_codes, refresh_tokens, service_secrets, sessions, spending, webhook_deliveries, webhook_endpoints
    TO bank_serve;
COMMIT;

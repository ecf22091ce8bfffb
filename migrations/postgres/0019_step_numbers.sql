-- The order of a payment's steps: a number that is given under the payment's lock. Ids ascend by the clock of the
-- node that made them, and clocks are apart. A program that knows of no number can begin a payment and no second step of one.

ALTER TABLE payment_steps ADD COLUMN number BIGINT NOT NULL DEFAULT 1 CHECK (number > 0);

-- Of steps that are there, the authorisation is first. What ended a payment's captures and cancellations, or is under
-- way, is the last of them, since nothing begins beside or behind it. No refund is before the first money that was
-- captured. Within that, by id.
UPDATE payment_steps SET number = ordered.number FROM (
    SELECT id, ROW_NUMBER() OVER (PARTITION BY payment
        ORDER BY place, CASE WHEN kind = 3 THEN 1 ELSE 0 END, is_end, n) AS number
    FROM (
        SELECT id, payment, kind, is_end, n,
            CASE WHEN kind = 3 AND n < taken THEN taken ELSE place END AS place
        FROM (
            SELECT id, payment, kind, is_end, n, place,
                MIN(CASE WHEN kind = 1 AND state = 2 THEN place END) OVER (PARTITION BY payment) AS taken
            FROM (
                SELECT id, payment, kind, state, is_end, n,
                    CASE WHEN kind = 0 THEN 0
                        WHEN is_end = 1 THEN MAX(CASE WHEN kind < 3 THEN n END) OVER (PARTITION BY payment)
                        ELSE n END AS place
                FROM (
                    SELECT id, payment, kind, state,
                        CASE WHEN kind BETWEEN 1 AND 2
                            AND (state < 2 OR (state = 2 AND (kind = 2 OR final = 1)))
                            THEN 1 ELSE 0 END AS is_end,
                        ROW_NUMBER() OVER (PARTITION BY payment ORDER BY id) AS n
                    FROM payment_steps
                ) AS counted
            ) AS placed
        ) AS floored
    ) AS sorted
) AS ordered WHERE ordered.id = payment_steps.id;

DROP INDEX payment_steps_payment;
CREATE UNIQUE INDEX payment_steps_number ON payment_steps (payment, number);

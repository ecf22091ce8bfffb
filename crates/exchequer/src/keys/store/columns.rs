//! The columns that are sealed, and the SQL that goes through each.

use store::ReplaceSql;
use vault::Sealing;

/// A sealed column, and how its values are gone through by key and replaced.
pub(in crate::keys) struct SealedColumn {
    pub sealing: Sealing,
    pub table: &'static str,
    pub column: &'static str,
    /// Key and value of `$2` rows behind the key `$1`.
    pub(super) walk: &'static str,
    pub replace: ReplaceSql,
}

/// Every column that is sealed and lasts. Answers under idempotency keys ([`super::walk_answers`]) are sealed
/// too, and not sealed anew: they are emptied after 30 days, and until then their version is kept.
pub(in crate::keys) const COLUMNS: &[SealedColumn] = &[
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "customers",
        column: "email_sealed",
        walk: "SELECT id, email_sealed FROM customers WHERE id > $1 AND erased_at IS NULL \
               ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE customers SET email_sealed = $3 WHERE id = $1 AND email_sealed = $2",
            set: "UPDATE customers AS t SET email_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.email_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "customers",
        column: "full_name_sealed",
        walk: "SELECT id, full_name_sealed FROM customers WHERE id > $1 AND erased_at IS NULL \
               ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE customers SET full_name_sealed = $3 WHERE id = $1 AND full_name_sealed = $2",
            set: "UPDATE customers AS t SET full_name_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.full_name_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "customers",
        column: "phone_sealed",
        walk: "SELECT id, phone_sealed FROM customers WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE customers SET phone_sealed = $3 WHERE id = $1 AND phone_sealed = $2",
            set: "UPDATE customers AS t SET phone_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.phone_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "customers",
        column: "government_id_sealed",
        walk: "SELECT id, government_id_sealed FROM customers WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE customers SET government_id_sealed = $3 WHERE id = $1 AND government_id_sealed = $2",
            set: "UPDATE customers AS t SET government_id_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.government_id_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "staff",
        column: "totp_sealed",
        walk: "SELECT id, totp_sealed FROM staff WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE staff SET totp_sealed = $3 WHERE id = $1 AND totp_sealed = $2",
            set: "UPDATE staff AS t SET totp_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.totp_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "staff",
        column: "totp_new_sealed",
        walk: "SELECT id, totp_new_sealed FROM staff WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE staff SET totp_new_sealed = $3 WHERE id = $1 AND totp_new_sealed = $2",
            set: "UPDATE staff AS t SET totp_new_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.totp_new_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "factors",
        column: "secret_sealed",
        walk: "SELECT id, secret_sealed FROM factors WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE factors SET secret_sealed = $3 WHERE id = $1 AND secret_sealed = $2",
            set: "UPDATE factors AS t SET secret_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.secret_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "challenges",
        column: "text_sealed",
        walk: "SELECT id, text_sealed FROM challenges WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE challenges SET text_sealed = $3 WHERE id = $1 AND text_sealed = $2",
            set: "UPDATE challenges AS t SET text_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.text_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "outbox",
        column: "destination_sealed",
        walk: "SELECT id, destination_sealed FROM outbox WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE outbox SET destination_sealed = $3 WHERE id = $1 AND destination_sealed = $2",
            set: "UPDATE outbox AS t SET destination_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.destination_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "outbox",
        column: "text_sealed",
        walk: "SELECT id, text_sealed FROM outbox WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE outbox SET text_sealed = $3 WHERE id = $1 AND text_sealed = $2",
            set: "UPDATE outbox AS t SET text_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.text_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "beneficiaries",
        column: "name_sealed",
        walk: "SELECT id, name_sealed FROM beneficiaries WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE beneficiaries SET name_sealed = $3 WHERE id = $1 AND name_sealed = $2",
            set: "UPDATE beneficiaries AS t SET name_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.name_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "log_salts",
        column: "salt",
        walk: "SELECT id, salt FROM log_salts WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE log_salts SET salt = $3 WHERE id = $1 AND salt = $2",
            set: "UPDATE log_salts AS t SET salt = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.salt = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "kept_indexes",
        column: "key_sealed",
        walk: "SELECT id, key_sealed FROM kept_indexes WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE kept_indexes SET key_sealed = $3 WHERE id = $1 AND key_sealed = $2",
            set: "UPDATE kept_indexes AS t SET key_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.key_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "service_secrets",
        column: "digest_sealed",
        walk: "SELECT id, digest_sealed FROM service_secrets WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE service_secrets SET digest_sealed = $3 WHERE id = $1 AND digest_sealed = $2",
            set: "UPDATE service_secrets AS t SET digest_sealed = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.digest_sealed = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::CardData,
        table: "cards",
        column: "number",
        walk: "SELECT id, number FROM cards WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE cards SET number = $3 WHERE id = $1 AND number = $2",
            set: "UPDATE cards AS t SET number = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.number = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::MerchantSecrets,
        table: "merchant_keys",
        column: "material",
        walk: "SELECT id, material FROM merchant_keys WHERE algorithm = 0 AND id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE merchant_keys SET material = $3 WHERE id = $1 AND material = $2",
            set: "UPDATE merchant_keys AS t SET material = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.material = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::MerchantSecrets,
        table: "webhook_endpoints",
        column: "secret",
        walk: "SELECT id, secret FROM webhook_endpoints WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE webhook_endpoints SET secret = $3 WHERE id = $1 AND secret = $2",
            set: "UPDATE webhook_endpoints AS t SET secret = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.secret = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::MerchantSecrets,
        table: "webhook_endpoints",
        column: "previous_secret",
        walk: "SELECT id, previous_secret FROM webhook_endpoints WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE webhook_endpoints SET previous_secret = $3 WHERE id = $1 AND previous_secret = $2",
            set: "UPDATE webhook_endpoints AS t SET previous_secret = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.previous_secret = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::PersonalData,
        table: "approvals",
        column: "request",
        walk: "SELECT id, request FROM approvals WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE approvals SET request = $3 WHERE id = $1 AND request = $2",
            set: "UPDATE approvals AS t SET request = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.request = n.old",
        },
    },
    SealedColumn {
        sealing: Sealing::MerchantSecrets,
        table: "approvals",
        column: "material",
        walk: "SELECT id, material FROM approvals WHERE id > $1 ORDER BY id LIMIT $2",
        replace: ReplaceSql {
            one: "UPDATE approvals SET material = $3 WHERE id = $1 AND material = $2",
            set: "UPDATE approvals AS t SET material = n.new FROM \
                  unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n(id, old, new) \
                  WHERE t.id = n.id AND t.material = n.old",
        },
    },
];

//! SQL of customers' indexes that are computed anew.

use money::CustomerId;
use store::{DbError, Tx, params};

use super::{EMAIL_INDEX, GOVERNMENT_ID_INDEX, PHONE_INDEX, index, read};
use crate::bank::Tools;
use crate::customers::model::{Customer, GovernmentId, Phone};
use crate::customers::names::WordIndex;
use crate::customers::reindex::Moved;
use crate::keys::reindex::Behind;

/// The version of a customer's indexes, and where it is an older one than that in use the customer, opened.
pub(in crate::customers) struct Versioned {
    pub id: CustomerId,
    pub version: u32,
    pub customer: Option<Result<Customer, DbError>>,
}

/// Customers behind a key, whatever version they are under.
pub(in crate::customers) fn under_version(
    tx: &mut Tx<'_>,
    tools: &Tools,
    (active, (after, most)): (u32, Behind),
) -> Result<Vec<Versioned>, DbError> {
    let after = after.as_ref().map_or(&[][..], |key| &key[..]);
    let rows = tx.query(
        "SELECT id, status, email_sealed, full_name_sealed, phone_sealed, government_id_sealed, \
         created_at, locked_at, email_verified_at, index_version FROM customers \
         WHERE id > $1 AND erased_at IS NULL ORDER BY id LIMIT $2",
        params![after, most],
    )?;
    rows.iter()
        .map(|row| {
            let version = u32::try_from(row.int(9)?)
                .map_err(|_| DbError::Corrupt("the version of an index".to_owned()))?;
            let customer = (version < active).then(|| read(tools, row));
            Ok(Versioned { id: row.id(0)?, version, customer })
        })
        .collect()
}

/// E-mail, phone and government id under the version in use.
pub(in crate::customers) fn indexes_of(
    tools: &Tools,
    customer: &Customer,
) -> [Option<[u8; 32]>; 3] {
    let phone = customer.phone.as_ref().map(Phone::as_str);
    let government_id = customer.government_id.as_ref().map(GovernmentId::as_str);
    [
        Some(index(tools, EMAIL_INDEX, customer.email.as_str())),
        phone.map(|phone| index(tools, PHONE_INDEX, phone)),
        government_id.map(|id| index(tools, GOVERNMENT_ID_INDEX, id)),
    ]
}

/// False where the row is not under that version any more, its person is erased, or the e-mail is another customer's.
pub(in crate::customers) fn move_indexes(tx: &mut Tx<'_>, moved: &Moved) -> Result<bool, DbError> {
    let rows = tx.execute(
        "UPDATE customers SET email_index = $2, phone_index = $3, government_id_index = $4, \
         index_version = $5 WHERE id = $1 AND index_version = $6 AND erased_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM customers AS c WHERE c.email_index = $2 AND c.id <> $1)",
        params![
            &moved.id,
            &moved.email,
            moved.phone.as_ref(),
            moved.government_id.as_ref(),
            i64::from(moved.to_version),
            i64::from(moved.from_version)
        ],
    )?;
    Ok(rows == 1)
}

pub(in crate::customers) fn remove_words(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    words: &[WordIndex],
) -> Result<(), DbError> {
    for word in words {
        tx.execute(
            "DELETE FROM customer_words WHERE word = $1 AND customer = $2",
            params![word, customer],
        )?;
    }
    Ok(())
}

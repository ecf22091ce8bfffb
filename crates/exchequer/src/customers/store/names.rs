//! SQL of the words of names.

use money::CustomerId;
use store::{DbError, Tx, params};

use super::{FULL_NAME, place};
use crate::bank::Tools;
use crate::customers::names::WordIndex;

/// Writes the words of a customer's name; those that are there stay.
pub(in crate::customers) fn insert_words(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
    words: &[WordIndex],
) -> Result<(), DbError> {
    for word in words {
        tx.execute(
            "INSERT INTO customer_words (word, customer) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            params![word, customer],
        )?;
    }
    Ok(())
}

/// All of a customer, whatever key and whatever splitting of the name they were made by.
pub(in crate::customers) fn erase_words(
    tx: &mut Tx<'_>,
    customer: &CustomerId,
) -> Result<(), DbError> {
    tx.execute("DELETE FROM customer_words WHERE customer = $1", params![customer])?;
    Ok(())
}

/// Up to `most` customers with a word in their name, by id, after the one named.
pub(in crate::customers) fn with_word(
    tx: &mut Tx<'_>,
    word: &WordIndex,
    (after, most): (&CustomerId, i64),
) -> Result<Vec<CustomerId>, DbError> {
    let rows = tx.query(
        "SELECT customer FROM customer_words WHERE word = $1 AND customer > $2 \
         ORDER BY customer LIMIT $3",
        params![word, after, most],
    )?;
    rows.iter().map(|row| row.id(0)).collect()
}

/// Up to `most` names, opened, by id, after the one named; nobody is erased until their words are written.
pub(in crate::customers) fn names_after(
    tx: &mut Tx<'_>,
    tools: &Tools,
    (after, most): (&CustomerId, i64),
) -> Result<Vec<(CustomerId, String)>, DbError> {
    let rows = tx.query_locked(
        "SELECT id, full_name_sealed FROM customers WHERE id > $1 AND erased_at IS NULL \
         ORDER BY id LIMIT $2",
        params![after, most],
    )?;
    rows.iter()
        .map(|row| {
            let id: CustomerId = row.id(0)?;
            let name = tools.unseal(&place(FULL_NAME, &id), row.blob(1)?)?;
            Ok((id, name.expose().to_owned()))
        })
        .collect()
}

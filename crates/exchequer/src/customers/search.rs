//! Customers, looked up by operators: exactly, or by whole words of the name.
//!
//! Cost: an exact search is one lookup. A name's words are ranges of one index, each read for at most [`SCANNED`]
//! customers; what is in all of them is an answer up to the lowest id that every range was read to, so a page of
//! common words may be short or empty and still have a next one.

use std::collections::BTreeSet;

use ::store::{DbError, Tx};
use money::CustomerId;

use super::model::{Customer, Email, Phone};
use super::{Known, names, store};
use crate::bank::Tools;

/// How somebody is searched for.
#[derive(Clone)]
pub enum SearchKey {
    Id(CustomerId),
    Email(Email),
    Phone(Phone),
    /// All of these words, in normal form.
    Name(BTreeSet<String>),
}

/// A part of what was found, oldest first.
pub struct Found {
    /// By id also who is erased; by nothing else.
    pub customers: Vec<Known>,
    /// Behind whom the next part begins; there may be one though this one is short.
    pub next: Option<CustomerId>,
}

/// Customers of one word that are looked at for one answer: a few milliseconds.
const SCANNED: i64 = 2_000;

/// At most `most` customers, oldest first, after the one named.
pub fn search(
    tx: &mut Tx<'_>,
    tools: &Tools,
    (key, after): (&SearchKey, Option<&CustomerId>),
    most: i64,
) -> Result<Found, DbError> {
    // One more than is wanted tells whether there is a next part.
    let read = most.saturating_add(1);
    let here = |found: Vec<Customer>| found.into_iter().map(Known::Here).collect();
    let (mut customers, scanned): (Vec<Known>, _) = match key {
        SearchKey::Id(id) => (store::known(tx, tools, id)?.into_iter().collect(), None),
        SearchKey::Email(email) => {
            (store::by_email(tx, tools, email)?.map(Known::Here).into_iter().collect(), None)
        }
        SearchKey::Phone(phone) => (here(store::by_phone(tx, tools, (phone, after), read)?), None),
        SearchKey::Name(words) => {
            let (found, scanned) = by_words(tx, tools, (words, after), read)?;
            (here(found), scanned)
        }
    };
    customers.retain(|customer| after.is_none_or(|after| customer.id() > *after));
    let wanted = usize::try_from(most).unwrap_or(usize::MAX);
    let more = customers.len() > wanted;
    customers.truncate(wanted);
    let next = if more { customers.last().map(Known::id) } else { scanned };
    Ok(Found { customers, next })
}

/// With it the id up to which the words were looked at, where there may be more behind.
fn by_words(
    tx: &mut Tx<'_>,
    tools: &Tools,
    (words, after): (&BTreeSet<String>, Option<&CustomerId>),
    read: i64,
) -> Result<(Vec<Customer>, Option<CustomerId>), DbError> {
    // No id is all zeros.
    let start = CustomerId::from_bytes([0; 16]);
    let after = after.unwrap_or(&start);
    let mut lists = Vec::with_capacity(words.len());
    let cut = usize::try_from(SCANNED).unwrap_or(usize::MAX);
    for word in names::all_indexes(tools, words) {
        let mut of_word = Vec::with_capacity(word.len());
        for version in &word {
            of_word.push(store::with_word(tx, version, (after, SCANNED))?);
        }
        lists.push(in_any(of_word, cut));
    }
    let (ids, scanned) = in_all(&lists, cut);
    let mut customers = Vec::new();
    for id in ids.iter().take(usize::try_from(read).unwrap_or(usize::MAX)) {
        match store::known(tx, tools, id)? {
            Some(Known::Here(customer)) => customers.push(customer),
            // Since the words were read.
            Some(Known::Erased(_)) => {}
            None => return Err(DbError::Corrupt(format!("{id} has only a name"))),
        }
    }
    Ok((customers, scanned))
}

/// What is in any of the lists, each ascending and cut at `cut`, up to where none was cut; at most `cut` of it.
fn in_any<T: Copy + Ord>(lists: Vec<Vec<T>>, cut: usize) -> Vec<T> {
    let is_cut = |list: &&Vec<T>| list.len() >= cut;
    let end = lists.iter().filter(is_cut).filter_map(|list| list.last().copied()).min();
    let mut any: Vec<T> = lists.into_iter().flatten().collect();
    any.retain(|id| end.is_none_or(|end| *id <= end));
    any.sort_unstable();
    any.dedup();
    any.truncate(cut);
    any
}

/// What is in all of the lists, each ascending and cut at `cut`, up to where none was cut; and that place.
fn in_all<T: Copy + Ord>(lists: &[Vec<T>], cut: usize) -> (Vec<T>, Option<T>) {
    let is_cut = |list: &&Vec<T>| list.len() >= cut;
    let end = lists.iter().filter(is_cut).filter_map(|list| list.last().copied()).min();
    let Some((first, rest)) = lists.split_first() else { return (Vec::new(), None) };
    // A list that is whole and holds nothing behind the place ends the search.
    let is_over =
        |list: &Vec<T>| list.len() < cut && end.is_some_and(|end| list.last() <= Some(&end));
    let end_shown = end.filter(|_| !lists.iter().any(is_over));
    let in_rest = |id: &T| rest.iter().all(|list| list.binary_search(id).is_ok());
    let is_known = |id: &T| end.is_none_or(|end| *id <= end);
    let all = first.iter().filter(|id| is_known(id) && in_rest(id)).copied().collect();
    (all, end_shown)
}

#[cfg(test)]
mod tests {
    use super::{in_all, in_any};

    #[test]
    fn what_is_in_any_list_is_given_up_to_where_all_were_read() {
        assert_eq!(in_any(vec![vec![1, 3], vec![2, 3]], 4), [1, 2, 3]);
        assert_eq!(in_any(vec![vec![1, 3, 5, 7], vec![6, 8]], 4), [1, 3, 5, 6]);
        assert_eq!(in_any(vec![vec![1, 2, 3, 4], vec![9]], 4), [1, 2, 3, 4]);
        assert_eq!(in_any(vec![vec![1, 2, 3, 9], vec![2, 5, 6, 7]], 4), [1, 2, 3, 5]);
        assert!(in_any::<u8>(vec![vec![]], 4).is_empty());
    }

    #[test]
    fn what_is_in_all_lists_is_found_up_to_where_all_were_read() {
        let lists = |lists: &[&[u8]]| lists.iter().map(|l| l.to_vec()).collect::<Vec<_>>();
        assert_eq!(in_all(&lists(&[&[1, 3, 5], &[3, 5]]), 4), (vec![3, 5], None));
        assert_eq!(in_all(&lists(&[&[1, 3, 5, 7], &[3, 9]]), 4), (vec![3], Some(7)));
        assert_eq!(in_all(&lists(&[&[1, 2, 3, 4], &[3, 5, 6, 7]]), 4), (vec![3], Some(4)));
        // Nothing can follow where a whole list has ended.
        assert_eq!(in_all(&lists(&[&[1, 3, 5, 7], &[3]]), 4), (vec![3], None));
        assert_eq!(in_all(&lists(&[&[1, 3, 5, 7], &[]]), 4), (vec![], None));
        assert_eq!(in_all::<u8>(&[], 4), (vec![], None));
    }
}

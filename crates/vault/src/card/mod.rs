//! The card vault's rules: what a card number is, who issued it, until when it is valid, and what
//! may stand in its place elsewhere.
//!
//! * [`Number`]: read from what people type, checked, wiped on drop, and never shown;
//! * [`Brand`]: the scheme, by the longest prefix of one table, and the lengths it issues;
//! * [`Expiry`]: the month on the card, valid to its last moment in UTC;
//! * [`FingerprintKey`]: tells that two numbers of one merchant are equal, and nothing else;
//! * [`FormatPreservingKey`]: a token that looks like a number and can be none, on request only.
//!
//! Cost: reading a number and a fingerprint are well under a microsecond, a format-preserving
//! token is one or two. Bound: 19 digits, in memory of constant size. Never here: storing or sending
//! a number, a security code (CVV), a digit in an error, a clock. What a merchant is given in the
//! ordinary case is a random `crd_…` id, which says nothing about the number and is not made here.

mod brand;
mod expiry;
mod ff1;
mod fingerprint;
mod format_preserving;
mod number;

pub use brand::Brand;
pub use expiry::{Expiry, ExpiryError, MAX_YEARS_AHEAD, month_number};
pub use fingerprint::{FINGERPRINT_LEN, FingerprintKey};
pub use format_preserving::{
    FormatPreservingKey, FormatPreservingToken, LEAST_TOKEN_DIGITS, TokenError,
};
pub use number::{LEAST_DIGITS, MAX_TEXT_BYTES, MOST_DIGITS, Number, NumberError};

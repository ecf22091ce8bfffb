//! A currency is a row of ISO 4217 that has a minor unit.
//!
//! Purpose: no amount exists without a number of digits that the standard gives; an unknown code
//! is refused, never given two digits by default. Cost: one byte; `from_code` is a binary search
//! of 8 number comparisons; the other functions are a table look-up. It never changes at run time.

use std::fmt;

use thiserror::Error;

use crate::iso4217::{self, Code};

/// A currency of ISO 4217 with a minor unit. Ordered by code. `Currency::INR` and the like are
/// constants; text comes in through [`Currency::from_code`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(pub(crate) Code);

/// Why a code is not a currency of this bank, in the order in which it is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CurrencyError {
    /// ISO 4217 does not list these three capital letters (or it is not three capital letters).
    #[error("unknown currency code")]
    Unknown,
    /// ISO 4217 lists it without a minor unit (XAU, XXX, XTS …), so nothing can be counted in it.
    #[error("currency has no minor unit")]
    NoMinorUnit,
}

impl Currency {
    /// The currency of an alphabetic code. Capitals only: `inr` is unknown.
    pub fn from_code(code: &str) -> Result<Self, CurrencyError> {
        let packed = packed(code).ok_or(CurrencyError::Unknown)?;
        let found = iso4217::PACKED.binary_search(&Some(packed)).ok();
        match found.and_then(|place| iso4217::ALL.get(place)) {
            Some(currency) => Ok(*currency),
            None if iso4217::WITHOUT_MINOR_UNIT.contains(&code) => Err(CurrencyError::NoMinorUnit),
            None => Err(CurrencyError::Unknown),
        }
    }

    /// The alphabetic code, three capital letters.
    pub fn code(self) -> &'static str {
        self.0.row().code
    }

    /// How many decimals the minor unit is: 0 (JPY), 2 (INR), 3 (KWD) or 4 (CLF).
    pub fn digits(self) -> u32 {
        u32::from(self.0.row().digits)
    }

    /// The numeric code; written with three digits (`036` for AUD) where it is shown.
    pub fn numeric(self) -> u16 {
        self.0.row().numeric
    }

    /// The English name in ISO 4217; two currencies may share one (VED and VES do).
    pub fn name(self) -> &'static str {
        self.0.row().name
    }

    /// All currencies, by code.
    pub fn all() -> impl Iterator<Item = Self> {
        iso4217::ALL.iter().copied()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What ISO 4217 says of one currency.
pub(crate) struct Row {
    pub(crate) code: &'static str,
    pub(crate) numeric: u16,
    pub(crate) digits: u8,
    pub(crate) name: &'static str,
}

/// Three bytes of text as a number that sorts like them; `None` for any other length.
pub(crate) const fn packed(code: &str) -> Option<u32> {
    match *code.as_bytes() {
        [first, second, third] => Some(u32::from_be_bytes([0, first, second, third])),
        _ => None,
    }
}

/// Makes of the table's rows a closed enum, its rows, the sorted list and `Currency`'s constants.
/// An enum instead of an index, because a look-up in it cannot miss.
macro_rules! currencies {
    ($($code:ident $numeric:literal $digits:literal $name:literal;)+) => {
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[expect(clippy::upper_case_acronyms, reason = "the standard writes its codes in capitals")]
        pub(crate) enum Code { $($code),+ }

        impl Code {
            pub(crate) const fn row(self) -> &'static $crate::currency::Row {
                match self {
                    $(Self::$code => &$crate::currency::Row {
                        code: stringify!($code),
                        numeric: $numeric,
                        digits: $digits,
                        name: $name,
                    }),+
                }
            }
        }

        /// The codes as numbers, in the order of `ALL`, for a search that compares no text.
        pub(crate) static PACKED: &[Option<u32>] =
            &[$($crate::currency::packed(stringify!($code))),+];

        pub(crate) static ALL: &[$crate::Currency] = &[$($crate::Currency(Code::$code)),+];

        impl $crate::Currency {
            $(#[doc = $name] pub const $code: Self = Self(Code::$code);)+
        }
    };
}
pub(crate) use currencies;

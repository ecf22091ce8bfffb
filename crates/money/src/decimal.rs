//! The one grammar of decimal numbers: `-? (0 | [1-9][0-9]*) ("." [0-9]+)?`, ASCII only.
//!
//! No plus sign, exponent, leading zero, thousands separator, white space or negative zero, so
//! that a number has one integer part in writing. Cost: one pass over the text. It never
//! interprets: what too many digits mean is for the caller to say.

/// A decimal number as written, cut at its point; both parts are ASCII digits.
pub(crate) struct Decimal<'a> {
    pub(crate) negative: bool,
    /// At least one digit, no leading zero unless it is the only digit.
    pub(crate) integer: &'a str,
    /// Empty where no point was written.
    pub(crate) fraction: &'a str,
}

impl<'a> Decimal<'a> {
    /// `None` where the text is not in the grammar.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (integer, fraction) = match unsigned.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (unsigned, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = integer.len() > 1 && integer.starts_with('0');
        if integer.is_empty() || leading_zero || !all_digits(integer) || !all_digits(fraction) {
            return None;
        }
        let zero = integer == "0" && fraction.bytes().all(|byte| byte == b'0');
        if negative && zero { None } else { Some(Self { negative, integer, fraction }) }
    }

    /// The number times ten to the power of `places`, without its sign; `None` above `u64::MAX`.
    /// A fraction longer than `places` is for the caller to refuse before.
    pub(crate) fn scaled(&self, places: usize) -> Option<u64> {
        let padding = places.saturating_sub(self.fraction.len());
        self.integer
            .bytes()
            .chain(self.fraction.bytes())
            .chain(std::iter::repeat_n(b'0', padding))
            .try_fold(0_u64, |value, byte| {
                value.checked_mul(10)?.checked_add(u64::from(byte.wrapping_sub(b'0')))
            })
    }
}

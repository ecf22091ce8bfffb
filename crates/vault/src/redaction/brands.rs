//! Which card numbers a scheme could have issued.
//!
//! Wider than the list by which the vault names a brand: here a range that might exist counts, for
//! a card that stays readable is worse than an order number that does not.

/// True when some card scheme issues numbers that begin and are as long as this one. `digits` are
/// values from 0 to 9. Source: the issuer ranges that the schemes publish; for Maestro (50, 56-59,
/// 6) and for RuPay (60, 65, 81, 82, 508) the widest.
pub(super) fn plausible(digits: &[u8]) -> bool {
    let length = digits.len();
    let Some(&[a, b, c, d]) = digits.first_chunk::<4>() else { return false };
    let prefix = [a, b, c, d]
        .iter()
        .fold(0_u32, |prefix, &value| prefix.saturating_mul(10).saturating_add(u32::from(value)));
    match prefix {
        4000..=4999 => matches!(length, 13 | 16 | 18 | 19),
        2221..=2720 | 5100..=5599 | 9792 => length == 16,
        3400..=3499 | 3700..=3799 => length == 15,
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => matches!(length, 14 | 16..=19),
        2200..=2205 | 3528..=3589 | 8100..=8299 => matches!(length, 16..=19),
        5000..=5099 | 5600..=5999 | 6000..=6999 => matches!(length, 13..=19),
        _ => false,
    }
}

/// True where Maestro, which alone has numbers of twelve digits, could have issued this one.
pub(super) fn plausible_of_twelve(digits: &[u8]) -> bool {
    matches!(digits, [5, 0 | 6..=9, ..] | [6, ..]) && digits.len() == 12
}

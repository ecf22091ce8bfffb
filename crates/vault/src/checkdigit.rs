//! Check digits: Luhn, Verhoeff and ISO 7064 MOD 97-10.
//!
//! Purpose: find a mistyped number before anything is done with it. Luhn stands in card numbers
//! (ISO/IEC 7812-1, annex B), Verhoeff in Aadhaar numbers, MOD 97-10 in our account numbers.
//! Cost: one pass, no allocation except for the appended text. Bound: none on the length.
//! What it never does: say that a number exists, or accept anything but the ASCII digits 0-9;
//! spaces and dashes are for the caller to take away.

/// The multiplication of the dihedral group D5, which Verhoeff's scheme is built on
/// (J. Verhoeff, *Error Detecting Decimal Codes*, 1969).
const DIHEDRAL: [[u8; 10]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
];

/// The permutation of each position, counted from the right, modulo 8.
const PERMUTATION: [[u8; 10]; 8] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
    [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
    [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
    [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
    [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
    [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
    [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
];

/// The inverse of each element of D5.
const INVERSE: [u8; 10] = [0, 4, 3, 2, 1, 5, 6, 7, 8, 9];

/// True when the last digit is the Luhn check digit of those before it (ISO/IEC 7812-1, annex B).
/// False for fewer than two digits and for anything that is not a digit.
pub fn luhn_valid(digits: &str) -> bool {
    values(digits).is_some_and(|values| luhn_valid_values(&values))
}

/// The digit that makes `digits` followed by it pass [`luhn_valid`]; none for an empty text and
/// for anything that is not a digit.
pub fn luhn_check_digit(digits: &str) -> Option<char> {
    let mut values = values(digits)?;
    values.push(0);
    let sum = luhn_sum(&values);
    let check = 10_u32.checked_sub(sum)?.checked_rem(10)?;
    (values.len() > 1).then(|| char::from_digit(check, 10))?
}

/// True when the last digit is the Verhoeff check digit of those before it.
/// False for fewer than two digits and for anything that is not a digit.
pub fn verhoeff_valid(digits: &str) -> bool {
    values(digits).is_some_and(|values| verhoeff_valid_values(&values))
}

/// The digit that makes `digits` followed by it pass [`verhoeff_valid`]; none for an empty text
/// and for anything that is not a digit.
pub fn verhoeff_check_digit(digits: &str) -> Option<char> {
    let mut values = values(digits)?;
    values.push(0);
    let check = INVERSE.get(usize::from(verhoeff_fold(&values)?))?;
    (values.len() > 1).then(|| char::from_digit(u32::from(*check), 10))?
}

/// `digits` with their two check digits (ISO 7064, MOD 97-10: `98 - (n * 100 mod 97)`) appended.
///
/// A text that holds anything but digits gets digits too, but never passes [`mod97_valid`]: the
/// fault is found where the number is read, as any other would be.
pub fn mod97_append(digits: &str) -> String {
    let remainder = digits.bytes().chain(*b"00").filter_map(value).fold(0, mod97_step);
    let check = 98_u32.saturating_sub(remainder);
    format!("{digits}{check:02}")
}

/// True when the number, its two check digits included, is 1 modulo 97 (ISO 7064, MOD 97-10).
/// False for fewer than three digits and for anything that is not a digit.
pub fn mod97_valid(digits: &str) -> bool {
    values(digits).is_some_and(|values| {
        values.len() > 2
            && values.iter().copied().fold(0, mod97_step) == 1
            && matches!(values.last_chunk::<2>(), Some(pair) if check_is_canonical(*pair))
    })
}

/// [`luhn_valid`] over digit values (0 to 9), for a scanner that has already taken them apart.
pub(crate) fn luhn_valid_values(values: &[u8]) -> bool {
    values.len() > 1 && luhn_sum(values) == 0
}

/// [`verhoeff_valid`] over digit values (0 to 9).
pub(crate) fn verhoeff_valid_values(values: &[u8]) -> bool {
    values.len() > 1 && verhoeff_fold(values) == Some(0)
}

/// The Luhn sum modulo 10: every second digit from the right, the check digit not counted, is
/// doubled, and 9 taken off where that passes 9.
pub(crate) fn luhn_sum(values: &[u8]) -> u32 {
    let sum = values.iter().rev().enumerate().fold(0_u32, |sum, (place, &value)| {
        let value = u32::from(value);
        let doubled = value.saturating_mul(2);
        let weighed = match (place & 1 == 1, doubled > 9) {
            (false, _) => value,
            (true, false) => doubled,
            (true, true) => doubled.saturating_sub(9),
        };
        // Folding modulo 10 at each step keeps the sum small whatever the length.
        sum.saturating_add(weighed).checked_rem(10).unwrap_or(0)
    });
    sum.checked_rem(10).unwrap_or(0)
}

fn verhoeff_fold(values: &[u8]) -> Option<u8> {
    values.iter().rev().enumerate().try_fold(0_u8, |check, (place, &value)| {
        let permuted = *PERMUTATION.get(place & 7)?.get(usize::from(value))?;
        DIHEDRAL.get(usize::from(check))?.get(usize::from(permuted)).copied()
    })
}

fn mod97_step(remainder: u32, value: u8) -> u32 {
    let next = remainder.saturating_mul(10).saturating_add(u32::from(value));
    next.checked_rem(97).unwrap_or(0)
}

/// The scheme makes 02 to 98; 00, 01 and 99 are congruent to 97, 98 and 02 but never issued, and
/// one number must have one spelling.
fn check_is_canonical(pair: [u8; 2]) -> bool {
    let [tens, units] = pair;
    let check = tens.saturating_mul(10).saturating_add(units);
    (2..=98).contains(&check)
}

fn values(digits: &str) -> Option<Vec<u8>> {
    digits.bytes().map(value).collect()
}

fn value(byte: u8) -> Option<u8> {
    byte.checked_sub(b'0').filter(|value| *value <= 9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn luhn_follows_the_published_numbers() {
        // The card brands' published test numbers; 7992739871-3 is the standard's usual example.
        for number in [
            "79927398713",
            "4111111111111111",
            "4012888888881881",
            "5555555555554444",
            "378282246310005",
            "30569309025904",
            "6011111111111117",
            "3530111333300000",
            "4222222222222",
        ] {
            assert!(luhn_valid(number), "{number}");
            let (body, check) = number.split_at(number.len() - 1);
            assert_eq!(luhn_check_digit(body), check.chars().next(), "{number}");
        }
        for number in ["", "0", "79927398710", "4111111111111112", "4111 1111 1111 1111", "٤١١١"]
        {
            assert!(!luhn_valid(number), "{number}");
        }
        assert_eq!(luhn_check_digit(""), None);
        assert_eq!(luhn_check_digit("12a"), None);
    }

    #[test]
    fn verhoeff_follows_the_published_numbers() {
        for number in ["2363", "123451", "1428570", "1234567890120", "84736430954837284567892"] {
            assert!(verhoeff_valid(number), "{number}");
            let (body, check) = number.split_at(number.len() - 1);
            assert_eq!(verhoeff_check_digit(body), check.chars().next(), "{number}");
        }
        for number in ["", "0", "2364", "1428571", "2363 ", "23x63"] {
            assert!(!verhoeff_valid(number), "{number}");
        }
        assert_eq!(verhoeff_check_digit(""), None);
        assert_eq!(verhoeff_check_digit("2-36"), None);
    }

    #[test]
    fn mod97_follows_the_published_numbers() {
        // 794 -> 44 is the example of ISO 7064; the second is the registry's IBAN
        // GB82 WEST 1234 5698 7654 32, rearranged and with its letters as numbers (ISO 13616).
        assert_eq!(mod97_append("794"), "79444");
        assert_eq!(mod97_append("32142829123456987654321611"), "3214282912345698765432161182");
        assert_eq!(mod97_append("0"), "098");
        for number in ["79444", "3214282912345698765432161182", "098"] {
            assert!(mod97_valid(number), "{number}");
        }
        for number in ["", "98", "79445", "97444", "794 44", "EX79444"] {
            assert!(!mod97_valid(number), "{number}");
        }
    }

    #[test]
    fn mod97_has_one_spelling_and_refuses_what_is_not_a_number() {
        for body in 0..2000_u32 {
            let body = body.to_string();
            let right: Vec<String> = (0..100)
                .map(|check| format!("{body}{check:02}"))
                .filter(|number| mod97_valid(number))
                .collect();
            assert_eq!(right, [mod97_append(&body)]);
        }
        assert!(!mod97_valid(&mod97_append("79-4")));
        assert!(!mod97_valid(&mod97_append("")));
    }

    proptest! {
        #[test]
        fn every_wrong_digit_and_swap_is_found(body in "[0-9]{1,30}", at: prop::sample::Index, by in 1_u8..10) {
            for number in [
                format!("{body}{}", luhn_check_digit(&body).unwrap()),
                format!("{body}{}", verhoeff_check_digit(&body).unwrap()),
                mod97_append(&body),
            ] {
                let mut wrong = number.clone().into_bytes();
                let place = at.index(wrong.len());
                wrong[place] = b'0' + (wrong[place] - b'0' + by) % 10;
                let wrong = String::from_utf8(wrong).unwrap();
                prop_assert!(!(luhn_valid(&number) && luhn_valid(&wrong)));
                prop_assert!(!(verhoeff_valid(&number) && verhoeff_valid(&wrong)));
                prop_assert!(!(mod97_valid(&number) && mod97_valid(&wrong)));

                let mut swapped = number.clone().into_bytes();
                let place = at.index(swapped.len() - 1);
                swapped.swap(place, place + 1);
                let swapped = String::from_utf8(swapped).unwrap();
                // Luhn is blind to 09 and 90; the two others find every swap of neighbours.
                prop_assert!(swapped == number || !(verhoeff_valid(&number) && verhoeff_valid(&swapped)));
                prop_assert!(swapped == number || !(mod97_valid(&number) && mod97_valid(&swapped)));
            }
        }

        #[test]
        fn any_text_is_answered(text in ".*") {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            prop_assert_eq!(luhn_check_digit(&text).is_some(), digits);
            prop_assert_eq!(verhoeff_check_digit(&text).is_some(), digits);
            prop_assert_eq!(mod97_valid(&mod97_append(&text)), digits);
        }
    }
}

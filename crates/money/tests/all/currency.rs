use std::collections::BTreeSet;
use std::path::Path;

use money::{Currency, CurrencyError};

const WITHOUT_MINOR_UNIT: [&str; 13] =
    ["XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"];

#[test]
fn the_table_is_sound() {
    let all: Vec<_> = Currency::all().collect();
    assert_eq!(all.len(), 165);
    assert!(all.is_sorted_by(|a, b| a < b && a.code() < b.code()));
    let numbers: BTreeSet<_> = all.iter().map(|currency| currency.numeric()).collect();
    assert_eq!(numbers.len(), all.len(), "two currencies share a numeric code");
    for currency in all {
        assert_eq!(Currency::from_code(currency.code()), Ok(currency));
        assert_eq!(currency.to_string(), currency.code());
        assert_eq!(format!("{currency:?}"), currency.code());
        assert!(
            currency.code().len() == 3 && currency.code().bytes().all(|b| b.is_ascii_uppercase())
        );
        assert!(matches!(currency.digits(), 0 | 2 | 3 | 4));
        assert!((1..=999).contains(&currency.numeric()));
        assert!(!currency.name().is_empty());
    }
}

#[test]
fn digits_are_the_standards() {
    let with = |digits| {
        Currency::all()
            .filter(|currency| currency.digits() == digits)
            .map(Currency::code)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        with(0),
        [
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
            "VND", "VUV", "XAF", "XOF", "XPF"
        ]
    );
    assert_eq!(with(3), ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]);
    assert_eq!(with(4), ["CLF", "UYW"]);
    assert_eq!(with(2).len(), 139);
    assert_eq!((Currency::INR.numeric(), Currency::INR.name()), (356, "Indian Rupee"));
}

#[test]
fn unknown_codes_are_refused() {
    for code in
        ["", "IN", "INRR", "inr", "Inr", " INR", "INR ", "İNR", "ZZZ", "BGN", "HRK", "₹", "356"]
    {
        assert_eq!(Currency::from_code(code), Err(CurrencyError::Unknown), "{code:?}");
    }
}

#[test]
fn codes_without_a_minor_unit_are_refused_by_name() {
    for code in WITHOUT_MINOR_UNIT {
        assert_eq!(Currency::from_code(code), Err(CurrencyError::NoMinorUnit), "{code}");
    }
}

#[test]
fn every_three_letter_code_is_listed_or_unknown() {
    let mut found = 0;
    let mut unmeasured = Vec::new();
    for first in 'A'..='Z' {
        for second in 'A'..='Z' {
            for third in 'A'..='Z' {
                let code = String::from_iter([first, second, third]);
                match Currency::from_code(&code) {
                    Ok(currency) => {
                        assert_eq!(currency.code(), code);
                        found += 1;
                    }
                    Err(CurrencyError::NoMinorUnit) => unmeasured.push(code),
                    Err(CurrencyError::Unknown) => {}
                }
            }
        }
    }
    assert_eq!(found, Currency::all().count());
    assert_eq!(unmeasured, WITHOUT_MINOR_UNIT);
}

#[test]
fn one_byte() {
    assert_eq!(size_of::<Currency>(), 1);
    assert_eq!(size_of::<Option<Currency>>(), 1);
}

/// Row by row against the reference list: `code,numeric,minor_unit,name`.
#[test]
fn agrees_with_the_reference_list() {
    let Some(folder) = std::env::var_os("EXCHEQUER_REFS") else {
        eprintln!("EXCHEQUER_REFS is not set: ISO 4217 was not compared");
        return;
    };
    let text = std::fs::read_to_string(Path::new(&folder).join("iso4217.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("code,numeric,minor_unit,name"));
    let mut listed = Vec::new();
    for line in lines {
        let [code, numeric, digits, name] =
            line.splitn(4, ',').collect::<Vec<_>>().try_into().unwrap();
        if digits.is_empty() {
            assert_eq!(Currency::from_code(code), Err(CurrencyError::NoMinorUnit), "{line}");
            continue;
        }
        let currency = Currency::from_code(code).unwrap();
        assert_eq!(currency.numeric(), numeric.parse::<u16>().unwrap(), "{line}");
        assert_eq!(currency.digits(), digits.parse::<u32>().unwrap(), "{line}");
        assert_eq!(currency.name(), name, "{line}");
        listed.push(currency);
    }
    assert_eq!(listed, Currency::all().collect::<Vec<_>>());
}

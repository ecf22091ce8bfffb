use std::collections::BTreeSet;

use money::kind::{self, Account, Customer};
use money::{AccountId, CustomerId, Id, IdError, IdKind};
use proptest::prelude::*;

#[test]
fn known_texts() {
    assert_eq!(CustomerId::from_bytes([0; 16]).to_string(), "cus_00000000000000000000000000");
    assert_eq!(AccountId::from_bytes([0xff; 16]).to_string(), "acc_7zzzzzzzzzzzzzzzzzzzzzzzzz");
    // 017F22E2-79B0-7CC3-98C4-DC0C0C07398F, RFC 9562 appendix A.6.
    let bytes = 0x017f_22e2_79b0_7cc3_98c4_dc0c_0c07_398f_u128.to_be_bytes();
    let id = AccountId::from_bytes(bytes);
    assert_eq!(id.to_string(), "acc_01fwhe4ydgfk1shh6w1g60eecf");
    assert_eq!(format!("{id:?}"), "acc_01fwhe4ydgfk1shh6w1g60eecf");
    assert_eq!("acc_01fwhe4ydgfk1shh6w1g60eecf".parse(), Ok(id));
    assert_eq!(id.bytes(), &bytes);
    assert_eq!(&id.text(), b"acc_01fwhe4ydgfk1shh6w1g60eecf");
}

#[test]
fn prefixes_are_the_contracts() {
    let prefixes = [
        (kind::Customer::PREFIX, "cus"),
        (kind::Account::PREFIX, "acc"),
        (kind::Transfer::PREFIX, "trf"),
        (kind::Hold::PREFIX, "hld"),
        (kind::Merchant::PREFIX, "mer"),
        (kind::Key::PREFIX, "key"),
        (kind::Card::PREFIX, "crd"),
        (kind::Payment::PREFIX, "pay"),
        (kind::Refund::PREFIX, "rfd"),
        (kind::Session::PREFIX, "ses"),
        (kind::Factor::PREFIX, "fac"),
        (kind::Challenge::PREFIX, "chl"),
        (kind::Event::PREFIX, "evt"),
        (kind::Webhook::PREFIX, "whk"),
        (kind::Staff::PREFIX, "stf"),
        (kind::Request::PREFIX, "req"),
        (kind::Approval::PREFIX, "apr"),
    ];
    assert!(prefixes.iter().all(|(prefix, expected)| prefix == expected), "{prefixes:?}");
    let distinct: BTreeSet<_> = prefixes.iter().map(|(prefix, _)| prefix).collect();
    assert_eq!(distinct.len(), prefixes.len());
}

#[test]
fn refusals_in_order() {
    let cases = [
        ("", IdError::WrongPrefix),
        ("acc", IdError::WrongPrefix),
        ("cus_00000000000000000000000000", IdError::WrongPrefix),
        ("ACC_00000000000000000000000000", IdError::WrongPrefix),
        ("acc-00000000000000000000000000", IdError::WrongPrefix),
        (" acc_00000000000000000000000000", IdError::WrongPrefix),
        ("00000000000000000000000000", IdError::WrongPrefix),
        ("acc_", IdError::WrongLength),
        ("acc_0000000000000000000000000", IdError::WrongLength),
        ("acc_000000000000000000000000000", IdError::WrongLength),
        ("acc_00000000000000000000000000 ", IdError::WrongLength),
        ("acc_0000000000000000000000000i", IdError::WrongCharacter),
        ("acc_0000000000000000000000000l", IdError::WrongCharacter),
        ("acc_0000000000000000000000000o", IdError::WrongCharacter),
        ("acc_0000000000000000000000000u", IdError::WrongCharacter),
        ("acc_0000000000000000000000000A", IdError::WrongCharacter),
        ("acc_0000000000000-000000000000", IdError::WrongCharacter),
        ("acc_000000000000000000000000é", IdError::WrongCharacter),
        ("acc_z000000000000000000000000i", IdError::WrongCharacter),
        ("acc_80000000000000000000000000", IdError::TooLarge),
        ("acc_zzzzzzzzzzzzzzzzzzzzzzzzzz", IdError::TooLarge),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<AccountId>(), Err(error), "{text:?}");
    }
}

/// Every ASCII character and every place: in the alphabet or refused.
#[test]
fn the_alphabet_has_32_characters_everywhere() {
    for place in 4..30 {
        let accepted: String = (0..128_u8)
            .map(char::from)
            .filter(|character| {
                let mut text = String::from("acc_00000000000000000000000000");
                text.replace_range(place..=place, character.encode_utf8(&mut [0; 4]));
                text.parse::<AccountId>().is_ok()
            })
            .collect();
        let all = "0123456789abcdefghjkmnpqrstvwxyz";
        assert_eq!(accepted, if place == 4 { &all[..8] } else { all });
    }
}

proptest! {
    #[test]
    fn text_round_trips(bytes in any::<[u8; 16]>()) {
        let id = Id::<Customer>::from_bytes(bytes);
        let text = id.to_string();
        prop_assert_eq!(text.len(), CustomerId::TEXT_BYTES);
        prop_assert_eq!(text.parse::<CustomerId>(), Ok(id));
        prop_assert_eq!(text.parse::<AccountId>(), Err(IdError::WrongPrefix));
        prop_assert_eq!(id.bytes(), &bytes);
    }

    #[test]
    fn text_sorts_as_bytes(a in any::<[u8; 16]>(), b in any::<[u8; 16]>(), same in 0_usize..16) {
        let mut b = b;
        b[..same].copy_from_slice(&a[..same]);
        let (x, y) = (Id::<Account>::from_bytes(a), Id::<Account>::from_bytes(b));
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        prop_assert_eq!(x.to_string().cmp(&y.to_string()), a.cmp(&b));
    }

    #[test]
    fn what_is_read_is_written_back(text in "acc_[0-9a-z]{26}") {
        if let Ok(id) = text.parse::<AccountId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }
}

//! What `leaf` promises.

use super::*;
use crate::evidence::model::{EventFacts, TransferFacts};

fn transfer() -> CoveredRow {
    let side = |n: u8| SideFacts {
        account: [n; 16],
        number: i64::from(n),
        previous: Some([n; 16]),
        balance: -7,
    };
    CoveredRow {
        id: [1; 16],
        facts: Facts::Transfer(TransferFacts {
            debit: side(2),
            credit: side(3),
            amount: 4,
            currency: "INR".to_owned(),
            kind: 1,
            posted_at: 5,
            memo: Some("rent".to_owned()),
            reference: None,
        }),
        request: [6; 16],
        origin: OriginRow {
            id: [7; 16],
            actor_kind: "customer".to_owned(),
            actor: Some([8; 16]),
            session: None,
            address: "192.0.2.1".to_owned(),
            agent: "agent".to_owned(),
            first_seen_at: 9,
        },
    }
}

fn event() -> CoveredRow {
    let facts = EventFacts {
        at: 5,
        action: "account.opened".to_owned(),
        resource: "acc_1".to_owned(),
        outcome: "done".to_owned(),
        before: None,
        after: Some("{}".to_owned()),
        subject: Some([9; 16]),
    };
    CoveredRow { facts: Facts::Event(facts), ..transfer() }
}

fn leaf(row: &CoveredRow, index: u64) -> Vec<u8> {
    let personal = Salt::new(&[1; 32]).personal(row).commitment();
    encode(row, &BundleKey::new(&[2; 32]).commitment(index, row), &personal)
}

/// Receipts that were given out are checked by this for ever: what it gives may never change.
#[test]
fn the_encoding_of_version_1_is_this_one() {
    let hex = |row: &CoveredRow| data_encoding::HEXLOWER.encode(&leaf(row, 3));
    assert_eq!(
        hex(&transfer()),
        concat!(
            "0102",
            "0000001001010101010101010101010101010101",
            "0000001002020202020202020202020202020202",
            "0000001003030303030303030303030303030303",
            "000000080000000000000004",
            "00000003494e52",
            "000000080000000000000001",
            "000000080000000000000005",
            "ffffffff",
            "00000020c104289dc6be642f39b9d84289028ceb09904e04225533b20eb459be7e69bd8d",
            "00000020489b791a1554a74fcc4a696c2916d414633d2d3171c3773b6c10e271050f7054"
        )
    );
    assert_eq!(
        hex(&event()),
        concat!(
            "010100000010010101010101010101010101010101010000000800000000000000050000000e",
            "6163636f756e742e6f70656e6564000000056163635f3100000004646f6e65000000205e4c15",
            "456d1e4ac031ee15c35e23a3499795d6506ec418fcafed6aab4aab1a80000000208f6931992d",
            "224c5846499d72644ef1fd1e3c24b542fab1cb7cc49db157cf3eb0"
        )
    );
}

#[test]
fn every_value_of_a_row_and_its_place_change_the_leaf() {
    let mut seen = vec![leaf(&transfer(), 3), leaf(&transfer(), 4), leaf(&event(), 3)];
    let mut add = |row: CoveredRow| {
        let leaf = leaf(&row, 3);
        assert!(!seen.contains(&leaf), "{row:?}");
        seen.push(leaf);
    };
    let of_transfer: [fn(&mut TransferFacts); 16] = [
        |t| t.debit.account[0] ^= 1,
        |t| t.debit.number += 1,
        |t| t.debit.previous = None,
        |t| t.debit.balance += 1,
        |t| t.credit.account[0] ^= 1,
        |t| t.credit.number += 1,
        |t| t.credit.previous = None,
        |t| t.credit.balance += 1,
        |t| t.amount += 1,
        |t| t.currency = "EUR".to_owned(),
        |t| t.kind += 1,
        |t| t.posted_at += 1,
        |t| t.memo = None,
        |t| t.memo = Some(String::new()),
        |t| t.memo = Some("Rent".to_owned()),
        |t| t.reference = Some([0; 16]),
    ];
    for change in of_transfer {
        let mut row = transfer();
        let Facts::Transfer(facts) = &mut row.facts else { panic!("a transfer") };
        change(facts);
        add(row);
    }
    let of_event: [fn(&mut EventFacts); 8] = [
        |e| e.at += 1,
        |e| e.action.push('x'),
        |e| e.resource.push('x'),
        |e| e.outcome.push('x'),
        |e| e.before = Some("{}".to_owned()),
        |e| e.after = None,
        |e| e.subject = None,
        |e| (e.action, e.resource) = ("account.opene".to_owned(), "dacc_1".to_owned()),
    ];
    for change in of_event {
        let mut row = event();
        let Facts::Event(facts) = &mut row.facts else { panic!("an event") };
        change(facts);
        add(row);
    }
    let of_row: [fn(&mut CoveredRow); 9] = [
        |r| r.id[15] ^= 1,
        |r| r.request[0] ^= 1,
        |r| r.origin.id[0] ^= 1,
        |r| r.origin.actor_kind.push('x'),
        |r| r.origin.actor = None,
        |r| r.origin.session = Some([0; 16]),
        |r| r.origin.address.push('2'),
        |r| r.origin.agent.clear(),
        |r| r.origin.first_seen_at += 1,
    ];
    for change in of_row {
        let mut row = transfer();
        change(&mut row);
        add(row);
    }
}

#[test]
fn a_memo_is_opened_by_its_key_and_shows_no_other() {
    let salt = Salt::new(&[1; 32]);
    let (row, mut other) = (transfer(), transfer());
    other.id[15] ^= 1;
    let personal = salt.personal(&row);
    assert_eq!(memo_commitment(&salt.memo_key(&row), Some("rent")), personal.memo);
    assert_ne!(memo_commitment(&salt.memo_key(&other), Some("rent")), personal.memo);
    // Another person's salt gives another commitment to the same words.
    assert_ne!(Salt::new(&[2; 32]).personal(&row), personal);
}

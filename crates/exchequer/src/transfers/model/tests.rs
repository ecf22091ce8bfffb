//! What `transfers::model` promises.

use money::{AccountId, Currency, RequestId, Timestamp, TransferId};
use store::rows::{Side, TransferKind, TransferRow};

use super::TransferView;

/// The stored answer of a transfer is made from its row each time: these bytes must never change for rows
/// posted before. Another shape is another format, beside this one.
#[test]
fn format_1_is_these_bytes() {
    let side = |byte, number, balance| Side {
        account: AccountId::from_bytes([byte; 16]),
        number,
        previous: None,
        balance,
    };
    let mut row = TransferRow {
        id: TransferId::from_bytes([1; 16]),
        debit: side(2, 1, -5),
        credit: side(3, 1, 5),
        amount: 5,
        currency: Currency::INR,
        kind: TransferKind::Transfer,
        posted_at: Timestamp::from_micros(1_767_607_200_000_001),
        memo: Some("rent \"März\" \u{20b9}".to_owned()),
        reference: None,
        origin: [4; 16],
        request: RequestId::from_bytes([5; 16]),
    };
    let text = |row: &TransferRow| {
        let text = serde_json::to_string(&TransferView::from(row)).unwrap();
        assert_eq!(String::from_utf8(TransferView::json_of(row)).unwrap(), text);
        text
    };
    assert_eq!(
        text(&row),
        concat!(
            r#"{"id":"trf_01040g2081040g2081040g2081","from":"acc_02081040g2081040g2081040g2","#,
            r#""to":"acc_030c1g60r30c1g60r30c1g60r3","#,
            r#""amount":5,"currency":"INR","status":"posted","#,
            r#""memo":"rent \"März\" ₹","posted_at":"2026-01-05T10:00:00.000001Z"}"#
        )
    );
    row.memo = None;
    assert!(text(&row).contains(r#""memo":null,"#));
    for (memo, amount) in [("", 1), ("\\ \u{7f} \u{2028} /", 9_007_199_254_740_991), ("\u{1}", 10)]
    {
        (row.memo, row.amount) = (Some(memo.to_owned()), amount);
        row.posted_at = Timestamp::from_micros(amount * 100);
        assert!(text(&row).contains(&format!(r#""amount":{amount},"#)));
    }
}

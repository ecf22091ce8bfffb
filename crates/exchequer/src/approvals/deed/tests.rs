//! What is looser, what favours a merchant, who decides what, and that an act is read as it was written.

use super::*;
use crate::staff::model::Role;

fn pair(per_transfer: Option<i64>, per_day: Option<i64>) -> LimitPair {
    LimitPair { per_transfer, per_day }
}

fn terms() -> MerchantTerms {
    MerchantTerms {
        name: "Otter & Sons".to_owned(),
        settlement_account: Some("acc_1".to_owned()),
        fee_basis_points: 200,
        fee_fixed: 10,
        refund_limit: Some(5_000),
        is_active: true,
    }
}

fn deeds() -> Vec<Deed> {
    let cash = Cash {
        account: "EX3456789012345676".to_owned(),
        amount: 5,
        currency: "INR".to_owned(),
        reference: "for \"Asha\"".to_owned(),
    };
    let whom = Whom { id: "cus_1".to_owned() };
    let key = NewKey {
        key: "key_1".to_owned(),
        merchant: "mer_1".to_owned(),
        name: "till".to_owned(),
        public_key: None,
        routes: vec!["GET /v1/*".to_owned()],
        addresses: Vec::new(),
        expires_at: Some(1),
    };
    vec![
        Deed::Deposit(cash.clone()),
        Deed::Withdraw(cash),
        Deed::ReverseTransfer(Reversal {
            transfer: "trf_1".to_owned(),
            amount: None,
            reason: "double".to_owned(),
        }),
        Deed::SetLimits(NewLimits {
            account: "acc_1".to_owned(),
            limits: pair(None, Some(5)),
            before: pair(Some(1), None),
        }),
        Deed::UnlockCustomer(whom.clone()),
        Deed::EnableCustomer(whom.clone()),
        Deed::EnableMember(whom.clone()),
        Deed::ResetMember(whom),
        Deed::ChangeMerchant(NewTerms {
            merchant: "mer_1".to_owned(),
            terms: terms(),
            before: terms(),
        }),
        Deed::MakeMerchantKey(key.clone()),
        Deed::RotateMerchantKey(Rotation { old: "key_0".to_owned(), overlap_seconds: 5, new: key }),
        Deed::RefundPayment(Refund {
            payment: "pay_1".to_owned(),
            amount: 5,
            currency: "INR".to_owned(),
            reason: "gone".to_owned(),
        }),
        Deed::DestroyKey(KeyVersion { purpose: "card_data".to_owned(), version: 1 }),
        Deed::SettleMerchant(Payout {
            merchant: "mer_1".to_owned(),
            to: "acc_1".to_owned(),
            amount: 5,
            currency: "INR".to_owned(),
        }),
    ]
}

#[test]
fn an_act_is_read_as_it_was_written_and_nothing_else_is_read() {
    for deed in deeds() {
        let text = serde_json::to_string(&deed).unwrap();
        assert_eq!(serde_json::from_str::<Deed>(&text).unwrap(), deed);
        let kind = format!("{{\"kind\":\"{}\",\"request\":{{", deed.kind());
        assert!(text.starts_with(&kind), "{text}");
        let more = text.replacen(&kind, &format!("{kind}\"more\":1,"), 1);
        assert!(serde_json::from_str::<Deed>(&more).is_err(), "{more}");
        assert!(deed.request().as_object().is_some_and(|fields| !fields.is_empty()));
    }
}

#[test]
fn what_a_slip_says_is_in_no_event() {
    for deed in deeds() {
        assert!(!deed.trace().to_string().contains("Asha"), "{}", deed.kind());
    }
}

#[test]
fn whoever_may_approve_an_act_decides_and_is_no_teller() {
    for deed in deeds() {
        let may = |role: &Role| {
            role.permits(Permission::DecideApprovals) && role.permits(deed.decided_with())
        };
        let deciders: Vec<Role> = Role::ALL.into_iter().filter(may).collect();
        assert!(!deciders.is_empty(), "nobody approves {}", deed.kind());
        assert!(deciders.iter().all(|role| matches!(role, Role::Compliance | Role::Admin)));
    }
}

#[test]
fn a_limit_is_looser_where_more_may_leave() {
    let before = pair(Some(100), None);
    for (looser, after) in [
        (true, pair(None, None)),
        (true, pair(Some(101), Some(1))),
        (false, pair(Some(100), None)),
        (false, pair(Some(99), None)),
        (false, pair(Some(0), Some(i64::MAX))),
    ] {
        assert_eq!(after.is_looser_than(before), looser, "{after:?}");
    }
}

#[test]
fn terms_favour_a_merchant_by_account_fee_or_return() {
    let suspended = MerchantTerms { is_active: false, ..terms() };
    let nowhere = MerchantTerms { settlement_account: None, ..terms() };
    let elsewhere = MerchantTerms { settlement_account: Some("acc_2".to_owned()), ..terms() };
    let dearer = MerchantTerms { fee_basis_points: 201, fee_fixed: 11, ..terms() };
    for (favours, after, before) in [
        (true, terms(), suspended.clone()),
        (true, terms(), nowhere.clone()),
        (true, elsewhere, terms()),
        (true, MerchantTerms { fee_basis_points: 199, fee_fixed: 500, ..terms() }, terms()),
        (true, MerchantTerms { fee_fixed: 9, ..terms() }, terms()),
        (true, MerchantTerms { refund_limit: Some(5_001), ..terms() }, terms()),
        (true, MerchantTerms { refund_limit: None, ..terms() }, terms()),
        (false, MerchantTerms { refund_limit: Some(0), ..terms() }, terms()),
        (false, suspended, terms()),
        (false, nowhere, terms()),
        (false, dearer, terms()),
        (false, MerchantTerms { name: "Otter".to_owned(), ..terms() }, terms()),
        (false, terms(), terms()),
    ] {
        assert_eq!(after.favour_more_than(&before), favours, "{after:?} after {before:?}");
    }
}

use money::{Amount, AmountError};

#[test]
fn limits() {
    assert_eq!(Amount::new(1).unwrap(), Amount::MIN);
    assert_eq!(Amount::new(9_007_199_254_740_991).unwrap(), Amount::MAX);
    assert_eq!(Amount::MAX.get(), (1_i64 << 53) - 1);
    assert_eq!(Amount::new(0), Err(AmountError::NotPositive));
    assert_eq!(Amount::new(-1), Err(AmountError::NotPositive));
    assert_eq!(Amount::new(i64::MIN), Err(AmountError::NotPositive));
    assert_eq!(Amount::new(9_007_199_254_740_992), Err(AmountError::TooLarge));
    assert_eq!(Amount::try_from(i64::MAX), Err(AmountError::TooLarge));
}

#[test]
fn reads_back() {
    let amount = Amount::new(125_000).unwrap();
    assert_eq!(i64::from(amount), 125_000);
    assert_eq!(amount.to_string(), "125000");
    assert!(amount < Amount::MAX);
}

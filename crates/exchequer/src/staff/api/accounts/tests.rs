use super::*;

fn read(json: &str) -> Result<(Wanted, Wanted), Problem> {
    let body: SetLimits = serde_json::from_str(json).expect("well-formed");
    let mut fields = Fields::default();
    let per_transfer = wanted(&mut fields, "per_transfer", body.per_transfer.as_ref());
    let per_day = wanted(&mut fields, "per_day", body.per_day.as_ref());
    fields.finish(Some((per_transfer, per_day)))
}

#[test]
fn null_takes_a_limit_away_and_absent_leaves_it() {
    let five = Amount::new(500).unwrap();
    let read = |json| read(json).unwrap();
    assert_eq!(read(r#"{"per_transfer":500}"#), (Some(Some(five)), None));
    assert_eq!(read(r#"{"per_day":null}"#), (None, Some(None)));
    let both = read(r#"{"per_transfer":null,"per_day":500}"#);
    assert_eq!(both, (Some(None), Some(Some(five))));
    assert_eq!(read("{}"), (None, None));
}

#[test]
fn a_limit_is_an_amount() {
    for json in
        [r#"{"per_day":0}"#, r#"{"per_day":-1}"#, r#"{"per_day":1.0}"#, r#"{"per_day":"5"}"#]
    {
        assert_eq!(read(json).unwrap_err().code, Code::InvalidFields, "{json}");
    }
    assert!(serde_json::from_str::<SetLimits>(r#"{"per_week":1}"#).is_err());
}

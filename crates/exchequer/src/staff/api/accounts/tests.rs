//! What `staff::api::accounts` promises.

use super::*;

fn read(json: &str) -> Result<(Given<Amount>, Given<Amount>), Problem> {
    let body: SetLimits = serde_json::from_str(json).expect("well-formed");
    let mut fields = Fields::default();
    let per_transfer = checked(&mut fields, "per_transfer", &body.per_transfer);
    let per_day = checked(&mut fields, "per_day", &body.per_day);
    fields.finish(per_transfer.zip(per_day))
}

#[test]
fn null_takes_a_limit_away_and_absent_leaves_it() {
    let limit = || Given::Limit(Amount::new(500).unwrap());
    let read = |json| read(json).unwrap();
    assert_eq!(read(r#"{"per_transfer":500}"#), (limit(), Given::Absent));
    assert_eq!(read(r#"{"per_day":null}"#), (Given::Absent, Given::NoLimit));
    assert_eq!(read(r#"{"per_transfer":null,"per_day":500}"#), (Given::NoLimit, limit()));
    assert_eq!(read("{}"), (Given::Absent, Given::Absent));

    assert_eq!(Given::Absent.or(Some(7)), Some(7));
    assert_eq!(Given::NoLimit.or(Some(7)), None);
    assert_eq!(limit().or(None), Some(500));
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

//! Bodies of the hold routes.

use super::{CaptureHold, PlaceHold, VoidHold};
use crate::holds::model::DEFAULT_SECONDS;
use crate::http::Code;
use crate::http::fields::Fields;

fn place(more: &str) -> Result<i64, Vec<String>> {
    let id = "acc_00000000000000000000000001";
    let text = format!(r#"{{"from":"{id}","to":"{id}","amount":5,"currency":"INR"{more}}}"#);
    let body: PlaceHold = serde_json::from_str(&text).unwrap();
    let mut fields = Fields::default();
    let checked = body.check(&mut fields);
    fields
        .finish(checked)
        .map(|wanted| wanted.seconds)
        .map_err(|problem| problem.fields.into_iter().map(|fault| fault.field).collect())
}

#[test]
fn a_hold_lasts_a_week_unless_told_and_a_month_at_most() {
    assert_eq!(place(""), Ok(DEFAULT_SECONDS));
    assert_eq!(place(r#","expires_in":1"#), Ok(1));
    assert_eq!(place(r#","expires_in":2592000"#), Ok(2_592_000));
    for wrong in [r#","expires_in":0"#, r#","expires_in":-1"#, r#","expires_in":2592001"#] {
        assert_eq!(place(wrong), Err(vec!["expires_in".to_owned()]), "{wrong}");
    }
}

#[test]
fn a_capture_is_whole_and_final_unless_told() {
    let part = |text: &str| serde_json::from_str::<CaptureHold>(text).unwrap().check();
    let all = part("{}").unwrap();
    assert!(all.amount.is_none() && all.is_final);
    let some = part(r#"{"amount":7,"final":false}"#).unwrap();
    assert_eq!(some.amount.map(money::Amount::get), Some(7));
    assert!(!some.is_final);
    for wrong in ["0", "-1", "1.0", "1e3", "\"5\"", "9007199254740992"] {
        let problem = part(&format!(r#"{{"amount":{wrong}}}"#)).unwrap_err();
        assert_eq!(problem.code, Code::InvalidFields, "{wrong}");
    }
}

#[test]
fn unknown_and_repeated_fields_are_refused() {
    assert!(serde_json::from_str::<CaptureHold>(r#"{"amuont":1}"#).is_err());
    assert!(serde_json::from_str::<CaptureHold>(r#"{"amount":1,"amount":2}"#).is_err());
    assert!(serde_json::from_str::<VoidHold>(r#"{"reason":"x"}"#).is_err());
    assert!(serde_json::from_str::<VoidHold>("{}").is_ok());
}

//! The page of a list.

use money::{AccountId, Id};

use super::PageQuery;
use crate::http::Code;

fn page(limit: Option<i64>, cursor: Option<&str>) -> PageQuery {
    PageQuery { limit, cursor: cursor.map(str::to_owned) }
}

#[test]
fn a_limit_is_1_to_100_and_20_when_absent() {
    assert_eq!(page(None, None).limit().unwrap(), 20);
    for fits in [1, 100] {
        assert_eq!(page(Some(fits), None).limit().unwrap(), fits);
    }
    for wrong in [i64::MIN, -1, 0, 101, i64::MAX] {
        let problem = page(Some(wrong), None).limit().unwrap_err();
        assert_eq!(problem.code, Code::InvalidFields);
        assert_eq!(problem.fields[0].field, "limit");
    }
}

#[test]
fn a_cursor_is_an_id_of_the_list_or_a_malformed_request() {
    let id = AccountId::from_bytes([7; 16]);
    let text = id.to_string();
    assert_eq!(page(None, Some(&text)).cursor::<AccountId>().unwrap(), Some(id));
    assert_eq!(page(None, None).cursor::<AccountId>().unwrap(), None);
    let other = Id::<money::kind::Transfer>::from_bytes([7; 16]).to_string();
    for wrong in ["", "acc_", "acc_' OR 1=1", other.as_str()] {
        let problem = page(None, Some(wrong)).cursor::<AccountId>().unwrap_err();
        assert_eq!(problem.code, Code::MalformedRequest);
    }
}

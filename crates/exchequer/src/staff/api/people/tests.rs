//! What `staff::api::people` promises.

use money::EventId;

use super::*;

#[test]
fn a_query_is_an_id_an_email_a_phone_or_a_name() {
    let id = "cus_01jz7m5v3k8e9q2r4s6t8w0xyz";
    assert!(matches!(search_key(id), Some(SearchKey::Id(found)) if found.to_string() == id));
    let email = search_key("Asha@Example.com");
    assert!(matches!(email, Some(SearchKey::Email(e)) if e.as_str() == "asha@example.com"));
    for text in ["+919876543210", " 919876543210", "+91 98765-43210"] {
        let phone = search_key(text);
        assert!(
            matches!(phone, Some(SearchKey::Phone(p)) if p.as_str() == "+919876543210"),
            "{text:?}"
        );
    }
    let name = search_key("Rao  ASHA");
    assert!(matches!(name, Some(SearchKey::Name(words)) if words.iter().eq(["asha", "rao"])));
    for text in ["", "asha@", "919876543210", "%", " "] {
        assert!(search_key(text).is_none(), "{text:?}");
    }
}

fn page(limit: Option<i64>, cursor: Option<&str>) -> Result<(i64, Option<EventId>), Problem> {
    PageQuery::of(limit, cursor.map(str::to_owned)).read()
}

#[test]
fn a_page_has_1_to_100_rows_and_20_when_nobody_says() {
    assert_eq!(page(None, None).unwrap(), (20, None));
    assert_eq!(page(Some(1), None).unwrap().0, 1);
    assert_eq!(page(Some(100), None).unwrap().0, 100);
    for limit in [0, -1, 101, i64::MIN, i64::MAX] {
        assert_eq!(page(Some(limit), None).unwrap_err().code, Code::InvalidFields);
    }
    let bad = page(None, Some("b3BhcXVl")).unwrap_err();
    assert_eq!(bad.code, Code::MalformedRequest);
}

//! What `customers::model` promises.

use super::*;

#[test]
fn an_email_has_one_spelling() {
    for text in ["asha@example.com", " Asha@Example.COM ", "ASHA@EXAMPLE.COM\t"] {
        assert_eq!(
            text.parse::<Email>().map(|e| e.as_str().to_owned()),
            Ok("asha@example.com".into())
        );
    }
    for text in ["a.b+c_d@sub.example.co", "o'neil@example.org", "1@2.example"] {
        assert_eq!(text.parse::<Email>().unwrap().as_str(), text);
    }
}

#[test]
fn what_is_no_email_is_refused() {
    let long_local = format!("{}@example.com", "a".repeat(65));
    let long_label = format!("a@{}.com", "b".repeat(64));
    let long_whole = format!("a@{}.com", vec!["b".repeat(60); 5].join("."));
    for text in [
        "",
        "@",
        "a",
        "a@",
        "@example.com",
        "a@example",
        "a@@example.com",
        "a@b@example.com",
        "a b@example.com",
        ".a@example.com",
        "a.@example.com",
        "a..b@example.com",
        "a@.com",
        "a@example..com",
        "a@-example.com",
        "a@example-.com",
        "a@exa_mple.com",
        "a@[127.0.0.1]",
        "\"a\"@example.com",
        "ä@example.com",
        "a@exämple.com",
        "a\0@example.com",
        "a\n@example.com",
        &long_local,
        &long_label,
        &long_whole,
    ] {
        assert_eq!(text.parse::<Email>(), Err(Invalid), "{text:?}");
    }
}

#[test]
fn the_longest_email_has_254_bytes() {
    let fits =
        format!("{}@{}.{}.{}", "a".repeat(64), "b".repeat(63), "c".repeat(63), "d".repeat(61));
    assert_eq!(fits.len(), 254);
    assert!(fits.parse::<Email>().is_ok());
    assert_eq!(format!("{fits}d").parse::<Email>(), Err(Invalid));
}

#[test]
fn a_phone_has_one_spelling() {
    for text in ["+919876543210", "+91 98765 43210", " +91-98765-43210"] {
        assert_eq!(text.parse::<Phone>().unwrap().as_str(), "+919876543210");
    }
    assert!("+1234567".parse::<Phone>().is_ok());
    assert!("+123456789012345".parse::<Phone>().is_ok());
    for text in [
        "",
        "+",
        "919876543210",
        "+123456",
        "+1234567890123456",
        "+0123456789",
        "+12a4567",
        "++1234567",
        "+१२३४५६७",
    ] {
        assert_eq!(text.parse::<Phone>(), Err(Invalid), "{text:?}");
    }
}

#[test]
fn a_government_id_has_one_spelling() {
    assert_eq!("abcde 1234-f".parse::<GovernmentId>().unwrap().as_str(), "ABCDE1234F");
    for text in ["", "AB123", "ABCDEFGHIJKLMNOPQRSTU", "ÄBCDEF1", "ABC/123"] {
        assert_eq!(text.parse::<GovernmentId>(), Err(Invalid), "{text:?}");
    }
}

#[test]
fn masks_show_the_end_only() {
    assert_eq!("+919876543210".parse::<Phone>().unwrap().masked(), "+********3210");
    assert_eq!("+1234567".parse::<Phone>().unwrap().masked(), "+***4567");
    assert_eq!("ABCDE1234F".parse::<GovernmentId>().unwrap().masked(), "********4F");
    assert_eq!("asha@example.com".parse::<Email>().unwrap().masked(), "a***@example.com");
}

//! Addresses that lead inside, in all their spellings.

use super::*;

const PUBLIC: &str = "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 192.0.1.1 \
    192.167.0.1 198.17.0.1 198.20.0.1 203.0.112.1 223.255.255.255 2606:4700::1111 2a00:1450::1 \
    2001:200::1 2001:4860::8888 64:ff9b::808:808";

const OTHERS: &str = "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 \
    127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 \
    192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 \
    239.255.255.250 240.0.0.1 255.255.255.255 :: ::1 ::7f00:1 ::ffff:8.8.8.8 ::ffff:127.0.0.1 \
    64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1 \
    2001:0:4136:e378::1 2001:10::1 2001:1ff::1 2001:db8::1 2002:7f00:1:: 2002:808:808::1 3fff::1 \
    3fff:fff::1 4000::1 5f00::1 fc00::1 fd12:3456::1 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1";

#[test]
fn only_global_unicast_addresses_are_public() {
    for public in PUBLIC.split_ascii_whitespace() {
        assert!(is_global_unicast(public.parse().unwrap()), "{public}");
    }
    for other in OTHERS.split_ascii_whitespace() {
        assert!(!is_global_unicast(other.parse().unwrap()), "{other}");
    }
}

// ASVS 1.5.3, 4.2.5: an address is judged as the client that will call it reads it, in all its spellings, and has a
// greatest length.
#[test]
fn urls_that_lead_inside_are_refused() {
    use TargetError::{Credentials, Fragment, Host, Malformed, Scheme, Secret};
    for (url, error) in [
        ("", Malformed),
        ("example.com/hook", Malformed),
        ("https://", Malformed),
        ("https://exa mple.com/", Malformed),
        ("https://example.com/\n", Malformed),
        ("https://256.1.1.1/", Malformed),
        ("http://example.com/hook", Scheme),
        ("http://127.0.0.1/hook", Scheme),
        ("ftp://example.com/", Scheme),
        ("https://user@example.com/", Credentials),
        ("https://user:word@example.com/", Credentials),
        ("https://example.com/#a", Fragment),
        ("https://localhost/", Host),
        ("https://LOCALHOST./", Host),
        ("https://a.localhost/", Host),
        ("https://127.0.0.1/", Host),
        // One address, written in the ways that parsers of URLs take.
        ("https://2130706433/", Host),
        ("https://0x7f.1/", Host),
        ("https://0177.0.0.1/", Host),
        ("https://127.1/", Host),
        ("https://%31%32%37.0.0.1/", Host),
        ("https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/", Host),
        ("https://0/", Host),
        ("https://[::1]/", Host),
        ("https://[::]/", Host),
        ("https://[::ffff:10.0.0.1]/", Host),
        ("https://[fe80::1]/", Host),
        ("https://169.254.169.254/latest/meta-data", Host),
        ("https://example.com/?card=4242424242424242", Secret),
    ] {
        assert_eq!(parse(url, false).err(), Some(error), "{url}");
    }
    for good in
        ["https://example.com", "https://hooks.example.com:8443/a/b?c=d", "https://1.1.1.1/"]
    {
        assert!(parse(good, false).is_ok(), "{good}");
    }
    let long = format!("https://example.com/{}", "a".repeat(MAX_URL_BYTES));
    assert_eq!(parse(&long, false), Err(Malformed));
}

#[test]
fn a_bank_that_allows_private_targets_takes_them_and_plain_http_to_this_machine() {
    for good in [
        "http://127.0.0.1:9/hook",
        "http://localhost:9/",
        "http://[::1]:9/",
        "https://10.0.0.1/",
        "https://localhost/",
    ] {
        assert!(parse(good, true).is_ok(), "{good}");
    }
    for (bad, error) in [
        ("http://10.0.0.1/", TargetError::Scheme),
        ("http://example.com/", TargetError::Scheme),
        ("http://127.0.0.1.example.com/", TargetError::Scheme),
        ("http://localhost@example.com/", TargetError::Scheme),
        ("https://0.0.0.0/", TargetError::Host),
        ("https://224.0.0.1/", TargetError::Host),
        ("https://[ff02::1]/", TargetError::Host),
    ] {
        assert_eq!(parse(bad, true).err(), Some(error), "{bad}");
    }
}

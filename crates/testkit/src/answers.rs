//! What holds for every answer of a bank, whatever was asked: looked at by [`Client::send`](crate::Client::send), so
//! that each request of each test over HTTP is a try.

use crate::Reply;

/// Headers by which servers tell what they are.
const TELLING: [&str; 5] = ["server", "via", "x-powered-by", "x-generator", "x-served-by"];

/// What the program is made of, and what stands behind it.
const COMPONENTS: [&str; 18] = [
    "aws-lc",
    "axum",
    "hyper",
    "jemalloc",
    "libpq",
    "openssl",
    "postgres",
    "postgresql",
    "redis",
    "reqwest",
    "rustc",
    "rusqlite",
    "rustls",
    "sqlcipher",
    "sqlite",
    "tokio",
    "tokio-postgres",
    "tower",
];

/// What is wrong with an answer to anything but HEAD: its length is not what it says (RFC 9110 §8.6), or it names what
/// the bank is made of with a version.
pub fn complaint(reply: &Reply) -> Option<String> {
    let lengths: Vec<_> = reply.headers.get_all("content-length").iter().collect();
    // Digits alone (RFC 9110 §8.6): `parse` would take a sign.
    let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
    let said = reply.header("content-length").filter(digits).and_then(|text| text.parse().ok());
    let status = reply.status.as_u16();
    let is_empty_by_status = status < 200 || status == 204 || status == 304;
    if reply.headers.contains_key("transfer-encoding") {
        return Some("a transfer coding that no handler of ours sets".to_owned());
    }
    // The router says 0 of an answer without a body; a connection leaves that out (`tests/attacks/connections.rs`).
    let is_none = lengths.is_empty() || said == Some(0);
    if is_empty_by_status && !(reply.body.is_empty() && is_none) {
        return Some(format!("{status} with {} bytes, said {said:?}", reply.body.len()));
    }
    // Without a length the connection's own framing says where the answer ends.
    if !is_empty_by_status
        && !lengths.is_empty()
        && (lengths.len(), said) != (1, Some(reply.body.len()))
    {
        return Some(format!("{} bytes, said {lengths:?}", reply.body.len()));
    }
    if let Some(name) = TELLING.iter().find(|name| reply.headers.contains_key(**name)) {
        return Some(format!("the header {name}: {:?}", reply.header(name)));
    }
    let headers = reply.headers.values().filter_map(|value| value.to_str().ok());
    headers
        .map(str::to_owned)
        .chain([String::from_utf8_lossy(&reply.body).into_owned()])
        .find_map(|text| version_in(&text))
        .map(|found| format!("a version: {found}"))
}

/// The first name of a component with a number behind it: `SQLite 3.46`, `redis/7.0`, `axum-0.8`, `rustls v0.23`.
fn version_in(text: &str) -> Option<String> {
    // Numbers with a point are rare, so they are looked for and not the names. A whole number alone is a port or a
    // count as often as a version.
    text.match_indices('.').find_map(|(point, _)| {
        let of_number = |c: char| c.is_ascii_digit() || c == '.';
        let (before, after) = text.split_at(point);
        let head = before.trim_end_matches(of_number);
        let tail = after.trim_start_matches(of_number);
        let number = text.get(head.len()..text.len() - tail.len())?;
        if number.split('.').filter(|part| !part.is_empty()).count() < 2 {
            return None;
        }
        let rest = without_end(head, "v").trim_end_matches([' ', ':']);
        let rest = without_end(rest, "version");
        let rest = rest.trim_end_matches([' ', '/', '-', ':', '=', '"', '_']);
        let name = COMPONENTS.iter().find(|name| without_end(rest, name).len() < rest.len())?;
        // An address begins with some of the names, and has numbers.
        let is_address = head.get(rest.len()..)?.starts_with("://");
        (!is_address).then(|| format!("{name} {number}"))
    })
}

/// Without `end`, in whatever case it is there.
fn without_end<'a>(text: &'a str, end: &str) -> &'a str {
    let split = text.len().checked_sub(end.len()).and_then(|at| text.split_at_checked(at));
    split.filter(|(_, last)| last.eq_ignore_ascii_case(end)).map_or(text, |(first, _)| first)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    use super::*;

    fn reply(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Reply {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let headers: HeaderMap = headers.collect();
        let status = StatusCode::from_u16(status).unwrap();
        Reply { status, headers, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn a_length_that_is_not_that_of_the_bytes_is_a_complaint() {
        let length = |said| reply(200, &[("content-length", said)], "four");
        assert_eq!(complaint(&length("4")), None);
        assert_eq!(complaint(&reply(200, &[], "four")), None);
        assert_eq!(complaint(&reply(204, &[], "")), None);
        assert_eq!(complaint(&reply(204, &[("content-length", "0")], "")), None);
        for wrong in [
            length("3"),
            length("5"),
            length("+4"),
            reply(200, &[("content-length", "0")], "four"),
            reply(204, &[], "four"),
            reply(304, &[("content-length", "4")], ""),
            reply(200, &[("transfer-encoding", "chunked")], "four"),
        ] {
            assert!(complaint(&wrong).is_some(), "{wrong:?}");
        }
        let mut twice = length("4");
        twice.headers.append("content-length", HeaderValue::from_static("5"));
        assert!(complaint(&twice).is_some());
    }

    #[test]
    fn a_component_with_a_version_is_a_complaint() {
        for text in [
            "SQLite 3.46.1",
            "redis/7.0.15",
            "axum-0.8.4",
            "rustls v0.23",
            "\"postgresql\": \"15.3\"",
            "PostgreSQL version 15.3",
            "hyper: Version: V1.8.1",
            "redis                                                        7..1",
        ] {
            let told = Reply { body: text.into(), ..reply(200, &[], "") };
            assert!(complaint(&told).is_some(), "{text}");
        }
        for text in
            ["tokio", "redis_gone", "postgres://127.0.0.1", "a tower of 3.5 floors", "redis 7"]
        {
            let told = Reply { body: text.into(), ..reply(200, &[], "") };
            assert_eq!(complaint(&told), None, "{text}");
        }
        for header in [("server", "exchequer"), ("via", "1.1 hyper"), ("x-id", "sqlite/3.46")] {
            assert!(complaint(&reply(200, &[header], "")).is_some(), "{header:?}");
        }
    }
}

//! HTTP/1.1 in plain text to an address of this scene: one request, one connection.
//!
//! Bound: one second to connect, [`ANSWER_LIMIT`] for the answer, 4 MiB. An answer that ends before its length is an
//! error of the connection: nothing of it is believed.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A client that waits longer than this takes the node for gone and asks another.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
const ANSWER_BYTES: u64 = 4 * 1024 * 1024;

pub struct Reply {
    pub status: u16,
    /// `Null` where the body is not JSON.
    pub body: Value,
}

pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// The caller's address, which a trusted proxy would write.
    pub from: &'a str,
    pub token: Option<&'a str>,
    pub key: Option<&'a str>,
    pub body: Option<Value>,
    /// Whatever else stands in the head.
    pub headers: Vec<(&'static str, String)>,
}

impl<'a> Request<'a> {
    pub fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            from: "",
            token: None,
            key: None,
            body: None,
            headers: Vec::new(),
        }
    }

    pub fn post(path: &'a str, body: Value) -> Self {
        Self {
            method: "POST",
            path,
            from: "",
            token: None,
            key: None,
            body: Some(body),
            headers: Vec::new(),
        }
    }

    pub fn send(&self, at: SocketAddr) -> Result<Reply> {
        let mut stream = TcpStream::connect_timeout(&at, CONNECT_LIMIT)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.set_write_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(self.text(at).as_bytes())?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
        parse(&String::from_utf8_lossy(&answer))
    }

    fn text(&self, at: SocketAddr) -> String {
        let body = self.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut text = format!(
            "{} {} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n",
            self.method, self.path
        );
        let mut header = |name: &str, value: &str| {
            text.push_str(name);
            text.push_str(value);
            text.push_str("\r\n");
        };
        if !self.from.is_empty() {
            header("X-Forwarded-For: ", self.from);
        }
        if let Some(token) = self.token {
            header("Authorization: Bearer ", token);
        }
        if let Some(key) = self.key {
            header("Idempotency-Key: ", key);
        }
        for (name, value) in &self.headers {
            header(&format!("{name}: "), value);
        }
        if self.body.is_some() {
            header("Content-Type: ", "application/json");
            header("Content-Length: ", &body.len().to_string());
        }
        text + "\r\n" + &body
    }
}

fn parse(answer: &str) -> Result<Reply> {
    let broken = |what: &str| Error::new(ErrorKind::UnexpectedEof, what.to_owned());
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| broken("no whole head"))?;
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok());
    let status = status.ok_or_else(|| broken("no status"))?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    if length.is_some_and(|length| body.len() < length) {
        return Err(broken("a body that is cut short"));
    }
    Ok(Reply { status, body: serde_json::from_str(body).unwrap_or(Value::Null) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_or_an_error() {
        let whole = parse("HTTP/1.1 201 Created\r\ncontent-length: 8\r\n\r\n{\"a\": 1}").unwrap();
        assert_eq!((whole.status, whole.body["a"].as_i64()), (201, Some(1)));
        for cut in [
            "",
            "HTTP/1.1 201 Created\r\n",
            "HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{\"a\": 1}",
        ] {
            assert!(parse(cut).is_err(), "{cut}");
        }
    }
}

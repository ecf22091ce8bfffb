//! The shipped binary as a process, and a plain blocking HTTP client for it.
//!
//! Black-box tests kill it, start it again and ask what is left. Every process started here is stopped
//! by its own id when its handle is dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

/// A start takes well below a second; a loaded test machine gets a minute.
const START_LIMIT: Duration = Duration::from_mins(1);
const ANSWER_LIMIT: Duration = Duration::from_mins(1);

/// A running server.
pub struct Server {
    child: Child,
    /// `127.0.0.1:PORT`
    address: String,
    /// What it printed before the listening line.
    printed: String,
}

/// An answer over a real connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpReply {
    pub status: u16,
    pub replayed: bool,
    pub retry_after: Option<String>,
    pub body: Vec<u8>,
}

impl HttpReply {
    /// The body of an answer that has JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

impl Server {
    /// Starts `binary` and waits until it listens.
    pub fn start(binary: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .env_clear()
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary starts");
        let output = child.stdout.take().expect("its standard output");
        let (told, lines) = mpsc::channel();
        // The thread goes on reading, so that the server never blocks on a full pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if told.send(line).is_err() {
                    return;
                }
            }
        });
        let mut printed = String::new();
        loop {
            let Ok(line) = lines.recv_timeout(START_LIMIT) else {
                let status = child.try_wait();
                panic!("the server does not listen ({status:?}); it printed: {printed}");
            };
            let plain = line.strip_prefix("listening on http://");
            if let Some(address) = plain.or_else(|| line.strip_prefix("listening on https://")) {
                return Self { child, address: address.trim().to_owned(), printed };
            }
            printed.push_str(&line);
            printed.push('\n');
        }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// The JSON object of `demo --json`.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.printed).expect("one JSON object before the listening line")
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(mut self) {
        self.child.kill().expect("our own process");
        let _status: ExitStatus = self.child.wait().expect("our own process");
    }

    /// SIGTERM, and waits for the end.
    pub fn terminate(mut self) -> ExitStatus {
        let told = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .expect("kill(1)");
        assert!(told.success());
        self.child.wait().expect("our own process")
    }

    pub fn client(&self) -> HttpClient {
        HttpClient::to(&self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let killed = self.child.kill().and_then(|()| self.child.wait());
            assert!(killed.is_ok() || std::thread::panicking(), "{killed:?}");
        }
    }
}

/// One keep-alive connection, made again when it is lost.
pub struct HttpClient {
    address: String,
    connection: Option<BufReader<TcpStream>>,
}

/// A request.
#[derive(Debug, Clone, Default)]
pub struct HttpRequest<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub token: Option<&'a str>,
    pub key: Option<&'a str>,
    /// Whatever else stands in the head.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: Option<&'a Value>,
}

impl HttpClient {
    /// To `127.0.0.1:PORT`; connects with the first request.
    pub fn to(address: &str) -> Self {
        Self { address: address.to_owned(), connection: None }
    }

    /// Sends a request and reads the answer. An error says nothing about whether it took effect.
    pub fn send(&mut self, request: &HttpRequest<'_>) -> std::io::Result<HttpReply> {
        let result = self.exchange(request);
        if result.is_err() {
            self.connection = None;
        }
        result
    }

    pub fn post(
        &mut self,
        path: &str,
        token: Option<&str>,
        key: Option<&str>,
        body: &Value,
    ) -> std::io::Result<HttpReply> {
        let body = Some(body);
        self.send(&HttpRequest { method: "POST", path, token, key, body, ..HttpRequest::default() })
    }

    pub fn get(&mut self, path: &str, token: Option<&str>) -> std::io::Result<HttpReply> {
        self.send(&HttpRequest { method: "GET", path, token, ..HttpRequest::default() })
    }

    fn exchange(&mut self, request: &HttpRequest<'_>) -> std::io::Result<HttpReply> {
        let connection = if let Some(connection) = &mut self.connection {
            connection
        } else {
            let stream = TcpStream::connect(&self.address)?;
            stream.set_read_timeout(Some(ANSWER_LIMIT))?;
            stream.set_nodelay(true)?;
            self.connection.insert(BufReader::new(stream))
        };
        let body = request.body.map(Value::to_string).unwrap_or_default();
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\nuser-agent: blackbox\r\ncontent-length: {}\r\n",
            request.method,
            request.path,
            self.address,
            body.len()
        );
        for (name, value) in [
            ("authorization", request.token.map(|t| format!("Bearer {t}"))),
            ("idempotency-key", request.key.map(str::to_owned)),
            ("content-type", request.body.map(|_| "application/json".to_owned())),
        ] {
            if let Some(value) = value {
                head.extend([name, ": ", &value, "\r\n"]);
            }
        }
        for (name, value) in request.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        let text = format!("{head}\r\n{body}");
        connection.get_mut().write_all(text.as_bytes())?;
        read_reply(connection)
    }
}

fn read_reply(connection: &mut BufReader<TcpStream>) -> std::io::Result<HttpReply> {
    let bad = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| bad(&line))?;
    let (mut length, mut replayed, mut retry_after) = (0, false, None);
    loop {
        line.clear();
        if connection.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().map_err(|_| bad(value))?,
            "idempotent-replayed" => replayed = value == "true",
            "retry-after" => retry_after = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok(HttpReply { status, replayed, retry_after, body })
}

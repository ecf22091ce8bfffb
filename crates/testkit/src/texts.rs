//! A gateway for text messages for tests: one HTTP answer per request, as it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How the gateway answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextMood {
    Status(u16),
    /// 307 to another address.
    Redirect(String),
    /// Takes the request and says nothing.
    Silent,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct ReceivedText {
    /// Request line and headers, as sent.
    pub head: String,
    /// The form, decoded.
    pub form: Vec<(String, String)>,
}

pub struct TestTextGateway {
    address: SocketAddr,
    mood: Arc<Mutex<TextMood>>,
    seen: Arc<watch::Sender<Vec<ReceivedText>>>,
    task: JoinHandle<()>,
}

impl TestTextGateway {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mood = Arc::new(Mutex::new(TextMood::Status(201)));
        let seen = Arc::new(watch::Sender::new(Vec::new()));
        let (moods, log) = (Arc::clone(&mood), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (mood, seen) = (moods.lock().expect("the mood").clone(), Arc::clone(&log));
                tokio::spawn(async move {
                    // A client that goes away is what some tests are about.
                    let _ended = serve(stream, mood, &seen).await.is_ok();
                });
            }
        });
        Self { address, mood, seen, task }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Holds for connections from now on.
    pub fn set(&self, mood: TextMood) {
        *self.mood.lock().expect("the mood") = mood;
    }

    pub fn texts(&self) -> Vec<ReceivedText> {
        self.seen.borrow().clone()
    }

    /// Waits for the first one.
    pub async fn reached(&self) {
        let mut seen = self.seen.subscribe();
        seen.wait_for(|seen| !seen.is_empty()).await.expect("the gateway stands");
    }
}

impl ReceivedText {
    pub fn field(&self, name: &str) -> &str {
        let found = self.form.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

impl Drop for TestTextGateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    stream: TcpStream,
    mood: TextMood,
    seen: &watch::Sender<Vec<ReceivedText>>,
) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    let (mut head, mut length) = (String::new(), 0_usize);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).await?;
    let form = String::from_utf8(body).expect("a form is ASCII");
    let form = form.split('&').filter_map(|pair| pair.split_once('='));
    let form = form.map(|(name, value)| (decoded(name), decoded(value))).collect();
    seen.send_modify(|seen| seen.push(ReceivedText { head, form }));
    let answer = match mood {
        TextMood::Silent => {
            let mut rest = Vec::new();
            return lines.read_to_end(&mut rest).await.map(|_| ());
        }
        TextMood::Status(status) => format!("HTTP/1.1 {status} test\r\n"),
        TextMood::Redirect(to) => format!("HTTP/1.1 307 test\r\nLocation: {to}\r\n"),
    };
    let rest = "Content-Length: 2\r\nConnection: close\r\n\r\n{}";
    write.write_all(format!("{answer}{rest}").as_bytes()).await
}

/// `application/x-www-form-urlencoded`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => {
                let pair = [*high, *low];
                let pair = std::str::from_utf8(&pair).expect("two digits");
                bytes.push(u8::from_str_radix(pair, 16).expect("two digits"));
                rest = after;
            }
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

//! A mail server for tests: it takes SMTP on a port of this machine, or behaves as badly as it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailMood {
    /// Takes everything.
    Kind,
    /// Answers RCPT with this code.
    Refusing(u16),
    /// Answers AUTH with this code.
    RefusingLogin(u16),
    /// Says nothing at all.
    Silent,
    /// Takes the message and closes without saying so.
    ClosingAfterData,
    /// Says it can do STARTTLS and then does something else.
    FalseTls,
}

/// A mail as it came over the wire.
#[derive(Debug, Clone)]
pub struct ReceivedMail {
    pub to: String,
    pub data: String,
}

#[derive(Default)]
struct Seen {
    mails: Vec<ReceivedMail>,
    commands: Vec<String>,
}

pub struct TestMailServer {
    address: SocketAddr,
    mood: Arc<Mutex<MailMood>>,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl TestMailServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mood = Arc::new(Mutex::new(MailMood::Kind));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (moods, log) = (Arc::clone(&mood), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (moods, seen) = (Arc::clone(&moods), Arc::clone(&log));
                tokio::spawn(async move {
                    // A client that goes away is what some tests are about.
                    let _ended = talk(stream, &moods, &seen).await.is_ok();
                });
            }
        });
        Self { address, mood, seen, task }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Holds from the next command on; [`MailMood::Silent`] from the next connection on.
    pub fn set(&self, mood: MailMood) {
        *self.mood.lock().expect("the mood") = mood;
    }

    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.seen.lock().expect("what was seen").mails.clone()
    }

    /// Every line that was not part of a message.
    pub fn commands(&self) -> Vec<String> {
        self.seen.lock().expect("what was seen").commands.clone()
    }
}

impl Drop for TestMailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn talk(
    stream: TcpStream,
    moods: &Mutex<MailMood>,
    seen: &Mutex<Seen>,
) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    let mood = || *moods.lock().expect("the mood");
    if mood() == MailMood::Silent {
        let mut rest = Vec::new();
        return lines.read_to_end(&mut rest).await.map(|_| ());
    }
    write.write_all(b"220 test\r\n").await?;
    let mut to = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        seen.lock().expect("what was seen").commands.push(line.clone());
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match (verb.as_str(), mood()) {
            ("EHLO", MailMood::FalseTls) => "250-test\r\n250 STARTTLS\r\n".to_owned(),
            ("EHLO", _) => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n".to_owned(),
            ("STARTTLS", _) => "220 go on\r\nthis is no TLS\r\n".to_owned(),
            ("AUTH", MailMood::RefusingLogin(code)) => format!("{code} no\r\n"),
            ("AUTH", _) => "235 yes\r\n".to_owned(),
            ("RCPT", MailMood::Refusing(code)) => format!("{code} <the@address.test> no\r\n"),
            ("RCPT", _) => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                "250 ok\r\n".to_owned()
            }
            ("DATA", _) => {
                write.write_all(b"354 go on\r\n").await?;
                let data = body(&mut lines).await?;
                let mail = ReceivedMail { to: to.clone(), data };
                seen.lock().expect("what was seen").mails.push(mail);
                if mood() == MailMood::ClosingAfterData {
                    return Ok(());
                }
                "250 taken\r\n".to_owned()
            }
            ("QUIT", _) => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok\r\n".to_owned(),
        };
        write.write_all(answer.as_bytes()).await?;
    }
}

/// Up to the line with a dot; doubled dots are undone (RFC 5321 §4.5.2).
async fn body(lines: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<String> {
    let mut data = String::new();
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(data);
        }
        data.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

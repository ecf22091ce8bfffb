//! A mail server for tests: it takes SMTP on a port of this machine, or behaves as badly as it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
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
    /// Refuses the message at its end with this code.
    RefusingData(u16),
    /// Takes the message and closes without saying so.
    ClosingAfterData,
    /// Answers RCPT when it is told to ([`TestMailServer::release`]), which is too late.
    LateAtRcpt,
    /// Answers the end of the message when it is told to.
    LateAtData,
    /// Does not answer QUIT.
    SilentAtQuit,
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
    connections: usize,
    mails: Vec<ReceivedMail>,
    commands: Vec<String>,
}

pub struct TestMailServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    mood: Mutex<MailMood>,
    seen: watch::Sender<Seen>,
    released: watch::Sender<bool>,
}

impl TestMailServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            mood: Mutex::new(MailMood::Kind),
            seen: watch::Sender::new(Seen::default()),
            released: watch::Sender::new(false),
        });
        let listening = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let shared = Arc::clone(&listening);
                shared.seen.send_modify(|seen| seen.connections += 1);
                tokio::spawn(async move {
                    // A client that goes away is what some tests are about.
                    let _ended = talk(stream, &shared).await.is_ok();
                });
            }
        });
        Self { address, shared, task }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Holds from the next command on; [`MailMood::Silent`] from the next connection on.
    pub fn set(&self, mood: MailMood) {
        *self.shared.mood.lock().expect("the mood") = mood;
    }

    /// Gives the late answers that are open, and from now on all of them at once.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// Waits for the first connection.
    pub async fn reached(&self) {
        let mut seen = self.shared.seen.subscribe();
        seen.wait_for(|seen| seen.connections > 0).await.expect("the server stands");
    }

    /// What was taken.
    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.shared.seen.borrow().mails.clone()
    }

    /// Every line that was not part of a message.
    pub fn commands(&self) -> Vec<String> {
        self.shared.seen.borrow().commands.clone()
    }
}

impl Drop for TestMailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn mood(&self) -> MailMood {
        *self.mood.lock().expect("the mood")
    }

    /// Returns at once unless the mood is this one and nobody has released the answers.
    async fn hold(&self, mood: MailMood) {
        if self.mood() == mood {
            let mut released = self.released.subscribe();
            released.wait_for(|is_released| *is_released).await.expect("the server stands");
        }
    }
}

async fn talk(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    if shared.mood() == MailMood::Silent {
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
        shared.seen.send_modify(|seen| seen.commands.push(line.clone()));
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match (verb.as_str(), shared.mood()) {
            ("EHLO", MailMood::FalseTls) => "250-test\r\n250 STARTTLS\r\n".to_owned(),
            ("EHLO", _) => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n".to_owned(),
            ("STARTTLS", _) => "220 go on\r\nthis is no TLS\r\n".to_owned(),
            ("AUTH", MailMood::RefusingLogin(code)) => format!("{code} no\r\n"),
            ("AUTH", _) => "235 yes\r\n".to_owned(),
            ("RCPT", MailMood::Refusing(code)) => format!("{code} <the@address.test> no\r\n"),
            ("RCPT", _) => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                shared.hold(MailMood::LateAtRcpt).await;
                "250 ok\r\n".to_owned()
            }
            ("DATA", _) => {
                write.write_all(b"354 go on\r\n").await?;
                let data = body(&mut lines).await?;
                match take(shared, ReceivedMail { to: to.clone(), data }).await {
                    Some(answer) => answer,
                    None => return Ok(()),
                }
            }
            ("QUIT", MailMood::SilentAtQuit) => String::new(),
            ("QUIT", _) => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok\r\n".to_owned(),
        };
        write.write_all(answer.as_bytes()).await?;
    }
}

/// The answer to a whole message; none: the connection ends without one.
async fn take(shared: &Shared, mail: ReceivedMail) -> Option<String> {
    if let MailMood::RefusingData(code) = shared.mood() {
        return Some(format!("{code} no\r\n"));
    }
    shared.seen.send_modify(|seen| seen.mails.push(mail));
    shared.hold(MailMood::LateAtData).await;
    (shared.mood() != MailMood::ClosingAfterData).then(|| "250 taken\r\n".to_owned())
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

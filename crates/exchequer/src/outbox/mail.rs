//! Mail: one message made by RFC 5322 and handed to the configured server by SMTP (RFC 5321, 6409).
//!
//! Subject and text are one line and plain lines before they come near a header (see `model`); lettre
//! encodes what is not ASCII. With `MailTls::Required` a server without STARTTLS gets neither the
//! password nor the message.
//!
//! Each mail has a connection of its own, which ends with it. One that was given up in the middle has an answer
//! coming that the next mail would take for its own. Bound: the limit up to the server's word on the mail, then
//! [`GOODBYE_LIMIT`]; whatever happens after that word changes nothing.

use std::time::{Duration, SystemTime};

use lettre::Address;
use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use money::{MessageId, Timestamp};
use tokio::time::timeout;

use super::model::{MAX_MAIL_CHARS, Tried, one_line, plain_lines};
use super::store::Content;
use crate::config::{MailServer, MailTls};

/// How long the answer to QUIT is waited for (RFC 5321 §4.1.1.10). The mail is the server's by then.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);

pub(super) struct Mailer {
    host: String,
    port: u16,
    tls: Tls,
    login: Option<Credentials>,
    limit: Duration,
    from: Mailbox,
    /// The right side of our message ids.
    domain: String,
}

enum Tls {
    Wrapped(TlsParameters),
    Required(TlsParameters),
    None,
}

impl Mailer {
    /// `limit` is for one try, from the connection to the server's word on the mail.
    pub(super) fn new(server: &MailServer, from: &str, limit: Duration) -> Result<Self, String> {
        let address: Address = from.parse().map_err(|_| "the sender is no address".to_owned())?;
        let domain = address.domain().to_owned();
        let tls = match server.tls {
            MailTls::Wrapped => Tls::Wrapped(parameters(server)?),
            MailTls::Required => Tls::Required(parameters(server)?),
            MailTls::None => Tls::None,
        };
        let login = server
            .login
            .as_ref()
            .map(|(user, password)| Credentials::new(user.clone(), password.expose().to_owned()));
        let (host, port, from) = (server.host.clone(), server.port, Mailbox::new(None, address));
        Ok(Self { host, port, tls, login, limit, from, domain })
    }

    pub(super) async fn send(
        &self,
        (id, destination): (&MessageId, &str),
        content: &Content,
        now: Timestamp,
    ) -> Tried {
        let message = match self.message((id, destination), content, now) {
            Ok(message) => message,
            Err(reason) => return Tried::Never(reason),
        };
        match timeout(self.limit, self.hand_over(&message)).await {
            Ok(Ok(connection)) => {
                part(connection).await;
                Tried::Sent
            }
            Ok(Err(error)) => classify(&error),
            Err(_) => Tried::Later("no answer in time".to_owned()),
        }
    }

    /// The whole dialogue up to the server's word that the mail is its own now.
    async fn hand_over(&self, message: &lettre::Message) -> Result<AsyncSmtpConnection, Error> {
        let mut connection = self.connect().await?;
        connection.send(message.envelope(), &message.formatted()).await?;
        Ok(connection)
    }

    /// A connection that is as private as it must be, and logged in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let (server, hello) = ((self.host.as_str(), self.port), ClientId::default());
        let wrapped = match &self.tls {
            Tls::Wrapped(parameters) => Some(parameters.clone()),
            Tls::Required(_) | Tls::None => None,
        };
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.limit), &hello, wrapped, None)
                .await?;
        if let Tls::Required(parameters) = &self.tls {
            connection.starttls(parameters.clone(), &hello).await?;
        }
        if let Some(login) = &self.login {
            connection.auth(DEFAULT_MECHANISMS, login).await?;
        }
        Ok(connection)
    }

    fn message(
        &self,
        (id, destination): (&MessageId, &str),
        content: &Content,
        now: Timestamp,
    ) -> Result<lettre::Message, String> {
        let to: Address = destination.parse().map_err(|_| "the address is none".to_owned())?;
        let since_1970 = Duration::from_secs(u64::try_from(now.seconds()).unwrap_or(0));
        let subject = one_line(content.subject.as_deref().unwrap_or("A message from your bank"));
        lettre::Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(SystemTime::UNIX_EPOCH + since_1970)
            // The same for every try, so that a mailbox knows a repetition.
            .message_id(Some(format!("<{id}@{}>", self.domain)))
            .header(ContentType::TEXT_PLAIN)
            .body(plain_lines(&content.text, MAX_MAIL_CHARS))
            .map_err(|_| "the message cannot be made".to_owned())
    }
}

/// A server that does not say goodbye has taken the mail all the same.
async fn part(mut connection: AsyncSmtpConnection) {
    let _ended_or_left = timeout(GOODBYE_LIMIT, connection.quit()).await.is_ok();
}

fn parameters(server: &MailServer) -> Result<TlsParameters, String> {
    // The error names the host at most.
    TlsParameters::new(server.host.clone()).map_err(|error| format!("TLS: {error}"))
}

/// The server's words are left out: they repeat the address.
fn classify(error: &Error) -> Tried {
    let Some(status) = error.status().map(u16::from) else {
        let class = if error.is_timeout() {
            "no answer in time"
        } else if error.is_tls() {
            "TLS was refused"
        } else if error.is_client() {
            "the server does not offer what we require"
        } else {
            "no connection, or an answer that is none"
        };
        return Tried::Later(class.to_owned());
    };
    let reason = format!("SMTP {status}");
    // 530, 534, 535, 538: our own password is at fault (RFC 4954 §6), which an operator can mend.
    if error.is_permanent() && !matches!(status, 530 | 534 | 535 | 538) {
        Tried::Never(reason)
    } else {
        Tried::Later(reason)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn made(subject: &str, text: &str) -> String {
        let server = MailServer {
            host: "127.0.0.1".to_owned(),
            port: 25,
            tls: MailTls::None,
            login: Some(("user".to_owned(), Arc::new(vault::SecretString::new("p".to_owned())))),
        };
        let mailer =
            Mailer::new(&server, "bank@example.test", Duration::from_secs(1)).expect("a mailer");
        let content = Content { subject: Some(subject.to_owned()), text: text.to_owned() };
        let id = MessageId::from_bytes([1; 16]);
        let message = mailer
            .message((&id, "asha@example.test"), &content, Timestamp::from_seconds(1_767_607_200))
            .expect("a message");
        String::from_utf8(message.formatted()).expect("ASCII")
    }

    fn headers(mail: &str) -> Vec<&str> {
        mail.split("\r\n\r\n").next().unwrap_or_default().split("\r\n").collect()
    }

    // ASVS 1.3.11: no text adds a header to a mail.
    #[test]
    fn a_line_end_in_a_subject_begins_no_header() {
        let mail = made("To Mallory\r\nBcc: all@example.test\r\n\r\nfree text", "text");
        let injected = headers(&mail).iter().any(|line| line.to_lowercase().starts_with("bcc"));
        assert!(!injected, "{mail}");
        assert_eq!(mail.matches("\r\n\r\n").count(), 1, "{mail}");
    }

    #[test]
    fn unicode_and_length_stay_within_lines_of_ascii() {
        let mail = made(&"Überweisung an 李明 ".repeat(100), &"₹ grüße ".repeat(2_000));
        assert!(mail.is_ascii());
        assert!(mail.split("\r\n").all(|line| line.len() <= 998), "RFC 5322 2.1.1");
        assert!(!mail.replace("\r\n", "").contains(['\r', '\n']), "a bare line end");
    }

    #[test]
    fn every_try_of_a_message_is_the_same_message() {
        let (one, other) = (made("s", "t"), made("s", "t"));
        assert_eq!(one, other);
        let id = MessageId::from_bytes([1; 16]);
        assert!(one.contains(&format!("Message-ID: <{id}@example.test>")), "{one}");
    }
}

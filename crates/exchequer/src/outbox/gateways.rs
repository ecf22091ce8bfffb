//! The two ways out: clients for mail and text messages, made at their first use and kept.
//!
//! Bound: `message_send_seconds` for one try, whatever the other side does, which each client holds to; with what a
//! goodbye may take it is below the lease of `job`, so a message is in one node's hands at a time. Nothing here logs:
//! what comes back is a class and a number.

use std::sync::OnceLock;
use std::time::Duration;

use money::{MessageId, Timestamp};

use super::mail::Mailer;
use super::model::{Channel, Tried};
use super::sms::Texter;
use super::store::Content;
use crate::config::Messages;

/// The bank's clients of its mail server and its gateway for text messages.
pub struct Gateways {
    messages: Messages,
    mailer: OnceLock<Result<Mailer, String>>,
    texter: OnceLock<Result<Texter, String>>,
}

/// Makes aws-lc the process's cryptography for TLS; a second call changes nothing. The clients ask for it
/// when they are made.
pub fn install_cryptography() {
    // Refused where one is installed already, and then the work is done.
    let _installed = rustls::crypto::CryptoProvider::install_default(tls::cryptography()).is_ok();
}

impl Gateways {
    pub fn new(messages: &Messages) -> Self {
        Self { messages: messages.clone(), mailer: OnceLock::new(), texter: OnceLock::new() }
    }

    /// Whether there is a server or gateway for a channel.
    pub(super) fn has(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.messages.mail.is_some(),
            Channel::Sms => self.messages.sms.is_some(),
        }
    }

    /// One try.
    pub(super) async fn send(
        &self,
        channel: Channel,
        (id, destination): (&MessageId, &str),
        content: &Content,
        now: Timestamp,
    ) -> Tried {
        match channel {
            Channel::Email => match self.mailer() {
                Ok(mailer) => mailer.send((id, destination), content, now).await,
                Err(reason) => Tried::Later(reason.clone()),
            },
            Channel::Sms => match self.texter() {
                Ok(texter) => texter.send(destination, &content.text).await,
                Err(reason) => Tried::Later(reason.clone()),
            },
        }
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.messages.send_seconds)
    }

    fn mailer(&self) -> Result<&Mailer, &String> {
        let make = || {
            install_cryptography();
            let server = self.messages.mail.as_ref().ok_or("there is no mail server")?;
            Mailer::new(server, &self.messages.mail_from, self.limit())
        };
        self.mailer.get_or_init(make).as_ref()
    }

    fn texter(&self) -> Result<&Texter, &String> {
        let make = || {
            install_cryptography();
            let gateway = self.messages.sms.as_ref().ok_or("there is no gateway")?;
            Texter::new(gateway, self.limit())
        };
        self.texter.get_or_init(make).as_ref()
    }
}

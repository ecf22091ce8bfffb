//! How messages leave the bank: mail by SMTP, text messages by an HTTP gateway, and how many.
//!
//! Two rules hold for both: nothing goes to another machine unencrypted, and nothing that costs money
//! goes without a bound. A bank without a mail server or a gateway starts all the same; `serve` says so,
//! and `outbox` what follows.

use std::sync::Arc;

use vault::SecretString;

use super::Profile;
use super::address::{check_origin, is_this_machine, split_port};
use super::reading::{Reading, quoted};

/// What messages go through. Without a server and without a gateway in a demo bank, they are shown at
/// `/demo/inbox`.
#[derive(Clone)]
pub struct Messages {
    pub mail: Option<MailServer>,
    /// The sender of mails.
    pub mail_from: String,
    pub sms: Option<SmsGateway>,
    /// Beginnings of the telephone numbers that are served, in E.164: `+91`. Empty: all, which only the
    /// inbox of a demo bank allows.
    pub sms_prefixes: Vec<String>,
    pub caps: Caps,
    /// For one try to deliver, connection included.
    pub send_seconds: u64,
    /// Whether customers who have not chosen are told of their payments.
    pub payment_alerts: bool,
}

/// How many messages may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// To one destination in any hour.
    pub destination_hour: u32,
    /// To one destination in any 24 hours.
    pub destination_day: u32,
    /// Mails in any hour, notices not counted.
    pub mail_hour: u32,
    /// Text messages in any hour, notices counted.
    pub sms_hour: u32,
}

/// An SMTP server for submission (RFC 6409).
#[derive(Clone)]
pub struct MailServer {
    pub host: String,
    pub port: u16,
    pub tls: MailTls,
    /// User and password; never used on a connection without TLS, this machine's own aside.
    pub login: Option<(String, Arc<SecretString>)>,
}

/// How a connection to the mail server is encrypted. There is no "if it can": whoever stands between
/// would answer that it cannot (RFC 8314 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// From the first byte: `smtps://`.
    Wrapped,
    /// STARTTLS, or nothing is sent: `smtp://`.
    Required,
    /// Not at all: for a server on this machine.
    None,
}

/// A gateway with the interface of Twilio's Messages resource.
#[derive(Clone)]
pub struct SmsGateway {
    /// `https://api.example.com`, no path.
    pub url: String,
    pub account: String,
    pub token: Arc<SecretString>,
    /// The sender: a number in E.164 or a name.
    pub from: String,
}

const MAIL_FORMS: &str = "smtp://user:password@host:587 (STARTTLS is required), \
     smtps://user:password@host:465, or smtp://127.0.0.1:25?tls=none for a server on this machine";

pub(super) fn read(reading: &mut Reading, profile: Profile) -> Messages {
    let mail = read_mail_server(reading);
    let sms = read_gateway(reading);
    let messages = Messages {
        mail_from: read_mail_from(reading, mail.is_some()),
        sms_prefixes: read_prefixes(reading, sms.is_some()),
        mail,
        sms,
        caps: Caps {
            destination_hour: reading.integer("message_destination_per_hour"),
            destination_day: reading.integer("message_destination_per_day"),
            mail_hour: reading.integer("mail_per_hour"),
            sms_hour: reading.integer("sms_per_hour"),
        },
        send_seconds: reading.integer("message_send_seconds"),
        payment_alerts: reading.choice("message_payment_alerts") == "on"
            || profile.payment_alerts(),
    };
    if messages.caps.destination_day < messages.caps.destination_hour {
        let wrong = "less than message_destination_per_hour";
        reading.fault("message_destination_per_day", wrong, "at least as many");
    }
    messages
}

fn read_mail_server(reading: &mut Reading) -> Option<MailServer> {
    let url = reading.secret("mail_smtp_url")?;
    match parse_mail_server(url.expose()) {
        Ok(server) => Some(server),
        Err(wrong) => {
            reading.fault("mail_smtp_url", format!("the address (not shown) {wrong}"), MAIL_FORMS);
            None
        }
    }
}

/// The error is a clause without any part of the address.
fn parse_mail_server(url: &str) -> Result<MailServer, &'static str> {
    let (wrapped, rest) = if let Some(rest) = url.strip_prefix("smtps://") {
        (true, rest)
    } else if let Some(rest) = url.strip_prefix("smtp://") {
        (false, rest)
    } else {
        return Err("begins with neither smtp:// nor smtps://");
    };
    let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (login, place) = match authority.rsplit_once('@') {
        Some((login, place)) => (Some(login), place),
        None => (None, authority),
    };
    let (host, port) = split_port(place).ok_or("has no proper port")?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() || host.contains(['/', ' ']) {
        return Err("names no host");
    }
    let tls = match (wrapped, query) {
        (true, "" | "tls=required") => MailTls::Wrapped,
        (false, "" | "tls=required") => MailTls::Required,
        (false, "tls=none") if is_this_machine(host) => MailTls::None,
        (false, "tls=none") => return Err("asks for no TLS to another machine"),
        (true | false, _) => return Err("has options other than tls=required and tls=none"),
    };
    let port = port.unwrap_or(if wrapped { 465 } else { 587 });
    Ok(MailServer { host: host.to_owned(), port, tls, login: login.map(parse_login).transpose()? })
}

fn parse_login(text: &str) -> Result<(String, Arc<SecretString>), &'static str> {
    let (user, password) = text.split_once(':').ok_or("has a user without a password")?;
    let (user, password) = (decoded(user)?, decoded(password)?);
    if user.is_empty() || password.is_empty() {
        return Err("has an empty user or password");
    }
    Ok((user, Arc::new(SecretString::new(password))))
}

/// Percent-decoding of RFC 3986 §2.1.
fn decoded(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "has a user or password that is not percent-encoded UTF-8";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let (pair, after) = after.split_at_checked(2).ok_or(WRONG)?;
        let pair = std::str::from_utf8(pair).map_err(|_| WRONG)?;
        bytes.push(u8::from_str_radix(pair, 16).map_err(|_| WRONG)?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| WRONG)
}

/// A demo bank without a server has a sender all the same, for its inbox.
fn read_mail_from(reading: &mut Reading, needed: bool) -> String {
    let allowed = "one e-mail address, such as bank@example.com";
    match reading.text("mail_from") {
        None if needed => {
            reading.fault("mail_from", "not given, and there is a mail server", allowed);
            String::new()
        }
        None => "bank@bank.invalid".to_owned(),
        Some(from) => {
            if from.parse::<crate::customers::model::Email>().is_err() {
                reading.fault("mail_from", format!("{} is none", quoted(&from)), allowed);
            }
            from
        }
    }
}

fn read_gateway(reading: &mut Reading) -> Option<SmsGateway> {
    let url = reading.text("sms_gateway_url");
    let account = reading.text("sms_account");
    let token = reading.secret("sms_token");
    let from = reading.text("sms_from");
    let url = url?;
    if let Err(wrong) = check_origin(&url) {
        let allowed = "https://host or https://host:port, no path; http for this machine only";
        reading.fault("sms_gateway_url", format!("{} {wrong}", quoted(&url)), allowed);
    }
    let mut missing = |name: &str| {
        reading.fault(name, "not given, and there is a gateway", "what the gateway gave you");
    };
    if token.is_none() {
        missing("sms_token");
    }
    if from.is_none() {
        missing("sms_from");
    }
    let is_path_segment =
        |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !account.as_deref().is_some_and(is_path_segment) {
        missing("sms_account");
    }
    Some(SmsGateway { url, account: account?, token: Arc::new(token?), from: from? })
}

/// With a gateway the list must be given: a number abroad can cost a hundred times one at home, and who
/// owns it may be who asks for the code.
fn read_prefixes(reading: &mut Reading, needed: bool) -> Vec<String> {
    let prefixes = reading.list("sms_prefixes");
    let allowed = "beginnings of telephone numbers with their country, such as +91";
    if needed && prefixes.is_empty() {
        let wrong = "not given, so text messages could go to any number in the world at your cost";
        reading.fault("sms_prefixes", wrong, allowed);
    }
    for prefix in &prefixes {
        let digits = prefix.strip_prefix('+').unwrap_or_default();
        let valid = (1..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if !valid {
            reading.fault("sms_prefixes", format!("{} is none", quoted(prefix)), allowed);
        }
    }
    prefixes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<MailServer, &'static str> {
        parse_mail_server(url)
    }

    #[test]
    fn an_address_of_a_mail_server_says_how_it_is_encrypted() {
        for (url, port, tls) in [
            ("smtp://mail.example.com", 587, MailTls::Required),
            ("smtp://mail.example.com:2525?tls=required", 2525, MailTls::Required),
            ("smtps://mail.example.com/", 465, MailTls::Wrapped),
            ("smtp://127.0.0.1:25?tls=none", 25, MailTls::None),
            ("smtp://[::1]:25?tls=none", 25, MailTls::None),
        ] {
            let server = parsed(url).unwrap_or_else(|wrong| panic!("{url} {wrong}"));
            assert_eq!((server.port, server.tls), (port, tls), "{url}");
            assert!(server.login.is_none());
        }
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        let server = parsed("smtps://bank%40example.com:p%40ss%3aword@mail.example.com")
            .expect("an address");
        let (user, password) = server.login.expect("a login");
        assert_eq!((user.as_str(), password.expose()), ("bank@example.com", "p@ss:word"));
        assert_eq!(server.host, "mail.example.com");
    }

    #[test]
    fn what_is_not_safe_or_not_an_address_is_refused() {
        for url in [
            "mail.example.com",
            "http://mail.example.com",
            "smtp://mail.example.com?tls=none",
            "smtp://mail.example.com?tls=opportunistic",
            "smtps://127.0.0.1?tls=none",
            "smtp://",
            "smtp://user@mail.example.com",
            "smtp://:password@mail.example.com",
            "smtp://user:%zz@mail.example.com",
            "smtp://user:%e0@mail.example.com",
            "smtp://mail.example.com:port",
            "smtp://mail.example.com/path/more",
        ] {
            assert!(parsed(url).is_err(), "{url}");
        }
    }
}

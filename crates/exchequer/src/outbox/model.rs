//! Messages as data: what they are, when they are tried again, what may stand in them. Pure.

use std::borrow::Cow;

/// How a message reaches somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    Email,
    Sms,
}

/// A message to one destination. No `Debug`: the text may hold a code.
#[derive(Clone)]
pub struct Message {
    pub channel: Channel,
    /// An e-mail address in lower case, or a telephone number in E.164.
    pub destination: String,
    /// What it is about, for events and logs: `sign_in_code`, `password_reset`.
    pub purpose: &'static str,
    /// Of a mail; a text message has none.
    pub subject: Option<String>,
    /// Plain text. Of a text message at most [`MAX_SMS_CHARS`] are sent, so the code comes first.
    pub text: String,
    /// Seconds after which it is not delivered any more.
    pub lives_seconds: i64,
}

/// What a customer is told because they should know of it, whoever did it.
#[derive(Clone)]
pub struct Notice {
    /// For events and logs: `factor_added`, `password_changed`.
    pub purpose: &'static str,
    pub subject: &'static str,
    /// One or two sentences. Account numbers in it are masked (see [`masked_number`]).
    pub text: String,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Waiting,
    Sent,
    Failed,
    TooLate,
}

/// What one try to deliver came to. The text is for the log: a class and a number, never a destination
/// and never the other side's words, which repeat it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    Sent,
    /// Trying again may help.
    Later(String),
    /// It does not.
    Never(String),
}

/// Characters of a text message: two or three parts of what telephones call one, each of which costs.
pub const MAX_SMS_CHARS: usize = 320;
/// Characters of a mail's subject (RFC 5322 §2.1.1 advises lines of 78).
pub const MAX_SUBJECT_CHARS: usize = 120;
/// Characters of a mail's text.
pub const MAX_MAIL_CHARS: usize = 8_000;

/// The longest pause between two tries: after a mail server's bad days the notices go out within the hour.
/// No message waits longer than that for its next try, whatever its row says.
pub const MAX_PAUSE_SECONDS: i64 = 3_600;
/// Parts of a message's life that a pause may last one of: a code that somebody waits for is tried more often.
const PAUSES_IN_A_LIFE: i64 = 10;

impl Channel {
    pub const ALL: [Self; 2] = [Self::Email, Self::Sms];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text)
    }
}

impl Status {
    /// As stored.
    pub const fn code(self) -> i64 {
        match self {
            Self::Waiting => 0,
            Self::Sent => 1,
            Self::Failed => 2,
            Self::TooLate => 3,
        }
    }

    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Waiting, Self::Sent, Self::Failed, Self::TooLate]
            .into_iter()
            .find(|status| status.code() == code)
    }

    /// The word in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::TooLate => "too_late",
        }
    }
}

/// The pause after the `attempts`-th try of a message that lives so long: 2 seconds, twice as long each time, up to a
/// tenth of its life or an hour. How often it is tried is bounded by its life, and by nothing else.
pub fn pause_seconds(attempts: i64, lives_seconds: i64) -> i64 {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 30)).unwrap_or(0);
    let longest = lives_seconds.saturating_div(PAUSES_IN_A_LIFE).clamp(2, MAX_PAUSE_SECONDS);
    2_i64.saturating_pow(doublings.saturating_add(1)).min(longest)
}

/// A subject that is one line and not endless: a line end in it would begin a header of its own.
pub fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if breaks(c) { ' ' } else { c }).collect();
    cut(spaced.trim(), MAX_SUBJECT_CHARS).into_owned()
}

/// A text of lines: control characters but the line end are dropped, and every kind of line end becomes
/// `\n`, so that no bare carriage return reaches a server that takes it for a line's end.
pub fn plain_lines(text: &str, most: usize) -> String {
    let unified = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let clean: String = unified.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    cut(&clean, most).into_owned()
}

/// An account or card number as a message may show it: the last four characters (RBI's directions on
/// digital payment security, "masked account and card numbers in messages").
pub fn masked_number(number: &str) -> String {
    let count = number.chars().count();
    let tail: String = number.chars().skip(count.saturating_sub(4)).collect();
    if count <= 4 { "…".to_owned() } else { format!("…{tail}") }
}

/// Whether a telephone number begins as one of the served ones; an empty list serves all.
pub fn is_served(number: &str, prefixes: &[String]) -> bool {
    prefixes.is_empty() || prefixes.iter().any(|prefix| number.starts_with(prefix.as_str()))
}

fn breaks(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.chars().nth(most).is_none() {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    Cow::Owned(format!("{kept}…"))
}

#[cfg(test)]
mod tests;

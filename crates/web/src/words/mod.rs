//! Every text of the pages, in each language, from one catalogue.
//!
//! A text is a field, so that one that is missing in a language does not compile. `{}` is where something is
//! put in.

mod accounts;
mod activity;
mod entrance;
mod errors;
mod layout;
mod overview;
mod payees;
mod security;
mod sending;
mod step_up;
mod typed;

pub use accounts::Accounts;
pub use activity::{reason, what};
pub use entrance::{Entrance, Inbox};
pub use layout::{Layout, Trouble};
pub use overview::Overview;
pub use payees::Payees;
pub use security::Security;
pub use sending::Sending;
pub use step_up::StepUp;
pub use typed::Typed;

use crate::api::{FieldFault, Refused};
use crate::language::Language;

/// The catalogue in one language.
pub struct Words {
    pub layout: Layout,
    pub trouble: Trouble,
    pub entrance: Entrance,
    pub inbox: Inbox,
    pub security: Security,
    pub overview: Overview,
    pub accounts: Accounts,
    pub sending: Sending,
    pub payees: Payees,
    pub step_up: StepUp,
    pub typed: Typed,
    language: Language,
}

pub static ENGLISH: Words = Words {
    layout: Layout::ENGLISH,
    trouble: Trouble::ENGLISH,
    entrance: Entrance::ENGLISH,
    inbox: Inbox::ENGLISH,
    security: Security::ENGLISH,
    overview: Overview::ENGLISH,
    accounts: Accounts::ENGLISH,
    sending: Sending::ENGLISH,
    payees: Payees::ENGLISH,
    step_up: StepUp::ENGLISH,
    typed: Typed::ENGLISH,
    language: Language::English,
};

pub static HINDI: Words = Words {
    layout: Layout::HINDI,
    trouble: Trouble::HINDI,
    entrance: Entrance::HINDI,
    inbox: Inbox::HINDI,
    security: Security::HINDI,
    overview: Overview::HINDI,
    accounts: Accounts::HINDI,
    sending: Sending::HINDI,
    payees: Payees::HINDI,
    step_up: StepUp::HINDI,
    typed: Typed::HINDI,
    language: Language::Hindi,
};

/// Declares the texts of some pages: name, English, Hindi.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $english:literal, $hindi:literal;)* }) => {
        $(#[$doc])*
        pub struct $name { $(pub $field: &'static str,)* }

        impl $name {
            pub const ENGLISH: Self = Self { $($field: $english,)* };
            pub const HINDI: Self = Self { $($field: $hindi,)* };
        }
    };
}

pub(crate) use words;

/// Puts `value` where the text says `{}`.
pub fn put(text: &str, value: &str) -> String {
    text.replacen("{}", value, 1)
}

impl Words {
    /// A refusal in a sentence: ours where there is one for its code, else what the API says.
    pub fn refusal(&self, refused: &Refused) -> String {
        let said = || refused.detail.clone().unwrap_or_else(|| refused.title.clone());
        let text = errors::refusal(&refused.code, self.language).map_or_else(said, str::to_owned);
        match refused.retry_after_seconds {
            Some(seconds) if refused.status == 429 => {
                let minutes = seconds.div_ceil(60).to_string();
                format!("{text} {}", put(self.trouble.again_in, &minutes))
            }
            _ => text,
        }
    }

    /// Why nothing moves on an account that is not open, in a sentence.
    pub fn stopped(&self, status: &str) -> Option<&'static str> {
        match status {
            "frozen" => errors::refusal("account_frozen", self.language),
            "closed" => errors::refusal("account_closed", self.language),
            _ => None,
        }
    }

    /// What is wrong with a field, for who typed it.
    pub fn fault(&self, fault: &FieldFault) -> String {
        errors::fault(&fault.code, self.language)
            .map_or_else(|| fault.detail.clone(), str::to_owned)
    }

    /// The fault of one field of a refusal, if it has one.
    pub fn fault_of(&self, refused: Option<&Refused>, field: &str) -> Option<String> {
        refused?.field(field).map(|fault| self.fault(fault))
    }

    /// What a page tells of what was just done: the name comes with the address, the text from here.
    pub fn notice(&self, name: &str) -> Option<&'static str> {
        errors::notice(name, self.language)
    }
}

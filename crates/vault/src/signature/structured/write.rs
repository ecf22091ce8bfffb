//! Serialising (RFC 8941 §4.1): one text for each value, whatever blanks it was read with.

use super::{Bare, Dictionary, InnerList, Item, Member, Parameters};
use data_encoding::BASE64;

impl Bare {
    pub fn text(&self) -> String {
        match self {
            Self::Integer(value) => value.to_string(),
            Self::String(value) => {
                format!("\"{}\"", value.replace('\\', r"\\").replace('"', "\\\""))
            }
            Self::Token(value) => value.clone(),
            Self::Bytes(value) => format!(":{}:", BASE64.encode(value)),
            Self::Boolean(value) => String::from(if *value { "?1" } else { "?0" }),
        }
    }
}

impl Parameters {
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (key, value) in self.iter() {
            text.push(';');
            text.push_str(key);
            if *value != Bare::Boolean(true) {
                text.push('=');
                text.push_str(&value.text());
            }
        }
        text
    }
}

impl Item {
    pub fn text(&self) -> String {
        self.value.text() + &self.parameters.text()
    }
}

impl InnerList {
    pub fn text(&self) -> String {
        let items: Vec<String> = self.items.iter().map(Item::text).collect();
        format!("({}){}", items.join(" "), self.parameters.text())
    }
}

impl Member {
    pub fn text(&self) -> String {
        match self {
            Self::Item(item) => item.text(),
            Self::InnerList(list) => list.text(),
        }
    }
}

impl Dictionary {
    pub fn text(&self) -> String {
        let members: Vec<String> =
            self.iter().map(|(key, member)| member_text(key, member)).collect();
        members.join(", ")
    }
}

fn member_text(key: &str, member: &Member) -> String {
    match member {
        Member::Item(Item { value: Bare::Boolean(true), parameters }) => {
            format!("{key}{}", parameters.text())
        }
        Member::Item(_) | Member::InnerList(_) => format!("{key}={}", member.text()),
    }
}

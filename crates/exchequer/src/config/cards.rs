//! Card payments: who takes them, and whether card numbers are kept at all.

use std::sync::Arc;
use std::time::Duration;

use vault::SecretString;

use super::address::check_origin;
use super::card_vault::CardVault;
use super::reading::{Reading, quoted};
use super::{Profile, card_vault};
use crate::gateways::Limits;

#[derive(Clone)]
pub struct Cards {
    /// False where only issuers and networks may keep numbers (RBI, CoFT circular of 2021-09-07).
    pub are_stored: bool,
    /// Numbers opened for one merchant in any hour of the clock.
    pub reveals_per_hour: u32,
    /// Days after a card's last month in which its number is kept.
    pub expired_days: u32,
    /// Where the keys of card numbers are, when they are not the bank's own.
    pub vault: Option<CardVault>,
    /// For one question to a gateway.
    pub gateway_seconds: u64,
    /// Days behind that of a failed payment's charge within which it is given back.
    pub reversal_days: u32,
    /// Takes payments in test mode.
    pub sandbox: Option<SandboxGateway>,
    /// Takes payments in live mode.
    pub stripe: Option<StripeGateway>,
}

#[derive(Clone)]
pub struct SandboxGateway {
    /// `http://127.0.0.1:8090`, no path.
    pub url: String,
    pub secret: Arc<SecretString>,
}

#[derive(Clone)]
pub struct StripeGateway {
    pub url: String,
    pub key: Arc<SecretString>,
    pub webhook_secret: Arc<SecretString>,
}

impl Cards {
    pub fn limits(&self) -> Limits {
        let whole = Duration::from_secs(self.gateway_seconds);
        Limits { connect: whole.min(Limits::default().connect), whole }
    }
}

pub(super) fn read(reading: &mut Reading, profile: Profile) -> Cards {
    let sandbox = read_sandbox(reading);
    let stripe = read_stripe(reading);
    Cards {
        are_stored: profile.stores_cards(),
        reveals_per_hour: reading.integer("card_reveals_per_hour"),
        expired_days: reading.integer("card_expired_days"),
        vault: card_vault::read(reading, profile),
        gateway_seconds: reading.integer("card_gateway_seconds"),
        reversal_days: read_reversal_days(reading, profile),
        sandbox,
        stripe,
    }
}

fn read_reversal_days(reading: &mut Reading, profile: Profile) -> u32 {
    let longest = profile.reversal_days();
    let days = reading.optional_integer("card_reversal_days");
    let days = days.and_then(|days| u32::try_from(days).ok()).unwrap_or(longest);
    if days > longest {
        let wrong = format!("{days} is more than profile {} leaves", profile.name());
        reading.fault("card_reversal_days", wrong, format!("1 to {longest}"));
    }
    days
}

fn read_sandbox(reading: &mut Reading) -> Option<SandboxGateway> {
    let url = reading.text("sandbox_url");
    let secret = reading.secret("sandbox_secret");
    let url = url?;
    check(reading, "sandbox_url", &url);
    if secret.is_none() {
        missing(reading, "sandbox_secret");
    }
    Some(SandboxGateway { url, secret: Arc::new(secret?) })
}

fn read_stripe(reading: &mut Reading) -> Option<StripeGateway> {
    let key = reading.secret("stripe_secret_key");
    let webhook_secret = reading.secret("stripe_webhook_secret");
    let url = reading.text("stripe_url").unwrap_or_default();
    check(reading, "stripe_url", &url);
    let key = key?;
    if webhook_secret.is_none() {
        missing(reading, "stripe_webhook_secret");
    }
    Some(StripeGateway { url, key: Arc::new(key), webhook_secret: Arc::new(webhook_secret?) })
}

fn check(reading: &mut Reading, name: &str, url: &str) {
    if let Err(wrong) = check_origin(url) {
        let allowed = "https://host or https://host:port, no path; http for this machine only";
        reading.fault(name, format!("{} {wrong}", quoted(url)), allowed);
    }
}

fn missing(reading: &mut Reading, name: &str) {
    reading.fault(name, "not given, and there is a gateway", "what the gateway gave you");
}

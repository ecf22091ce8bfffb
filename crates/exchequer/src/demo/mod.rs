//! The demo bank: one command from nothing to a bank that serves, with people and money in it.
//!
//! Order: configuration, logging, the address (before anything is made, so that a port in use leaves
//! nothing behind), the folder, key, schema, people and money, the introduction, the listening line.
//! Everything is seeded by the domains' own verbs in one transaction, so a demo's books verify like
//! any others. Its passwords are published: it listens on this machine only unless told otherwise.
//!
//! What it never does: touch a folder that it did not make.

mod folder;
mod people;
mod seed;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use money::{Clock, Rng};
use serde_json::json;
use tokio::runtime::Runtime;

use self::folder::{DemoFolder, Standing};
pub use self::people::{DemoAccount, DemoCustomer, DemoMerchant, DemoOperator, People};
pub use self::seed::seed;
use crate::bank::Bank;
use crate::cli::{Failure, bring_up, say};
use crate::config::{Config, SandboxGateway, Sources};
use crate::logging;
use crate::sandbox::{self, Fate, TEST_CARDS};
use crate::serve::{self, StartError};

/// What `exchequer demo` was asked for.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Absent: `demo-data`.
    pub data: Option<PathBuf>,
    /// Absent: `127.0.0.1:8080`.
    pub listen: Option<SocketAddr>,
    /// One JSON object instead of the introduction.
    pub json: bool,
}

/// `exchequer demo`: returns after a stop that was asked for.
pub fn run(wish: Wish) -> Result<(), Failure> {
    // A configuration file in the current folder is that of another bank.
    let sources = Sources { file: None, ..Sources::of_process(None) };
    let config = Config::load_demo(wish.data, wish.listen, &sources)?;
    logging::install(&config.log).map_err(StartError::Log)?;
    let runtime = Runtime::new().map_err(StartError::Threads)?;
    let bank = runtime.block_on(async {
        let listener = serve::listen(config.listen).await?;
        let address = serve::local_address(&listener, config.listen)?;
        let folder = DemoFolder::claim(&config)?;
        let url = format!("http://{address}");
        let sandbox = start_sandbox(&folder, &url).await?;
        let config = with_sandbox(config, &folder, &sandbox)?;
        let (bank, people, is_new) = open(config, &folder).await?;
        let text = if wish.json {
            format!("{}\n", introduction(&url, &people, &sandbox.url()))
        } else {
            people::greeting(&url, &people, (folder.path(), &sandbox.url()), is_new)
        };
        say(&text)?;
        serve::until_stopped(&bank, listener).await?;
        sandbox.stop().await;
        Ok::<_, Failure>(bank)
    })?;
    serve::close(runtime, &bank);
    Ok(())
}

/// The demo's own card gateway, on a free port of this machine. It remembers in the demo's folder.
async fn start_sandbox(folder: &DemoFolder, url: &str) -> Result<sandbox::Server, Failure> {
    let settings = sandbox::Settings {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        secret: folder.sandbox_secret()?,
        journal: Some(folder.sandbox_journal()),
        notify: Some(format!("{url}/v1/gateways/sandbox/notices")),
        clock: Clock::System,
    };
    let started = sandbox::Server::start(settings).await;
    started.map_err(|error| Failure::Said(format!("the sandbox gateway: {error}")))
}

fn with_sandbox(
    mut config: Config,
    folder: &DemoFolder,
    server: &sandbox::Server,
) -> Result<Config, Failure> {
    let secret = Arc::new(folder.sandbox_secret()?);
    config.cards.sandbox = Some(SandboxGateway { url: server.url(), secret });
    Ok(config)
}

/// The bank in the folder, made and seeded where it is new.
async fn open(config: Config, folder: &DemoFolder) -> Result<(Bank, People, bool), Failure> {
    let standing = folder.standing()?;
    if let Standing::New = standing {
        folder.make_key()?;
    }
    bring_up(&config).await?;
    let bank = serve::open(config, Clock::System, Rng::System).await?;
    match standing {
        Standing::Seeded(people) => Ok((bank, people, false)),
        Standing::New => {
            let people = seed(&bank).await?;
            folder.finish(&people)?;
            Ok((bank, people, true))
        }
    }
}

/// The object of `--json`.
fn introduction(url: &str, people: &People, sandbox_url: &str) -> serde_json::Value {
    json!({
        "url": url,
        "customers": people.customers,
        "staff": people.staff,
        "merchants": people.merchants,
        "sandbox_gateway_url": sandbox_url,
        "test_cards": test_cards(),
    })
}

/// A number for each outcome, and for each brand one that is approved.
fn test_cards() -> serde_json::Map<String, serde_json::Value> {
    let mut cards = serde_json::Map::new();
    for card in &TEST_CARDS {
        let number = || card.number.into();
        cards.entry(card.fate.as_str()).or_insert_with(number);
        if card.fate == Fate::Approved {
            cards.entry(card.brand.as_str()).or_insert_with(number);
        }
    }
    cards
}

#[cfg(test)]
mod tests;

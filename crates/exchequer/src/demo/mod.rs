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

use std::net::SocketAddr;
use std::path::PathBuf;

use money::{Clock, Rng};
use serde_json::json;
use tokio::runtime::Runtime;

use self::folder::{DemoFolder, Standing};
pub use self::people::{DemoAccount, DemoCustomer, DemoOperator, People};
pub use self::seed::seed;
use crate::bank::Bank;
use crate::cli::{Failure, bring_up, say};
use crate::config::{Config, Sources};
use crate::logging;
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
        let (bank, people, is_new) = open(config, &folder).await?;
        let url = format!("http://{address}");
        let text = if wish.json {
            format!("{}\n", introduction(&url, &people))
        } else {
            people::greeting(&url, &people, folder.path(), is_new)
        };
        say(&text)?;
        serve::until_stopped(&bank, listener).await?;
        Ok::<_, Failure>(bank)
    })?;
    serve::close(runtime, &bank);
    Ok(())
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
fn introduction(url: &str, people: &People) -> serde_json::Value {
    json!({
        "url": url,
        "customers": people.customers,
        "staff": people.staff,
        "merchants": [],
    })
}

#[cfg(test)]
mod tests;

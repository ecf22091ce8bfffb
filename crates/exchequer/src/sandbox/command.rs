//! `exchequer sandbox-gateway`: serves until SIGTERM or SIGINT, drains, and ends with 0.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use money::Clock;
use tokio::signal::unix::{SignalKind, signal};
use vault::SecretString;

use super::{Server, Settings};
use crate::cli::{Failure, say};
use crate::config::{Log, LogFormat};
use crate::logging;

/// The command's arguments.
pub struct Wish {
    pub listen: SocketAddr,
    pub journal: Option<PathBuf>,
    pub notify: Option<String>,
    /// Otherwise the secret is in the environment.
    pub secret_file: Option<PathBuf>,
}

const SECRET_VARIABLE: &str = "EXCHEQUER_SANDBOX_SECRET";
/// Only what an operator should see; a fault on demand is none of it.
const LOG_FILTER: &str = "warn";
/// Bytes of a secret's file; one with more is another file.
const MAX_SECRET_BYTES: u64 = 1_024;

pub fn run(wish: Wish) -> Result<(), Failure> {
    let secret = secret(wish.secret_file.as_deref())?;
    let log = Log { filter: LOG_FILTER.to_owned(), format: LogFormat::Text };
    logging::install(&log).map_err(|error| Failure::Said(error.to_string()))?;
    let settings = Settings {
        listen: wish.listen,
        secret,
        journal: wish.journal,
        notify: wish.notify,
        clock: Clock::System,
    };
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::Said(format!("no threads to serve with: {error}")))?;
    runtime.block_on(async {
        let signals = |kind| {
            signal(kind)
                .map_err(|error| Failure::Said(format!("signals cannot be waited for: {error}")))
        };
        let mut terminate = signals(SignalKind::terminate())?;
        let mut interrupt = signals(SignalKind::interrupt())?;
        let server =
            Server::start(settings).await.map_err(|error| Failure::Said(error.to_string()))?;
        say(&format!("listening on {}\n", server.url()))?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        server.stop().await;
        Ok(())
    })
}

/// From the file, or else from the environment; without the line's end.
fn secret(file: Option<&Path>) -> Result<SecretString, Failure> {
    let text = match file {
        Some(path) => {
            read(path).map_err(|error| Failure::Said(format!("{}: {error}", path.display())))?
        }
        None => env::var(SECRET_VARIABLE).map_err(|_| {
            Failure::Said(format!("name a --secret-file, or set {SECRET_VARIABLE}"))
        })?,
    };
    let text = SecretString::new(text);
    Ok(SecretString::new(text.expose().trim_end().to_owned()))
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_SECRET_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

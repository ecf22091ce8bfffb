//! `move`: from the embedded database to a server, or to an encrypted or a plain file.

use std::io;
use std::path::Path;

use money::{Clock, Rng, Timestamp};
use serde_json::json;
use store::moving::{self, MoveError, Moved, Watcher};
use store::{DbError, Location, Options, Tx};

use super::setup::NO_ENCRYPTION;
use super::{Failure, Place, columns, runtime, say, seconds};
use crate::config::DatabaseUrl;
use crate::events::commands::Command;
use crate::keys::database;
use crate::serve::{database_options, master_key, store_options};
use crate::verify::{self, Report, Trust};

/// `exchequer move --to ADDRESS`; `-` reads the address from standard input, where no list of processes shows its
/// password.
pub fn move_bank(place: &Place, to: &str) -> Result<(), Failure> {
    let config = place.load()?;
    let address = if to == "-" { first_line()? } else { to.to_owned() };
    let url = DatabaseUrl::postgres(&address, config.database.plaintext).map_err(|wrong| {
        Failure::Said(format!("--to: {wrong}. It is postgres://user:password@host/database"))
    })?;
    let from = runtime()?.block_on(database_options(&config))?;
    let mut target = config;
    target.database.url = url;
    let to = store_options(&target);
    let started = Clock::System.now();
    carry((&from, &to), started, "server")?;
    Ok(say(NEXT)?)
}

/// `exchequer move --encrypt FILE`, which also gives an encrypted bank a new key, and `--decrypt FILE`.
pub fn move_file(place: &Place, file: &Path, is_encrypted: bool) -> Result<(), Failure> {
    if !store::CAN_ENCRYPT {
        return Err(Failure::Said(NO_ENCRYPTION.to_owned()));
    }
    let config = place.load()?;
    let DatabaseUrl::Sqlite { path: old } = &config.database.url else {
        return Err(Failure::Said(MoveError::Direction.to_string()));
    };
    let file = std::path::absolute(file)?;
    let started = Clock::System.now();
    let (from, file_key) = runtime()?.block_on(async {
        let from = database_options(&config).await?;
        let file_key = if is_encrypted {
            let master = master_key(&config)?;
            // Of a move that was interrupted there is one already.
            Some(if database::is_there(&file) {
                database::open(&master, &file).await?
            } else {
                database::create(&master, &file, (started, &Rng::System)).await?
            })
        } else {
            None
        };
        Ok::<_, Failure>((from, file_key))
    })?;
    let to =
        Options { location: Location::Sqlite { path: file.clone() }, file_key, ..from.clone() };
    carry((&from, &to), started, if is_encrypted { "encrypted file" } else { "file" })?;
    let (old, new) = (old.display(), file.display());
    Ok(say(&format!(
        "{old} is marked as moved, and nobody serves it any more. In the configuration set\n  \
         database_url = \"sqlite://{new}\"\n  [database] encrypted = {is_encrypted}\n\
         start the bank, verify it and make a backup. Then delete {old} and what is beside it (-wal, -shm, .key) \
         and its backups: as long as they are there, what was in them can be read as before. On a disk that copies on \
         write, or with snapshots, deleting a file does not overwrite it.\n"
    ))?)
}

/// Moves, and says what was moved and whereto.
fn carry(
    (from, to): (&Options, &Options),
    started: Timestamp,
    kind: &'static str,
) -> Result<(), Failure> {
    let teller = Teller { command: Command::of_process("exchequer move"), kind };
    let moved = moving::run((from, to), (started, &Rng::System), Box::new(teller));
    let moved = moved.map_err(|error| {
        let advice = advice(&error);
        Failure::Said(format!("{error}{advice}"))
    })?;
    let rows: i64 = moved.iter().map(|(_, rows)| rows).sum();
    let elapsed = seconds(Clock::System.now().micros_since(started));
    Ok(say(&format!(
        "Moved: {rows} rows, {elapsed}; every table has the same rows, and the same books on both sides.\n{}",
        listed(&moved)
    ))?)
}

/// `exchequer move --give-up`.
pub fn give_up_move(place: &Place) -> Result<(), Failure> {
    let config = place.load()?;
    let options = runtime()?.block_on(database_options(&config))?;
    moving::give_up(&options).map_err(|error| Failure::Said(error.to_string()))?;
    say(
        "The bank can be served from its file again. What was copied is marked as not whole: drop that database, or \
         delete that file and its key.\n",
    )?;
    Ok(())
}

const NEXT: &str = "The file is marked as moved, and nobody serves it any more. Set database_url to the new address \
     (with the same master.key), start the bank, and keep the file until you have a backup.\n";

/// Says how far it is, replays the books on both sides, and leaves an event at the new one.
struct Teller {
    command: Command,
    /// Of the new place, as the event has it.
    kind: &'static str,
}

impl Watcher for Teller {
    fn copied(&mut self, table: &'static str, (rows, of): (i64, i64)) -> Result<(), MoveError> {
        if rows < of {
            return Ok(());
        }
        say(&format!("{table}: {rows}\n"))
            .map_err(|error| MoveError::Wrong(format!("standard output: {error}")))
    }

    fn verify(&mut self, tx: &mut Tx<'_>) -> Result<String, MoveError> {
        match verify::everything_in(tx, &Trust::nothing(Timestamp::MAX))? {
            Report::Right(summary) => serde_json::to_string(&summary)
                .map_err(|error| DbError::Corrupt(error.to_string()).into()),
            wrong @ Report::Wrong(_) => Err(MoveError::Wrong(wrong.to_string())),
        }
    }

    fn arrived(&mut self, tx: &mut Tx<'_>, moved: &Moved) -> Result<(), MoveError> {
        let rows: i64 = moved.iter().map(|(_, rows)| rows).sum();
        let after = json!({ "to": self.kind, "rows": rows });
        Ok(self.command.record(tx, ("bank.moved", "bank"), &after)?)
    }
}

fn first_line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

const fn advice(error: &MoveError) -> &'static str {
    match error {
        MoveError::Db(_) | MoveError::Wrong(_) => {
            ".\nRun the same command again: it goes on where it was. `exchequer move --give-up` makes the bank \
             serve from its file again"
        }
        MoveError::OtherMove | MoveError::Differs { .. } => {
            ".\n`exchequer move --give-up`, drop that database or delete that file and its key, and move again into an \
             empty one"
        }
        MoveError::NotEmpty { .. } => {
            ".\nName an empty database, or one that does not exist yet and make it"
        }
        MoveError::Direction
        | MoveError::NoBank { .. }
        | MoveError::Open
        | MoveError::MovedAlready => "",
    }
}

fn listed(moved: &Moved) -> String {
    let line = |(table, rows): &(&'static str, i64)| {
        vec![String::new(), (*table).to_owned(), format!("{rows:>12}")]
    };
    columns(&moved.iter().map(line).collect::<Vec<_>>())
}

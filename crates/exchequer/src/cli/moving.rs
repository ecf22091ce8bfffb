//! `move`: from the embedded database to a server.

use std::io;

use money::{Clock, Rng, Timestamp};
use store::moving::{self, MoveError, Moved, Watcher};
use store::{DbError, Tx};

use super::{Failure, Place, columns, say, seconds};
use crate::config::DatabaseUrl;
use crate::serve::store_options;
use crate::verify::{self, Report, Trust};

/// `exchequer move --to ADDRESS`; `-` reads the address from standard input, where no list of processes shows its
/// password.
pub fn move_bank(place: &Place, to: &str) -> Result<(), Failure> {
    let config = place.load()?;
    let address = if to == "-" { first_line()? } else { to.to_owned() };
    let url = DatabaseUrl::postgres(&address, config.database.plaintext).map_err(|wrong| {
        Failure::Said(format!("--to: {wrong}. It is postgres://user:password@host/database"))
    })?;
    let from = store_options(&config);
    let mut target = config;
    target.database.url = url;
    let to = store_options(&target);
    let started = Clock::System.now();
    let moved = moving::run((&from, &to), (started, &Rng::System), Box::new(Teller));
    let moved = moved.map_err(|error| {
        let advice = advice(&error);
        Failure::Said(format!("{error}{advice}"))
    })?;
    let rows: i64 = moved.iter().map(|(_, rows)| rows).sum();
    let elapsed = seconds(Clock::System.now().micros_since(started));
    say(&format!(
        "Moved: {rows} rows, {elapsed}; every table has the same rows, and the same books on both sides.\n{}{NEXT}",
        listed(&moved)
    ))?;
    Ok(())
}

/// `exchequer move --give-up`.
pub fn give_up_move(place: &Place) -> Result<(), Failure> {
    let config = place.load()?;
    moving::give_up(&store_options(&config)).map_err(|error| Failure::Said(error.to_string()))?;
    say(
        "The bank can be served from its file again. What was copied to the server is marked as not whole: \
         drop that database.\n",
    )?;
    Ok(())
}

const NEXT: &str = "The file is marked as moved, and nobody serves it any more. Set database_url to the new address \
     (with the same master.key), start the bank, and keep the file until you have a backup.\n";

/// Says how far it is, and replays the books on both sides.
struct Teller;

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
            ".\n`exchequer move --give-up`, drop that database, make an empty one, and move again"
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

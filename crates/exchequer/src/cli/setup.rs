//! `init`, `migrate`, `check-config`, `controls`, `openapi`, `routes`.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use money::{Clock, Rng};
use serde_json::json;
use store::rows::Origin;
use vault::MasterKey;

use super::{Failure, Place, columns, runtime, say};
use crate::config::{Config, DatabaseUrl, init_files};
use crate::controls::{self, Book};
use crate::events::commands::Command;
use crate::http::routes::Access;
use crate::http::{self, openapi as reference};
use crate::keys::master::Master;
use crate::keys::{self, KeyAct, database};
use crate::serve::{StartError, database_options, encrypted_file, master_key, open_database};

/// `exchequer init [DIR]`: configuration and master key of a new bank, in an encrypted file where that is wished.
pub fn init(folder: &Path, is_encrypted: bool) -> Result<(), Failure> {
    if is_encrypted && !store::CAN_ENCRYPT {
        return Err(Failure::Said(NO_ENCRYPTION.to_owned()));
    }
    let key =
        MasterKey::generate(&Rng::System).map_err(|error| Failure::Said(error.to_string()))?;
    let made = init_files(folder, key.to_file().expose(), is_encrypted)
        .map_err(|error| Failure::Said(error.to_string()))?;
    let config = made.config_file.display();
    let second = if is_encrypted { KEY_FILE_HINT } else { "" };
    Ok(say(&format!(
        "Made {config}\n     {key}\n     {data}\n\n\
         Copy the master key to a second safe place now: without it every sealed value is lost.\n{second}\
         Next:\n  \
         exchequer check-config --config {config}\n  \
         exchequer migrate --config {config}\n  \
         exchequer staff create --config {config} --email YOU@EXAMPLE.COM --role admin --password-file -\n  \
         exchequer serve --config {config}\n",
        key = made.master_key_file.display(),
        data = made.data_dir.display(),
    ))?)
}

/// What a build without SQLCipher says.
pub(super) const NO_ENCRYPTION: &str = "this build cannot make or open encrypted files; use one with the feature \
     `sqlcipher`";
const KEY_FILE_HINT: &str = "`migrate` makes the key of the database file beside it (data/bank.db.key): copy that, \
     too, since the database is lost without it.\n";

/// `exchequer controls`: the evidence for the rule books.
pub fn controls(book: Option<&str>, json: bool) -> Result<(), Failure> {
    let book = book.map(|name| {
        Book::named(name).ok_or_else(|| {
            let names = Book::ALL.map(Book::name).join(", ");
            Failure::Said(format!("no book `{name}`; there are {names}"))
        })
    });
    let book = book.transpose()?;
    let mut all = controls::all().map_err(Failure::Said)?;
    all.retain(|control| book.is_none_or(|book| control.book == book));
    let text = if json { controls::json(&all) } else { controls::text(&all) };
    Ok(say(&text)?)
}

/// `exchequer migrate`: brings the schema up and, in a new bank, makes the first data keys.
pub fn migrate(place: &Place) -> Result<(), Failure> {
    let config = place.load()?;
    let made = runtime()?.block_on(bring_up(&config))?;
    let mut lines: Vec<String> =
        made.migrations.iter().map(|name| format!("ran {name}\n")).collect();
    if made.keys {
        lines.push("made the first data keys, wrapped under the master key\n".to_owned());
    }
    lines.push(format!("the schema is at version {}\n", store::latest_version()));
    Ok(say(&lines.concat())?)
}

/// What a migration did.
pub(crate) struct BroughtUp {
    pub migrations: Vec<&'static str>,
    pub keys: bool,
}

/// Migrates the database of a configuration, and makes data keys where there are none. Both may be
/// repeated after a failure.
pub(crate) async fn bring_up(config: &Config) -> Result<BroughtUp, StartError> {
    // Read first: a schema without keys is of no use.
    let master = Arc::new(master_key(config)?);
    make_room(config)?;
    let now = Clock::System.now();
    make_key_file(config, &master).await?;
    let command = Command::of_process("exchequer migrate");
    let migrations =
        store::migrate_noted(&database_options(config).await?, now, move |tx, ran| {
            let version = store::latest_version();
            let after =
                json!({ "ran": ran, "schema": version, "version": env!("CARGO_PKG_VERSION") });
            command.record(tx, ("schema.migrated", "schema"), &after)
        })?;
    let db = open_database(config).await?;
    let origin = Origin::system("exchequer migrate");
    let act = KeyAct { master, rng: Rng::System, now, origin };
    let keys = keys::create_first(&db, &act).await;
    db.close();
    Ok(BroughtUp { migrations, keys: keys? })
}

/// Makes the data folder and, for SQLite, an empty database file that only its owner can read, where
/// they are not there yet.
pub(super) fn make_room(config: &Config) -> Result<(), StartError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| StartError::Room { path, source }
    };
    config.make_data_dir().map_err(failed(&config.data_dir))?;
    let DatabaseUrl::Sqlite { path } = &config.database.url else { return Ok(()) };
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(path)(error)),
    }
}

/// Makes the key of an encrypted database file, where there is neither yet. Behind [`make_room`].
pub(super) async fn make_key_file(config: &Config, master: &Master) -> Result<(), StartError> {
    let Some(path) = encrypted_file(config) else { return Ok(()) };
    let is_new = path.metadata().is_ok_and(|file| file.len() == 0);
    if is_new && !database::is_there(path) {
        database::create(master, path, (Clock::System.now(), &Rng::System)).await?;
    }
    Ok(())
}

/// `exchequer check-config`: what is in force, or every fault.
pub fn check_config(place: &Place) -> Result<(), Failure> {
    Ok(say(&place.load()?.render())?)
}

/// `exchequer openapi`.
pub fn openapi() -> Result<(), Failure> {
    Ok(say(&reference::text(&reference::document(&http::routes())))?)
}

/// `exchequer routes`: the table that the router is made of.
pub fn routes() -> Result<(), Failure> {
    let mut rows = vec![["METHOD", "PATH", "CALLER", "KEY", "NAME"].map(str::to_owned).to_vec()];
    rows.extend(http::routes().table().map(|route| {
        let caller = match route.access {
            Access::Public(_) => "public".to_owned(),
            Access::Customer => "customer".to_owned(),
            Access::Merchant => "merchant".to_owned(),
            Access::Staff(permission) => format!("staff: {permission}"),
        };
        let key = if route.once { "once" } else { "" };
        vec![
            route.method.to_string(),
            route.path.to_owned(),
            caller,
            key.to_owned(),
            route.name.to_owned(),
        ]
    }));
    Ok(say(&columns(&rows))?)
}

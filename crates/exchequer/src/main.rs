//! The command line: arguments and dispatch, nothing else.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use exchequer::cli::{self, Failure, Place, Witnesses};
use exchequer::{demo, sandbox, serve};

/// A fifth of the edge's time went to the system's allocator.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A secure bank in one binary.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a demo bank with people and money in it, and serve it
    Demo {
        /// Its folder, made when absent; one that a demo made is started again [default: demo-data]
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Address and port; port 0 picks a free one [default: 127.0.0.1:8080]
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<SocketAddr>,
        /// Print one JSON object before the listening line
        #[arg(long)]
        json: bool,
    },
    /// Serve the configured bank until SIGTERM
    Serve {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Serve the card vault of a bank that is another process, until SIGTERM
    Vault {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Make the configuration and the master key of a new bank
    Init {
        /// Where, made when absent
        #[arg(default_value = ".", value_name = "DIR")]
        folder: PathBuf,
        /// The embedded database will be an encrypted file, with a key wrapped by the master key
        #[arg(long)]
        encrypted: bool,
    },
    /// Bring the schema up; in a new bank, make the first data keys
    Migrate {
        #[command(flatten)]
        bank: Bank,
    },
    /// Operators
    #[command(subcommand)]
    Staff(StaffCommand),
    /// Replay the books, the events and the log: exit 0 and a summary, or 1 and the first row that is wrong
    Verify {
        #[command(flatten)]
        bank: Bank,
        /// Signed checkpoints of the log that were kept elsewhere [default: the configured file, where it is there]
        #[arg(long, value_name = "FILE")]
        checkpoints: Option<PathBuf>,
        /// The key that checkpoints are signed with, where the bank's own keys are not at hand
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Write the whole bank into a new file, while it serves; the master key is not part of it
    Backup {
        #[command(flatten)]
        bank: Bank,
        /// Must not exist
        file: PathBuf,
    },
    /// Read a backup into an absent or empty database, and verify it
    Restore {
        #[command(flatten)]
        bank: Bank,
        file: PathBuf,
    },
    /// Move a bank from its file to an empty PostgreSQL database or to a new file; run again, it goes on where it was
    Move {
        #[command(flatten)]
        bank: Bank,
        /// postgres://user:password@host/database, or - for standard input, where nobody sees the password
        #[arg(long, value_name = "ADDRESS", required_unless_present_any = ["encrypt", "decrypt", "give_up"])]
        to: Option<String>,
        /// An encrypted file with a key of its own, made anew
        #[arg(long, value_name = "FILE", conflicts_with = "to")]
        encrypt: Option<PathBuf>,
        /// A plain file, made anew
        #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "encrypt"])]
        decrypt: Option<PathBuf>,
        /// Serve the bank from its file again, and leave what was copied
        #[arg(long, conflicts_with_all = ["to", "encrypt", "decrypt"])]
        give_up: bool,
    },
    /// Data keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Signed receipts of transfers and payments
    #[command(subcommand)]
    Receipt(ReceiptCommand),
    /// Print the configuration in force, or every fault in it
    CheckConfig {
        #[command(flatten)]
        bank: Bank,
    },
    /// Ask the bank of this configuration, on this machine, whether it is well: exit 0, or 1
    Healthcheck {
        #[command(flatten)]
        bank: Bank,
        /// Whether it can serve, instead of whether the process answers
        #[arg(long)]
        ready: bool,
    },
    /// Serve a card gateway for demos and tests: test cards only, and faults on demand
    SandboxGateway {
        /// Address and port; port 0 picks a free one
        #[arg(long, default_value = "127.0.0.1:8090", value_name = "ADDRESS")]
        listen: SocketAddr,
        /// Remember everything answered in this file, made when absent
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
        /// Where the bank takes notices
        #[arg(long, value_name = "URL")]
        notify: Option<String>,
        /// A file with the secret; without it, EXCHEQUER_SANDBOX_SECRET in the environment has it
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Print which number of which rule book is shown by which test, setting or document
    Controls {
        /// Of one book: asvs, pci, rbi or rts
        #[arg(long)]
        book: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the OpenAPI document
    Openapi,
    /// Print the routes and who may call them
    Routes,
    /// Print the current code of a second factor
    Totp {
        /// A file with the secret in base 32; `-` is standard input
        #[arg(long, default_value = "-", value_name = "FILE")]
        secret_file: PathBuf,
        /// The code of the next 30 seconds, which is taken already
        #[arg(long)]
        next: bool,
    },
}

#[derive(Subcommand)]
enum StaffCommand {
    /// Make an operator; the second factor, and a password that was drawn, are printed once
    Create {
        #[command(flatten)]
        bank: Bank,
        #[arg(long)]
        email: String,
        /// teller, support, compliance, auditor or admin
        #[arg(long)]
        role: String,
        /// The file that holds the password, or - for standard input; without it one is drawn and printed once
        #[arg(long)]
        password_file: Option<PathBuf>,
        /// The password is to be changed at its first use, within 72 hours
        #[arg(long)]
        must_change: bool,
    },
    /// Give an operator a first password in place of what they sign in with; printed once
    Reset {
        #[command(flatten)]
        bank: Bank,
        #[arg(long)]
        email: String,
    },
    /// Open the access of an operator again that was ended
    Enable {
        #[command(flatten)]
        bank: Bank,
        #[arg(long)]
        email: String,
    },
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Print which keys there are
    List {
        #[command(flatten)]
        bank: Bank,
    },
    /// Add a new version of a key and retire the old one; what that sealed is sealed anew
    Rotate {
        #[command(flatten)]
        bank: Bank,
        /// As `keys list` names it
        #[arg(long)]
        purpose: String,
    },
    /// Overwrite a retired version under which nothing is left
    Destroy {
        #[command(flatten)]
        bank: Bank,
        /// As `keys list` names it
        #[arg(long)]
        purpose: String,
        #[arg(long)]
        version: u32,
    },
    /// Write the master key into as many shares, all of which are needed, as there are custodians
    Split {
        #[command(flatten)]
        config: ConfigFile,
        /// Two to eight files, which must not exist
        #[arg(long, value_name = "FILE", num_args = 2..=8, required = true)]
        into: Vec<PathBuf>,
    },
    /// Wrap all data keys under the configured master key
    Rewrap {
        #[command(flatten)]
        bank: Bank,
        /// The configuration that names the old master key [default: it is the same, wrapped anew]
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum ReceiptCommand {
    /// Check a receipt, without the bank: exit 0 and what it says, or 1 and why not
    Verify {
        file: PathBuf,
        /// The bank's key, as /v1/log/keys gives it
        #[arg(long, value_name = "KEY")]
        key: String,
    },
}

#[derive(Args)]
struct ConfigFile {
    /// The configuration file; .env and the environment go over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Args)]
struct Bank {
    #[command(flatten)]
    config: ConfigFile,
    /// The folder of a demo bank, instead of a configured one
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data: Option<PathBuf>,
}

impl From<Bank> for Place {
    fn from(bank: Bank) -> Self {
        Self { config: bank.config.config, data: bank.data }
    }
}

fn main() -> ExitCode {
    exchequer::outbox::install_cryptography();
    match dispatch(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo { data, listen, json } => demo::run(demo::Wish { data, listen, json }),
        Command::Serve { config } => Ok(serve::run(config.config)?),
        Command::Vault { config } => Ok(serve::run_vault(config.config)?),
        Command::Init { folder, encrypted } => cli::init(&folder, encrypted),
        Command::Migrate { bank } => cli::migrate(&bank.into()),
        Command::Staff(command) => staff(command),
        Command::Verify { bank, checkpoints, key, json } => {
            let key = key.as_deref().map(cli::verifier_key).transpose()?;
            cli::verify(&bank.into(), &Witnesses { checkpoints, key }, json)
        }
        Command::Backup { bank, file } => cli::backup(&bank.into(), &file),
        Command::Restore { bank, file } => cli::restore(&bank.into(), &file),
        Command::Move { bank, to, encrypt, decrypt, give_up: _ } => match (to, encrypt, decrypt) {
            (Some(to), _, _) => cli::move_bank(&bank.into(), &to),
            (None, Some(file), _) => cli::move_file(&bank.into(), &file, true),
            (None, None, Some(file)) => cli::move_file(&bank.into(), &file, false),
            (None, None, None) => cli::give_up_move(&bank.into()),
        },
        Command::Keys(command) => keys(command),
        Command::Healthcheck { bank, ready } => cli::healthcheck(&bank.into(), ready),
        Command::Receipt(ReceiptCommand::Verify { file, key }) => cli::verify_receipt(&file, &key),
        Command::CheckConfig { bank } => cli::check_config(&bank.into()),
        Command::SandboxGateway { listen, journal, notify, secret_file } => {
            sandbox::run(sandbox::Wish { listen, journal, notify, secret_file })
        }
        Command::Controls { book, json } => cli::controls(book.as_deref(), json),
        Command::Openapi => cli::openapi(),
        Command::Routes => cli::routes(),
        Command::Totp { secret_file, next } => cli::totp(&secret_file, next),
    }
}

fn staff(command: StaffCommand) -> Result<(), Failure> {
    match command {
        StaffCommand::Create { bank, email, role, password_file, must_change } => {
            let password = (password_file.as_deref(), must_change);
            cli::create_staff(&bank.into(), (&email, &role), password)
        }
        StaffCommand::Reset { bank, email } => cli::reset_staff(&bank.into(), &email),
        StaffCommand::Enable { bank, email } => cli::enable_staff(&bank.into(), &email),
    }
}

fn keys(command: KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::List { bank } => cli::list_keys(&bank.into()),
        KeysCommand::Rotate { bank, purpose } => cli::rotate_key(&bank.into(), &purpose),
        KeysCommand::Destroy { bank, purpose, version } => {
            cli::destroy_key(&bank.into(), &purpose, version)
        }
        KeysCommand::Split { config, into } => {
            cli::split_key(&Place { config: config.config, data: None }, &into)
        }
        KeysCommand::Rewrap { bank, from } => cli::rewrap_keys(&bank.into(), from),
    }
}

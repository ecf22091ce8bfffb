//! Sessions: what a hundred thousand of them hold in memory, what one check asks of Redis, and what a sign-in
//! costs beside its hash.
//!
//! The tokens are made first and are no part of what is counted. A sign-in goes through the bank's own
//! router, in this process; the hashes beside it go through the same pool, by as many callers that wait, and
//! the two take turns.

use exchequer::bank::Bank;
use exchequer::customers::{self, model::Email};
use exchequer::sessions::cache::{Carried, Visit};
use exchequer::sessions::model::{Form, PrincipalRef};
use exchequer::sessions::{self, Opened as OpenedSession, Opening};
use redis::aio::MultiplexedConnection;
use redis::cmd;
use serde_json::{Value, json};
use store::DbError;
use testkit::Client;

use crate::bank::Opened;
use crate::limits::{Server, middle};
use crate::{Result, now, resident_megabytes};

/// Sessions opened in one transaction.
const AT_ONCE: u32 = 500;
/// Callers that sign in, or hash, at once.
const CALLERS: u32 = 4;
const ROUNDS: u32 = 5;
const PASSWORD: &str = "amber lighthouse 58 beyond the dunes";

/// Megabytes that this process grows by when it remembers so many sessions.
pub fn held(total: u32, opened: &Opened) -> Result<Value> {
    opened.runtime.block_on(async {
        let tokens = open(opened, total).await?;
        let before = resident_megabytes("self")?;
        for token in &tokens {
            verify(&opened.bank, token).await?;
        }
        Ok(json!({ "megabytes": resident_megabytes("self")? - before }))
    })
}

/// Microseconds of one check of a token that was checked before.
pub fn check(total: u32, opened: &Opened) -> Result<Value> {
    opened.runtime.block_on(async {
        let token = one_token(opened).await?;
        let before = now();
        for _ in 0..total {
            verify(&opened.bank, &token).await?;
        }
        Ok(json!({ "micros": before.elapsed().as_secs_f64() * 1e6 / f64::from(total) }))
    })
}

/// Commands that one such check sends to Redis, by Redis' own count.
pub fn round_trips(total: u32, opened: &Opened, server: &Server) -> Result<Value> {
    opened.runtime.block_on(async {
        let token = one_token(opened).await?;
        let client = redis::Client::open(server.url())?;
        let mut own = client.get_multiplexed_async_connection().await?;
        let before = commands(&mut own).await?;
        for _ in 0..total {
            verify(&opened.bank, &token).await?;
        }
        let sent = commands(&mut own).await?.saturating_sub(before);
        Ok(json!({ "trips": f64::from(u32::try_from(sent)?) / f64::from(total) }))
    })
}

/// Sign-ins a second, and hashes a second.
pub fn sign_in(total: u32, opened: &Opened) -> Result<Value> {
    opened.runtime.block_on(async {
        let client = Client::new(exchequer::http::service(&opened.bank));
        let mut people = Vec::new();
        for number in 0..CALLERS {
            people.push(register(&opened.bank, &client, number).await?);
        }
        let each = total.div_ceil(ROUNDS * CALLERS);
        let (mut rates, mut hashes) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let before = now();
            let mut tasks = Vec::new();
            for (email, _) in &people {
                let body = json!({ "email": email, "password": PASSWORD }).to_string();
                tasks.push(tokio::spawn(log_in(client.clone(), body, each)));
            }
            for task in tasks {
                task.await??;
            }
            rates.push(f64::from(each * CALLERS) / before.elapsed().as_secs_f64());
            let before = now();
            let mut tasks = Vec::new();
            for (_, hash) in &people {
                tasks.push(tokio::spawn(hash_only(opened.bank.clone(), hash.clone(), each)));
            }
            for task in tasks {
                task.await??;
            }
            hashes.push(f64::from(each * CALLERS) / before.elapsed().as_secs_f64());
        }
        Ok(json!({ "rate": middle(rates), "hashes": middle(hashes) }))
    })
}

/// E-mail and stored hash of a new customer.
async fn register(bank: &Bank, client: &Client, number: u32) -> Result<(String, String)> {
    let email = format!("caller{number}@example.test");
    let body = json!({ "email": email, "password": PASSWORD, "full_name": "Caller" });
    let reply = client.post("/v1/customers", &body).await;
    if reply.status != 201 {
        return Err(format!("a registration was answered {}", reply.status).into());
    }
    let (tools, sought) = (bank.tools().clone(), email.clone());
    let found = bank.db().read("bench.credentials", move |tx| {
        let email: Email =
            sought.parse().map_err(|_| DbError::Corrupt("no e-mail address".to_owned()))?;
        customers::credentials(tx, &tools, &email)
    });
    let known = found.await?.ok_or("who registered is not there")?;
    Ok((email, known.password_hash))
}

async fn log_in(client: Client, body: String, times: u32) -> Result<()> {
    for _ in 0..times {
        let reply = client.post_raw("/v1/auth/login", None, body.clone().into_bytes()).await;
        if reply.status != 200 {
            return Err(format!("a sign-in was answered {}", reply.status).into());
        }
    }
    Ok(())
}

async fn hash_only(bank: Bank, stored: String, times: u32) -> Result<()> {
    for _ in 0..times {
        let checked = bank.hashing().check(PASSWORD.to_owned(), Some(stored.clone())).await;
        checked.map_err(|problem| format!("{:?}", problem.code))?;
    }
    Ok(())
}

async fn one_token(opened: &Opened) -> Result<String> {
    let token = open(opened, 1).await?.pop().ok_or("no session was opened")?;
    verify(&opened.bank, &token).await?;
    Ok(token)
}

async fn verify(bank: &Bank, token: &str) -> Result<()> {
    let verified = bank.sessions().verify(bank, Carried::Token(token), Visit::Use).await;
    verified.map(drop).map_err(|problem| format!("{:?}", problem.code).into())
}

/// Access tokens of so many sessions, as completed sign-ins give them, of all members in turn.
async fn open(opened: &Opened, total: u32) -> Result<Vec<String>> {
    let bank = &opened.bank;
    let mut rules = bank.config().sessions;
    rules.max = total.max(1);
    let opening = Opening { form: Form::Bearer, ..Opening::new(&rules) };
    let mut owners: Vec<PrincipalRef> =
        opened.members.iter().map(|member| PrincipalRef::Customer(member.owner)).collect();
    owners.dedup();
    let mut tokens = Vec::with_capacity(total as usize);
    let mut begun = 0_usize;
    while tokens.len() < total as usize {
        let act = bank.system_act("bench");
        let missing = total as usize - tokens.len();
        let principals: Vec<PrincipalRef> = owners
            .iter()
            .cycle()
            .skip(begun % owners.len())
            .take(missing.min(AT_ONCE as usize))
            .copied()
            .collect();
        begun += principals.len();
        let wanted = principals.clone();
        let sessions: Vec<OpenedSession> = bank
            .db()
            .write("sessions.open", move |tx| {
                let open = |principal: &PrincipalRef| {
                    sessions::open_in(tx, &act, *principal, &opening)?
                        .map_err(|_| DbError::Corrupt("a member was not signed in".to_owned()))
                };
                wanted.iter().map(open).collect::<Result<Vec<_>, DbError>>()
            })
            .await?;
        for (principal, session) in principals.into_iter().zip(&sessions) {
            tokens.push(sessions::tokens(bank, principal, session).await?.access_token);
        }
    }
    Ok(tokens)
}

/// Commands that Redis has answered, but for the questions and signs of life around what is measured.
async fn commands(connection: &mut MultiplexedConnection) -> Result<u64> {
    let stats: String = cmd("INFO").arg("commandstats").query_async(connection).await?;
    let mut total = 0;
    for line in stats.lines().filter_map(|line| line.strip_prefix("cmdstat_")) {
        let (name, figures) = line.split_once(":calls=").ok_or("Redis does not count")?;
        if !["info", "ping", "client|setinfo", "set"].contains(&name) {
            total += figures.split(',').next().unwrap_or_default().parse::<u64>()?;
        }
    }
    Ok(total)
}

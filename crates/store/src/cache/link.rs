//! The connection to Redis, and the circuit that opens while there is none.
//!
//! One task watches: while Redis is gone it connects again, after 50 ms, then twice as long each time up
//! to a second; while Redis is there it asks once a second whether it still is. Whoever asks while Redis
//! is gone is told so at once. A connection counts when a write has succeeded on it: a replica, or a
//! server that still loads, is as good as none. Cost: all askers share one connection, pipelined.
//! Bound: [`CONNECT_LIMIT`], [`ANSWER_LIMIT`]. It never repeats a command: whether the first had an
//! effect is not known. On a cluster one is sent once more where a slot has moved or a connection broke: then a limit
//! counts twice, or a proof that is new counts as shown, and neither lets anybody in.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind,
    IntoConnectionInfo, RedisConnectionInfo, RedisError, RedisResult, ServerErrorKind,
    TlsCertificates, TlsMode, Value, cmd,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Form, Gone, RedisOptions};

/// For a connection, resolving and signing in included.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// For one node of a cluster. Whoever connects tries all that are named and waits for each, so that a silent one must
/// leave time for the others: with [`CONNECT_LIMIT`] it would keep the bank from the whole cluster.
const NODE_LIMIT: Duration = Duration::from_millis(500);
/// For one answer. Redis takes a fraction of a millisecond.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Commands that may wait for their turn to be sent.
const QUEUE: usize = 1_024;

pub(super) struct Link {
    options: RedisOptions,
    line: RwLock<Option<Line>>,
    /// A line was lost.
    lost: Notify,
    /// A line was made.
    made: Notify,
}

/// A connection, and which one it is.
#[derive(Clone)]
struct Line {
    number: u64,
    connection: Connection,
}

#[derive(Clone)]
enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// What a command came to, where Redis answered.
pub(super) enum Answered {
    Value(Value),
    /// The script is not there yet.
    NoScript,
}

impl Link {
    /// Inside a tokio runtime.
    pub fn open(options: RedisOptions) -> Arc<Self> {
        let link = Arc::new(Self {
            options,
            line: RwLock::default(),
            lost: Notify::new(),
            made: Notify::new(),
        });
        tokio::spawn(watch(Arc::downgrade(&link)));
        link
    }

    pub fn prefix(&self) -> &str {
        &self.options.prefix
    }

    /// Whether keys lie in slots, which a command cannot cross.
    pub fn is_cluster(&self) -> bool {
        self.options.address.form == Form::Cluster
    }

    /// False until it is connected again.
    pub fn is_there(&self) -> bool {
        self.line.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Sends one command.
    pub async fn ask(&self, command: &Cmd) -> Result<Answered, Gone> {
        let Some(mut line) = self.line() else { return Err(Gone) };
        match line.connection.ask(command).await {
            Ok(value) => Ok(Answered::Value(value)),
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                Ok(Answered::NoScript)
            }
            Err(error) => {
                self.lose(line.number, &error);
                Err(Gone)
            }
        }
    }

    /// Waits for a line, at most `limit`.
    pub async fn connected(&self, limit: Duration) -> bool {
        let wait = async {
            loop {
                let made = self.made.notified();
                if self.line().is_some() {
                    return;
                }
                made.await;
            }
        };
        tokio::time::timeout(limit, wait).await.is_ok()
    }

    fn line(&self) -> Option<Line> {
        self.line.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives the line up, unless it was replaced meanwhile.
    fn lose(&self, number: u64, error: &RedisError) {
        let mut line = self.line.write().unwrap_or_else(PoisonError::into_inner);
        if line.as_ref().is_some_and(|line| line.number == number) {
            *line = None;
            drop(line);
            tracing::warn!(cause = %said(error), "Redis is gone; what needs it is refused");
            self.lost.notify_one();
        }
    }

    async fn connect(&self, number: u64) -> RedisResult<()> {
        let mut connection = self.connection(number).await?;
        // What is written is of no use, and gone in a second.
        let probe = format!("{}probe", self.options.prefix);
        connection.ask(cmd("SET").arg(probe).arg(number).arg("PX").arg(1_000)).await?;
        let mut line = self.line.write().unwrap_or_else(PoisonError::into_inner);
        *line = Some(Line { number, connection });
        drop(line);
        self.made.notify_waiters();
        Ok(())
    }

    async fn connection(&self, number: u64) -> RedisResult<Connection> {
        let address = &self.options.address;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_LIMIT))
            .set_response_timeout(Some(ANSWER_LIMIT))
            .set_pipeline_buffer_size(QUEUE);
        match &address.form {
            Form::Single => {
                let info = self.infos()?.into_iter().next().ok_or(NOWHERE)?;
                let client = match self.certificates()? {
                    Some(certificates) => Client::build_with_tls(info, certificates)?,
                    None => Client::open(info)?,
                };
                let connection = client.get_multiplexed_async_connection_with_config(&config);
                Ok(Connection::One(connection.await?))
            }
            Form::Sentinel { service } => {
                let mut sentinels = self.sentinels(service, number)?.build()?;
                let client = sentinels.async_get_client().await?;
                refuse_plain_text(client.get_connection_info().addr())?;
                let connection = client.get_multiplexed_async_connection_with_config(&config);
                Ok(Connection::One(connection.await?))
            }
            Form::Cluster => {
                let mut builder = ClusterClientBuilder::new(self.infos()?)
                    .connection_timeout(NODE_LIMIT)
                    .response_timeout(ANSWER_LIMIT)
                    .overall_response_timeout(Some(ANSWER_LIMIT))
                    .retries(1);
                if let Some(certificates) = self.certificates()? {
                    builder = builder.certs(certificates);
                }
                Ok(Connection::Cluster(builder.build()?.get_async_connection().await?))
            }
        }
    }

    fn infos(&self) -> RedisResult<Vec<ConnectionInfo>> {
        let address = &self.options.address;
        let mut redis = RedisConnectionInfo::default().set_db(address.database);
        if !address.servers.password.expose().is_empty() {
            redis = redis.set_password(address.servers.password.expose());
        }
        if !address.servers.user.is_empty() {
            redis = redis.set_username(&address.servers.user);
        }
        let infos = self.places().into_iter().map(|place| {
            place.into_connection_info().map(|info| info.set_redis_settings(redis.clone()))
        });
        infos.collect()
    }

    fn places(&self) -> Vec<ConnectionAddr> {
        let address = &self.options.address;
        let hosts = address.hosts.iter().cloned();
        hosts
            .map(|(host, port)| {
                if address.tls {
                    ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
                } else {
                    ConnectionAddr::Tcp(host, port)
                }
            })
            .collect()
    }

    /// Whom to believe and what to show; the latter read anew, so that renewed files count with the next connection.
    fn certificates(&self) -> RedisResult<Option<TlsCertificates>> {
        let RedisOptions { address, authorities, own, .. } = &self.options;
        if !address.tls || (authorities.is_none() && own.is_none()) {
            return Ok(None);
        }
        let client_tls = match own {
            None => None,
            Some(files) => {
                let pair = files.read().map_err(|refusal| {
                    RedisError::from((ErrorKind::InvalidClientConfig, OWN, refusal.to_string()))
                })?;
                let client_key = pair.key.to_vec();
                Some(ClientTlsConfig { client_cert: pair.certificate, client_key })
            }
        };
        Ok(Some(TlsCertificates { client_tls, root_cert: authorities.clone() }))
    }

    /// Each try begins with the next: one that is silent, or cut off together with the old master, has its turn and no
    /// more.
    fn sentinels(&self, service: &str, number: u64) -> RedisResult<SentinelClientBuilder> {
        let address = &self.options.address;
        let mut places = self.places();
        let turn = usize::try_from(number).unwrap_or_default() % places.len().max(1);
        places.rotate_left(turn);
        let kind = SentinelServerType::Master;
        let mut builder = SentinelClientBuilder::new(places, service, kind)?
            .set_client_to_redis_db(address.database);
        if address.tls {
            builder = builder
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_sentinel_tls_mode(TlsMode::Secure);
        }
        if let Some(certificates) = self.certificates()? {
            builder = builder
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates);
        }
        let (servers, sentinels) = (&address.servers, &address.sentinels);
        if !servers.user.is_empty() {
            builder = builder.set_client_to_redis_username(&servers.user);
        }
        if !servers.password.expose().is_empty() {
            builder = builder.set_client_to_redis_password(servers.password.expose());
        }
        if !sentinels.user.is_empty() {
            builder = builder.set_client_to_sentinel_username(&sentinels.user);
        }
        if !sentinels.password.expose().is_empty() {
            builder = builder.set_client_to_sentinel_password(sentinels.password.expose());
        }
        Ok(builder)
    }
}

/// What a Sentinel names may be on another machine, whatever the Sentinel's own address is.
fn refuse_plain_text(server: &ConnectionAddr) -> RedisResult<()> {
    match server {
        ConnectionAddr::Tcp(host, _) if !is_loopback(host) => Err(PLAIN.into()),
        _ => Ok(()),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

const PLAIN: (ErrorKind, &str) =
    (ErrorKind::InvalidClientConfig, "a Sentinel names a server elsewhere, and there is no TLS");
const OWN: &str = "what the bank shows cannot be used";
const NOWHERE: (ErrorKind, &str) = (ErrorKind::InvalidClientConfig, "no server is named");

impl Connection {
    async fn ask(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::One(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

/// Until nobody holds the link any more.
async fn watch(link: Weak<Link>) {
    let (mut number, mut pause, mut made_at) = (0, FIRST_PAUSE, None::<Instant>);
    loop {
        let Some(link) = link.upgrade() else { return };
        if let Some(mut line) = link.line() {
            if let Err(error) = line.connection.ask(&cmd("PING")).await {
                link.lose(line.number, &error);
                continue;
            }
            let lost = link.lost.notified();
            // Woken or not, what comes next is the same look.
            tokio::select! {
                () = lost => {}
                () = tokio::time::sleep(HEARTBEAT) => {}
            }
            continue;
        }
        // A line that held for a while was good; one that was lost as soon as it was made is no reason to
        // hurry: a server may take connections and refuse what is asked of it.
        if let Some(made) = made_at.take() {
            if made.elapsed() < HEARTBEAT {
                drop(link);
                tokio::time::sleep(pause).await;
                pause = LONGEST_PAUSE.min(pause * 2);
                continue;
            }
            pause = FIRST_PAUSE;
        }
        number += 1;
        let connected = tokio::time::timeout(CONNECT_LIMIT, link.connect(number)).await;
        let cause = match connected {
            Ok(Ok(())) => {
                tracing::info!("Redis is there");
                made_at = Some(Instant::now());
                continue;
            }
            Ok(Err(error)) => said(&error),
            Err(_) => "no connection in time".to_owned(),
        };
        if pause >= LONGEST_PAUSE {
            tracing::debug!(cause, "Redis is not reached");
        } else {
            tracing::warn!(cause, "Redis is not reached; it is tried again");
        }
        drop(link);
        tokio::time::sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// An error for the log: its kind and what the server called it, or said of certificates; no part of a command.
fn said(error: &RedisError) -> String {
    let about = match tls::refused_by_server(error) {
        Some(words) => words,
        // Of what the bank was given, found before anything is sent.
        None if error.kind() == ErrorKind::InvalidClientConfig => {
            error.detail().unwrap_or_default()
        }
        None => error.code().unwrap_or_default(),
    };
    format!("{:?} {about}", error.kind())
}

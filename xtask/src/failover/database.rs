//! Three database nodes, each an etcd, a Patroni and its PostgreSQL, and HAProxy before them.
//!
//! Order: etcd on all three (the loss of one must leave two that agree), Patroni on the first, then on the others, which
//! copy it; HAProxy sends everybody to whoever Patroni says is the primary. Synchronous mode is strict: a commit is
//! acknowledged when the synchronous standbys have it too, or waits. All speak TLS 1.3 to one another and to the bank,
//! through HAProxy, which sees none of it. Bound: 90 seconds to be whole. `fsync` stays on.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::certificates::{Authority, Files, NAME};
use super::http::Request;
use super::network::Place;
use super::settings;
use super::wait::wait_for;
use crate::Result;
use crate::guard::Guard;
use crate::postgres::programs::{self, Account};
use crate::postgres::{free_port, random_password};
use crate::process::{append, send, tail};
use crate::running::Running;

pub const NODES: usize = 3;
const WHOLE_LIMIT: Duration = Duration::from_secs(90);
/// That certificates of a run hold, which takes minutes.
const DAYS: u32 = 2;

pub struct Cluster<'guard> {
    nodes: Vec<Node<'guard>>,
    haproxy: Option<Running<'guard>>,
    pub(super) haproxy_port: u16,
    pub(super) shared: Shared<'guard>,
}

/// What all nodes have in common.
pub(super) struct Shared<'guard> {
    guard: &'guard Guard,
    account: Option<Account>,
    pub(super) programs: PathBuf,
    folder: PathBuf,
    pub(super) passwords: settings::Passwords,
    pub(super) authority: Authority,
    synchronous: usize,
    patroni: PathBuf,
}

pub struct Node<'guard> {
    pub ports: settings::Ports,
    pub place: Place<'guard>,
    folder: PathBuf,
    files: Files,
    etcd: Option<Running<'guard>>,
    patroni: Option<Running<'guard>>,
}

impl<'guard> Cluster<'guard> {
    /// `synchronous`: how many standbys have what is acknowledged. `patroni`: the program.
    pub fn start(
        guard: &'guard Guard,
        linked: bool,
        (synchronous, patroni): (usize, PathBuf),
    ) -> Result<Self> {
        let folder = guard.folder().join("database");
        make_folder(&folder)?;
        let shared = Shared {
            guard,
            account: programs::service_account()?,
            programs: all_programs()?,
            authority: Authority::new(folder.join("authority"), DAYS)?,
            synchronous,
            patroni,
            folder,
            passwords: settings::Passwords {
                superuser: random_password()?,
                replication: random_password()?,
                bank: random_password()?,
            },
        };
        let mut nodes = Vec::new();
        for number in 1..=NODES {
            nodes.push(Node::new(&shared, number, linked)?);
        }
        let mut cluster = Self { nodes, haproxy: None, haproxy_port: free_port()?, shared };
        for number in 0..NODES {
            cluster.start_etcd(number)?;
        }
        wait_for("etcd with a leader", WHOLE_LIMIT, || {
            Ok(cluster.nodes.iter().all(Node::has_etcd))
        })?;
        for number in 0..NODES {
            cluster.start_patroni(number)?;
        }
        cluster.start_haproxy()?;
        cluster.wait_until_whole()?;
        cluster.make_database()?;
        Ok(cluster)
    }

    /// `postgres://…` of the bank's own role, at HAProxy, with TLS to whichever node is behind it.
    pub fn url(&self) -> String {
        self.url_at(&[self.haproxy_port.to_string()], &["127.0.0.1".to_owned()])
    }

    /// The same at all nodes, of which the bank finds the primary by itself.
    pub fn direct_url(&self) -> String {
        let ports = self.nodes.iter().map(|node| node.ports.postgres.to_string());
        let addresses = self.nodes.iter().map(|node| node.place.address.to_string());
        let url = self.url_at(&ports.collect::<Vec<_>>(), &addresses.collect::<Vec<_>>());
        url + "&target_session_attrs=read-write"
    }

    fn url_at(&self, ports: &[String], addresses: &[String]) -> String {
        let password = &self.shared.passwords.bank;
        let hosts: Vec<String> = ports.iter().map(|port| format!("{NAME}:{port}")).collect();
        let (hosts, addresses) = (hosts.join(","), addresses.join(","));
        let authority = self.shared.authority.certificate();
        format!(
            "postgres://bank:{password}@{hosts}/bank?hostaddr={addresses}&sslmode=verify-full\
             &sslrootcert={}&channel_binding=require",
            authority.display()
        )
    }

    /// The index of the node that says it is the primary and holds the leader's key.
    pub fn primary(&self) -> Option<usize> {
        self.nodes.iter().position(|node| node.answers("/primary"))
    }

    /// The same among the others.
    pub fn primary_but(&self, old: usize) -> Option<usize> {
        let mut others = self.nodes.iter().enumerate().filter(|(number, _)| *number != old);
        others.find(|(_, node)| node.answers("/primary")).map(|(number, _)| number)
    }

    pub fn node(&self, number: usize) -> &Node<'guard> {
        &self.nodes[number]
    }

    /// The addresses of all nodes but this one.
    pub fn peers(&self, number: usize) -> Vec<Ipv4Addr> {
        let others = self.nodes.iter().enumerate().filter(|(other, _)| *other != number);
        others.map(|(_, node)| node.place.address).collect()
    }

    /// SIGKILL to the process that all others of PostgreSQL are children of.
    pub fn kill_postmaster(&self, number: usize) -> Result<()> {
        send("KILL", self.nodes[number].postmaster()?)
    }

    /// A power cut: the network is silent, and every process of the node is gone.
    pub fn power_off(&mut self, number: usize) -> Result<()> {
        let node = &mut self.nodes[number];
        let postmaster = node.postmaster()?;
        node.place.unplug()?;
        for running in [&mut node.patroni, &mut node.etcd] {
            if let Some(mut running) = running.take() {
                running.kill()?;
            }
        }
        send("KILL", postmaster)
    }

    /// Patroni and PostgreSQL are gone; the node and its etcd are there.
    pub fn kill_database(&mut self, number: usize) -> Result<()> {
        let node = &mut self.nodes[number];
        let postmaster = node.postmaster()?;
        if let Some(mut patroni) = node.patroni.take() {
            patroni.kill()?;
        }
        send("KILL", postmaster)
    }

    pub fn start_database(&mut self, number: usize) -> Result<()> {
        self.start_patroni(number)
    }

    pub fn power_on(&mut self, number: usize) -> Result<()> {
        self.nodes[number].place.plug_in()?;
        self.start_etcd(number)?;
        // Patroni 4.1.5 ends where etcd elects a leader as it starts; systemd would start it again.
        wait_for("etcd again", WHOLE_LIMIT, || Ok(self.nodes[number].has_etcd()))?;
        self.start_patroni(number)
    }

    /// A standby that has whatever is acknowledged.
    pub fn synchronous_standby(&self) -> Result<usize> {
        let members = self.members()?;
        let is_one = |node: &Node<'_>| {
            let mine = members.iter().find(|member| member["name"] == node.ports.name.as_str());
            mine.is_some_and(|member| member["role"] == "sync_standby")
        };
        let found = self.nodes.iter().position(is_one);
        found.ok_or_else(|| "there is no synchronous standby".to_owned())
    }

    /// A primary, two standbys that stream from it, as many of them synchronous as should be.
    pub fn wait_until_whole(&self) -> Result<()> {
        wait_for("a primary with two standbys", WHOLE_LIMIT, || self.is_whole())
            .map_err(|error| format!("{error}\n{}", self.last_words()))
    }

    fn is_whole(&self) -> Result<bool> {
        // One that was rewound takes connections only when it has all that it needs; without its source it never will, and
        // Patroni 3.0 cannot tell then that it has to be rewound again.
        if self.primary().is_none() || !self.nodes.iter().all(|node| node.answers("/health")) {
            return Ok(false);
        }
        let members = self.members()?;
        let count = |key: &str, wanted: &[&str]| {
            let of = |member: &&Value| member[key].as_str().is_some_and(|it| wanted.contains(&it));
            members.iter().filter(of).count()
        };
        let leads = members.iter().map(|member| &member["timeline"]).collect::<Vec<_>>();
        let one_history = leads.windows(2).all(|pair| pair[0] == pair[1]);
        Ok(count("state", &["running", "streaming"]) == NODES
            && count("role", &["leader"]) == 1
            && count("role", &["sync_standby"]) == self.shared.synchronous
            && one_history)
    }

    /// What the primary's Patroni says of all.
    fn members(&self) -> Result<Vec<Value>> {
        let primary = self.primary().ok_or("there is no primary")?;
        let reply = Request::get("/cluster").send(self.nodes[primary].patroni_at());
        let reply = reply.map_err(|error| format!("/cluster: {error}"))?;
        let members = reply.body.pointer("/members").and_then(Value::as_array).cloned();
        Ok(members.unwrap_or_default())
    }

    /// The end of each node's log, for who reads why it did not start.
    pub fn last_words(&self) -> String {
        let words = |node: &Node<'_>| tail(&node.folder.join("patroni.log"), 8);
        self.nodes.iter().map(words).collect::<Vec<_>>().join("\n--\n")
    }

    fn start_etcd(&mut self, number: usize) -> Result<()> {
        let members: Vec<String> = self.nodes.iter().map(Node::etcd_member).collect();
        let node = &mut self.nodes[number];
        let log = node.folder.join("etcd.log");
        let mut command = node.place.command(Path::new("etcd"), self.shared.account.as_ref());
        let peer = format!("http://{}:{}", node.place.address, node.ports.peer);
        let client = format!("http://{}:{}", node.place.address, node.ports.etcd);
        command
            .args(["--name", &node.ports.name, "--initial-cluster-state", "new"])
            .args(["--initial-cluster", &members.join(","), "--initial-advertise-peer-urls", &peer])
            .args(["--listen-peer-urls", &peer, "--listen-client-urls", &client])
            .args(["--advertise-client-urls", &client, "--logger", "zap", "--data-dir"])
            .arg(node.folder.join("etcd"))
            .current_dir(&node.folder)
            .stdout(append(&log)?);
        let name = format!("etcd-{}", node.ports.name);
        node.etcd = Some(Running::start(&mut command, &name, self.shared.guard, &log)?);
        Ok(())
    }

    fn start_patroni(&mut self, number: usize) -> Result<()> {
        let etcd =
            self.nodes.iter().map(|node| format!("{}:{}", node.place.address, node.ports.etcd));
        let etcd: Vec<String> = etcd.collect();
        let shared = &self.shared;
        let node = &mut self.nodes[number];
        let file = node.folder.join("patroni.yml");
        let scene = settings::Scene {
            address: node.place.address,
            ports: &node.ports,
            folder: &node.folder,
            programs: &shared.programs,
            etcd: &etcd,
            files: &node.files,
            synchronous: shared.synchronous,
        };
        super::write_private(&file, &settings::patroni(&scene, &shared.passwords))?;
        shared.give_away(&file)?;
        let log = node.folder.join("patroni.log");
        let mut command = node.place.command(&shared.patroni, shared.account.as_ref());
        command.arg(&file).current_dir(&node.folder).stdout(append(&log)?);
        command.env_remove("PGPASSWORD").env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        // Where libpq looks for a certificate of its own: in ours the service account may not look.
        command.env("HOME", &node.folder);
        let name = format!("patroni-{}", node.ports.name);
        node.patroni = Some(Running::start(&mut command, &name, shared.guard, &log)?);
        Ok(())
    }

    fn start_haproxy(&mut self) -> Result<()> {
        let servers = self.nodes.iter().map(|node| (node.place.address, &node.ports));
        let text = settings::haproxy(self.haproxy_port, servers);
        let file = self.shared.folder.join("haproxy.cfg");
        super::write_private(&file, &text)?;
        let log = self.shared.folder.join("haproxy.log");
        let mut command = Command::new("haproxy");
        command.args(["-db", "-f"]).arg(&file).stdout(append(&log)?);
        self.haproxy = Some(Running::start(&mut command, "haproxy", self.shared.guard, &log)?);
        Ok(())
    }
}

/// At once: asked to, Patroni would hand its primary over first, to nodes that end as well.
impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            let postmaster = node.postmaster();
            for mut running in [node.patroni.take(), node.etcd.take()].into_iter().flatten() {
                if let Err(error) = running.kill() {
                    eprintln!("xtask: {}: {error}", node.ports.name);
                }
            }
            // Not there, or gone by itself, is as well.
            if let Ok(process) = postmaster
                && let Err(error) = send("KILL", process)
            {
                eprintln!("xtask: {}: {error}", node.ports.name);
            }
        }
    }
}

impl Shared<'_> {
    fn give_away(&self, path: &Path) -> Result<()> {
        let Some(account) = &self.account else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(account.user), Some(account.group))
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

impl<'guard> Node<'guard> {
    fn new(shared: &Shared<'guard>, number: usize, linked: bool) -> Result<Self> {
        let name = format!("db{number}");
        let folder = shared.folder.join(&name);
        make_folder(&folder)?;
        shared.give_away(&folder)?;
        let log = shared.folder.join("places.log");
        let place = if linked {
            let host = u8::try_from(number).map_err(|error| error.to_string())?;
            Place::linked(host, shared.guard, &log)?
        } else {
            Place::on_loopback()
        };
        let files = shared.authority.issue(&name, place.address, &folder)?;
        shared.give_away(&files.key)?;
        let ports = settings::Ports {
            name,
            etcd: free_port()?,
            peer: free_port()?,
            patroni: free_port()?,
            postgres: free_port()?,
        };
        Ok(Self { ports, place, folder, files, etcd: None, patroni: None })
    }

    fn answers(&self, path: &str) -> bool {
        self.patroni.is_some()
            && Request::get(path).send(self.patroni_at()).is_ok_and(|reply| reply.status == 200)
    }

    fn has_etcd(&self) -> bool {
        let at = SocketAddr::from((self.place.address, self.ports.etcd));
        Request::get("/health").send(at).is_ok_and(|reply| reply.status == 200)
    }

    fn patroni_at(&self) -> SocketAddr {
        SocketAddr::from((self.place.address, self.ports.patroni))
    }

    fn etcd_member(&self) -> String {
        format!("{}=http://{}:{}", self.ports.name, self.place.address, self.ports.peer)
    }

    /// The first line of `postmaster.pid`.
    fn postmaster(&self) -> Result<i64> {
        let file = self.folder.join("data").join("postmaster.pid");
        let text =
            fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let id = text.lines().next().and_then(|line| line.trim().parse().ok());
        id.ok_or_else(|| format!("{} has no process id", file.display()))
    }
}

/// The folder where a link in PATH leads to: Patroni also needs `pg_controldata`, `pg_basebackup` and `pg_rewind`.
fn all_programs() -> Result<PathBuf> {
    let server = programs::find_or_install()?.join("postgres");
    let server = server.canonicalize().map_err(|error| format!("{}: {error}", server.display()))?;
    let folder = server.parent().ok_or("postgres has no folder")?;
    for name in ["initdb", "pg_controldata", "pg_basebackup", "pg_rewind", "psql"] {
        if !folder.join(name).is_file() {
            return Err(format!("{} has no {name}", folder.display()));
        }
    }
    Ok(folder.to_owned())
}

fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

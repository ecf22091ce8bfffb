//! A Redis Cluster of three masters with a replica each, every node at a loopback address of its own.
//!
//! So that a node can be cut off from its peers, from the bank, or from both, inside this run's namespace. Bound: 20
//! seconds to be whole; nothing is written to disk but the nodes' own notes.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::network::{cut_here, join_here};
use super::redis::ask;
use super::wait::wait_for;
use crate::Result;
use crate::guard::Guard;
use crate::postgres::{free_port, random_password};
use crate::process::append;
use crate::running::Running;

/// A node that is silent for so long is replaced, and refuses everything itself.
const NODE_TIMEOUT_MS: u32 = 2_000;
const READY_LIMIT: Duration = Duration::from_secs(20);
const MASTERS: usize = 3;
const SLOTS: [&str; MASTERS] = ["0 5460", "5461 10922", "10923 16383"];

pub struct Clustered<'guard> {
    nodes: Vec<Node<'guard>>,
    guard: &'guard Guard,
    folder: PathBuf,
    password: String,
}

struct Node<'guard> {
    address: Ipv4Addr,
    port: u16,
    bus: u16,
    running: Option<Running<'guard>>,
}

impl<'guard> Clustered<'guard> {
    pub fn start(guard: &'guard Guard) -> Result<Self> {
        let folder = guard.folder().join("redis-cluster");
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut nodes = Vec::new();
        for number in 1..=2 * MASTERS {
            let host = u8::try_from(number).map_err(|error| error.to_string())?;
            let address = Ipv4Addr::new(127, 0, 77, host);
            nodes.push(Node { address, port: free_port()?, bus: free_port()?, running: None });
        }
        let mut cluster = Self { nodes, guard, folder, password: random_password()? };
        for number in 0..cluster.nodes.len() {
            cluster.start_node(number)?;
        }
        cluster.join_up()?;
        cluster.wait_until_whole()?;
        Ok(cluster)
    }

    /// `redis+cluster://:PASSWORD@HOST:PORT,…` with all nodes.
    pub fn url(&self) -> String {
        let places = self.nodes.iter().map(|node| format!("{}:{}", node.address, node.port));
        let places: Vec<String> = places.collect();
        format!("redis+cluster://:{}@{}", self.password, places.join(","))
    }

    /// A master, and the replica that will have its place.
    pub fn pair(&self) -> Result<(usize, usize)> {
        for (replica, node) in self.nodes.iter().enumerate() {
            let role = self.say(node, "ROLE");
            let mut words = role.lines().filter(|line| !line.starts_with(['$', '*', ':', '+']));
            if words.next() != Some("slave") {
                continue;
            }
            let address = words.next().ok_or("a replica without a master")?;
            let master = self.nodes.iter().position(|node| node.address.to_string() == address);
            return Ok((master.ok_or("the master is none of ours")?, replica));
        }
        Err("no node is a replica".to_owned())
    }

    pub fn is_master(&self, number: usize) -> bool {
        self.say(&self.nodes[number], "ROLE").contains("\r\nmaster\r\n")
    }

    pub fn kill(&mut self, number: usize) -> Result<()> {
        let running = self.nodes[number].running.take();
        running.ok_or("the node does not run")?.kill()
    }

    /// With nothing but what it knew of the others.
    pub fn start_again(&mut self, number: usize) -> Result<()> {
        self.start_node(number)?;
        self.wait_until_whole()
    }

    /// The bank still reaches it.
    pub fn cut_from_peers(&self, number: usize) -> Result<()> {
        let peers = self.nodes.iter().map(|node| node.address);
        let own = self.nodes[number].address;
        let peers: Vec<Ipv4Addr> = peers.filter(|address| *address != own).collect();
        cut_here(own, &peers)
    }

    pub fn cut_from_all(&self, number: usize) -> Result<()> {
        cut_here(self.nodes[number].address, &[])
    }

    pub fn join(&self) -> Result<()> {
        join_here()?;
        self.wait_until_whole()
    }

    fn wait_until_whole(&self) -> Result<()> {
        wait_for("three masters with a replica each", READY_LIMIT, || Ok(self.is_whole()))
    }

    fn is_whole(&self) -> bool {
        let agrees = |node: &Node<'_>| {
            let told = self.say(node, "CLUSTER INFO");
            let wanted = ["cluster_state:ok", "cluster_known_nodes:6", "cluster_size:3"];
            wanted.iter().all(|it| told.contains(it))
        };
        let has_replica = |node: &&Node<'_>| {
            self.say(node, "INFO replication").matches("state=online").count() == 1
        };
        self.nodes.iter().all(agrees) && self.nodes.iter().filter(has_replica).count() == MASTERS
    }

    /// Who is who: all meet the first, which tells them of one another.
    fn join_up(&self) -> Result<()> {
        let first = &self.nodes[0];
        for (epoch, node) in (1..).zip(&self.nodes) {
            self.order(node, &format!("CLUSTER SET-CONFIG-EPOCH {epoch}"))?;
        }
        for (node, slots) in self.nodes.iter().zip(SLOTS) {
            self.order(node, &format!("CLUSTER ADDSLOTSRANGE {slots}"))?;
        }
        for Node { address, port, bus, .. } in &self.nodes[1..] {
            self.order(first, &format!("CLUSTER MEET {address} {port} {bus}"))?;
        }
        for (master, replica) in self.nodes.iter().zip(&self.nodes[MASTERS..]) {
            let told = self.say(master, "CLUSTER MYID");
            let id = told.lines().last().ok_or("a node without an id")?.to_owned();
            // Unknown until the two have heard of one another.
            let follow = || self.order(replica, &format!("CLUSTER REPLICATE {id}")).map(|()| true);
            wait_for("replica", READY_LIMIT, follow)?;
        }
        Ok(())
    }

    fn order(&self, node: &Node<'_>, command: &str) -> Result<()> {
        let said = self.say(node, command);
        // The first is the answer to the password.
        if said == "+OK\r\n+OK\r\n" { Ok(()) } else { Err(format!("{command}: {said}")) }
    }

    /// What is said after the password; nothing where nobody answers.
    fn say(&self, node: &Node<'_>, command: &str) -> String {
        let at = SocketAddr::from((node.address, node.port));
        ask(at, &format!("AUTH {}\r\n{command}\r\n", self.password)).unwrap_or_default()
    }

    fn start_node(&mut self, number: usize) -> Result<()> {
        let password = &self.password;
        let Node { address, port, bus, .. } = self.nodes[number];
        let settings = format!(
            "bind {address}\nbind-source-addr {address}\nport {port}\nrequirepass {password}\n\
             masterauth {password}\nsave \"\"\nappendonly no\nmaxmemory-policy noeviction\n\
             repl-diskless-sync-delay 0\ncluster-enabled yes\ncluster-port {bus}\n\
             cluster-config-file nodes{number}.conf\ncluster-node-timeout {NODE_TIMEOUT_MS}\n"
        );
        let name = format!("cluster{number}");
        let file = self.folder.join(format!("{name}.conf"));
        let log = self.folder.join(format!("{name}.log"));
        super::write_private(&file, &settings)?;
        let mut command = Command::new("redis-server");
        command.arg(&file).current_dir(&self.folder).stdout(append(&log)?);
        self.nodes[number].running = Some(Running::start(&mut command, &name, self.guard, &log)?);
        let at = SocketAddr::from((address, port));
        wait_for(&format!("answer of {name}"), READY_LIMIT, || {
            Ok(ask(at, &format!("AUTH {}\r\n", self.password)).is_ok_and(|said| said == "+OK\r\n"))
        })
    }
}

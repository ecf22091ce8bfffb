//! A cluster on this machine: three masters, each with a replica.
//!
//! Servers 0 to 2 are the masters at first, and the replica of N is N + 3. All are told to one another by hand, since the
//! buses have ports of their own.

use std::time::Duration;

use super::{Program, address, free_port, wait_until};

pub struct Clustered {
    servers: Vec<Program>,
}

const MASTERS: usize = 3;
const SERVERS: usize = 2 * MASTERS;
const SLOTS: [&str; MASTERS] = ["0 5460", "5461 10922", "10923 16383"];

impl Clustered {
    /// How long a node waits before it takes another for dead, and for itself before it refuses everything.
    pub const NODE_TIMEOUT: Duration = Duration::from_secs(3);

    /// All six, whole. None where this run has no Redis.
    pub fn start() -> Option<Self> {
        address()?;
        let buses: Vec<String> = (0..SERVERS).map(|_| free_port().to_string()).collect();
        let servers: Vec<Program> = buses.iter().map(|bus| node(bus)).collect();
        for (epoch, server) in (1..).zip(&servers) {
            done(server, &format!("CLUSTER SET-CONFIG-EPOCH {epoch}"));
        }
        for (server, slots) in servers.iter().zip(SLOTS) {
            done(server, &format!("CLUSTER ADDSLOTSRANGE {slots}"));
        }
        for (server, bus) in servers.iter().zip(&buses).skip(1) {
            done(&servers[0], &format!("CLUSTER MEET 127.0.0.1 {} {bus}", server.port()));
        }
        for (master, replica) in servers.iter().zip(&servers[MASTERS..]) {
            let id = master.say("CLUSTER MYID");
            let id = id.lines().nth(1).expect("a node has an id");
            let follow = format!("CLUSTER REPLICATE {id}");
            // Until the two have heard of one another, the id is unknown.
            wait_until("a replica knows its master", || replica.say(&follow) == "+OK\r\n");
        }
        let cluster = Self { servers };
        cluster.wait_until_whole();
        Some(cluster)
    }

    /// With all six.
    pub fn url(&self) -> String {
        let places = self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port()));
        format!("redis+cluster://{}", places.collect::<Vec<_>>().join(","))
    }

    /// How many keys each of the first three masters has that are like this.
    pub fn count(&self, pattern: &str) -> [usize; MASTERS] {
        let command = format!("EVAL \"return #redis.call('KEYS', '{pattern}')\" 0");
        let count = |server: &Program| {
            let said = server.say(&command);
            said.trim().strip_prefix(':').and_then(|text| text.parse().ok()).expect("a number")
        };
        [0, 1, 2].map(|master: usize| count(&self.servers[master]))
    }

    /// SIGKILL.
    pub fn kill(&mut self, master: usize) {
        self.servers[master].kill();
    }

    /// It takes connections and says nothing, to its peers neither.
    pub fn silence(&mut self, master: usize) {
        self.servers[master].signal("STOP");
    }

    /// With the slots that it had, and none of its keys.
    pub fn start_again(&mut self, server: usize) {
        self.servers[server].start_again();
    }

    /// It goes on with all it knew, and takes itself for the master until it hears otherwise.
    pub fn let_go_on(&mut self, server: usize) {
        self.servers[server].signal("CONT");
    }

    /// Everything that this master has answered is on its replica.
    pub fn wait_until_passed_on(&self, master: usize) {
        wait_until("the replica has everything", || {
            let told = self.servers[master].say("INFO replication");
            let number = |name: &str| {
                let rest = told.split(name).nth(1)?;
                rest.split(|byte: char| !byte.is_ascii_digit()).next()?.parse::<u64>().ok()
            };
            let own = number("master_repl_offset:");
            own.is_some() && own == number(",offset=")
        });
    }

    /// Whether this master's replica is the master.
    pub fn is_replaced(&self, master: usize) -> bool {
        self.servers[master + MASTERS].say("ROLE").contains("$6\r\nmaster")
    }

    /// Waits until another server has this master's place, and all that are left agree.
    pub fn wait_until_replaced(&self, master: usize) {
        wait_until("a replica is the master", || {
            let others = self.servers.iter().enumerate().filter(|(number, _)| *number != master);
            self.is_replaced(master) && others.map(|(_, server)| server).all(agrees)
        });
    }

    /// Waits until three masters have a replica each, and all agree.
    pub fn wait_until_whole(&self) {
        wait_until("the cluster is whole", || {
            let online =
                |server: &&Program| server.say("INFO replication").contains("state=online");
            self.servers.iter().all(agrees) && self.servers.iter().filter(online).count() == MASTERS
        });
    }
}

fn agrees(server: &Program) -> bool {
    let told = server.say("CLUSTER INFO");
    ["cluster_state:ok", "cluster_known_nodes:6", "cluster_size:3"]
        .iter()
        .all(|it| told.contains(it))
}

fn node(bus: &str) -> Program {
    let timeout = Clustered::NODE_TIMEOUT.as_millis().to_string();
    let arguments = [
        ["--cluster-enabled", "yes"],
        ["--cluster-port", bus],
        ["--cluster-node-timeout", &timeout],
        ["--cluster-announce-ip", "127.0.0.1"],
        ["--repl-diskless-sync-delay", "0"],
        ["--appendonly", "no"],
        ["--save", ""],
    ];
    Program::start(tempfile::tempdir().expect("a folder"), "--port", &arguments.concat())
}

fn done(server: &Program, command: &str) {
    assert_eq!(server.say(command), "+OK\r\n", "{command}");
}

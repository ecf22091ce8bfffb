//! The configuration of Patroni and HAProxy, as text.
//!
//! Pure. The numbers are Patroni's smallest (`ttl` 20, `retry_timeout` 3), and the shape is that of
//! `deploy/failover`, which docs/operating.md explains.

use std::net::Ipv4Addr;
use std::path::Path;

use super::certificates::Files;

pub struct Passwords {
    pub superuser: String,
    pub replication: String,
    pub bank: String,
}

pub struct Ports {
    /// `db1`
    pub name: String,
    pub etcd: u16,
    pub peer: u16,
    pub patroni: u16,
    pub postgres: u16,
}

/// One node's surroundings.
pub struct Scene<'a> {
    pub address: Ipv4Addr,
    pub ports: &'a Ports,
    pub folder: &'a Path,
    pub programs: &'a Path,
    pub etcd: &'a [String],
    pub files: &'a Files,
    /// How many standbys have a commit before it is acknowledged, while there are so many.
    pub synchronous: usize,
}

pub fn patroni(scene: &Scene<'_>, passwords: &Passwords) -> String {
    let Scene { address, ports, folder, programs, etcd, files, synchronous } = scene;
    let folder = folder.display();
    let Ports { name, patroni, postgres, .. } = ports;
    let Passwords { superuser, replication, .. } = passwords;
    let (certificate, key) = (files.certificate.display(), files.key.display());
    let tls = format!("sslmode: verify-full, sslrootcert: '{}'", files.authority.display());
    let hosts: Vec<String> = etcd.iter().map(|host| format!("'{host}'")).collect();
    format!(
        "scope: exchequer
name: {name}
restapi: {{listen: '{address}:{patroni}', connect_address: '{address}:{patroni}'}}
etcd3: {{hosts: [{hosts}]}}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 1
    retry_timeout: 3
    maximum_lag_on_failover: 1048576
    primary_start_timeout: 0
    synchronous_mode: true
    synchronous_mode_strict: true
    synchronous_node_count: {synchronous}
    postgresql:
      use_pg_rewind: true
      use_slots: true
      parameters:
        max_connections: 100
        wal_keep_size: 128MB
        wal_sender_timeout: 5s
        wal_receiver_timeout: 5s
        wal_retrieve_retry_interval: 500ms
  initdb: [encoding: UTF8, locale: C, auth: scram-sha-256, data-checksums]
postgresql:
  listen: '{address}:{postgres}'
  connect_address: '{address}:{postgres}'
  data_dir: '{folder}/data'
  bin_dir: '{programs}'
  pgpass: '{folder}/pgpass'
  authentication:
    superuser: {{username: postgres, password: '{superuser}', {tls}}}
    replication: {{username: replicator, password: '{replication}', {tls}}}
  parameters:
    unix_socket_directories: '{folder}'
    ssl: 'on'
    ssl_cert_file: '{certificate}'
    ssl_key_file: '{key}'
    ssl_min_protocol_version: TLSv1.3
  pg_hba:
  - local all all scram-sha-256
  - hostssl replication replicator 0.0.0.0/0 scram-sha-256
  - hostssl all all 0.0.0.0/0 scram-sha-256
",
        hosts = hosts.join(", "),
        programs = programs.display(),
    )
}

/// `port` leads to the node whose Patroni answers 200 at `/primary`; connections to another are ended.
pub fn haproxy<'a>(port: u16, nodes: impl Iterator<Item = (Ipv4Addr, &'a Ports)>) -> String {
    let servers: Vec<String> = nodes
        .map(|(address, ports)| {
            let Ports { name, patroni, postgres, .. } = ports;
            format!("  server {name} {address}:{postgres} check port {patroni}\n")
        })
        .collect();
    format!(
        "global
  maxconn 400
defaults
  mode tcp
  retries 2
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  timeout check 1s
listen primary
  bind 127.0.0.1:{port}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 1s fastinter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
{}",
        servers.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_is_behind_the_proxy() {
        let ports = |number: u16| Ports {
            name: format!("db{number}"),
            etcd: 1,
            peer: 2,
            patroni: 8000 + number,
            postgres: 5000 + number,
        };
        let (one, two) = (ports(1), ports(2));
        let nodes = [(Ipv4Addr::new(10, 0, 0, 1), &one), (Ipv4Addr::new(10, 0, 0, 2), &two)];
        let text = haproxy(5432, nodes.into_iter());
        assert!(text.contains("bind 127.0.0.1:5432\n"));
        assert!(text.ends_with(
            "  server db1 10.0.0.1:5001 check port 8001\n  server db2 10.0.0.2:5002 check port 8002\n"
        ));
    }
}

//! The files of `deploy` that repeat something of the workspace say the same.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_layer_of_dependencies_has_every_manifest_of_the_workspace() {
    let containerfile = read("deploy/Containerfile");
    let crates = std::fs::read_dir(root().join("crates")).expect("the crates");
    let mut names: Vec<_> = crates
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    for name in &names {
        let line = format!("COPY crates/{name}/Cargo.toml crates/{name}/\n");
        assert!(containerfile.contains(&line), "no {line}");
    }
    let (_, rest) = containerfile.split_once("for own in ").expect("what is built anew");
    let (listed, _) = rest.split_once(';').expect("its end");
    assert_eq!(listed.split(' ').collect::<Vec<_>>(), names);
}

// ASVS 5.0, 15.2.5: what a taken-over process finds in the container: no shell, no other program, no rights.
#[test]
fn the_image_is_nobodys_base_runs_as_nobody_and_asks_for_its_health() {
    let containerfile = read("deploy/Containerfile");
    let (_, last) = containerfile.rsplit_once("\nFROM ").expect("a last stage");
    assert!(last.starts_with("scratch\n"), "{last}");
    for wanted in [
        "\nUSER 10001:10001\n",
        "\nHEALTHCHECK ",
        "[\"/exchequer\", \"healthcheck\"",
        "\nENTRYPOINT [\"/exchequer\"]\n",
    ] {
        assert!(last.contains(wanted), "no {wanted}");
    }
    assert!(!last.contains("RUN"), "there is no shell in it");
}

// ASVS 5.0, 15.2.5: what a taken-over process finds where systemd runs it: its own folder, IP, and few system calls.
#[test]
fn the_unit_confines_what_reads_foreign_input() {
    let unit = read("deploy/systemd/exchequer.service");
    let lines: Vec<&str> = unit.lines().collect();
    for wanted in [
        "User=exchequer",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "ProtectProc=invisible",
        "PrivateDevices=yes",
        "PrivateTmp=yes",
        "PrivateUsers=yes",
        "NoNewPrivileges=yes",
        "MemoryDenyWriteExecute=yes",
        "RestrictNamespaces=yes",
        "RestrictAddressFamilies=AF_INET AF_INET6",
        "SystemCallFilter=@system-service",
        "SystemCallArchitectures=native",
        "CapabilityBoundingSet=",
        "LimitCORE=0",
    ] {
        assert!(lines.contains(&wanted), "no {wanted}");
    }
    let compose = read("deploy/compose.yaml");
    for wanted in ["read_only: true", "cap_drop: [ALL]", "no-new-privileges"] {
        assert!(compose.contains(wanted), "no {wanted}");
    }
}

#[test]
fn the_toolchain_is_that_of_the_workspace() {
    let manifest = read("Cargo.toml");
    let (_, rest) = manifest.split_once("rust-version = \"").expect("a version");
    let (version, _) = rest.split_once('"').expect("its end");
    let image = format!("FROM docker.io/library/rust:{version}-");
    assert!(read("deploy/Containerfile").contains(&image), "no {image}");
}

/// The proxies let pass what the bank takes, and no more.
#[test]
fn the_proxies_have_the_banks_limits() {
    let nginx = read("deploy/edge/nginx/nginx.conf");
    let haproxy = read("deploy/edge/haproxy/haproxy.cfg");
    let routes = exchequer::http::routes();
    let bulk: Vec<&str> = routes
        .table()
        .filter(|route| route.body_limit == exchequer::http::routes::BodyLimit::Bulk)
        .map(|route| route.path)
        .collect();
    for path in &bulk {
        assert!(nginx.contains(&format!("location = {path} {{")), "{path}");
    }
    assert_eq!(nginx.matches("client_max_body_size 4m;").count(), bulk.len());
    assert!(haproxy.contains(&format!("acl bulk path {}\n", bulk.join(" "))), "{bulk:?}");
    assert!(nginx.contains("client_max_body_size 64k;"));
}

/// On one machine, too, what goes between the bank of `compose.yaml` and its databases is encrypted, and there is no other way in.
#[test]
fn the_bank_and_its_databases_speak_tls_alone() {
    let compose = read("deploy/compose.yaml");
    assert!(!compose.contains("EXCHEQUER_DATABASE_PLAINTEXT"));
    for setting in ["ssl=on", "ssl_min_protocol_version=TLSv1.3"] {
        assert!(compose.contains(&format!("      - -c{setting}\n")), "{setting}");
    }
    assert!(compose.contains("      - -chba_file=/etc/postgresql/pg_hba.conf\n"));
    assert!(compose.contains("./postgres/pg_hba.conf:/etc/postgresql/pg_hba.conf:ro\n"));
    for setting in ["/etc/redis/password.conf", "--port 0", "--tls-protocols TLSv1.3"] {
        assert!(compose.contains(&format!("      - {setting}\n")), "{setting}");
    }
    let access = read("deploy/postgres/pg_hba.conf");
    let rules = access.lines().filter(|line| !line.starts_with('#'));
    let ways: Vec<&str> = rules.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(ways, ["local", "hostssl"]);
    let page = read("docs/edge.md");
    assert!(page.contains("sslmode=verify-full&sslrootcert=/etc/exchequer/"));
    assert!(page.contains("'rediss://:%s@redis:6379'"));
}

/// nginx asks for the bank's address when it starts and not again, and a container that shares another's network place loses
/// it when that one is started anew. So each has its own, the bank a fixed one.
#[test]
fn each_container_can_be_started_again_without_the_others() {
    let compose = read("deploy/compose.yaml");
    assert!(!compose.contains("network_mode"));
    let address = compose
        .lines()
        .find_map(|line| line.trim().strip_prefix("front: { ipv4_address: ")?.strip_suffix(" }"))
        .expect("the bank's address");
    assert!(compose.contains(&format!("extra_hosts: [\"bank:{address}\"]\n")));
    // What is written to a tmpfs is gone with the container; to its output, it is kept.
    assert!(!compose.contains("/var/log"));
    let proxy = read("deploy/edge/Containerfile");
    assert!(proxy.contains("ln -sf /dev/stdout /var/log/nginx/access.log"));
    assert!(proxy.contains("ln -sf /dev/stderr /var/log/nginx/error.log"));
}

/// Both name the same base images, so that what was tried with stand-ins is what the files ask for.
#[test]
fn every_base_image_has_a_stand_in() {
    let make = read("deploy/stand-in/make.sh");
    for file in ["deploy/Containerfile", "deploy/edge/Containerfile", "deploy/compose.yaml"] {
        let text = read(file);
        let named = text.split("docker.io/library/").skip(1);
        let images: Vec<&str> = named.filter_map(|rest| rest.split_whitespace().next()).collect();
        assert!(!images.is_empty(), "{file}");
        for image in images {
            assert!(make.contains(&format!(" {image}")), "{file}: {image}");
        }
    }
}

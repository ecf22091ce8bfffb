//! Every command of the shipped program on a PostgreSQL that takes nothing but TLS.

use money::Clock;
use testkit::process::Server;
use tls::trial::Authority;

use crate::scene::{BINARY, Scene, summary};

// ASVS 12.3.2: move, check, serve, verify, backup and restore reach a database in TLS, each showing a certificate and wanting
// one; with another authority none of them does.
#[test]
fn every_command_speaks_tls_to_a_database_that_wants_it() {
    let Some(mut scene) = Scene::new() else { return };
    scene.encrypt();
    let moved = scene.move_bank(&[]);
    assert!(moved.status.success(), "{moved:?}");
    let books = scene.verified();

    let settings = scene.settings();
    let there: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    let checked = scene.run(&["check-config"], &there);
    assert!(checked.status.success(), "{checked:?}");
    let node = Server::start(BINARY.as_ref(), &["serve"], &there);
    let ready = node.client().get("/readyz", None).expect("an answer");
    assert_eq!(ready.status, 200);
    assert!(node.terminate().success());

    let file = scene.put("place", "").replace("place", "backup.db");
    let kept = scene.run(&["backup", &file], &there);
    assert!(kept.status.success(), "{kept:?}");
    let empty = scene.url().replace("/postgres?", "/template1?");
    let mut elsewhere = there.clone();
    elsewhere.retain(|(name, _)| *name != "EXCHEQUER_DATABASE_URL");
    elsewhere.push(("EXCHEQUER_DATABASE_URL", &empty));
    let restored = scene.run(&["restore", &file], &elsewhere);
    assert!(restored.status.success(), "{restored:?}");
    let found = summary(&scene.run(&["verify", "--json"], &elsewhere));
    assert_eq!(found["transfers"], books["transfers"]);

    let now = Clock::System.now();
    let other = Authority::new(now, now.plus_seconds(3_600)).expect("an authority");
    let other = scene.put("other.pem", &other.certificate_pem());
    let own = scene.url();
    let (before, _) = own.split_once("sslrootcert=").expect("its option");
    let wrong = format!("{before}sslrootcert={other}");
    for command in ["verify", "migrate", "serve"] {
        let mut settings = there.clone();
        settings.retain(|(name, _)| *name != "EXCHEQUER_DATABASE_URL");
        settings.push(("EXCHEQUER_DATABASE_URL", &wrong));
        let refused = scene.run(&[command], &settings);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success(), "{command}");
        assert!(said.contains("sslrootcert of database_url names"), "{command}: {said}");
    }
}

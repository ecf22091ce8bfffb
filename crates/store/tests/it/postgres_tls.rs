//! TLS to a PostgreSQL of the test's own: who is spoken to, who is not, and that nothing is ever said in plain text.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use money::{Clock, Timestamp};
use store::{Db, DbError, Location, Options};
use tempfile::TempDir;
use testkit::postgres::{PostgresServer, Stop};
use tls::trial::{Authority, Pair};

const HOST: &str = "db.example";
const DAY: i64 = 86_400;

/// An authority with its file, and a server that may be given certificates.
struct Scene {
    folder: TempDir,
    authority: Authority,
    server: Option<PostgresServer>,
}

impl Scene {
    fn new(server: Option<PostgresServer>) -> Self {
        let now = Clock::System.now();
        let authority = authority(now.plus_seconds(-DAY), now.plus_seconds(DAY));
        let scene = Self { folder: tempfile::tempdir().expect("a folder"), authority, server };
        scene.put("authority.pem", &scene.authority.certificate_pem());
        scene
    }

    /// `None` where this run is not on PostgreSQL.
    fn with_server() -> Option<Self> {
        PostgresServer::start_own().map(|server| Self::new(Some(server)))
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
        path
    }

    /// The server begins anew with this certificate, or without TLS.
    fn serve(&mut self, pair: Option<&Pair>) {
        let authority = self.authority.certificate_pem();
        let pair = pair.map(|pair| (pair.certificate_pem(), pair.key_pem()));
        let server = self.server.as_mut().expect("a server");
        server.stop(Stop::Fast);
        server.set_tls(pair.as_ref().map(|(certificate, key)| [&**certificate, key, &authority]));
        server.start();
    }

    fn pair(&self, names: &[&str]) -> Pair {
        self.authority.issue("database", names).expect("a pair")
    }

    /// The server as `host`, believed by our authority.
    fn options(&self, host: &str, more: &str) -> Options {
        let trust = self.folder.path().join("authority.pem");
        let server = self.server.as_ref().expect("a server");
        options(server.url_as(host, &format!("sslrootcert={}{more}", trust.display())))
    }

    fn refusal(&self, host: &str) -> String {
        refusal(&self.options(host, ""))
    }
}

fn authority(from: Timestamp, until: Timestamp) -> Authority {
    Authority::new(from, until).expect("an authority")
}

fn options(url: String) -> Options {
    Options { readers: 1, writers: 1, ..Options::new(Location::Postgres { url }) }
}

fn refusal(options: &Options) -> String {
    match Db::open(options) {
        Ok(_) => panic!("it should have been refused"),
        Err(error @ DbError::Unavailable(_)) => error.to_string(),
        Err(other) => panic!("{other}"),
    }
}

// ASVS 12.3.2: every connection to the database is TLS 1.3, once the server has proven its name.
#[tokio::test]
async fn a_server_that_proves_its_name_is_spoken_to_in_tls() {
    let Some(mut scene) = Scene::with_server() else { return };
    scene.serve(Some(&scene.pair(&[HOST])));
    // Nothing says `sslmode`: another host means TLS. The password is bound to the server's certificate.
    let options = scene.options(HOST, "&channel_binding=require");
    store::migrate(&options, Timestamp::EPOCH).expect("migrates");
    let db = Db::open(&options).expect("opens");
    let spoken = db.read("test.tls", |tx| {
        let rows = tx.query(
            "SELECT s.ssl, CAST(COALESCE(s.version, '') AS TEXT) FROM pg_stat_ssl s \
             JOIN pg_stat_activity a ON a.pid = s.pid WHERE a.backend_type = 'client backend'",
            &[],
        )?;
        rows.iter().map(|row| Ok(row.text(1)?.to_owned())).collect::<Result<Vec<_>, DbError>>()
    });
    assert_eq!(spoken.await.expect("read"), ["TLSv1.3"; 2], "one that reads and one that writes");
    db.close();
    let copy = scene.folder.path().join("backup");
    store::backup::backup(&options, &copy, Timestamp::EPOCH).expect("a backup");

    // An address may stand in a certificate, too.
    scene.serve(Some(&scene.pair(&["127.0.0.1"])));
    Db::open(&scene.options("127.0.0.1", "&sslmode=verify-full")).expect("opens").close();
}

// ASVS 12.3.2, 12.3.4: another name, another authority, a certificate out of its time and no TLS at all are refused.
#[test]
fn a_server_that_does_not_prove_who_it_is_is_refused_by_name_of_the_setting() {
    let Some(mut scene) = Scene::with_server() else { return };
    let now = Clock::System.now();
    scene.serve(Some(&scene.pair(&["other.example"])));
    assert!(scene.refusal(HOST).contains("another name than the host of database_url"));

    let other = authority(now.plus_seconds(-DAY), now.plus_seconds(DAY));
    scene.serve(Some(&other.issue("database", &[HOST]).expect("a pair")));
    let text = scene.refusal(HOST);
    assert!(text.contains("that sslrootcert of database_url names"), "{text}");
    let server = scene.server.as_ref().expect("a server");
    let text = refusal(&options(server.url_as(HOST, "sslrootcert=system")));
    assert!(text.contains("of this system; name the file of its own with sslrootcert"), "{text}");

    for (from, until) in [(-2 * DAY, -DAY), (DAY, 2 * DAY)] {
        let late = authority(now.plus_seconds(from), now.plus_seconds(until));
        scene.put("authority.pem", &late.certificate_pem());
        scene.serve(Some(&late.issue("database", &[HOST]).expect("a pair")));
        let text = scene.refusal(HOST);
        assert!(text.contains("ended or does not hold yet (sslmode=verify-full in data"), "{text}");
    }

    scene.serve(None);
    let text = scene.refusal(HOST);
    assert!(text.contains("no TLS (ssl = on in its postgresql.conf)"), "{text}");
}

// ASVS 12.3.5, 13.2.1: the database knows the bank by a certificate where it is told to, and the password alone opens nothing.
#[test]
fn a_server_that_asks_who_calls_is_shown_the_banks_certificate() {
    let Some(mut scene) = Scene::with_server() else { return };
    store::migrate(&options(scene.server.as_ref().expect("a server").url()), Timestamp::EPOCH)
        .expect("migrates");
    scene.server.as_ref().expect("a server").demand_certificates();
    scene.serve(Some(&scene.pair(&[HOST])));
    let text = scene.refusal(HOST);
    assert!(text.contains("requires a valid client certificate"), "{text}");
    let shown = |pair: &Pair| {
        let certificate = scene.put("own.pem", &pair.certificate_pem());
        let key = scene.put("own.key", &pair.key_pem());
        let more = format!("&sslcert={}&sslkey={}", certificate.display(), key.display());
        scene.options(HOST, &more)
    };
    Db::open(&shown(&scene.pair(&[]))).expect("opens").close();
    let now = Clock::System.now();
    let other = authority(now.plus_seconds(-DAY), now.plus_seconds(DAY));
    refusal(&shown(&other.issue("bank", &[]).expect("a pair")));
}

// ASVS 13.2.1: with a certificate in the place of the password nothing that lasts is shown to the database.
#[test]
fn a_server_that_knows_callers_by_certificates_needs_no_password() {
    let Some(mut scene) = Scene::with_server() else { return };
    store::migrate(&options(scene.server.as_ref().expect("a server").url()), Timestamp::EPOCH)
        .expect("migrates");
    scene.server.as_ref().expect("a server").know_by_certificates();
    scene.serve(Some(&scene.pair(&[HOST])));
    let shown = |role: &str| {
        let pair = scene.authority.issue(role, &[]).expect("a pair");
        let certificate = scene.put("own.pem", &pair.certificate_pem());
        let key = scene.put("own.key", &pair.key_pem());
        let trust = scene.folder.path().join("authority.pem");
        let (trust, certificate, key) = (trust.display(), certificate.display(), key.display());
        let more = format!("sslrootcert={trust}&sslcert={certificate}&sslkey={key}");
        let url = scene.server.as_ref().expect("a server").url_as(HOST, &more);
        let (_, place) = url.split_once('@').expect("behind the password");
        options(format!("postgres://postgres@{place}"))
    };
    Db::open(&shown("postgres")).expect("opens").close();
    let text = refusal(&shown("somebody"));
    assert!(text.contains("certificate authentication failed"), "{text}");
}

/// What a server that answers so heard of the bank, and what the bank says of it.
fn heard_by(answer: &'static [u8]) -> (Vec<u8>, String) {
    let scene = Scene::new(None);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut heard = vec![0; 8];
        stream.read_exact(&mut heard).expect("the wish for TLS");
        stream.write_all(answer).expect("an answer");
        // The bank may end the connection as it likes, and before this server does.
        let _shut = stream.shutdown(Shutdown::Write);
        let _ended = stream.read_to_end(&mut heard);
        heard
    });
    let trust = scene.folder.path().join("authority.pem").display().to_string();
    let refused = refusal(&options(format!(
        "postgres://teller-7:a-long-pass-phrase@{HOST}:{port}/bank?hostaddr=127.0.0.1\
         &sslrootcert={trust}"
    )));
    (server.join().expect("the server"), refused)
}

// ASVS 12.3.2: neither a name nor a password is told before the certificate was looked at, whatever a server answers; there
// is no way back to plain text.
#[test]
fn nothing_is_told_to_a_server_that_does_not_speak_tls() {
    // SSLRequest: its length and 80877103.
    let wish = [0, 0, 0, 8, 4, 210, 22, 47];
    for (answer, says) in [
        (&b"N"[..], "no TLS (ssl = on"),
        (b"E\0\0\0\x20SFATAL\0", "no TLS (ssl = on"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no TLS (ssl = on"),
        (b"S and then something that is no TLS at all", "does not speak TLS"),
        (b"SR\0\0\0\x08\0\0\0\x03", "does not speak TLS"), // and asks for the password
        (b"S", "verify-full"),
    ] {
        let (heard, text) = heard_by(answer);
        assert!(text.contains(says), "{answer:?}: {text}");
        assert_eq!(heard[..8], wish);
        // A record of a handshake, or nothing.
        assert!(heard.len() == 8 || heard[8..].starts_with(&[0x16, 0x03]), "{heard:?}");
        for secret in ["teller-7", "a-long-pass-phrase"] {
            assert!(!heard.windows(secret.len()).any(|part| part == secret.as_bytes()));
        }
    }
}

//! A listener's TLS: what is spoken, what is refused, and how a new certificate takes the old one's place.

mod callers;
mod peers;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use money::{Clock, Timestamp};
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, NamedGroup, ProtocolVersion, RootCertStore};
use tempfile::TempDir;
use tls::trial::{Authority, Pair};
use tls::{Inside, Look, Refusal, Server, Settings, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

const HOST: &str = "bank.example";
const DAY: i64 = 86_400;

fn now() -> Timestamp {
    Clock::System.now()
}

struct Place {
    folder: TempDir,
    authority: Authority,
}

impl Place {
    fn new() -> Self {
        let authority = Authority::new(now().plus_seconds(-DAY), now().plus_seconds(DAY))
            .expect("an authority");
        let place = Self { folder: tempfile::tempdir().expect("a folder"), authority };
        place.write(&place.pair());
        place
    }

    fn pair(&self) -> Pair {
        self.authority.issue(HOST, &[HOST]).expect("a pair")
    }

    fn write(&self, pair: &Pair) {
        self.put("certificate.pem", &pair.certificate_pem(), 0o644);
        self.put("key.pem", &pair.key_pem(), 0o600);
    }

    fn put(&self, name: &str, text: &str, mode: u32) {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
    }

    fn settings(&self, min_version: Version) -> Settings {
        let path = |name: &str| self.folder.path().join(name);
        let there = |name: &str| Some(path(name)).filter(|path| path.exists());
        Settings {
            certificate_file: path("certificate.pem"),
            key_file: path("key.pem"),
            client_ca_file: there("authorities.pem"),
            client_crl_file: there("lists.pem"),
            min_version,
            inside: Inside::Http,
        }
    }

    fn open(&self) -> Result<Server, Refusal> {
        Server::open(self.settings(Version::Tls13))
    }
}

/// A client that trusts this authority and no other.
fn client(authority: &Authority, own: Option<&Pair>, version: Version) -> TlsConnector {
    client_with(rustls::crypto::aws_lc_rs::default_provider(), (authority, own, version))
}

fn client_with(
    provider: CryptoProvider,
    (authority, own, version): (&Authority, Option<&Pair>, Version),
) -> TlsConnector {
    let provider = Arc::new(provider);
    let mut roots = RootCertStore::empty();
    let pem = authority.certificate_pem();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("what was just made"))
        .expect("what was just made");
    let versions = match version {
        Version::Tls12 => [&rustls::version::TLS12],
        Version::Tls13 => [&rustls::version::TLS13],
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .expect("what was just made")
        .with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let key = PrivateKeyDer::from_pem_slice(pair.key_pem().as_bytes())
                .expect("what was just made");
            let chain = vec![CertificateDer::from(pair.der().to_vec())];
            builder.with_client_auth_cert(chain, key).expect("what was just made")
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

struct Met {
    kind: HandshakeKind,
    version: ProtocolVersion,
    /// None of a session that is taken up again by TLS 1.2.
    group: Option<NamedGroup>,
    alpn: Vec<u8>,
    shown: Vec<u8>,
    of_client: Option<Vec<u8>>,
}

/// One handshake, without a socket, and a byte, with which the client gets its tickets.
async fn meet(server: &Server, client: &TlsConnector) -> Option<Met> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let name = ServerName::try_from(HOST).expect("what was just made");
    let (accepted, connected) =
        tokio::join!(server.acceptor().accept(near), client.connect(name, far));
    let (mut accepted, mut connected) = (accepted.ok()?, connected.ok()?);
    let mut byte = [0];
    let (wrote, read) = tokio::join!(accepted.write_all(b"!"), connected.read_exact(&mut byte));
    wrote.and(read).ok()?;
    let (ours, theirs) = (accepted.get_ref().1, connected.get_ref().1);
    Some(Met {
        kind: ours.handshake_kind()?,
        version: ours.protocol_version()?,
        group: ours.negotiated_key_exchange_group().map(SupportedKxGroup::name),
        alpn: ours.alpn_protocol()?.to_vec(),
        shown: theirs.peer_certificates()?.first()?.to_vec(),
        of_client: ours.peer_certificates().and_then(|c| c.first()).map(|c| c.to_vec()),
    })
}

// ASVS 12.1.1: TLS 1.3, and 1.2 where a setting says so; nothing older is answered.
#[tokio::test]
async fn the_oldest_version_is_the_one_that_was_set() {
    let place = Place::new();
    let old = client(&place.authority, None, Version::Tls12);
    let new = client(&place.authority, None, Version::Tls13);
    let modern = place.open().unwrap();
    assert!(meet(&modern, &old).await.is_none(), "1.2 is not spoken");
    let met = meet(&modern, &new).await.unwrap();
    assert_eq!((met.version, &met.alpn[..]), (ProtocolVersion::TLSv1_3, &b"http/1.1"[..]));
    assert_eq!(met.of_client, None);
    let both = Server::open(place.settings(Version::Tls12)).unwrap();
    assert_eq!(meet(&both, &old).await.unwrap().version, ProtocolVersion::TLSv1_2);
    assert_eq!(meet(&both, &new).await.unwrap().version, ProtocolVersion::TLSv1_3);
}

// ASVS 12.1.2: suites with forward secrecy and AEAD, and no other.
#[test]
fn only_suites_with_forward_secrecy_and_aead_are_there() {
    for suite in rustls::crypto::aws_lc_rs::DEFAULT_CIPHER_SUITES {
        let name = format!("{:?}", suite.suite());
        let is_modern = name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_");
        assert!(is_modern && (name.contains("GCM") || name.contains("CHACHA20")), "{name}");
    }
}

// ASVS 11.1.4, 11.6.2: keys are exchanged in the hybrid of X25519 and ML-KEM with whoever knows it, so that what is
// recorded today stays closed to a quantum computer; and in a classical group with all others.
#[tokio::test]
async fn keys_are_exchanged_in_the_hybrid_group_with_who_knows_it() {
    let place = Place::new();
    let server = place.open().unwrap();
    let modern = || (&place.authority, None, Version::Tls13);
    let own = client_with(tls::cryptography(), modern());
    assert_eq!(meet(&server, &own).await.unwrap().group, Some(NamedGroup::X25519MLKEM768));
    for (group, name) in [
        (kx_group::X25519, NamedGroup::X25519),
        (kx_group::SECP256R1, NamedGroup::secp256r1),
        (kx_group::SECP384R1, NamedGroup::secp384r1),
    ] {
        let old = CryptoProvider { kx_groups: vec![group], ..default_provider() };
        let old = client_with(old, modern());
        assert_eq!(meet(&server, &old).await.unwrap().group, Some(name));
    }
    // The groups that rustls would offer by itself, and no other.
    let names = |provider: &CryptoProvider| {
        let mut names: Vec<_> = provider.kx_groups.iter().map(|group| group.name()).collect();
        names.sort_by_key(|name| u16::from(*name));
        names
    };
    assert_eq!(names(&tls::cryptography()), names(&default_provider()));
}

#[tokio::test]
async fn a_new_pair_is_taken_up_and_open_connections_go_on() {
    let place = Place::new();
    let server = place.open().unwrap();
    let client = client(&place.authority, None, Version::Tls13);
    let first = meet(&server, &client).await.unwrap().shown;
    assert_eq!(server.look(now()).pair, Look::Same);
    let next = place.pair();
    place.write(&next);
    assert!(matches!(server.look(now()).pair, Look::Renewed));
    assert_eq!(server.look(now()).pair, Look::Same);
    let second = meet(&server, &client).await.unwrap().shown;
    assert_eq!(second, next.der());
    assert_ne!(first, second);
}

/// What is done to the files, and what is then said of them.
type Spoiled<'a> = (&'a dyn Fn(), fn(&Refusal) -> bool);

#[tokio::test]
async fn a_broken_pair_is_told_once_and_the_old_one_stays() {
    let place = Place::new();
    let server = place.open().unwrap();
    let client = client(&place.authority, None, Version::Tls13);
    let good = server.in_force().certificate;
    let ended = {
        let times = (now().plus_seconds(-2 * DAY), now().plus_seconds(-DAY));
        Authority::new(times.0, times.1).unwrap().issue(HOST, &[HOST]).unwrap()
    };
    let refusals: [Spoiled<'_>; 5] = [
        (&|| place.put("key.pem", &place.pair().key_pem(), 0o600), |r| *r == Refusal::Mismatch),
        (&|| place.put("key.pem", "no key", 0o600), |r| *r == Refusal::NoKey),
        (&|| place.put("key.pem", &place.pair().key_pem(), 0o644), |r| {
            matches!(r, Refusal::KeyFile(_))
        }),
        (
            &|| {
                place.write(&place.pair());
                place.put("certificate.pem", "", 0o644);
            },
            |r| *r == Refusal::NoCertificate,
        ),
        (&|| place.write(&ended), |r| matches!(r, Refusal::Ended(_))),
    ];
    for (n, (spoil, expected)) in refusals.iter().enumerate() {
        spoil();
        let Look::Refused(refusal) = server.look(now()).pair else { panic!("{n} was taken") };
        assert!(expected(&refusal), "{n}: {refusal}");
        assert_eq!(server.look(now()).pair, Look::Same, "{n} is told once");
        let in_force = server.in_force();
        assert_eq!((in_force.certificate, in_force.refused), (good.clone(), Some(refusal)));
        assert!(meet(&server, &client).await.is_some(), "{n}: the old pair serves");
    }
    place.write(&place.pair());
    assert!(matches!(server.look(now()).pair, Look::Renewed));
    assert_eq!(server.in_force().refused, None);
}

#[test]
fn an_opening_says_what_is_wrong_with_the_files() {
    let place = Place::new();
    fs::remove_file(place.folder.path().join("key.pem")).unwrap();
    let text = place.open().err().unwrap().to_string();
    assert!(text.contains("key.pem does not exist"), "{text}");
    place.put("key.pem", &"x".repeat((1 << 20) + 1), 0o600);
    assert!(place.open().err().unwrap().to_string().contains("longer than 1 MiB"));
    place.write(&place.pair());
    place.put("authorities.pem", "nothing", 0o644);
    assert_eq!(place.open().err(), Some(Refusal::NoAuthority));
    place.put("certificate.pem", "nothing", 0o644);
    assert_eq!(place.open().err(), Some(Refusal::NoCertificate));
}

#[test]
fn a_folder_that_is_a_file_is_no_panic() {
    let settings = Settings {
        certificate_file: Path::new("/").into(),
        key_file: Path::new("/dev/null").into(),
        client_ca_file: None,
        client_crl_file: None,
        min_version: Version::Tls12,
        inside: Inside::Http,
    };
    assert!(matches!(Server::open(settings), Err(Refusal::CertificateFile(_))));
}

#[tokio::test]
async fn a_question_is_asked_of_the_very_certificate_of_the_files() {
    let place = Place::new();
    let server = place.open().expect("a pair that fits");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    let settings = place.settings(Version::Tls13);
    let limit = std::time::Duration::from_secs(5);
    let ask = async || {
        let settings = settings.clone();
        let asking = tokio::task::spawn_blocking(move || {
            tls::probe::ask(address, Some(&settings), b"well?", limit)
        });
        let (stream, _) = listener.accept().await.expect("a connection");
        if let Ok(mut stream) = server.acceptor().accept(stream).await {
            let mut question = [0; 5];
            // A client that does not like the certificate goes away here.
            if stream.read_exact(&mut question).await.is_ok() {
                stream.write_all(&question).await.expect("an answer");
                stream.shutdown().await.expect("an end");
            }
        }
        asking.await.expect("no panic")
    };
    assert_eq!(ask().await.expect("an answer"), b"well?");
    place.write(&place.pair());
    assert!(ask().await.is_err(), "the server still shows the old one");
}

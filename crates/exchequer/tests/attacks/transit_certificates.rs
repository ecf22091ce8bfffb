//! A Transit that asks who calls: what it is shown, and what is done where it does not know the bank.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use exchequer::keys::transit::{Transit as Client, TransitAddress, TransitError};
use money::Clock;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use tempfile::TempDir;
use testkit::Transit;
use tls::OwnFiles;
use tls::trial::{Authority, Pair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use vault::SecretBytes;

/// A listener with TLS that takes nobody without a certificate of its authority, before an engine that speaks plain text.
struct Scene {
    folder: TempDir,
    authority: Authority,
    engine: Transit,
    door: SocketAddr,
}

impl Scene {
    async fn new() -> Self {
        let authority = authority();
        let engine = Transit::start().await;
        let door = listen(acceptor(&authority), engine.address(None).url).await;
        Self { folder: tempfile::tempdir().expect("a folder"), authority, engine, door }
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
        path
    }

    /// The pair in the files that the bank shows.
    fn show(&self, pair: &Pair) -> OwnFiles {
        OwnFiles {
            certificate_file: self.put("own.pem", &pair.certificate_pem()),
            key_file: self.put("own.key", &pair.key_pem()),
        }
    }

    fn client(&self, own: Option<OwnFiles>) -> Client {
        let url = format!("https://localhost:{}", self.door.port());
        let authorities = Some(Arc::from(self.authority.certificate_pem()));
        Client::new(TransitAddress { url, authorities, own, ..self.engine.address(None) })
            .expect("settings")
    }
}

fn authority() -> Authority {
    let now = Clock::System.now();
    Authority::new(now.plus_seconds(-3_600), now.plus_seconds(3_600)).expect("an authority")
}

fn ended() -> Authority {
    let now = Clock::System.now();
    Authority::new(now.plus_seconds(-7_200), now.plus_seconds(-3_600)).expect("an authority")
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let mut roots = rustls::RootCertStore::empty();
    let pem = authority.certificate_pem();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM")).expect("an authority");
    let provider = Arc::new(tls::cryptography());
    let demanding = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let pair = authority.issue("transit", &["localhost"]).expect("a pair");
    let certificate = CertificateDer::from_pem_slice(pair.certificate_pem().as_bytes());
    let key = PrivateKeyDer::from_pem_slice(pair.key_pem().as_bytes());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(demanding.build().expect("a verifier"))
        .with_single_cert(vec![certificate.expect("PEM")], key.expect("PEM"))
        .expect("a pair");
    TlsAcceptor::from(Arc::new(config))
}

async fn listen(acceptor: TlsAcceptor, engine: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let door = listener.local_addr().expect("an address");
    let engine = engine.replace("http://", "");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, engine) = (acceptor.clone(), engine.clone());
            tokio::spawn(async move {
                // Who is refused is told so by the handshake, and nothing else.
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut behind = TcpStream::connect(engine).await.expect("the engine");
                tokio::io::copy_bidirectional(&mut stream, &mut behind).await.ok();
            });
        }
    });
    door
}

async fn used(client: &Client) -> Result<(), TransitError> {
    let secret = SecretBytes::new(b"a data key".to_vec());
    let ciphertext = client.encrypt(&secret, "label").await?;
    let back = client.decrypt(&ciphertext, "label").await?;
    assert!(back == secret);
    Ok(())
}

// ASVS 12.3.5, 13.2.1: Transit knows the bank by a certificate besides its token; without one, and with one of another
// authority or one that has ended, nothing reaches it, and the bank says why.
#[tokio::test]
async fn a_transit_that_asks_who_calls_is_shown_the_banks_certificate() {
    let scene = Scene::new().await;
    let bank = scene.authority.issue("bank", &[]).expect("a pair");
    assert_eq!(used(&scene.client(Some(scene.show(&bank)))).await, Ok(()));
    let reached = scene.engine.requests();
    let stranger = authority().issue("bank", &[]).expect("a pair");
    let late = ended().issue("bank", &[]).expect("a pair");
    for shown in [None, Some(stranger), Some(late)] {
        let own = shown.as_ref().map(|pair| scene.show(pair));
        let refused = used(&scene.client(own)).await.expect_err("this was let in").to_string();
        assert!(refused.contains("certificate"), "{refused}");
    }
    assert_eq!(scene.engine.requests(), reached, "somebody got through");
}

/// Renewed files are shown the next time; what is no pair is not, and the old one stays.
#[tokio::test]
async fn a_renewed_certificate_is_shown_to_transit_the_next_time() {
    let scene = Scene::new().await;
    let stranger = authority().issue("bank", &[]).expect("a pair");
    let client = scene.client(Some(scene.show(&stranger)));
    assert!(used(&client).await.is_err());
    let bank = scene.authority.issue("bank", &[]).expect("a pair");
    scene.show(&bank);
    assert_eq!(used(&client).await, Ok(()));
    scene.put("own.key", "half written");
    assert_eq!(used(&client).await, Ok(()));
}

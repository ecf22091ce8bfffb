//! A vault on another machine: who proves what to whom, and what comes of those who do not.

mod bounds;

use std::path::PathBuf;
use std::sync::Arc;

use tls::client::{ClientSettings, Unproven};
use tls::peer::{Peer, PeerSettings};
use tls::trial::{Authority, Pair};
use tokio::net::TcpStream;

use super::*;
use crate::cards::keeper::way::{Stream, Wire};
use crate::config::VAULT_PROTOCOL;

const HOST: &str = "127.0.0.1";
const DAY: i64 = 86_400;

/// An authority of today, what it has signed for the two, and the files of one of them.
struct Certificates {
    authority: Authority,
    folder: TempDir,
}

fn today() -> Timestamp {
    Clock::System.now()
}

fn authority() -> Authority {
    Authority::new(today().plus_seconds(-DAY), today().plus_seconds(DAY)).unwrap()
}

impl Certificates {
    fn new() -> Self {
        Self { authority: authority(), folder: tempfile::tempdir().unwrap() }
    }

    fn bank(&self) -> Pair {
        self.authority.issue("bank", &[]).unwrap()
    }

    fn vault(&self) -> Pair {
        self.authority.issue("vault", &[HOST]).unwrap()
    }

    fn path(&self, end: &str, name: &str) -> PathBuf {
        self.folder.path().join(format!("{end}-{name}"))
    }

    fn write(&self, end: &str, own: &Pair, authority: &Authority) {
        let put = |name: &str, text: String| std::fs::write(self.path(end, name), text).unwrap();
        put("certificate.pem", own.certificate_pem());
        put("key.pem", own.key_pem());
        put("ca.pem", authority.certificate_pem());
        let key = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.path(end, "key.pem"), key).unwrap();
    }

    /// An end that shows this pair and takes the other's name by this authority.
    fn peer(&self, end: &str, own: &Pair, (authority, name): (&Authority, &str)) -> Arc<Peer> {
        self.write(end, own, authority);
        let settings = PeerSettings {
            certificate_file: self.path(end, "certificate.pem"),
            key_file: self.path(end, "key.pem"),
            ca_file: self.path(end, "ca.pem"),
            crl_file: None,
            peer_name: name.to_owned(),
            protocol: VAULT_PROTOCOL,
        };
        Arc::new(Peer::open(settings).unwrap())
    }

    /// A vault that takes the bank and nobody else.
    async fn serve(&self) -> Vault {
        self.serve_with(&self.vault()).await
    }

    async fn serve_with(&self, own: &Pair) -> Vault {
        let tls = self.peer("vault", own, (&self.authority, "bank"));
        let place = VaultPlace::Network { host: HOST.to_owned(), port: 0, tls };
        Vault::with(|_, settings| settings.place = place).await
    }

    /// Calls a vault as who shows this pair.
    fn client(&self, vault: &Vault, own: &Pair) -> Client {
        let tls = self.peer("bank", own, (&self.authority, "vault"));
        Client::new(calling(vault, HOST, tls))
    }
}

fn calling(vault: &Vault, host: &str, tls: Arc<Peer>) -> CardVault {
    let place = VaultPlace::Network { host: host.to_owned(), port: port(vault), tls };
    CardVault { place, ..vault.settings.clone() }
}

fn port(vault: &Vault) -> u16 {
    match &vault.settings.place {
        VaultPlace::Network { port, .. } => *port,
        VaultPlace::Socket { .. } => panic!("there is no port"),
    }
}

async fn dial(vault: &Vault) -> TcpStream {
    TcpStream::connect((HOST, port(vault))).await.unwrap()
}

async fn status(client: &Client) -> Result<u32, KeeperError> {
    client.version().await
}

// ASVS 12.3.5: bank and vault on two machines know each other by certificates, and numbers go between them in that TLS alone.
#[tokio::test]
async fn a_number_goes_to_another_machine_and_comes_back() {
    let certificates = Certificates::new();
    let mut vault = certificates.serve().await;
    let client = certificates.client(&vault, &certificates.bank());
    let taken = take(&vault, &client).await;
    let number = client.open(sealed(&taken), FOR).await.unwrap();
    assert_eq!(number.expose(), NUMBER.as_bytes());
    assert_eq!(vault.actions().await, [("card.revealed".to_owned(), "done".to_owned())]);
    vault.kill().await;
    let broken = KeeperError::Away("nobody listens there");
    assert_eq!(status(&client).await, Err(broken.clone()));
    vault.start().await;
    assert!(client.open(sealed(&taken), FOR).await.is_ok());
    vault.stop.send_replace(true);
    vault.serving.take().unwrap().await.unwrap();
    assert_eq!(status(&client).await, Err(broken));
}

// ASVS 12.3.5, PCI DSS 4.2.1: no certificate, one of another authority, one that has ended, one of another name: none of
// them has a question heard.
#[tokio::test]
async fn who_is_not_the_bank_is_refused_and_the_bank_is_served() {
    let certificates = Certificates::new();
    let vault = certificates.serve().await;
    let ended = Authority::new(today().plus_seconds(-2 * DAY), today().plus_seconds(-DAY)).unwrap();
    for stranger in [authority().issue("bank", &[]).unwrap(), ended.issue("bank", &[]).unwrap()] {
        assert_refused(&status(&certificates.client(&vault, &stranger)).await);
    }
    assert_eq!(vault.actions().await, [], "who proves nothing fills no book");
    let another = certificates.authority.issue("shop", &[]).unwrap();
    assert_refused(&status(&certificates.client(&vault, &another)).await);
    let stranger = ("card_vault.stranger".to_owned(), "forbidden".to_owned());
    assert_eq!(vault.actions().await, [stranger]);

    let authority_file = Some(certificates.path("bank", "ca.pem"));
    let settings = ClientSettings { authority_file, own: None, protocol: VAULT_PROTOCOL };
    let nobody = tls::client::Client::open(&settings).unwrap();
    let answer = match nobody.connect(HOST, dial(&vault).await).await {
        Ok(mut stream) => ask_in(&mut stream, &Ask::Status.frame()).await,
        Err(_refused) => Vec::new(),
    };
    assert_eq!(answer, b"");
    assert_eq!(status(&certificates.client(&vault, &certificates.bank())).await, Ok(1));
}

/// The vault's word for it comes in its answer, unless the connection is cut before that is read.
fn assert_refused(found: &Result<u32, KeeperError>) {
    assert!(
        matches!(found, Err(KeeperError::Stranger | KeeperError::Away("the connection broke"))),
        "{found:?}"
    );
}

/// Whatever comes back until the other side has ended.
async fn ask_in(stream: &mut (impl Wire + ?Sized), bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    let asked = stream.write_all(bytes).await.and(stream.flush().await);
    if asked.is_ok() {
        // An end without a word is as good as one with.
        let _read = stream.read_to_end(&mut answer).await;
    }
    answer
}

#[tokio::test]
async fn who_is_not_the_vault_is_told_nothing() {
    let certificates = Certificates::new();
    let ours = &certificates.authority;
    for (own, why) in [
        (authority().issue("vault", &[HOST]).unwrap(), Unproven::Authority),
        (ours.issue("vault", &["vault.example"]).unwrap(), Unproven::Name),
        (ours.issue("another", &[HOST]).unwrap(), Unproven::Name),
    ] {
        let impostor = certificates.serve_with(&own).await;
        let client = certificates.client(&impostor, &certificates.bank());
        let (merchant, card) = ids();
        let refused = client.take((&merchant, card), &new_card(impostor.clock.now())).await.err();
        assert_eq!(refused, Some(KeeperError::Unproven(why)));
    }
    // One that speaks no TLS at all.
    let listener = tokio::net::TcpListener::bind((HOST, 0)).await.unwrap();
    let free = listener.local_addr().unwrap().port();
    let tls = certificates.peer("bank", &certificates.bank(), (ours, "vault"));
    let place = VaultPlace::Network { host: HOST.to_owned(), port: free, tls };
    let client = Client::new(CardVault { place, reveals_per_hour: 1 });
    let answer = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let status = Reply::Status { version: 1 };
        stream.write_all(&status.frame()).await.unwrap();
        stream
    };
    let (found, _stream) = tokio::join!(status(&client), answer);
    assert_eq!(found, Err(KeeperError::Unproven(Unproven::NotTls)));
}

// PCI DSS 4.2.1: what is no TLS is answered with none of it, and no number leaves.
#[tokio::test]
async fn plain_bytes_silence_and_cut_frames_get_nothing_and_hold_up_nobody() {
    let certificates = Certificates::new();
    let vault = certificates.serve().await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(dial(&vault).await);
    }
    // The beginning of a handshake, and no more.
    for stream in silent.iter_mut().take(25) {
        stream.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
    }
    let status_frame = Ask::Status.frame();
    for bytes in [&status_frame[..], b"GET / HTTP/1.1\r\n\r\n", &[0; 64], &[0xff; 4096]] {
        let mut stream: Stream = Box::new(dial(&vault).await);
        let answer = ask_in(&mut *stream, bytes).await;
        // At most an alert: its record has type 21.
        assert!(answer.first().is_none_or(|kind| *kind == 21), "{bytes:?}: {answer:?}");
    }
    let peer = certificates.peer("bank", &certificates.bank(), (&certificates.authority, "vault"));
    for (bytes, answer) in [
        (&status_frame[..3], refusal(Reason::Malformed)),
        (&status_frame[..5], refusal(Reason::Malformed)),
        (&[0xff; 8][..], refusal(Reason::Malformed)),
        (b"", Vec::new()),
    ] {
        let mut stream = peer.connect(HOST, dial(&vault).await).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answered = Vec::new();
        let _read = stream.read_to_end(&mut answered).await;
        assert_eq!(answered, answer, "{bytes:?}");
    }
    assert_eq!(status(&certificates.client(&vault, &certificates.bank())).await, Ok(1));
    assert_eq!(vault.actions().await, []);
}

#[tokio::test]
async fn new_certificates_of_both_count_while_both_go_on() {
    let certificates = Certificates::new();
    let vault = certificates.serve().await;
    let bank = certificates.peer("bank", &certificates.bank(), (&certificates.authority, "vault"));
    let client = Client::new(calling(&vault, HOST, Arc::clone(&bank)));
    assert_eq!(status(&client).await, Ok(1));
    let next = authority();
    certificates.write("vault", &next.issue("vault", &[HOST]).unwrap(), &next);
    let vaults = vault.settings.place.tls().unwrap();
    vaults.files().look(today());
    // Who is connected goes on; who connects anew by what was taken away does not.
    assert_eq!(status(&client).await, Ok(1));
    let late = Client::new(calling(&vault, HOST, Arc::clone(&bank)));
    assert_eq!(status(&late).await, Err(KeeperError::Unproven(Unproven::Authority)));
    certificates.write("bank", &next.issue("bank", &[]).unwrap(), &next);
    bank.files().look(today());
    assert_eq!(status(&late).await, Ok(1));
    assert_eq!(status(&client).await, Ok(1));
}

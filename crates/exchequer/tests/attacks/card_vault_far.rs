//! The card vault as on another machine: the shipped binary at a port, spoken to in TLS with certificates of both.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use exchequer::config::{CardVault, VAULT_PROTOCOL, VaultPlace};
use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;
use testkit::sandbox::order;
use testkit::{Till, VaultProcess};
use tls::peer::{Peer, PeerSettings};
use tls::trial::{Authority, Pair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const VISA: &str = "4242424242424242";
const BINARY: &str = env!("CARGO_BIN_EXE_exchequer");
const HOST: &str = "127.0.0.1";
const DAY: i64 = 86_400;

struct Certificates {
    authority: Authority,
    folder: TempDir,
}

fn authority() -> Authority {
    let now = money::Clock::System.now();
    Authority::new(now.plus_seconds(-DAY), now.plus_seconds(DAY)).expect("an authority")
}

impl Certificates {
    fn new() -> Self {
        Self { authority: authority(), folder: tempfile::tempdir().expect("a folder") }
    }

    /// Files of one end, for which this pair is its own.
    fn files(&self, end: &str, own: &Pair) -> [PathBuf; 3] {
        let put = |name: &str, text: String, mode: u32| {
            let path = self.folder.path().join(format!("{end}-{name}.pem"));
            std::fs::write(&path, text).expect("a file");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("a mode");
            path
        };
        [
            put("certificate", own.certificate_pem(), 0o644),
            put("key", own.key_pem(), 0o600),
            put("ca", self.authority.certificate_pem(), 0o644),
        ]
    }

    fn vault(&self) -> VaultProcess {
        let own = self.authority.issue("vault", &[HOST]).expect("a pair");
        let [certificate, key, ca] =
            self.files("vault", &own).map(|path| path.display().to_string());
        let settings = vec![
            ("EXCHEQUER_CARD_VAULT_PEER_NAME", "bank".to_owned()),
            ("EXCHEQUER_CARD_VAULT_CERTIFICATE_FILE", certificate),
            ("EXCHEQUER_CARD_VAULT_KEY_FILE", key),
            ("EXCHEQUER_CARD_VAULT_CA_FILE", ca),
        ];
        VaultProcess::start_in_tls(Path::new(BINARY), settings)
    }

    /// The settings of a bank that shows this pair.
    fn bank(&self, vault: &VaultProcess, own: &Pair) -> CardVault {
        let [certificate_file, key_file, ca_file] = self.files("bank", own);
        let settings = PeerSettings {
            certificate_file,
            key_file,
            ca_file,
            crl_file: None,
            peer_name: "vault".to_owned(),
            protocol: VAULT_PROTOCOL,
        };
        let tls = Arc::new(Peer::open(settings).expect("files that fit"));
        let (host, port) = vault.place().rsplit_once(':').expect("an address");
        let place =
            VaultPlace::Network { host: host.to_owned(), port: port.parse().expect("a port"), tls };
        CardVault { place, reveals_per_hour: 1_000_000 }
    }

    fn pair(&self, name: &str) -> Pair {
        self.authority.issue(name, &[]).expect("a pair")
    }
}

/// All of it with the shipped binary: a card is kept and paid with; while the vault is away both are refused with 503,
/// and the same key does it when it is back.
// ASVS 12.3.5: the service that has the keys of card numbers is another machine's, and each shows the other a certificate.
#[tokio::test]
async fn cards_are_kept_and_paid_with_by_a_vault_on_another_machine() {
    let certificates = Certificates::new();
    let mut vault = certificates.vault();
    let settings = certificates.bank(&vault, &certificates.pair("bank"));
    let till = Till::with(|config| config.cards.vault = Some(settings)).await;
    till.bank.secret(VISA);
    let card = till.shop.card(VISA).await;
    let body = order(&card, 10_000, "automatic");
    let pay = async |key: &str| till.shop.post_with_key("/v1/payments", key, &body).await;
    assert_eq!(pay("first").await.expect(201).text("/status"), "succeeded");
    vault.kill();
    pay("second").await.refused(503, "unavailable");
    let kept = json!({ "number": VISA, "exp_month": 12, "exp_year": 2030 });
    till.shop.post("/v1/cards", &kept).await.refused(503, "unavailable");
    vault.start_again();
    assert_eq!(pay("second").await.expect(201).text("/status"), "succeeded");
    assert_eq!(till.totals(), (20_000, 0));
    let checks = exchequer::health::look::look(till.bank.bank()).await.checks;
    assert!(checks.iter().any(|check| check.name == "vault_certificate"));
    assert!(vault.verifies());
}

/// Connections that a network has lost are made anew, and what was under way on them is refused or done once.
#[tokio::test]
async fn a_vault_on_another_machine_that_dies_again_and_again_costs_no_payment() {
    let certificates = Certificates::new();
    let mut vault = certificates.vault();
    let settings = certificates.bank(&vault, &certificates.pair("bank"));
    let till = Till::with(|config| config.cards.vault = Some(settings)).await;
    let card = till.shop.card(VISA).await;
    let body = order(&card, 10, "automatic");
    let pay = |n: u32| {
        let (till, body) = (&till, &body);
        async move { till.shop.post_with_key("/v1/payments", &format!("killed-{n}"), body).await }
    };
    for round in 0..3 {
        let keys = round * 10..round * 10 + 10;
        let kill = async { vault.kill() };
        let (replies, ()) = tokio::join!(join_all(keys.clone().map(pay)), kill);
        for reply in replies.into_iter().filter(|reply| reply.status != 201) {
            reply.refused(503, "unavailable");
        }
        vault.start_again();
        for reply in join_all(keys.map(pay)).await {
            assert_eq!(reply.expect(201).text("/status"), "succeeded");
        }
    }
    assert_eq!(till.totals(), (300, 0));
    assert!(vault.verifies());
}

/// A bank whose vault is not believed, or that is not believed by it, starts: cards are refused alone. One whose numbers
/// were sealed elsewhere does not.
#[tokio::test]
async fn a_bank_starts_though_its_vaults_certificate_is_not_believed() {
    let certificates = Certificates::new();
    let mut vault = certificates.vault();
    let own = certificates.pair("bank");
    let settings = certificates.bank(&vault, &own);
    let tls = Arc::clone(settings.place.tls().expect("an end of TLS"));
    let till = Till::with(|config| config.cards.vault = Some(settings)).await;
    till.shop.card(VISA).await;
    let start = || exchequer::cards::keeper::check(till.bank.bank());
    assert_eq!(start().await, Ok(()));
    let elsewhere =
        Certificates { authority: authority(), folder: TempDir::new().expect("a folder") };
    let foreign = elsewhere.authority.certificate_pem();
    let take_up = |own: &Pair, authority: Option<&String>| {
        let [_, _, ca] = certificates.files("bank", own);
        if let Some(authority) = authority {
            std::fs::write(ca, authority).expect("a file");
        }
        tls.files().look(money::Clock::System.now());
    };
    for (own, authority) in [(&certificates.pair("shop"), None), (&own, Some(&foreign))] {
        take_up(own, authority);
        // What was open goes on; a vault that is started anew is asked on new connections.
        vault.kill();
        vault.start_again();
        assert_eq!(start().await, Ok(()));
        let kept = json!({ "number": VISA, "exp_month": 12, "exp_year": 2030 });
        till.shop.post("/v1/cards", &kept).await.refused(503, "unavailable");
    }
    take_up(&own, None);
    assert_eq!(start().await, Ok(()));
    till.shop.card(VISA).await;
    let spoil = |tx: &mut store::Tx<'_>| {
        let newest = "SELECT number FROM cards ORDER BY id DESC LIMIT 1";
        let mut number = tx.query_one(newest, &[])?.blob(0)?.to_vec();
        number.extend([0]);
        tx.execute("UPDATE cards SET number = $1", store::params![&number])?;
        Ok::<_, store::DbError>(())
    };
    till.bank.bank().db().write("test", spoil).await.expect("a spoilt number");
    assert!(start().await.is_err(), "its numbers were sealed elsewhere");
}

/// A bank that the vault was not told of keeps no card, whichever way its certificate is wrong, and whoever shows none
/// gets no answer.
// PCI DSS 4.2.1: a number goes to the vault in TLS that both have proven themselves in, or it does not go.
#[tokio::test]
async fn a_stranger_on_the_network_gets_nothing_out_of_the_vault() {
    let certificates = Certificates::new();
    let vault = certificates.vault();
    let elsewhere = authority().issue("bank", &[]).expect("a pair");
    for own in [certificates.pair("shop"), elsewhere] {
        let settings = certificates.bank(&vault, &own);
        let till = Till::with(|config| config.cards.vault = Some(settings)).await;
        let kept = json!({ "number": VISA, "exp_month": 12, "exp_year": 2030 });
        till.shop.post("/v1/cards", &kept).await.refused(503, "unavailable");
    }
    // A question for the version, as the socket would take it.
    for bytes in [&[0, 0, 0, 2, 1, 0][..], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(vault.place()).await.expect("a connection");
        stream.write_all(bytes).await.expect("room");
        let mut answer = Vec::new();
        // Cut off or ended: what matters is what was said.
        let _read = stream.read_to_end(&mut answer).await;
        assert!(answer.first().is_none_or(|kind| *kind == 21), "more than an alert: {answer:?}");
    }
    let settings = certificates.bank(&vault, &certificates.pair("bank"));
    let till = Till::with(|config| config.cards.vault = Some(settings)).await;
    till.shop.card(VISA).await;
    assert!(vault.verifies());
}

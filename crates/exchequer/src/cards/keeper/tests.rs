//! A vault in this process, and whoever speaks to it over its socket.

mod far;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ::store::{Db, Location, Options};
use money::{Clock, Rng, Timestamp};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use vault::card::Expiry;
use vault::{Keyring, MasterKey};

use super::frames::{MAX_FRAME, VERSION};
use super::server::Server;
use super::*;
use crate::config::{CardVault, Config, VaultPlace};
use crate::keys::holder::KeyHolder;
use crate::keys::{self, KeyAct, SETTLED_SECONDS};

/// A full hour.
const NOW: i64 = 1_767_607_200;
const NUMBER: &str = "4242424242424242";

struct Vault {
    bank: Bank,
    clock: Clock,
    rng: Rng,
    settings: CardVault,
    stop: watch::Sender<bool>,
    serving: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl Vault {
    async fn new() -> Self {
        Self::with(|_, _| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config, &mut CardVault)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        let options = Options {
            readers: 1,
            require_durable: false,
            ..Options::new(Location::Sqlite { path })
        };
        let clock = Clock::manual(Timestamp::from_seconds(NOW));
        ::store::migrate(&options, clock.now()).unwrap();
        let db = Db::open(&options).unwrap();
        let rng = Rng::seeded(11);
        let master = MasterKey::generate(&rng).unwrap();
        let rows = Keyring::first_data_keys(&master, &rng, clock.now()).unwrap();
        let adopted = rows.clone();
        let adopt = move |tx: &mut Tx<'_>| keys::adopt_in(tx, &adopted);
        db.write("adopt", adopt).await.unwrap();
        let holder = KeyHolder::open_here(master, rows, clock.now()).unwrap();
        let mut config = Config::demo(folder.path().into(), "127.0.0.1:0".parse().unwrap());
        let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(folder.path()).unwrap());
        let mut settings = CardVault {
            place: socket(&folder.path().join("vault.sock"), uid),
            reveals_per_hour: 1_000,
        };
        change(&mut config, &mut settings);
        let bank = Bank::new(db, holder, config, clock.clone(), rng.clone());
        let (stop, _) = watch::channel(false);
        let mut vault = Self { bank, clock, rng, settings, stop, serving: None, _folder: folder };
        vault.start().await;
        vault
    }

    async fn start(&mut self) {
        let server = Server::bind(self.bank.clone(), self.settings.clone()).await.unwrap();
        if let VaultPlace::Network { port, .. } = &mut self.settings.place {
            // The next one listens there again.
            *port = server.address().unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
        }
        self.serving = Some(tokio::spawn(server.serve(self.stop.subscribe())));
    }

    /// As `kill -9` does: the socket's file stays.
    async fn kill(&mut self) {
        let serving = self.serving.take().unwrap();
        serving.abort();
        assert!(serving.await.unwrap_err().is_cancelled());
    }

    fn client(&self) -> Client {
        Client::new(self.settings.clone())
    }

    async fn raw(&self) -> UnixStream {
        UnixStream::connect(self.path()).await.unwrap()
    }

    fn path(&self) -> &Path {
        match &self.settings.place {
            VaultPlace::Socket { path, .. } => path,
            VaultPlace::Network { .. } => panic!("there is no socket"),
        }
    }

    fn uid(&self) -> u32 {
        match &self.settings.place {
            VaultPlace::Socket { peer_uid, .. } => *peer_uid,
            VaultPlace::Network { .. } => panic!("there is no user"),
        }
    }

    /// The same vault at another socket, or for another user.
    fn at(&self, path: &Path, peer_uid: u32) -> CardVault {
        CardVault { place: socket(path, peer_uid), ..self.settings.clone() }
    }

    async fn actions(&self) -> Vec<(String, String)> {
        self.bank.db().read("events", store::acts).await.unwrap()
    }
}

fn socket(path: &Path, peer_uid: u32) -> VaultPlace {
    VaultPlace::Socket { path: path.to_owned(), peer_uid }
}

fn new_card(now: Timestamp) -> NewCard {
    let number = Number::parse(NUMBER).unwrap();
    let brand = number.brand().unwrap();
    let expiry = Expiry::new(12, 2030, now).unwrap();
    NewCard { number, brand, expiry, customer: None, wants_token: true }
}

fn ids() -> (MerchantId, CardId) {
    (MerchantId::from_bytes([1; 16]), CardId::from_bytes([2; 16]))
}

async fn take(vault: &Vault, client: &Client) -> Taken {
    let (merchant, card) = ids();
    client.take((&merchant, card), &new_card(vault.clock.now())).await.unwrap()
}

fn sealed(taken: &Taken) -> SealedNumber {
    SealedNumber { merchant: ids().0, card: taken.card, sealed: taken.sealed.clone() }
}

const FOR: (RevealPurpose, &str) = (RevealPurpose::Authorize, "req_1");

#[tokio::test]
async fn a_number_goes_in_and_comes_out_for_a_purpose_with_an_event() {
    let vault = Vault::new().await;
    let client = vault.client();
    let taken = take(&vault, &client).await;
    assert_eq!(taken.marks.len(), 1);
    assert!(taken.marks[0].token.as_ref().is_some_and(|token| token.ends_with("4242")));
    assert!(!taken.sealed.windows(16).any(|part| part == NUMBER.as_bytes()));
    let again = take(&vault, &client).await;
    assert_eq!(again.marks, taken.marks);
    assert_eq!(vault.actions().await, []);
    let number = client.open(sealed(&taken), FOR).await.unwrap();
    assert_eq!(number.expose(), NUMBER.as_bytes());
    assert_eq!(vault.actions().await, [("card.revealed".to_owned(), "done".to_owned())]);
    let report = crate::verify::run(vault.bank.db()).await.unwrap();
    assert!(report.finding().is_none(), "{report}");
}

#[tokio::test]
async fn what_was_changed_or_moved_stays_closed_and_is_an_event() {
    let vault = Vault::new().await;
    let client = vault.client();
    let taken = take(&vault, &client).await;
    let mut changed = sealed(&taken);
    *changed.sealed.last_mut().unwrap() ^= 1;
    let moved = SealedNumber { card: CardId::from_bytes([3; 16]), ..sealed(&taken) };
    let cut = SealedNumber { sealed: taken.sealed[..8].to_vec(), ..sealed(&taken) };
    for wrong in [changed, moved, cut] {
        assert_eq!(client.open(wrong, FOR).await.err(), Some(KeeperError::Damaged));
    }
    let refused = ("card.reveal_refused".to_owned(), "damaged".to_owned());
    assert_eq!(vault.actions().await, vec![refused; 3]);
    let stranger = Vault::new().await;
    // Another vault's keys come of another seed of another process; here both have one seed, so a new version.
    rotate(&stranger, 2).await;
    let theirs = take(&stranger, &stranger.client()).await;
    assert_eq!(client.open(sealed(&theirs), FOR).await.err(), Some(KeeperError::Damaged));
}

#[tokio::test]
async fn a_merchant_and_all_together_have_their_caps() {
    let vault = Vault::with(|config, settings| {
        config.cards.reveals_per_hour = 2;
        settings.reveals_per_hour = 3;
    })
    .await;
    let client = vault.client();
    let taken = take(&vault, &client).await;
    for _ in 0..2 {
        assert!(client.open(sealed(&taken), FOR).await.is_ok());
    }
    let capped = Some(KeeperError::Capped { retry_seconds: 3_600 });
    assert_eq!(client.open(sealed(&taken), FOR).await.err(), capped);
    // Whose number it is only the bank says; all together are counted whatever it says.
    let another =
        |n: u8| SealedNumber { merchant: MerchantId::from_bytes([n; 16]), ..sealed(&taken) };
    assert!(client.open(another(7), FOR).await.is_ok());
    assert_eq!(client.open(another(8), FOR).await.err(), capped);
    vault.clock.advance_seconds(3_600).unwrap();
    assert!(client.open(sealed(&taken), FOR).await.is_ok());
}

#[tokio::test]
async fn a_vault_that_is_away_is_said_and_one_that_is_back_is_found() {
    let mut vault = Vault::new().await;
    let client = vault.client();
    let taken = take(&vault, &client).await;
    vault.kill().await;
    let (merchant, card) = ids();
    let new = new_card(vault.clock.now());
    let away = client.take((&merchant, card), &new).await.err();
    assert_eq!(away, Some(KeeperError::Away("nobody listens there")));
    vault.start().await;
    assert!(client.open(sealed(&taken), FOR).await.is_ok());
    vault.stop.send_replace(true);
    vault.serving.take().unwrap().await.unwrap();
    assert_eq!(
        client.take((&merchant, card), &new).await.err(),
        Some(KeeperError::Away("there is no socket"))
    );
}

#[tokio::test]
async fn another_users_process_is_a_stranger_on_both_sides() {
    let vault = Vault::with(|_, settings| {
        if let VaultPlace::Socket { peer_uid, .. } = &mut settings.place {
            *peer_uid += 1;
        }
    })
    .await;
    let mode = std::fs::metadata(vault.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    // The bank takes a vault of another user for an impostor before it says anything.
    let (merchant, card) = ids();
    let new = new_card(vault.clock.now());
    let uid = vault.uid() - 1;
    let refused = vault.client().take((&merchant, card), &new).await.err();
    assert_eq!(refused, Some(KeeperError::Impostor { uid }));
    // And the vault hears nobody of a user that it was not told of.
    let own = vault.at(vault.path(), uid);
    let refused = Client::new(own).take((&merchant, card), &new).await.err();
    assert!(
        matches!(refused, Some(KeeperError::Stranger | KeeperError::Away("the connection broke"))),
        "{refused:?}"
    );
    // The first call is the one that is recorded, and it may still be under way.
    let stranger = ("card_vault.stranger".to_owned(), "forbidden".to_owned());
    let recorded = async { while !vault.actions().await.contains(&stranger) {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), recorded).await.expect("an event");
}

#[tokio::test]
async fn the_socket_is_for_its_user_alone_and_is_taken_from_nobody() {
    let vault = Vault::new().await;
    let mode = std::fs::metadata(vault.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(Server::bind(vault.bank.clone(), vault.settings.clone()).await.is_err());
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let at = |path: &Path| vault.at(path, vault.uid());
    let open = Server::bind(vault.bank.clone(), at(&folder.path().join("vault.sock"))).await;
    assert!(open.is_err());
    let file = vault.path().with_extension("txt");
    std::fs::write(&file, "kept").unwrap();
    assert!(Server::bind(vault.bank.clone(), at(&file)).await.is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
}

#[tokio::test]
async fn hostile_frames_are_refused_and_the_next_client_is_served() {
    let vault = Vault::new().await;
    let malformed = refusal(Reason::Malformed);
    let frame = |body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&length[..], body].concat()
    };
    let too_long = u32::try_from(MAX_FRAME + 1).unwrap().to_be_bytes();
    for (sent, answer) in [
        (frame(&[VERSION + 1, 0]), refusal(Reason::Version)),
        (frame(&[VERSION, 99]), malformed.clone()),
        (frame(&[VERSION, 1, 1, 2, 3]), malformed.clone()),
        (frame(&[VERSION]), malformed.clone()),
        (too_long.to_vec(), malformed.clone()),
        (u32::MAX.to_be_bytes().to_vec(), malformed.clone()),
        (vec![0; 4], malformed.clone()),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), malformed.clone()),
    ] {
        let mut stream = vault.raw().await;
        stream.write_all(&sent).await.unwrap();
        let mut answered = Vec::new();
        // A connection that is closed with bytes unread may be cut behind the answer.
        if let Err(error) = stream.read_to_end(&mut answered).await {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        assert_eq!(answered, answer, "{sent:?}");
    }
    // One that begins and says no more holds up nobody.
    let mut silent = vault.raw().await;
    silent.write_all(&[0, 0]).await.unwrap();
    let taken = take(&vault, &vault.client()).await;
    let unknown = Ask::Open {
        merchant: ids().0,
        card: taken.card,
        purpose: 9,
        about: String::new(),
        sealed: taken.sealed.clone(),
    };
    assert!(
        vault.client().ask(&unknown).await
            == Ok(Reply::Refused { reason: Reason::Malformed, retry_seconds: 0 })
    );
    assert_eq!(vault.actions().await, []);
}

fn refusal(reason: Reason) -> Vec<u8> {
    Reply::Refused { reason, retry_seconds: 0 }.frame().to_vec()
}

async fn rotate(vault: &Vault, version: u32) {
    let act = KeyAct {
        master: std::sync::Arc::clone(vault.bank.tools().keys().master()),
        rng: vault.rng.clone(),
        now: vault.clock.now(),
        origin: ::store::rows::Origin::system("test"),
    };
    let rotated = keys::rotate(vault.bank.db(), &act, vault::Purpose::CardData).await.unwrap();
    assert_eq!(rotated, Ok(version));
    vault.clock.advance_seconds(SETTLED_SECONDS).unwrap();
    keys::holder::refresh(&vault.bank).await.unwrap();
}

#[tokio::test]
async fn a_rotation_in_the_vault_seals_anew_without_showing_a_number() {
    let vault = Vault::new().await;
    let client = vault.client();
    let taken = take(&vault, &client).await;
    let value = || vec![(taken.card, taken.sealed.clone())];
    assert_eq!(client.version().await, Ok(1));
    assert_eq!(client.reseal(value()).await, Ok(vec![Resealed::Current]));
    rotate(&vault, 2).await;
    assert_eq!(client.version().await, Ok(2));
    let resealed = client.reseal(value()).await.unwrap();
    let [Resealed::New(new)] = &resealed[..] else { panic!("{resealed:?}") };
    assert_eq!(vault::sealed_with(new), Ok(2));
    let mut spoilt = taken.sealed.clone();
    *spoilt.last_mut().unwrap() ^= 1;
    let damaged = client.reseal(vec![(taken.card, new.clone()), (taken.card, spoilt)]).await;
    assert_eq!(damaged, Ok(vec![Resealed::Current, Resealed::Damaged]));
    let number = client.open(SealedNumber { sealed: new.clone(), ..sealed(&taken) }, FOR).await;
    assert_eq!(number.unwrap().expose(), NUMBER.as_bytes());
}

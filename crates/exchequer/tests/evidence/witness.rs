//! The witness: what it signs is in the checkpoint, and what it does not sign is told and blocks nothing.

use exchequer::config::WitnessAddress;
use exchequer::jobs::Job;
use http::StatusCode;
use merkle::Note;
use testkit::{TestBank, Witness};
use tokio::sync::watch;

use crate::Town;

async fn town() -> (Town, Witness) {
    let witness = Witness::start().await;
    let address = WitnessAddress { url: witness.url(), key: witness.key() };
    let bank = TestBank::with(move |settings| settings.evidence.witness = Some(address)).await;
    (Town::of(bank).await, witness)
}

impl Town {
    /// Writes the log, and has the witness sign; gives what it came to.
    async fn witness(&self) -> u64 {
        self.write().await;
        let (_running, stop) = watch::channel(false);
        Job::WitnessLog.run(self.bank.bank(), &stop).await.expect("the database answers")
    }

    async fn newest(&self) -> String {
        let reply = self.bank.client().get("/v1/log/checkpoint").await.expect(200);
        String::from_utf8_lossy(&reply.body).into_owned()
    }

    fn fails(&self) -> Option<String> {
        let status = self.bank.bank().sequencer().status();
        status.witness_fails.clone().map(|(_, why)| why)
    }
}

#[tokio::test]
async fn each_checkpoint_is_signed_once_by_the_witness_and_receipts_have_it() {
    let (town, witness) = town().await;
    for n in 0..5 {
        let id = town.pay(1 + n, None).await;
        assert_eq!(town.witness().await, 1);
        assert_eq!(town.witness().await, 0, "it is signed already");
        let note = Note::parse(&town.newest().await).expect("a note");
        assert!(witness.key().seen_at(&note).is_ok());
        let receipt =
            town.asha.client.get(&format!("/v1/transfers/{id}/receipt")).await.expect(200);
        let note = Note::parse(&receipt.text("/checkpoint")).expect("a note");
        assert!(witness.key().seen_at(&note).is_ok());
    }
    assert_eq!((witness.signed(), witness.requests(), town.fails()), (5, 5, None));
    let (size, _) = witness.seen();
    assert_eq!(town.bank.bank().sequencer().status().witnessed, size);
    // All of it stands as it did: who does not know the witness passes over what it signed.
    let proven = town.found(town.trust(), |_| Ok(())).await.expect("it is right");
    assert_eq!(proven.checkpoints, 5);
}

#[tokio::test]
async fn a_witness_that_does_not_sign_blocks_no_money_and_is_caught_up() {
    let (town, witness) = town().await;
    town.pay(1, None).await;
    assert_eq!(town.witness().await, 1);
    for (status, why) in [
        (StatusCode::SERVICE_UNAVAILABLE, "it answered 503"),
        (StatusCode::FORBIDDEN, "does not know this log"),
        (StatusCode::CONFLICT, "it answered 409"),
        (StatusCode::UNPROCESSABLE_ENTITY, "no beginning of this log"),
        (StatusCode::OK, "no signature of its key"),
    ] {
        witness.answers(Some(status));
        town.pay(2, None).await;
        assert_eq!(town.witness().await, 0, "{status}");
        let said = town.fails().expect("it is told");
        assert!(said.contains(why), "{status}: {said}");
        witness.answers(None);
        assert_eq!(town.witness().await, 1, "{status}");
        assert_eq!(town.fails(), None);
    }
    witness.signs_wrongly(true);
    town.pay(3, None).await;
    assert_eq!(town.witness().await, 0);
    assert!(town.fails().is_some_and(|why| why.contains("no signature of its key")));
    witness.signs_wrongly(false);
    assert_eq!(town.witness().await, 1);
    let reply = town.bank.client().get("/v1/log/checkpoint").await.expect(200);
    let note = Note::parse(&String::from_utf8_lossy(&reply.body)).expect("a note");
    assert!(witness.key().seen_at(&note).is_ok());
}

#[tokio::test]
async fn a_witness_that_knows_more_or_something_else_tells_of_a_rollback() {
    let (town, witness) = town().await;
    town.pay(1, None).await;
    assert_eq!(town.witness().await, 1);
    let (size, root) = witness.seen();
    witness.saw(size + 1_000, [9; 32]);
    town.pay(2, None).await;
    assert_eq!(town.witness().await, 0);
    assert!(town.fails().is_some_and(|why| why.contains("rolled back")));
    assert_eq!(town.witness().await, 0, "it stays so");
    witness.saw(size, [9; 32]);
    assert_eq!(town.witness().await, 0);
    assert_eq!(witness.signed(), 1);
    witness.saw(size, root);
    assert_eq!(town.witness().await, 1);
    assert_eq!(town.fails(), None);
}

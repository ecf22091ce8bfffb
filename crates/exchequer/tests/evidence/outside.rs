//! Checkpoints outside the database.

use std::fs;

use exchequer::evidence::outside::{notes, own_checkpoint};
use testkit::TestBank;

use crate::Town;

async fn town() -> (Town, tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("checkpoints.txt");
    let config = file.clone();
    let bank =
        TestBank::with(move |settings| settings.evidence.checkpoint_file = Some(config)).await;
    (Town::of(bank).await, folder, file)
}

#[tokio::test]
async fn each_checkpoint_is_in_the_file_and_a_rollback_is_noticed() {
    let (town, _folder, file) = town().await;
    for n in 0..4 {
        town.pay(1 + n, None).await;
        town.write().await;
        town.write().await;
    }
    let (kept, end) = notes(&fs::read_to_string(&file).expect("the file"));
    assert_eq!((kept.len(), end > 0), (4, true));
    let keys = town.bank.bank().tools().keyring().clone();
    let sizes: Vec<u64> =
        kept.iter().map(|note| own_checkpoint(note, &keys).expect("signed").size).collect();
    assert!(sizes.is_sorted() && sizes[3] == sizes[0] + 3, "{sizes:?}");
    let mut trust = town.trust();
    trust.outside.clone_from(&kept);
    let proven = town.found(trust, |_| Ok(())).await.expect("it is right");
    assert_eq!((proven.outside, proven.checkpoints), (4, 4));

    // The same file beside a bank that knows less.
    let config = file.clone();
    let less = TestBank::with(move |settings| settings.evidence.checkpoint_file = Some(config));
    let less = Town::of(less.await).await;
    less.write().await;
    let why = less.bank.bank().sequencer().status().outside_fails.clone();
    assert!(why.is_some_and(|(_, why)| why.contains("rolled back") || why.contains("history")));
    assert_eq!(notes(&fs::read_to_string(&file).expect("the file")).0, kept);
    assert_eq!(event_count(&less).await, 1);
    less.write().await;
    assert_eq!(event_count(&less).await, 1, "it is told once");
    // An operator has looked, and begins a new file.
    fs::rename(&file, file.with_extension("old")).expect("renames");
    less.write().await;
    assert_eq!(less.bank.bank().sequencer().status().outside_fails, None);
    assert_eq!(event_count(&less).await, 2);
}

#[tokio::test]
async fn a_place_that_fails_blocks_no_money_and_gets_it_later() {
    let (town, folder, file) = town().await;
    fs::create_dir(&file).expect("a folder in the way");
    town.pay(1, None).await;
    assert!(town.write().await > 0);
    assert!(town.bank.bank().sequencer().status().outside_fails.is_some());
    town.pay(2, None).await;
    town.write().await;
    fs::remove_dir(&file).expect("out of the way");
    town.write().await;
    assert_eq!(town.bank.bank().sequencer().status().outside_fails, None);
    let (kept, _) = notes(&fs::read_to_string(&file).expect("the file"));
    assert_eq!(kept.len(), 1, "the newest stands for those before it");
    drop(folder);
}

async fn event_count(town: &Town) -> i64 {
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) FROM events WHERE action = 'log.kept_outside'";
    let read = town.bank.bank().db().read("count", move |tx| tx.query_one(sql, &[])?.int(0));
    read.await.expect("a count")
}

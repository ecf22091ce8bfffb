//! Old checkpoints are thinned out, and whatever was kept of them elsewhere still fits.

use exchequer::evidence::prove::Trust;
use exchequer::jobs::Job;
use merkle::Checkpoint;
use store::{DbError, Row};
use tokio::sync::watch;

use crate::Town;

const DAY: i64 = 86_400;

async fn notes(town: &Town) -> Vec<String> {
    let read = town.bank.bank().db().read("notes", |tx| {
        let rows = tx.query("SELECT note FROM log_checkpoints ORDER BY size", &[])?;
        rows.iter().map(|row: &Row| Ok(row.text(0)?.to_owned())).collect()
    });
    read.await.unwrap_or_else(|error: DbError| panic!("{error}"))
}

async fn thin(town: &Town) -> u64 {
    let (_go, stop) = watch::channel(false);
    Job::ThinCheckpoints.run(town.bank.bank(), &stop).await.expect("it runs")
}

#[tokio::test]
async fn old_checkpoints_are_thinned_out_and_all_that_were_kept_elsewhere_still_fit() {
    let mut town = Town::new().await;
    // Some in each of three hours, at least.
    for _ in 0..9 {
        town.pay(1, None).await;
        town.write().await;
        town.bank.advance(1_200);
        town.bank.sign_in(&mut town.asha).await;
    }
    let all = notes(&town).await;
    assert_eq!((all.len(), thin(&town).await), (9, 0), "all of them are young");
    town.bank.advance(31 * DAY);
    town.bank.sign_in(&mut town.asha).await;
    town.pay(1, None).await;
    town.write().await;
    let removed = thin(&town).await;
    let left = notes(&town).await;
    assert!((5..=6).contains(&removed), "{removed}");
    assert_eq!(u64::try_from(left.len()), Ok(10 - removed));
    assert_eq!((thin(&town).await, notes(&town).await), (0, left.clone()), "once is enough");
    assert!(
        left.first() == all.first() && left.iter().take(left.len() - 1).all(|n| all.contains(n))
    );
    // `verify` takes the log as it is now, and with all that was kept outside.
    assert_eq!(town.proven().await.checkpoints, u64::try_from(left.len()).expect("few"));
    let outside = Trust { outside: all.clone(), ..town.trust() };
    let found = town.found(outside.clone(), |_| Ok(())).await.expect("all of them fit");
    assert_eq!(found.outside, 9);
    // From a size whose checkpoint is gone the log is still shown to have grown.
    let gone = all.iter().find(|note| !left.contains(note)).expect("one is gone");
    let size = |note: &str| {
        Checkpoint::parse(
            note.split("\n\n").next().map(|t| format!("{t}\n")).expect("text").as_str(),
        )
        .expect("a checkpoint")
        .size
    };
    let path =
        format!("/v1/log/consistency?from={}&to={}", size(gone), size(left.last().expect("one")));
    let _done = town.bank.client().get(&path).await.expect(200);
    // And whoever rolls the log back is found by them as before.
    let rolled_back = town.found(outside, |tx| {
        tx.execute("DELETE FROM log_checkpoints WHERE size > 0", &[]).map(drop)
    });
    assert!(rolled_back.await.is_err());
}

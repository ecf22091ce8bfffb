//! `exchequer move`, killed at points all the way.

use crate::scene::{BINARY, Scene, summary};
use serde_json::json;
use std::process::Command;

/// Statements at which the process dies, as by kill -9: marks, first pages, tables in the middle, comparison,
/// the last mark.
const POINTS: [u32; 10] = [1, 2, 3, 4, 9, 30, 60, 90, 130, 180];

#[test]
fn a_move_that_is_killed_anywhere_is_run_again_and_then_whole() {
    let Some(scene) = Scene::new() else { return };
    let data = scene.data().to_string_lossy().into_owned();
    let before = summary(&scene.run(&["verify", "--json", "--data", &data], &[]));
    let (mut deaths, mut is_marked) = (0, false);
    for point in POINTS {
        let at = format!("move.copy@{point}");
        let ended = scene.move_bank(&[("EXCHEQUER_TEST_DIE_AT", &at)]);
        println!("{at}: {:?}", ended.status);
        if ended.status.success() {
            break;
        }
        assert!(ended.status.code().is_none(), "{at}: {ended:?}");
        deaths += 1;
        let settings = scene.settings();
        let there: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, &**value)).collect();
        // Nobody serves what is not whole, in neither place.
        let refused = scene.run(&["serve"], &there);
        assert_eq!(refused.status.code(), Some(1), "{at}: {refused:?}");
        let here = scene.run(&["verify", "--data", &data], &[]);
        let said = String::from_utf8_lossy(&here.stderr).into_owned();
        // Before its mark it is the bank that it was; from then on it is none.
        assert!(here.status.success() != said.contains("being moved"), "{at}: {said}");
        assert!(!here.status.success() || !is_marked, "{at}");
        is_marked |= !here.status.success();
    }
    assert!(is_marked);
    assert!(deaths >= 6, "{deaths} deaths");
    let moved = scene.move_bank(&[]);
    let said = String::from_utf8_lossy(&moved.stdout).into_owned();
    assert!(moved.status.success() && said.contains("Moved:"), "{moved:?}");
    // The same, and the event of the move, once; it is no leaf yet.
    let mut after = scene.verified();
    for place in ["/events", "/origins", "/log/pending"] {
        let count = after.pointer_mut(place).expect("a count");
        *count = json!(count.as_u64().expect("a number") - 1);
    }
    assert_eq!(after, before);
    let here = scene.run(&["verify", "--data", &data], &[]);
    assert!(String::from_utf8_lossy(&here.stderr).contains("was moved"), "{here:?}");
    let again = scene.move_bank(&[]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("moved already"), "{again:?}");
}

#[test]
fn a_bank_that_is_served_is_not_moved() {
    let Some(scene) = Scene::new() else { return };
    let demo = scene.demo();
    let refused = scene.move_bank(&[]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("Stop it first"), "{said}");
    assert!(demo.terminate().success());
    // The address from standard input, where no list of processes shows it; one without a database says so.
    let data = scene.data();
    let output = Command::new(BINARY)
        .args(["move", "--to", "mysql://root@localhost/bank", "--data"])
        .arg(&data)
        .env_clear()
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("no address of PostgreSQL") && !said.contains("root@"), "{said}");
    let moved = scene.move_bank(&[]);
    assert!(moved.status.success(), "{moved:?}");
    let data = data.to_string_lossy().into_owned();
    let late = scene.run(&["move", "--give-up", "--data", &data], &[]);
    assert!(String::from_utf8_lossy(&late.stderr).contains("moved already"), "{late:?}");
}

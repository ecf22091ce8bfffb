//! The fuzz targets over their committed seeds.

use testkit::fuzzing;

fn over_seeds(target: &str, check: fn(&[u8])) {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut count = 0;
    for file in std::fs::read_dir(folder).expect("the seeds of a target") {
        let seed = std::fs::read(file.expect("a file").path()).expect("a seed");
        check(&seed);
        // Every prefix too: a cut is the commonest damage.
        for end in 0..seed.len() {
            check(&seed[..end]);
        }
        count += 1;
    }
    assert!(count >= 4, "{target} has {count} seeds");
}

#[test]
fn redaction() {
    over_seeds("redaction", fuzzing::redaction);
}

#[test]
fn money() {
    over_seeds("money", fuzzing::money);
}

#[test]
fn account_number() {
    over_seeds("account_number", fuzzing::account_number);
}

#[test]
fn ids_and_times() {
    over_seeds("ids_and_times", fuzzing::ids_and_times);
}

#[test]
fn transfer_body() {
    over_seeds("transfer_body", fuzzing::transfer_body);
}

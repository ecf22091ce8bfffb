//! What a restart finds: every whole line, no half of one, and no file of another kind.

use super::*;
use money::{IdMint, Rng};

fn records() -> Vec<Record> {
    let at: Timestamp = "2026-11-21T08:00:00.000001Z".parse().unwrap();
    let payment: PaymentId = IdMint::new(Rng::seeded(1)).mint(at);
    let money = Money::new(1_234, Currency::JPY);
    let verdicts = [
        Verdict::Done { payment, deed: Deed::Authorized { money, capture: false } },
        Verdict::Done { payment, deed: Deed::Captured { money, is_final: true } },
        Verdict::Done { payment, deed: Deed::Canceled { released: Money::new(0, Currency::JPY) } },
        Verdict::Done { payment, deed: Deed::Refunded { money } },
        Verdict::Refused { payment, kind: Kind::Refund, refusal: Refusal::ExceedsCapture },
        Verdict::Closed,
    ];
    let record = |(place, verdict): (usize, Verdict)| Record {
        operation: Arc::from(format!("op-{place}")),
        fingerprint: [u8::try_from(place).unwrap(); 32],
        at,
        verdict,
    };
    verdicts.into_iter().enumerate().map(record).collect()
}

fn replayed(path: &Path) -> Result<Vec<Record>, JournalError> {
    let mut found = Vec::new();
    Journal::open(path, |record| found.push(record))?;
    Ok(found)
}

#[test]
fn what_was_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut journal = Journal::open(&path, |_| panic!("it is new")).unwrap();
    for record in records() {
        journal.append(&record).unwrap();
    }
    assert_eq!(replayed(&path).unwrap(), records());
}

#[test]
fn half_a_line_at_the_end_never_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut journal = Journal::open(&path, |_| {}).unwrap();
    for record in &records()[..2] {
        journal.append(record).unwrap();
    }
    let whole = std::fs::read(&path).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for length in first..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(replayed(&path).unwrap(), records()[..1], "cut at {length}");
        // What comes next stands on a line of its own.
        Journal::open(&path, |_| {}).unwrap().append(&records()[2]).unwrap();
        assert_eq!(replayed(&path).unwrap().len(), 2, "cut at {length}");
    }
}

#[test]
fn another_file_is_not_taken_for_a_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut journal = Journal::open(&path, |_| {}).unwrap();
    journal.append(&records()[0]).unwrap();
    let good = std::fs::read_to_string(&path).unwrap();
    for bad in [
        "hello\n".to_owned(),
        "{}\n".to_owned(),
        "x".repeat(5_000),
        good.replace("1234", "-1"),
        good.replace("authorize", "transfer"),
        good.replace("JPY", "JPX"),
        good.replace("op-0", "../0"),
    ] {
        std::fs::write(&path, format!("{good}{bad}")).unwrap();
        assert!(matches!(replayed(&path), Err(JournalError::Line(2))), "{bad}");
    }
}

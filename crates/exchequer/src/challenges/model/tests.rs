//! What `challenges::model` promises.

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn row() -> ChallengeRow {
    ChallengeRow {
        id: ChallengeId::from_bytes([1; 16]),
        who: PrincipalRef::Customer(money::CustomerId::from_bytes([2; 16])),
        purpose: Purpose::StepUp,
        session: None,
        device: None,
        factor: None,
        binding: None,
        text_sealed: None,
        attempts: 0,
        sends: 0,
        sent: None,
        proof_hash: None,
        proof_factor: None,
        created_at: at(1000),
        expires_at: at(1300),
        answered_at: None,
        used_at: None,
    }
}

#[test]
fn a_challenge_dies_of_time_of_guesses_and_of_its_answer() {
    assert!(!row().is_dead(at(1299)));
    assert!(row().is_dead(at(1300)));
    assert!(!ChallengeRow { attempts: 2, ..row() }.is_dead(at(1001)));
    assert!(ChallengeRow { attempts: 3, ..row() }.is_dead(at(1001)));
    assert!(ChallengeRow { answered_at: Some(at(1001)), ..row() }.is_dead(at(1002)));
}

#[test]
fn a_clock_set_back_makes_nothing_live_longer() {
    assert!(!row().is_dead(at(996)));
    assert!(row().is_dead(at(994)));
    assert!(row().is_dead(at(0)));
}

#[test]
fn a_proof_serves_five_minutes_and_once() {
    assert!(!row().proves(at(1001)));
    let answered = ChallengeRow { answered_at: Some(at(1200)), ..row() };
    assert!(answered.proves(at(1499)));
    assert!(!answered.proves(at(1500)));
    assert!(!answered.proves(at(1194)));
    assert!(!ChallengeRow { used_at: Some(at(1201)), ..answered }.proves(at(1202)));
}

#[test]
fn words_read_back() {
    for purpose in Purpose::ALL {
        assert_eq!(Purpose::parse(purpose.as_str()), Some(purpose));
    }
    for method in Method::ALL {
        assert_eq!(method.as_str().parse(), Ok(method));
    }
    assert_eq!("TOTP".parse::<Method>(), Err(UnknownMethod));
}

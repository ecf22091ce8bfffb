//! Frames are read as they were written, and nothing else is.

use proptest::prelude::*;

use super::*;

fn asks() -> Vec<Ask> {
    let (merchant, card) = (MerchantId::from_bytes([1; 16]), CardId::from_bytes([2; 16]));
    let number = || Zeroizing::new(b"4242424242424242".to_vec());
    vec![
        Ask::Status,
        Ask::Take { merchant, card, wants_token: true, number: number() },
        Ask::Open { merchant, card, purpose: 1, about: "pay_1".to_owned(), sealed: vec![7; 60] },
        Ask::Reseal { values: vec![(card, vec![7; 60]), (card, Vec::new())] },
    ]
}

fn replies() -> Vec<Reply> {
    let mark = |token: Option<&str>| Mark {
        version: 2,
        fingerprint: [9; 32],
        token: token.map(str::to_owned),
    };
    vec![
        Reply::Status { version: 3 },
        Reply::Taken { sealed: vec![7; 60], marks: vec![mark(Some("4242")), mark(None)] },
        Reply::Number(Zeroizing::new(b"4242424242424242".to_vec())),
        Reply::Resealed(vec![Resealed::Current, Resealed::New(vec![1; 60]), Resealed::Damaged]),
        Reply::Refused { reason: Reason::Capped, retry_seconds: 1_800 },
    ]
}

fn body(frame: &[u8]) -> &[u8] {
    let (length, body) = frame.split_at(4);
    assert_eq!(u32::from_be_bytes(length.try_into().unwrap()) as usize, body.len());
    body
}

#[test]
fn what_was_written_is_read() {
    for ask in asks() {
        assert!(Ask::read(body(&ask.frame())) == Ok(ask));
    }
    for reply in replies() {
        assert!(Reply::read(body(&reply.frame())) == Ok(reply));
    }
    for reason in Reason::ALL {
        assert_eq!(Reason::of(reason.code()), Some(reason));
    }
}

#[test]
fn a_frame_that_is_cut_or_goes_on_is_refused() {
    let malformed = Some(FrameError::Malformed);
    for ask in asks() {
        let frame = ask.frame();
        let whole = body(&frame);
        for length in 1..whole.len() {
            assert_eq!(Ask::read(&whole[..length]).err(), malformed, "{length}");
        }
        assert_eq!(Ask::read(&[whole, &[0]].concat()).err(), malformed);
    }
    for reply in replies() {
        let frame = reply.frame();
        let whole = body(&frame);
        for length in 1..whole.len() {
            assert_eq!(Reply::read(&whole[..length]).err(), malformed, "{length}");
        }
        assert_eq!(Reply::read(&[whole, &[0]].concat()).err(), malformed);
    }
    assert_eq!(Ask::read(&[]).err(), malformed);
}

#[test]
fn another_version_is_told_from_damage() {
    for ask in asks() {
        let mut frame = body(&ask.frame()).to_vec();
        frame[0] = VERSION + 1;
        assert_eq!(Ask::read(&frame).err(), Some(FrameError::Version));
        assert_eq!(Reply::read(&frame).err(), Some(FrameError::Version));
    }
}

#[test]
fn a_list_is_no_longer_than_it_may_be() {
    let card = CardId::from_bytes([2; 16]);
    let longest = Ask::Reseal { values: vec![(card, vec![7; 100]); MAX_VALUES] }.frame();
    assert!(longest.len() <= MAX_FRAME);
    assert!(Ask::read(body(&longest)).is_ok());
    let longer = Ask::Reseal { values: vec![(card, Vec::new()); MAX_VALUES + 1] }.frame();
    assert_eq!(Ask::read(body(&longer)).err(), Some(FrameError::Malformed));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(mut bytes in prop::collection::vec(any::<u8>(), 0..200), known in any::<bool>()) {
        if let (true, [version, kind, ..]) = (known, bytes.as_mut_slice()) {
            *version = VERSION;
            *kind %= 5;
        }
        if let Ok(ask) = Ask::read(&bytes) {
            let frame = ask.frame();
            prop_assert_eq!(body(&frame), &bytes[..]);
        }
        if let Ok(reply) = Reply::read(&bytes) {
            let frame = reply.frame();
            prop_assert_eq!(body(&frame), &bytes[..]);
        }
    }
}

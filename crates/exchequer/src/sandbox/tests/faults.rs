//! Each knob, through the client: what is said is never more than what is known.

use super::*;

/// Turns one knob to always, pays, and gives the outcome with what the gateway has.
async fn struck(turn: impl FnOnce(&mut Chaos)) -> (Scene, PaymentId, Outcome) {
    let scene = Scene::new().await;
    scene.turn(turn);
    let payment = scene.payment();
    let outcome = scene.pay(payment, GOOD).await;
    (scene, payment, outcome)
}

#[tokio::test]
async fn what_never_arrived_is_unknown_and_never_seen() {
    let turns: [fn(&mut Chaos); 3] = [
        |chaos| chaos.drop_request_per_mille = 1_000,
        |chaos| chaos.error_500_before_per_mille = 1_000,
        |chaos| chaos.is_down = true,
    ];
    for turn in turns {
        let (scene, payment, outcome) = struck(turn).await;
        assert_unknown(&outcome);
        assert_eq!(scene.charged(payment), None);
        scene.turn(|_| {});
        assert_eq!(scene.ask(payment, false).await, Asked::NeverSeen);
        assert_eq!(scene.pay(payment, GOOD).await, done(payment, 1_000, true));
    }
}

#[tokio::test]
async fn what_was_charged_and_not_told_is_unknown_until_asked() {
    let turns: [fn(&mut Chaos); 5] = [
        |chaos| chaos.lose_answer_per_mille = 1_000,
        |chaos| chaos.error_500_after_per_mille = 1_000,
        |chaos| chaos.cut_answer_per_mille = 1_000,
        |chaos| chaos.wrong_amount_per_mille = 1_000,
        |chaos| {
            chaos.hang_per_mille = 1_000;
            chaos.hang_ms = 50;
        },
    ];
    for turn in turns {
        let (scene, payment, outcome) = struck(turn).await;
        assert_unknown(&outcome);
        assert_eq!(scene.charged(payment), Some((1_000, 1_000, 0)));
        assert_eq!(scene.ask(payment, true).await, Asked::Known(done(payment, 1_000, true)));
        // Sent again, it is unknown again, and charged once.
        assert_unknown(&scene.pay(payment, GOOD).await);
        assert_eq!(scene.server.desk().totals()["INR"].captured, 1_000);
    }
}

#[tokio::test]
async fn an_answer_that_comes_twice_is_not_the_next_ones() {
    let scene = Scene::new().await;
    scene.turn(|chaos| chaos.answer_twice_per_mille = 1_000);
    let mut known = 0;
    for _ in 0..50 {
        let payment = scene.payment();
        match scene.pay(payment, GOOD).await {
            // The connection broke, and the request may still be on its way.
            Outcome::Unknown { .. } => match scene.ask(payment, true).await {
                Asked::Closed => assert_eq!(scene.charged(payment), None),
                asked => assert_eq!(asked, Asked::Known(done(payment, 1_000, true))),
            },
            outcome => {
                assert_eq!(outcome, done(payment, 1_000, true));
                assert_eq!(scene.charged(payment), Some((1_000, 1_000, 0)));
                known += 1;
            }
        }
    }
    assert!(known > 0, "the first answer on a fresh connection is whole");
}

#[tokio::test]
async fn a_slow_request_arrives_though_its_caller_went_away() {
    let scene = Scene::new().await;
    scene.turn(|chaos| chaos.slow_ms = 1_500);
    let hasty = client(&scene.server.url(), Duration::from_millis(200));
    let [late, closed] = [scene.payment(), scene.payment()];
    let card = scene.card(GOOD);
    assert_unknown(&pay(&hasty, late, (&card, true)).await);
    assert_unknown(&pay(&hasty, closed, (&card, true)).await);
    // On the way, and asked in between: only who gives up may believe that it is gone.
    assert_eq!(scene.ask(late, false).await, Asked::NeverSeen);
    assert_eq!(scene.ask(closed, true).await, Asked::Closed);
    // As slow as the others and sent after them: when it is through, they are.
    assert_eq!(pay(&scene.gateway, closed, (&card, true)).await, refused("closed"));
    assert_eq!(scene.ask(late, false).await, Asked::Known(done(late, 1_000, true)));
    assert_eq!(scene.charged(closed), None);
}

#[tokio::test]
async fn what_is_being_decided_is_running_and_cannot_be_closed() {
    let scene = Scene::new().await;
    scene.turn(|chaos| chaos.decide_ms = 1_500);
    let hasty = client(&scene.server.url(), Duration::from_millis(200));
    let payment = scene.payment();
    let card = scene.card(GOOD);
    assert_unknown(&pay(&hasty, payment, (&card, true)).await);
    assert_eq!(scene.ask(payment, false).await, Asked::StillRunning);
    assert_eq!(scene.ask(payment, true).await, Asked::StillRunning);
    // Another request under its id waits for nobody.
    let other = scene.card("4111111111111111");
    assert_unknown(&pay(&scene.gateway, payment, (&other, true)).await);
    // The same request waits for the one decision.
    assert_eq!(scene.pay(payment, GOOD).await, done(payment, 1_000, true));
    assert_eq!(scene.ask(payment, true).await, Asked::Known(done(payment, 1_000, true)));
}

#[tokio::test]
async fn questions_can_go_wrong_too() {
    let turns: [fn(&mut Chaos); 6] = [
        |chaos| chaos.is_down = true,
        |chaos| chaos.drop_request_per_mille = 1_000,
        |chaos| chaos.error_500_before_per_mille = 1_000,
        |chaos| chaos.error_500_after_per_mille = 1_000,
        |chaos| chaos.lose_answer_per_mille = 1_000,
        |chaos| chaos.cut_answer_per_mille = 1_000,
    ];
    for turn in turns {
        let scene = Scene::new().await;
        let payment = scene.payment();
        scene.pay(payment, GOOD).await;
        scene.turn(|chaos| {
            chaos.asks_too = true;
            turn(chaos);
        });
        for give_up in [false, true] {
            let asked = scene.ask(payment, give_up).await;
            assert!(matches!(asked, Asked::Unreachable(_)), "{asked:?}");
        }
        assert_eq!(scene.charged(payment), Some((1_000, 1_000, 0)));
    }
}

#[tokio::test]
async fn nobody_there_is_unknown() {
    let scene = Scene::new().await;
    let Scene { server, gateway, mint, clock } = scene;
    server.stop().await;
    let payment: PaymentId = mint.mint(clock.now());
    let card = card(GOOD, clock.now());
    assert_unknown(&pay(&gateway, payment, (&card, true)).await);
}

#[tokio::test]
async fn a_wrong_secret_is_unknown_and_moves_nothing() {
    let scene = Scene::new().await;
    let limits = Limits::default();
    let secret = SecretString::new("another secret".to_owned());
    let stranger = Sandbox::new(&scene.server.url(), secret, limits).unwrap();
    let payment = scene.payment();
    assert_unknown(&pay(&stranger, payment, (&scene.card(GOOD), true)).await);
    assert_eq!(scene.charged(payment), None);
    let short = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        secret: SecretString::new("short".to_owned()),
        journal: None,
        notify: None,
        clock: Clock::System,
    };
    assert!(matches!(Server::start(short).await, Err(SandboxError::Secret)));
}

/// A storm of all faults at once: whatever was said was true, and one question settles the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_in_a_storm_is_true() {
    let scene = Scene::new().await;
    scene.turn(|chaos| {
        chaos.seed = 42;
        chaos.drop_request_per_mille = 100;
        chaos.error_500_before_per_mille = 50;
        chaos.lose_answer_per_mille = 100;
        chaos.error_500_after_per_mille = 50;
        chaos.cut_answer_per_mille = 50;
        chaos.answer_twice_per_mille = 50;
        chaos.wrong_amount_per_mille = 50;
    });
    let (mut unknown, mut charged) = (0, 0);
    for round in 0..400 {
        let payment = scene.payment();
        let number = if round % 5 == 0 { "4000000000000002" } else { GOOD };
        let outcome = scene.pay(payment, number).await;
        let settled = match outcome {
            Outcome::Unknown { .. } => {
                unknown += 1;
                // A connection that is kept may be one that the gateway has just cut: then nothing was asked.
                let mut asked = scene.ask(payment, true).await;
                for _ in 0..3 {
                    if matches!(asked, Asked::Unreachable(_)) {
                        asked = scene.ask(payment, true).await;
                    }
                }
                asked
            }
            told => Asked::Known(told),
        };
        // Only now: a request whose connection broke may have been on its way until it was asked about.
        let truth = match scene.charged(payment) {
            Some(_) => done(payment, 1_000, true),
            None => refused("card_declined"),
        };
        match settled {
            Asked::Closed => assert_eq!(scene.charged(payment), None),
            Asked::Known(told) => assert_eq!(told, truth),
            other => panic!("{other:?}"),
        }
        charged += i128::from(scene.charged(payment).is_some());
    }
    assert!((80..320).contains(&unknown), "{unknown} of 400");
    assert_eq!(scene.server.desk().totals()["INR"].captured, 1_000 * charged);
}

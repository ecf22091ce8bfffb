//! What `customers::hashing` promises.

use std::sync::mpsc;

use super::*;

fn pool(threads: usize) -> HashingPool {
    let rules = PasswordRules {
        min_chars: 15,
        max_bytes: MAX_PASSWORD_BYTES,
        needs_letters_and_digits: false,
        context_words: Vec::new(),
    };
    HashingPool::with(PasswordParams::for_tests(), rules, Rng::seeded(1), threads)
}

#[tokio::test]
async fn what_was_hashed_verifies_and_nothing_else_does() {
    let pool = pool(2);
    let hash = pool.hash("correct horse battery".to_owned()).await.unwrap();
    let right = pool.verify("correct horse battery".to_owned(), Some(hash.clone())).await.unwrap();
    assert_eq!(right, Verdict::Right { needs_upgrade: false });
    let wrong = pool.verify("correct horse batterz".to_owned(), Some(hash)).await.unwrap();
    assert_eq!(wrong, Verdict::Wrong);
    let unknown = pool.verify("correct horse battery".to_owned(), None).await.unwrap();
    assert_eq!(unknown, Verdict::Wrong);
}

#[tokio::test]
async fn a_chosen_password_follows_the_rules() {
    let pool = pool(1);
    let context = || vec!["asha@example.com".to_owned(), "Asha Rao".to_owned()];
    let short = pool.choose("short".to_owned(), context()).await.unwrap();
    assert_eq!(short, Err(PasswordRefusal::TooShort { min_chars: 15 }));
    let hash = pool.choose("violet tram under rain".to_owned(), context()).await.unwrap().unwrap();
    assert!(hash.starts_with("$argon2id$"));
}

#[tokio::test]
async fn an_older_hash_is_upgraded_at_sign_in() {
    let pool = pool(1);
    let rng = Rng::seeded(3);
    let stronger = PasswordHasher::new(PasswordParams::default());
    let stored = stronger.hash("violet tram", &rng).unwrap();
    let checked = pool.check("violet tram".to_owned(), Some(stored.clone())).await.unwrap();
    let Checked::Right { upgraded: Some(new) } = checked else { panic!("not upgraded") };
    let again = pool.check("violet tram".to_owned(), Some(new)).await.unwrap();
    assert_eq!(again, Checked::Right { upgraded: None });
    let wrong = pool.check("violet train".to_owned(), Some(stored)).await.unwrap();
    assert_eq!(wrong, Checked::Wrong);
    assert_eq!(pool.check("violet tram".to_owned(), None).await.unwrap(), Checked::Wrong);
}

#[tokio::test]
async fn a_damaged_hash_is_a_fault_of_ours() {
    let result = pool(1).verify("whatever".to_owned(), Some("$argon2id$damaged".to_owned())).await;
    assert_eq!(result.unwrap_err().code, Code::Internal);
}

// ASVS 15.2.2, 15.4.4: password hashing has its places and its queue; who finds both full is told so.
#[tokio::test]
async fn more_than_the_places_are_told_so_and_the_others_are_served() {
    let pool = Arc::new(pool(1));
    let (release, released) = mpsc::channel::<()>();
    let busy = {
        let pool = Arc::clone(&pool);
        tokio::spawn(async move {
            pool.run(move |_| released.recv().map_err(|_| Problem::new(Code::Internal))).await
        })
    };
    let waiting: Vec<_> = (0..MAX_WAITING)
        .map(|_| {
            let pool = Arc::clone(&pool);
            tokio::spawn(async move { pool.hash("some password".to_owned()).await })
        })
        .collect();
    while pool.0.places.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let refused = pool.hash("one too many".to_owned()).await.unwrap_err();
    assert_eq!(refused.code, Code::Overloaded);

    release.send(()).unwrap();
    busy.await.unwrap().unwrap();
    for hash in waiting {
        assert!(hash.await.unwrap().is_ok());
    }
    assert_eq!(pool.0.places.available_permits(), 1 + MAX_WAITING);
}

// ASVS 16.5.4: a panic in a handler's work is a 500, and the next request is served.
#[tokio::test]
async fn a_panic_frees_its_place() {
    let pool = pool(1);
    let result = pool.run(|_| -> Result<(), Problem> { panic!("on purpose") }).await;
    assert_eq!(result.unwrap_err().code, Code::Internal);
    assert_eq!(pool.0.places.available_permits(), 1 + MAX_WAITING);
    assert!(pool.hash("some password".to_owned()).await.is_ok());
}

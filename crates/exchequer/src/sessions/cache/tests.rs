//! What a remembered session costs, and what happens without the cache.

use std::mem::size_of;

use ::store::cache::{RedisAddress, RedisOptions};

use money::CustomerId;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_767_607_200);

fn row(n: u128) -> SessionRow {
    SessionRow {
        id: SessionId::from_bytes(n.to_be_bytes()),
        principal: PrincipalRef::Customer(CustomerId::from_bytes([1; 16])),
        created_at: NOW,
        last_used_at: NOW,
        expires_at: NOW.plus_seconds(3_600),
        ended_at: None,
        address: "2001:db8:85a3:8d3:1319:8a2e:370:7348".to_owned(),
        agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                Chrome/140.0.0.0 Safari/537.36"
            .to_owned(),
        form: Form::Cookie,
        device: None,
        device_key: None,
        proved_at: None,
    }
}

fn remember(cache: &SessionCache, n: u128) -> Arc<Verified> {
    let principal = Principal::Customer(CustomerId::from_bytes([1; 16]));
    let hash = vault::sha256(&n.to_be_bytes());
    cache.remember(hash, Sought::Cookie(hash), Found { row: row(n), principal }, (NOW, NOW))
}

/// 10^5 sessions in at most 60 MB, that is 600 bytes each with a real browser's agent: counted by what is
/// allocated, since what a process has of the system says little in a test among others.
#[test]
fn a_hundred_thousand_sessions_fit_into_sixty_megabytes() {
    let cache = SessionCache::new(Cache::memory());
    let verified = remember(&cache, 1);
    let place = verified.last_place();
    // An allocator rounds up; two counters stand before the content of an Arc.
    let allocated = |bytes: usize| bytes.next_multiple_of(16);
    let entry = (size_of::<[u8; 32]>() + size_of::<Arc<Verified>>() + 1) * 16 / 7;
    let total = entry
        + allocated(size_of::<Verified>() + 16)
        + allocated(size_of::<Arc<Origin>>())
        + allocated(size_of::<Origin>() + 16)
        + allocated(place.address().len())
        + allocated(place.agent().len());
    println!("{total} bytes a session");
    assert!(total * MAX_TOKENS <= 60_000_000, "{total} bytes a session");
}

#[test]
fn the_cache_is_bounded_and_forgets_the_expired_first() {
    let cache = SessionCache::new(Cache::memory());
    for n in 0..=u128::try_from(MAX_TOKENS).unwrap() {
        remember(&cache, n);
    }
    assert!(cache.tokens.read().unwrap().len() <= MAX_TOKENS);
}

#[tokio::test]
async fn a_proof_is_taken_once_and_by_nobody_where_the_cache_cannot_say() {
    let cache = SessionCache::new(Cache::memory());
    assert_eq!(cache.first_use([1; 16], 140, NOW).await, Ok(true));
    assert_eq!(cache.first_use([1; 16], 140, NOW).await, Ok(false));
    assert_eq!(cache.first_use([2; 16], 140, NOW).await, Ok(true));
    // Nobody listens on port 1.
    let address = RedisAddress::parse("redis://127.0.0.1:1").expect("an address");
    let options = RedisOptions { address, authorities: None, own: None, prefix: "test".to_owned() };
    let gone = SessionCache::new(Cache::redis(options));
    assert_eq!(gone.first_use([1; 16], 140, NOW).await, Err(Gone));
}

#[tokio::test]
async fn a_replaced_cookie_is_forgotten_and_stays_so_for_longer_than_an_answer_takes() {
    let cache = SessionCache::new(Cache::memory());
    remember(&cache, 1);
    let hash = vault::sha256(&1_u128.to_be_bytes());
    assert!(cache.get(&hash).is_some());
    cache.retire(hash, NOW);
    assert!(cache.get(&hash).is_none() && cache.is_retired(&hash));
    cache.retire([0; 32], NOW.plus_seconds(RETIRED_SECONDS + 1));
    assert!(!cache.is_retired(&hash));
}

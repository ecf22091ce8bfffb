//! The bank attacked: another's id, twice at once, a changed byte, a clock that jumps, a stolen dump, a
//! client that will not read. What the attack wants is in each test's name; that it fails is the test.

mod approvals;
mod books;
mod card_secrets;
mod card_storms;
mod clocks;
mod confirmations;
mod connections;
mod dump;
mod edge;
mod factors;
mod gateway_chaos;
mod holds;
mod keys;
mod lockout;
mod password_again;
mod passwords;
mod races;
mod redis;
mod redis_failover;
mod redis_forms;
mod scene;
mod second_factor;
mod sessions;
mod sessions_stolen;
mod signed;
mod signed_messages;
mod signed_mutations;
mod standing;
mod statements;
mod stepup;
mod timing;
mod transit;
mod webauthn;
mod webhooks;

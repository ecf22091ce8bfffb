//! Certificates that are renewed while the bank or its card vault serves, and those that end.
//!
//! Every [`LOOK`] the files are read; a new pair is in force for the next connection, and a broken one is told once
//! and never taken. Not one of the jobs that the table of jobs lists: it touches no database, and each node has files of
//! its own. What it never does: ask an authority for a certificate.

use std::sync::Arc;
use std::time::Duration;

use money::{Clock, Timestamp};
use tls::{Look, Looks, Server};
use tokio::sync::watch;

/// How soon a new pair is in force.
pub const LOOK: Duration = Duration::from_secs(10);
/// A certificate that ends within this time should have been renewed: those of 90 days are at two thirds of
/// their life, those of 45 days a week later.
pub const WARNING_SECONDS: i64 = 14 * 86_400;

/// How a certificate does by its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    Good,
    EndsSoon,
    Ended,
}

impl Age {
    pub fn of(not_after: Timestamp, now: Timestamp) -> Self {
        if not_after <= now {
            Self::Ended
        } else if not_after <= now.plus_seconds(WARNING_SECONDS) {
            Self::EndsSoon
        } else {
            Self::Good
        }
    }
}

/// What a pair is for, in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Listener,
    CardVault,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::CardVault => "card vault",
        }
    }
}

/// Looks until it is stopped.
pub async fn watch(
    clock: Clock,
    (purpose, server): (Purpose, Arc<Server>),
    mut stopped: watch::Receiver<bool>,
) {
    let mut told = Age::Good;
    loop {
        look(&clock, (purpose, &server), &mut told).await;
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            // Also where nobody is left who could ask it to stop.
            _ = stopped.wait_for(|is_stopped| *is_stopped) => return,
        }
    }
}

async fn look(clock: &Clock, (purpose, server): (Purpose, &Arc<Server>), told: &mut Age) {
    let purpose = purpose.name();
    let now = clock.now();
    // Files may lie on a disk that does not answer; requests go on meanwhile.
    let looking = Arc::clone(server);
    match tokio::task::spawn_blocking(move || looking.look(now)).await {
        Ok(looks) => tell((purpose, server), looks, told),
        Err(error) => tracing::error!(purpose, %error, "the certificate files were not looked at"),
    }
    let not_after = server.in_force().certificate.not_after;
    let age = Age::of(not_after, now);
    if age > *told {
        tracing::error!(purpose, not_after = %not_after, "the certificate has ended or ends soon: renew it");
    }
    *told = age;
}

fn tell((purpose, server): (&str, &Server), looks: Looks, told: &mut Age) {
    match looks.pair {
        Look::Same => {}
        Look::Renewed => {
            *told = Age::Good;
            let until = server.in_force().certificate.not_after;
            tracing::info!(purpose, not_after = %until, "a new certificate is in force");
        }
        Look::Refused(refusal) => {
            tracing::error!(purpose, cause = %refusal, "new certificate files are not taken; the old pair serves");
        }
    }
    match looks.callers {
        Look::Same => {}
        Look::Renewed => {
            tracing::info!(purpose, "new authorities or revocation lists are in force");
        }
        Look::Refused(refusal) => {
            tracing::error!(purpose, cause = %refusal, "new authorities or revocation lists are not taken; the old ones count");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_ends_soon_for_two_weeks() {
        let now = Timestamp::from_seconds(1_767_607_200);
        for (seconds, age) in [
            (-1, Age::Ended),
            (0, Age::Ended),
            (1, Age::EndsSoon),
            (WARNING_SECONDS, Age::EndsSoon),
            (WARNING_SECONDS + 1, Age::Good),
        ] {
            assert_eq!(Age::of(now.plus_seconds(seconds), now), age, "{seconds}");
        }
    }
}

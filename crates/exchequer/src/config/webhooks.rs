//! Webhooks: where they may go, and how long a receiver may take.

use std::time::Duration;

use super::reading::Reading;
use crate::webhooks::sender::Terms;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Webhooks {
    /// Addresses that are not public, and this machine without TLS. A demo bank has them on.
    pub private_targets: bool,
    /// For one try.
    pub seconds: u64,
    /// That merchants' events are kept.
    pub event_days: u32,
}

/// A receiver that is there answers a connection sooner.
const CONNECT: Duration = Duration::from_secs(3);

impl Webhooks {
    pub fn terms(&self) -> Terms {
        let whole = Duration::from_secs(self.seconds);
        Terms { allow_private: self.private_targets, connect: CONNECT.min(whole), whole }
    }
}

pub(super) fn read(reading: &mut Reading) -> Webhooks {
    let given = reading.is_given("webhook_private_targets");
    let on = reading.boolean("webhook_private_targets");
    Webhooks {
        private_targets: if given { on } else { reading.demo },
        seconds: reading.integer("webhook_seconds"),
        event_days: reading.integer("webhook_event_days"),
    }
}

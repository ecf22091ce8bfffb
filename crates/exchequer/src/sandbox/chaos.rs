//! What the sandbox gateway does wrong on purpose, and when.
//!
//! A draw follows from the seed, the knob, the operation's id and the number of the try: the same history
//! gives the same faults, in whatever order requests arrive. Cost: a SHA-256 for each knob that is turned.
//! Never here: a fault that a real gateway cannot have.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cards::CardRefusal;
use super::wire::{Answer, Status};
use crate::gateways::Kind;

/// All the knobs; each begins at nothing. Probabilities are in thousandths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chaos {
    pub seed: u64,
    /// Operations, questions and reports answer 503 and nothing happens.
    pub is_down: bool,
    /// A request is on the way for so long, and not known yet; it arrives even if its caller went away.
    pub slow_ms: u32,
    /// An operation that arrived is `running` for so long.
    pub decide_ms: u32,
    /// How long a hanging answer hangs before its connection is cut.
    pub hang_ms: u32,
    /// Questions and closings get the faults of delivery, too.
    pub asks_too: bool,
    /// Not done: the connection is cut.
    pub drop_request_per_mille: u16,
    /// Not done: 500.
    pub error_500_before_per_mille: u16,
    /// Done: the connection is cut.
    pub lose_answer_per_mille: u16,
    /// Done: the answer comes after `hang_ms`, as a cut.
    pub hang_per_mille: u16,
    /// Done: 500.
    pub error_500_after_per_mille: u16,
    /// Done: half an answer.
    pub cut_answer_per_mille: u16,
    /// Done: the same answer two times on one connection.
    pub answer_twice_per_mille: u16,
    /// Done: the answer tells of one minor unit more.
    pub wrong_amount_per_mille: u16,
    /// Done, and reported so: every answer about it, also to questions, is that the card was declined.
    pub deny_per_mille: u16,
    pub notices: NoticeChaos,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoticeChaos {
    pub late_ms: u32,
    pub lose_per_mille: u16,
    pub twice_per_mille: u16,
    /// Sent behind the notice that comes after it.
    pub out_of_order_per_mille: u16,
    pub wrong_amount_per_mille: u16,
}

/// What happens to a request before anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    Whole,
    Dropped,
    Error,
}

/// What happens to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Whole,
    Lost,
    Hung(Duration),
    Error,
    Cut,
    Twice,
    WrongAmount,
}

/// A knob that does not turn so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChaosError {
    #[error("a probability is at most 1000 thousandths")]
    Probability,
    #[error("a time is at most {MAX_MS} ms")]
    Time,
}

/// Ten minutes: longer than any client waits.
pub const MAX_MS: u32 = 600_000;

impl Default for Chaos {
    fn default() -> Self {
        Self {
            seed: 0,
            is_down: false,
            slow_ms: 0,
            decide_ms: 0,
            hang_ms: 60_000,
            asks_too: false,
            drop_request_per_mille: 0,
            error_500_before_per_mille: 0,
            lose_answer_per_mille: 0,
            hang_per_mille: 0,
            error_500_after_per_mille: 0,
            cut_answer_per_mille: 0,
            answer_twice_per_mille: 0,
            wrong_amount_per_mille: 0,
            deny_per_mille: 0,
            notices: NoticeChaos::default(),
        }
    }
}

impl Chaos {
    pub fn check(&self) -> Result<(), ChaosError> {
        let notices = &self.notices;
        let probabilities = [
            self.drop_request_per_mille,
            self.error_500_before_per_mille,
            self.lose_answer_per_mille,
            self.hang_per_mille,
            self.error_500_after_per_mille,
            self.cut_answer_per_mille,
            self.answer_twice_per_mille,
            self.wrong_amount_per_mille,
            self.deny_per_mille,
            notices.lose_per_mille,
            notices.twice_per_mille,
            notices.out_of_order_per_mille,
            notices.wrong_amount_per_mille,
        ];
        if probabilities.iter().any(|knob| *knob > 1_000) {
            return Err(ChaosError::Probability);
        }
        let times = [self.slow_ms, self.decide_ms, self.hang_ms, notices.late_ms];
        if times.iter().any(|knob| *knob > MAX_MS) {
            return Err(ChaosError::Time);
        }
        Ok(())
    }

    /// The fate of a request's way here. `attempt` counts the requests with this id.
    pub fn arrival(&self, id: &str, attempt: u32) -> Arrival {
        if self.strikes("drop_request", self.drop_request_per_mille, (id, attempt)) {
            Arrival::Dropped
        } else if self.strikes("error_500_before", self.error_500_before_per_mille, (id, attempt)) {
            Arrival::Error
        } else {
            Arrival::Whole
        }
    }

    /// The fate of its answer: the first knob that strikes.
    pub fn delivery(&self, id: &str, attempt: u32) -> Delivery {
        let fates = [
            ("lose_answer", self.lose_answer_per_mille, Delivery::Lost),
            ("hang", self.hang_per_mille, self.hung()),
            ("error_500_after", self.error_500_after_per_mille, Delivery::Error),
            ("cut_answer", self.cut_answer_per_mille, Delivery::Cut),
            ("answer_twice", self.answer_twice_per_mille, Delivery::Twice),
            ("wrong_amount", self.wrong_amount_per_mille, Delivery::WrongAmount),
        ];
        let struck = fates.into_iter().find(|(knob, n, _)| self.strikes(knob, *n, (id, attempt)));
        struck.map_or(Delivery::Whole, |(_, _, delivery)| delivery)
    }

    /// What is said of an operation, whenever it is asked about: the truth, or that it was declined.
    pub fn told(&self, truth: Answer) -> Answer {
        let is_charge = matches!(truth.kind(), Some(Kind::Authorize | Kind::Capture));
        let is_denied = truth.status == Status::Done
            && is_charge
            && self.strikes("deny", self.deny_per_mille, (&truth.operation, 1));
        if !is_denied {
            return truth;
        }
        let code = Some(CardRefusal::Declined.as_str().to_owned());
        Answer { status: Status::Refused, code, ..truth }
    }

    pub fn hung(&self) -> Delivery {
        Delivery::Hung(Duration::from_millis(u64::from(self.hang_ms)))
    }

    /// Whether a knob strikes at this try.
    pub fn strikes(&self, knob: &str, per_mille: u16, (id, attempt): (&str, u32)) -> bool {
        if per_mille == 0 {
            return false;
        }
        let drawn = vault::sha256(format!("{}\n{knob}\n{id}\n{attempt}", self.seed).as_bytes());
        let (first, _) = drawn.split_at(8);
        let number = first.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        number % 1_000 < u64::from(per_mille)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_faults_and_about_as_many_as_asked() {
        let chaos = Chaos { seed: 7, lose_answer_per_mille: 200, ..Chaos::default() };
        let draw = |chaos: &Chaos| -> Vec<bool> {
            let lost = |n: u32| chaos.delivery(&format!("pay_{n}"), 1) == Delivery::Lost;
            (0..5_000).map(lost).collect()
        };
        let first = draw(&chaos);
        assert_eq!(first, draw(&chaos));
        assert_ne!(first, draw(&Chaos { seed: 8, ..chaos.clone() }));
        let struck = first.iter().filter(|lost| **lost).count();
        assert!((850..1_150).contains(&struck), "{struck} of 5000");
        assert!((0..64).any(|attempt| chaos.delivery("pay_1", attempt) == Delivery::Whole));
    }

    #[test]
    fn the_ends_of_a_knob_are_never_and_always() {
        let never = Chaos::default();
        let always = Chaos { drop_request_per_mille: 1_000, ..Chaos::default() };
        for attempt in 0..100 {
            assert_eq!(never.arrival("a", attempt), Arrival::Whole);
            assert_eq!(never.delivery("a", attempt), Delivery::Whole);
            assert_eq!(always.arrival("a", attempt), Arrival::Dropped);
        }
    }

    #[test]
    fn knobs_have_ends() {
        assert_eq!(Chaos::default().check(), Ok(()));
        let probable = Chaos { hang_per_mille: 1_001, ..Chaos::default() };
        assert_eq!(probable.check(), Err(ChaosError::Probability));
        let slow = Chaos { slow_ms: MAX_MS + 1, ..Chaos::default() };
        assert_eq!(slow.check(), Err(ChaosError::Time));
        assert!(serde_json::from_str::<Chaos>(r#"{"slow":1}"#).is_err());
    }
}

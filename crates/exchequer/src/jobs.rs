//! Jobs: what the bank does by itself, again and again, while it serves.
//!
//! Each job is a task that sleeps, runs, logs a failure and goes on. Every node runs all of them: a job looks again at what
//! it changes inside the transaction that changes it, so two at once do no harm. A purge goes through its table in slices by
//! key, each slice a read and, where something is too old, a short write; nothing is locked between them. No index has the
//! time: that would cost every transfer more than an hourly walk costs the readers.
//!
//! What it never does: wait for another node, or hurry. Nothing depends on a purge having run, and an expired hold is
//! refused before it is swept.

pub mod api;
pub mod journal;
mod kept;
mod store;

use std::pin::pin;
use std::time::Duration;

use ::store::DbError;
use money::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::kept::DAY_SECONDS;
pub use self::kept::{
    ANSWERS_KEPT, ATTEMPTS_KEPT, CHALLENGES_KEPT, CONFIRMATIONS_KEPT, DEVICES_KEPT, MESSAGES_KEPT,
    OUTFLOWS_KEPT, REFRESH_TOKENS_KEPT, RESETS_KEPT, REVEALS_KEPT, SESSIONS_KEPT, SPENDING_KEPT,
};
use self::store::{Behind, Purge};
pub(crate) use self::store::{keep_place, lock_place, place, reached};
use crate::bank::Bank;
use crate::outbox::{self, Channel};
use crate::{
    alerts, approvals, cards, customers, evidence, factors, figures, holds, keys, payments,
    reconciliation, reversals, sessions, staff, webhooks,
};

/// What is done again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Releases holds whose time is over.
    ExpireHolds,
    /// Forgets answers under idempotency keys after [`ANSWERS_KEPT`]; the keys stay for ever.
    ForgetAnswers,
    /// Deletes sign-ins that were not finished, after [`CHALLENGES_KEPT`].
    DeleteChallenges,
    /// Ends sessions that are past a limit.
    EndSessions,
    /// Deletes sessions that ended [`SESSIONS_KEPT`] ago and have no refresh token left. What was done in
    /// them stays in the event log.
    DeleteSessions,
    /// Deletes refresh tokens of sessions that ended [`REFRESH_TOKENS_KEPT`] ago: until then a used
    /// one that returns is known for what it is.
    DeleteRefreshTokens,
    /// Delivers mails.
    DeliverMails,
    /// Delivers text messages: a job of its own, for which no mail server is waited for.
    DeliverTexts,
    /// Deletes messages that were sent or given up, after [`MESSAGES_KEPT`]; their texts went before.
    DeleteMessages,
    /// Deletes the locks of destinations that nothing was sent to for [`MESSAGES_KEPT`].
    DeleteDestinations,
    /// Deletes reset tokens, after [`RESETS_KEPT`].
    DeleteResets,
    /// Deletes tokens that were to confirm an address, after [`CONFIRMATIONS_KEPT`].
    DeleteConfirmations,
    /// Deletes counters of wrong tries, after [`ATTEMPTS_KEPT`] without one and without a lock.
    DeleteAttempts,
    /// Deletes devices that nobody was seen on for [`DEVICES_KEPT`].
    DeleteDevices,
    /// Deletes factors that were not confirmed in their time.
    DeleteFactors,
    /// Deletes what no rolling day counts any more, after [`OUTFLOWS_KEPT`].
    DeleteOutflows,
    /// Deletes what no limit of a customer counts any more, after [`SPENDING_KEPT`].
    DeleteSpending,
    /// Asks gateways what became of payments whose answer is lost.
    AskGateways,
    /// Sends merchants their events.
    DeliverWebhooks,
    /// Deletes deliveries of webhooks that ended, after [`webhooks::DELIVERIES_KEPT`].
    DeleteDeliveries,
    /// Deletes merchants' events that are older than the configuration says.
    DeleteMerchantEvents,
    /// Deletes counts of opened card numbers, after [`REVEALS_KEPT`].
    DeleteReveals,
    /// Deletes numbers of cards that are over, after the configured time.
    ForgetCards,
    /// Holds gateways' reports against our payments.
    Reconcile,
    /// Has charges of failed payments given back.
    ReverseCharges,
    /// Takes up data keys that were made or destroyed, and tells how often they sealed.
    RefreshKeys,
    /// Seals anew what retired data keys sealed.
    ResealValues,
    /// Destroys data keys whose end two operators approved.
    DestroyKeys,
    /// Ends acts that waited too long for a second operator.
    ExpireApprovals,
    /// Fills in the words by which customers from before are found.
    IndexNames,
    /// Adds to the sums of days.
    SumFigures,
    /// Makes leaves of the log.
    WriteLog,
    /// Makes some of them again, from their rows.
    CheckLog,
    /// Has the witness sign the newest checkpoint.
    WitnessLog,
    /// Sends leaves of it to the trail's collector.
    SendLog,
    /// Erases customers who have left, and destroys what their values are committed to with, after the configured time.
    ShredSalts,
    /// Deletes checkpoints of old days but one an hour.
    ThinCheckpoints,
    /// Ends the access of operators who were away for too long.
    EndAbsences,
    /// Tells customers of their payments.
    TellPayments,
}

impl Job {
    pub const ALL: [Self; 39] = [
        Self::ExpireHolds,
        Self::EndSessions,
        Self::DeliverMails,
        Self::DeliverTexts,
        Self::ForgetAnswers,
        Self::DeleteChallenges,
        Self::DeleteRefreshTokens,
        Self::DeleteSessions,
        Self::DeleteOutflows,
        Self::DeleteAttempts,
        Self::DeleteDevices,
        Self::DeleteFactors,
        Self::DeleteMessages,
        Self::DeleteDestinations,
        Self::DeleteResets,
        Self::DeleteConfirmations,
        Self::DeleteSpending,
        Self::AskGateways,
        Self::DeliverWebhooks,
        Self::DeleteDeliveries,
        Self::DeleteMerchantEvents,
        Self::DeleteReveals,
        Self::ForgetCards,
        Self::Reconcile,
        Self::ReverseCharges,
        Self::RefreshKeys,
        Self::ResealValues,
        Self::DestroyKeys,
        Self::ExpireApprovals,
        Self::IndexNames,
        Self::SumFigures,
        Self::WriteLog,
        Self::CheckLog,
        Self::WitnessLog,
        Self::SendLog,
        Self::ShredSalts,
        Self::ThinCheckpoints,
        Self::EndAbsences,
        Self::TellPayments,
    ];

    /// As logs call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExpireHolds => "holds.expire",
            Self::EndSessions => "sessions.sweep",
            Self::DeleteSessions => store::SESSIONS.verb,
            Self::ForgetAnswers => store::ANSWERS.verb,
            Self::DeleteChallenges => store::CHALLENGES.verb,
            Self::DeleteRefreshTokens => store::REFRESH_TOKENS.verb,
            Self::DeleteOutflows => store::OUTFLOWS.verb,
            Self::DeleteSpending => store::SPENDING.verb,
            Self::AskGateways => "payments.ask",
            Self::DeliverWebhooks => "webhooks.deliver",
            Self::DeleteDeliveries => "webhook_deliveries.delete",
            Self::DeleteMerchantEvents => "merchant_events.delete",
            Self::DeleteReveals => "card_reveals.delete",
            Self::ForgetCards => "cards.forget",
            Self::Reconcile => "reconciliation.read",
            Self::ReverseCharges => "reversals.run",
            Self::RefreshKeys => "keys.refresh",
            Self::ResealValues => "keys.reseal",
            Self::DestroyKeys => "keys.destroy",
            Self::ExpireApprovals => "approvals.expire",
            Self::IndexNames => customers::job::NAME,
            Self::SumFigures => figures::job::NAME,
            Self::WriteLog => evidence::NAME,
            Self::CheckLog => evidence::check::NAME,
            Self::WitnessLog => evidence::witness::NAME,
            Self::SendLog => evidence::sending::NAME,
            Self::ShredSalts => evidence::shred::NAME,
            Self::ThinCheckpoints => evidence::thin::NAME,
            Self::EndAbsences => staff::absence::NAME,
            Self::TellPayments => alerts::job::NAME,
            Self::DeleteAttempts => store::ATTEMPTS.verb,
            Self::DeleteDevices => store::DEVICES.verb,
            Self::DeleteFactors => store::FACTORS.verb,
            Self::DeliverMails => "mails.deliver",
            Self::DeliverTexts => "texts.deliver",
            Self::DeleteMessages => store::MESSAGES.verb,
            Self::DeleteDestinations => store::DESTINATIONS.verb,
            Self::DeleteResets => store::RESETS.verb,
            Self::DeleteConfirmations => store::CONFIRMATIONS.verb,
        }
    }

    /// The pause between two runs, and before the first: a start is for customers.
    pub const fn every(self) -> Duration {
        match self {
            // Somebody waits for the code in it.
            Self::DeliverMails
            | Self::DeliverTexts
            | Self::AskGateways
            | Self::DeliverWebhooks
            | Self::RefreshKeys
            | Self::WriteLog
            | Self::WitnessLog
            | Self::SendLog => Duration::from_secs(1),
            Self::ResealValues | Self::TellPayments => Duration::from_secs(5),
            Self::CheckLog => Duration::from_secs(30),
            Self::ExpireHolds | Self::ReverseCharges => Duration::from_secs(10),
            Self::EndSessions | Self::ExpireApprovals | Self::IndexNames | Self::SumFigures => {
                Duration::from_mins(1)
            }
            Self::DeleteChallenges | Self::Reconcile | Self::DestroyKeys => Duration::from_mins(10),
            Self::ForgetAnswers
            | Self::DeleteRefreshTokens
            | Self::DeleteSessions
            | Self::DeleteOutflows
            | Self::DeleteSpending
            | Self::DeleteReveals
            | Self::ForgetCards
            | Self::DeleteDeliveries
            | Self::DeleteMerchantEvents
            | Self::DeleteAttempts
            | Self::DeleteDevices
            | Self::DeleteFactors
            | Self::DeleteMessages
            | Self::DeleteDestinations
            | Self::DeleteResets
            | Self::DeleteConfirmations
            | Self::ShredSalts
            | Self::ThinCheckpoints
            | Self::EndAbsences => Duration::from_hours(1),
        }
    }

    /// Runs once as [`Job::run`] does, and notes it in the node's journal.
    pub async fn run_noted(
        self,
        bank: &Bank,
        stop: &watch::Receiver<bool>,
    ) -> Result<u64, DbError> {
        let (started_at, began) = (bank.tools().now(), Instant::now());
        bank.journal().runs(self.name());
        let span = bank.traces().job(self.name());
        let result = span.around(pin!(self.run(bank, stop))).await;
        match &result {
            Ok(0) => span.idle(),
            Ok(_) => span.ended(None),
            Err(_) => span.ended(Some("database")),
        }
        let duration_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        bank.journal().ran(self.name(), (started_at, duration_ms), &result);
        result
    }

    /// Runs once, to the end or until `stop` turns true; gives how many rows it changed.
    pub async fn run(self, bank: &Bank, stop: &watch::Receiver<bool>) -> Result<u64, DbError> {
        let now = bank.tools().now();
        let (table, kept_seconds) = match self {
            Self::ExpireHolds => return holds::job::sweep(bank, stop).await,
            Self::EndSessions => return sessions::job::sweep(bank, stop).await,
            Self::DeleteSessions => (&store::SESSIONS, SESSIONS_KEPT),
            Self::ForgetAnswers => (&store::ANSWERS, ANSWERS_KEPT),
            Self::DeleteChallenges => (&store::CHALLENGES, CHALLENGES_KEPT),
            Self::DeleteRefreshTokens => (&store::REFRESH_TOKENS, REFRESH_TOKENS_KEPT),
            Self::DeleteOutflows => (&store::OUTFLOWS, OUTFLOWS_KEPT),
            Self::DeleteSpending => (&store::SPENDING, SPENDING_KEPT),
            Self::DeleteAttempts => (&store::ATTEMPTS, ATTEMPTS_KEPT),
            Self::DeleteDevices => (&store::DEVICES, DEVICES_KEPT),
            Self::DeleteFactors => (&store::FACTORS, factors::UNCONFIRMED_SECONDS),
            Self::DeliverMails => return outbox::job::deliver(bank, Channel::Email, stop).await,
            Self::DeliverTexts => return outbox::job::deliver(bank, Channel::Sms, stop).await,
            Self::DeleteMessages => (&store::MESSAGES, MESSAGES_KEPT),
            Self::DeleteDestinations => (&store::DESTINATIONS, MESSAGES_KEPT),
            Self::DeleteResets => (&store::RESETS, RESETS_KEPT),
            Self::AskGateways => return payments::job::ask(bank, stop).await,
            Self::Reconcile => return reconciliation::job::run(bank, stop).await,
            Self::ReverseCharges => return reversals::job::run(bank, stop).await,
            Self::RefreshKeys => return keys::holder::refresh(bank).await,
            Self::ResealValues => return keys::reseal::sweep(bank, stop).await,
            Self::DestroyKeys => return keys::destroy_approved(bank).await,
            Self::ExpireApprovals => return approvals::job::sweep(bank, stop).await,
            Self::IndexNames => return customers::job::index_names(bank, stop).await,
            Self::CheckLog => return evidence::check::run(bank).await,
            Self::WitnessLog => return evidence::witness::run(bank).await,
            Self::SendLog => return evidence::sending::run(bank, stop).await,
            Self::ShredSalts => return evidence::shred::run(bank, stop).await,
            Self::ThinCheckpoints => return evidence::thin::run(bank, stop).await,
            Self::EndAbsences => return staff::absence::sweep(bank, stop).await,
            Self::TellPayments => return alerts::job::run(bank, stop).await,
            Self::WriteLog => return evidence::sequencer::run(bank, stop).await,
            Self::SumFigures => return figures::job::sum(bank, stop).await,
            Self::DeleteReveals => return cards::job::forget_reveals(bank).await,
            Self::ForgetCards => return cards::job::forget_numbers(bank, stop).await,
            Self::DeliverWebhooks => return webhooks::job::deliver(bank, stop).await,
            Self::DeleteMerchantEvents => {
                let days = i64::from(bank.config().webhooks.event_days);
                let before = now.plus_seconds(-days.saturating_mul(DAY_SECONDS));
                return webhooks::retention::purge(bank, stop, before).await;
            }
            Self::DeleteDeliveries => {
                let before = now.plus_seconds(-webhooks::DELIVERIES_KEPT);
                return webhooks::forget_deliveries(bank, before).await;
            }
            Self::DeleteConfirmations => (&store::CONFIRMATIONS, CONFIRMATIONS_KEPT),
        };
        purge(bank, stop, table, now.plus_seconds(-kept_seconds)).await
    }
}

/// Starts every job, each as a task that ends after its current slice when `stop` turns true or its
/// sender is gone. Dropping the set aborts them, which loses nothing either.
pub fn spawn(bank: &Bank, stop: watch::Receiver<bool>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for job in Job::ALL {
        tasks.spawn(repeat(job, bank.clone(), stop.clone()));
    }
    drop(stop);
    tasks
}

async fn repeat(job: Job, bank: Bank, mut stop: watch::Receiver<bool>) {
    loop {
        let pause = i64::try_from(job.every().as_secs()).unwrap_or(i64::MAX);
        bank.journal().waits(job.name(), bank.tools().now().plus_seconds(pause));
        tokio::select! {
            () = tokio::time::sleep(job.every()) => {}
            () = stopped(&mut stop) => return,
        }
        match job.run_noted(&bank, &stop).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(job = job.name(), rows, "a job has run"),
            Err(error) => tracing::warn!(job = job.name(), %error, "a job failed; it runs again"),
        }
    }
}

/// Waits for the order to stop, or for nobody to be left who could give it.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    while !*stop.borrow_and_update() {
        if stop.changed().await.is_err() {
            return;
        }
    }
}

/// Rows of one slice: a few milliseconds of a reader, and at most as many rows of one write.
const SLICE: i64 = 1_000;

/// Goes once through a table and removes what is as old as `cutoff` or older.
async fn purge(
    bank: &Bank,
    stop: &watch::Receiver<bool>,
    table: &'static Purge,
    cutoff: Timestamp,
) -> Result<u64, DbError> {
    let mut removed = 0_u64;
    let newest = bank.db().read(table.verb, |tx| store::newest_run(tx, table)).await?;
    let mut from = Behind { run: 0, key: [0; 16] };
    while !*stop.borrow() && from.run <= newest {
        let look = move |tx: &mut ::store::Tx<'_>| store::slice(tx, table, (from, SLICE), cutoff);
        let slice = bank.db().read(table.verb, look).await?;
        let to = slice.to;
        if slice.has_stale {
            let remove =
                move |tx: &mut ::store::Tx<'_>| store::remove(tx, table, (from, &to), cutoff);
            let rows: u64 = bank.db().write(table.verb, remove).await?;
            removed = removed.saturating_add(rows);
        }
        from = if slice.is_last {
            Behind { run: from.run.saturating_add(1), key: [0; 16] }
        } else {
            Behind { key: to, ..from }
        };
    }
    Ok(removed)
}

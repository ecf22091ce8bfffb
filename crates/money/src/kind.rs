//! The kinds of things that have an id, and the prefix of each.
//!
//! A kind is a type without values; it stands behind `Id<K>` so that an account's id is not
//! taken where a customer's belongs. The prefixes are part of the API's contract.

use std::fmt::Debug;
use std::hash::Hash;

use crate::id::Id;

/// What an [`Id`] names.
pub trait IdKind: Copy + Ord + Hash + Debug + Send + Sync + 'static {
    /// Three lower-case letters; the text of an id begins with them and an underscore.
    const PREFIX: &'static str;
}

macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident $id:ident $prefix:literal;)+) => {
        $(
            $(#[$doc])+
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub enum $kind {}

            impl IdKind for $kind {
                const PREFIX: &'static str = $prefix;
            }

            $(#[$doc])+
            pub type $id = Id<$kind>;
        )+
    };
}

kinds! {
    /// A customer of the bank.
    Customer CustomerId "cus";
    /// An account, of a customer or of the bank itself.
    Account AccountId "acc";
    /// A posted transfer.
    Transfer TransferId "trf";
    /// Money reserved on an account.
    Hold HoldId "hld";
    /// A merchant.
    Merchant MerchantId "mer";
    /// A merchant's API key.
    Key KeyId "key";
    /// A stored card.
    Card CardId "crd";
    /// A card payment.
    Payment PaymentId "pay";
    /// A refund of a card payment.
    Refund RefundId "rfd";
    /// A signed-in session.
    Session SessionId "ses";
    /// A second factor that somebody enrolled.
    Factor FactorId "fac";
    /// A question to a customer that is open until answered: a sign-in or a step-up.
    Challenge ChallengeId "chl";
    /// A payee on a customer's list.
    Beneficiary BeneficiaryId "ben";
    /// A message to somebody: an e-mail or a text message.
    Message MessageId "msg";
    /// An event of the audit trail.
    Event EventId "evt";
    /// A webhook endpoint.
    Webhook WebhookId "whk";
    /// An operator.
    Staff StaffId "stf";
    /// One request over HTTP, as in `X-Request-Id`.
    Request RequestId "req";
    /// Something on which a card gateway and the bank do not agree.
    Difference DifferenceId "dif";
    /// A decision that waits for a second operator.
    Approval ApprovalId "apr";
}

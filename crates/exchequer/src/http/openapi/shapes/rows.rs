//! Every field of a request that has a shape, bodies first.

use money::{
    AccountId, Amount, ApprovalId, BeneficiaryId, CardId, ChallengeId, CustomerId, DifferenceId,
    EventId, FactorId, MerchantId, PaymentId, SessionId, StaffId, TransferId, WebhookId,
};
use store::posting::MAX_BATCH;
use utoipa::openapi::Schema;
use vault::Purpose;
use vault::password::MAX_PASSWORD_BYTES;

use super::Place::{Body, Query};
use super::{Place, Shape};
use crate::accounts::api::{MAX_QUERY, PageQuery};
use crate::accounts::number;
use crate::approvals::model::Status as ApprovalStatus;
use crate::challenges::model::Method;
use crate::customers::model::MAX_EMAIL_BYTES;
use crate::events::model::ActorFilter;
use crate::http::fields::MAX_TEXT_CHARS;
use crate::http::input::Segment;
use crate::merchants::keys::Mode;
use crate::merchants::model::MAX_RULES;
use crate::outbox::model::Channel;
use crate::webhooks::model::{DeliveryStatus, Topic};
use crate::{cards, figures, history, holds, merchants, payments, staff, statements, webhooks};

const ANY: &[&str] = &[];
const STATEMENTS: &[&str] =
    &["getStatement", "getStatementAsStaff", "getMerchantStatement", "getMerchantStatementAsStaff"];
const TRAIL: &[&str] = &["listEvents", "exportEvents"];

pub(super) fn rows() -> Vec<(Place, Shape)> {
    let mut rows = people();
    rows.extend(money_moves());
    rows.extend(merchants_and_keys());
    rows.extend(webhook_endpoints());
    rows.extend(queries());
    rows.extend(audit());
    rows.extend(cursors());
    rows.extend(marks());
    rows
}

/// A label for people: a name, a reason, a memo.
fn label() -> Shape {
    Shape::Text(1, MAX_TEXT_CHARS)
}

fn memo() -> Shape {
    Shape::Text(0, MAX_TEXT_CHARS)
}

fn pattern(text: impl Into<String>) -> Shape {
    Shape::Pattern(text.into())
}

/// As a path has it, too.
fn id<T: Segment>() -> Shape {
    pattern(format!("^{}$", inner::<T>()))
}

/// The pattern of an id without its ends.
fn inner<T: Segment>() -> String {
    let Schema::Object(object) = T::describe() else { return String::new() };
    let whole = object.pattern.unwrap_or_default();
    whole.trim_start_matches('^').trim_end_matches('$').to_owned()
}

/// An account by id or number; blanks and lower case in a number are taken besides.
fn account() -> Shape {
    pattern(format!("^({}|{})$", inner::<AccountId>(), number::pattern()))
}

fn people() -> Vec<(Place, Shape)> {
    let email = || Shape::Bounded(r"^[^\s@]+@[^\s@]+$".to_owned(), MAX_EMAIL_BYTES);
    let phone = || pattern(r"^\+[1-9][0-9]{6,14}$");
    let password = || Shape::Longest(MAX_PASSWORD_BYTES);
    vec![
        (Body("RegisterCustomer", "email"), email()),
        (Body("RegisterCustomer", "password"), password()),
        (Body("RegisterCustomer", "full_name"), label()),
        (Body("RegisterCustomer", "phone"), phone()),
        (Body("RegisterCustomer", "government_id"), pattern("^[A-Za-z0-9]{6,20}$")),
        (Body("ChangePassword", "new_password"), password()),
        (Body("ResetPassword", "new_password"), password()),
        (Body("EnrolSms", "phone"), phone()),
        (Body("ConfirmFactor", "code"), pattern("^[0-9]{6}$")),
        (Body("RenewStaffAccess", "challenge"), id::<ChallengeId>()),
        (Body("RenewStaffAccess", "code"), pattern("^[0-9]{6}$")),
        (Body("RenewStaffAccess", "new_password"), password()),
        (Body("ChangeStaffPassword", "new_password"), password()),
        (Body("ChangeStaffPassword", "code"), pattern("^[0-9]{6}$")),
        (Body("BeginStaffAuthenticator", "code"), pattern("^[0-9]{6}$")),
        (Body("ConfirmStaffAuthenticator", "challenge"), id::<ChallengeId>()),
        (Body("ConfirmStaffAuthenticator", "code"), pattern("^[0-9]{6}$")),
        (Body("RenameFactor", "name"), label()),
        (Body("AddWebauthn", "name"), label()),
        (Body("BeginWebauthn", "kind"), Shape::Words(vec!["passkey", "security_key"])),
        (Body("AnswerChallenge", "method"), Shape::Words(Method::ALL.map(Method::as_str).to_vec())),
        (Body("SendCode", "method"), Shape::Words(Channel::ALL.map(Channel::as_str).to_vec())),
        (Body("AddBeneficiary", "account"), account()),
        (Body("AddBeneficiary", "name"), label()),
        (Body("CheckPayee", "account"), account()),
        (Body("CheckPayee", "name"), label()),
        (Body("RevealCustomer", "purpose"), {
            let (least, most) = staff::api::PURPOSE_CHARS;
            Shape::Text(least, most)
        }),
        (Body("RejectAct", "reason"), label()),
        (Body("ResolveDifference", "note"), label()),
    ]
}

fn money_moves() -> Vec<(Place, Shape)> {
    vec![
        (Body("OpenAccount", "currency"), Shape::Currency),
        (Body("OpenAccount", "name"), label()),
        (Body("SendTransfer", "from"), id::<AccountId>()),
        (Body("SendTransfer", "to"), account()),
        (Body("SendTransfer", "currency"), Shape::Currency),
        (Body("SendTransfer", "memo"), memo()),
        (Body("SendTransfers", "transfers"), Shape::List(1, MAX_BATCH, None)),
        (Body("PlaceHold", "from"), id::<AccountId>()),
        (Body("PlaceHold", "to"), account()),
        (Body("PlaceHold", "currency"), Shape::Currency),
        (Body("PlaceHold", "memo"), memo()),
        (Body("PlaceHold", "expires_in"), Shape::Range(1, holds::model::MAX_SECONDS)),
        (Body("CashMovement", "account"), account()),
        (Body("CashMovement", "currency"), Shape::Currency),
        (Body("CashMovement", "reference"), label()),
        (Body("ReverseTransfer", "reason"), label()),
    ]
}

fn merchants_and_keys() -> Vec<(Place, Shape)> {
    use merchants::api::{
        MAX_FEE_BASIS_POINTS, MAX_FEE_FIXED, MAX_LIFE_SECONDS, MAX_OVERLAP_SECONDS,
        MAX_REFUND_LIMIT,
    };
    let public_key = || pattern("^[0-9A-Fa-f]{64}$");
    let mut rows = vec![
        (Body("ChangeMerchant", "status"), Shape::Words(vec!["active", "suspended"])),
        (Body("MakeMerchantKey", "mode"), modes()),
        (Body("MakeMerchantKey", "name"), label()),
        (Body("MakeMerchantKey", "public_key"), public_key()),
        (Body("MakeMerchantKey", "routes"), {
            let rule = pattern(r"^(\*|GET|POST|PUT|DELETE) /v1/[A-Za-z0-9/_{}-]*\*?$");
            Shape::List(0, MAX_RULES, Some(Box::new(rule)))
        }),
        (Body("MakeMerchantKey", "addresses"), Shape::List(0, MAX_RULES, None)),
        (Body("MakeMerchantKey", "expires_in"), Shape::Range(1, MAX_LIFE_SECONDS)),
        (Body("RotateMerchantKey", "overlap"), Shape::Range(0, MAX_OVERLAP_SECONDS)),
        (Body("RotateMerchantKey", "public_key"), public_key()),
        (
            Body("DestroyDataKey", "purpose"),
            Shape::Words(Purpose::ALL.map(Purpose::as_str).to_vec()),
        ),
        (Body("RefundForMerchant", "reason"), label()),
        (Body("StoreCard", "number"), pattern("^[0-9]([ -]?[0-9]){11,18}$")),
        (Body("StoreCard", "exp_month"), Shape::Range(1, 12)),
        (Body("StoreCard", "exp_year"), Shape::Range(0, 9_999)),
        (Body("StoreCard", "customer"), Shape::Text(1, cards::api::MAX_CUSTOMER_CHARS)),
        (Body("CreatePayment", "currency"), Shape::Currency),
        (Body("CreatePayment", "card"), id::<CardId>()),
        (Body("CreatePayment", "capture"), Shape::Words(vec!["automatic", "manual"])),
        (Body("CreatePayment", "cvv"), pattern("^[0-9]{3,4}$")),
    ];
    for schema in ["CreateMerchant", "ChangeMerchant"] {
        rows.extend([
            (Body(schema, "name"), label()),
            (Body(schema, "settlement_account"), id::<AccountId>()),
            (Body(schema, "fee_basis_points"), Shape::Range(0, MAX_FEE_BASIS_POINTS)),
            (Body(schema, "fee_fixed"), Shape::Range(0, MAX_FEE_FIXED)),
            (Body(schema, "refund_limit"), Shape::Range(0, MAX_REFUND_LIMIT)),
        ]);
    }
    rows
}

fn modes() -> Shape {
    Shape::Words(Mode::ALL.map(Mode::as_str).to_vec())
}

fn webhook_endpoints() -> Vec<(Place, Shape)> {
    use webhooks::api::{MAX_OVERLAP_SECONDS, MAX_PATTERNS};
    let topics = || {
        let names = Topic::ALL.map(Topic::as_str);
        let families = names.iter().filter_map(|name| name.split_once('.')).map(|(noun, _)| noun);
        let mut families: Vec<&str> = families.collect();
        families.dedup();
        // `.` of a name is a character of the pattern language.
        let wholes = names.map(|name| name.replace('.', r"\."));
        let all = wholes.into_iter().chain(families.into_iter().map(|noun| format!(r"{noun}\.\*")));
        let text = all.collect::<Vec<_>>().join("|");
        Shape::List(1, MAX_PATTERNS, Some(Box::new(pattern(format!(r"^(\*|{text})$")))))
    };
    let mut rows = vec![
        (Body("ChangeWebhookEndpoint", "status"), Shape::Words(vec!["enabled", "disabled"])),
        (Body("CreateWebhookEndpoint", "algorithm"), Shape::Words(vec!["hmac", "ed25519"])),
        (Body("RotateWebhookSecret", "overlap"), Shape::Range(0, MAX_OVERLAP_SECONDS)),
        (Body("RedeliverEvent", "event"), id::<EventId>()),
    ];
    for schema in ["CreateWebhookEndpoint", "ChangeWebhookEndpoint"] {
        let most = webhooks::target::MAX_URL_BYTES;
        rows.extend([
            (
                Body(schema, "url"),
                Shape::Bounded(r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s#]+$".to_owned(), most),
            ),
            (Body(schema, "events"), topics()),
            (Body(schema, "description"), label()),
            (Body(schema, "after"), Shape::Range(0, Amount::MAX.get())),
        ]);
    }
    rows
}

fn queries() -> Vec<(Place, Shape)> {
    vec![
        (Query(ANY, "limit"), Shape::Range(1, PageQuery::MAX_LIMIT)),
        (Query(ANY, "currency"), Shape::Currency),
        (Query(ANY, "mode"), modes()),
        (Query(ANY, "merchant"), id::<MerchantId>()),
        (Query(ANY, "min_amount"), Shape::Range(0, Amount::MAX.get())),
        (Query(ANY, "max_amount"), Shape::Range(0, Amount::MAX.get())),
        (Query(ANY, "direction"), Shape::Words(vec!["in", "out"])),
        (Query(&["listMerchantEvents"], "after"), Shape::Range(0, i64::MAX)),
        (Query(&["getHistory"], "days"), Shape::Range(1, history::MAX_DAYS)),
        (Query(&["getFigures"], "days"), Shape::Range(1, figures::api::MAX_DAYS)),
        (Query(STATEMENTS, "from"), Shape::Day),
        (Query(STATEMENTS, "to"), Shape::Day),
        (Query(STATEMENTS, "format"), Shape::Words(statements::api::formats())),
        (Query(&["listEntries"], "from"), Shape::Day),
        (Query(&["listEntries"], "to"), Shape::Day),
        (Query(&["listEntries"], "query"), Shape::Text(1, MAX_QUERY)),
        (Query(&["getLogConsistency"], "from"), Shape::Range(1, i64::MAX)),
        (Query(&["getLogConsistency"], "to"), Shape::Range(1, i64::MAX)),
        (Query(&["findAccounts"], "number"), pattern(format!("^{}$", number::pattern()))),
        (Query(&["listApprovals"], "status"), {
            Shape::Words(ApprovalStatus::ALL.map(ApprovalStatus::as_str).to_vec())
        }),
        (Query(&["listPaymentsAsStaff"], "status"), Shape::Words(payments::api::statuses())),
        (Query(&["listWebhookDeliveries", "listWebhookDeliveriesAsStaff"], "status"), {
            Shape::Words(DeliveryStatus::ALL.map(DeliveryStatus::as_str).to_vec())
        }),
    ]
}

fn audit() -> Vec<(Place, Shape)> {
    let kinds = ActorFilter::KINDS.join("|");
    let [customer, operator, merchant] =
        [inner::<CustomerId>(), inner::<StaffId>(), inner::<MerchantId>()];
    let free = || pattern(r"^[^\x00-\x1F\x7F-\x9F]*$");
    vec![
        (Query(TRAIL, "action"), free()),
        (Query(TRAIL, "resource"), free()),
        (Query(TRAIL, "outcome"), free()),
        (Query(TRAIL, "actor"), pattern(format!("^({kinds}|{customer}|{operator}|{merchant})$"))),
        (Query(TRAIL, "from"), Shape::Time),
        (Query(TRAIL, "to"), Shape::Time),
        (Query(&["exportEvents"], "format"), Shape::Words(vec!["csv", "jsonl"])),
    ]
}

/// What each list goes on behind.
fn cursors() -> Vec<(Place, Shape)> {
    const ACCOUNTS: &[&str] = &["listAccounts", "listAccountsAsStaff"];
    const ENTRIES: &[&str] = &["listEntries", "listEntriesAsStaff"];
    const EVENTS: &[&str] = &["listEvents", "listActivity"];
    const PAYMENTS: &[&str] = &["listPayments", "listPaymentsAsStaff"];
    const DELIVERIES: &[&str] = &["listWebhookDeliveries", "listWebhookDeliveriesAsStaff"];
    let cursor = |routes, shape| (Query(routes, "cursor"), shape);
    vec![
        cursor(ACCOUNTS, id::<AccountId>()),
        cursor(ENTRIES, id::<TransferId>()),
        cursor(EVENTS, id::<EventId>()),
        cursor(PAYMENTS, id::<PaymentId>()),
        cursor(DELIVERIES, pattern("^[0-9]{1,18}$")),
        cursor(&["listFactors"], id::<FactorId>()),
        cursor(&["listSessions"], id::<SessionId>()),
        cursor(&["listDifferences"], id::<DifferenceId>()),
        cursor(&["listApprovals"], id::<ApprovalId>()),
        cursor(&["listStaffMembers"], id::<StaffId>()),
        cursor(&["searchCustomers"], id::<CustomerId>()),
        cursor(&["listBeneficiaries"], id::<BeneficiaryId>()),
        cursor(&["listMerchants"], id::<MerchantId>()),
        cursor(&["listAllWebhookEndpoints"], id::<WebhookId>()),
    ]
}

/// Of answers: the word by which a program tells the one kind from the other.
fn marks() -> Vec<(Place, Shape)> {
    let mark = |schema, word| (Body(schema, "status"), Shape::Words(vec![word]));
    vec![
        mark("Tokens", "authenticated"),
        mark("MfaRequired", "mfa_required"),
        mark("RenewalRequired", "renewal_required"),
        mark("Verified", "verified"),
    ]
}

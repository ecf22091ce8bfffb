//! Every error code, in one table: code, status, title, and advice to whoever reads it.
//!
//! The OpenAPI document, `docs/api.md`'s list and the problems themselves are made from it; a test
//! compares the committed snapshot.

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $code:literal $status:literal $title:literal $advice:literal;)+) => {
        /// A code of the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $variant,)+ }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Stable; programs match on it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// What the caller can do about it.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)+ }
            }
        }
    };
}

codes! {
    // The request itself, in the order in which it is checked.
    NotFound "not_found" 404 "Not found" "Check the id and the path. Something that is not yours is answered the same way.";
    MethodNotAllowed "method_not_allowed" 405 "Method not allowed" "The Allow header lists what this path takes.";
    Unauthenticated "unauthenticated" 401 "Not signed in" "Send a valid access token: Authorization: Bearer TOKEN. Refresh it or sign in again.";
    InvalidDpopProof "invalid_dpop_proof" 401 "No valid proof of the key" "This session is bound to a key: send Authorization: DPoP TOKEN and a fresh proof in the header DPoP (RFC 9449), signed with ES256 or EdDSA by that key for this method, this address and this token.";
    InvalidSignature "invalid_signature" 401 "The request's signature is not acceptable" "`detail` says what is wrong. Sign the exact bytes of method, path and query, time, nonce and body; use a nonce once and a clock that is right within 300 s.";
    KeyNotAllowed "key_not_allowed" 403 "This key may not do that" "The key is restricted to other routes or addresses, the connection lacks its merchant's certificate, or the merchant is suspended. `detail` says which. Use another, or ask the bank.";
    TwoCredentials "two_credentials" 400 "A cookie and an access token at once" "Send one of them. Programs leave the cookie away.";
    CrossSiteRefused "cross_site_refused" 403 "Not from a page of the bank" "A request with the bank's cookie must come from the bank's own page and, where it changes something, carry the session's token: X-CSRF-Token, or csrf_token in a form.";
    WrongCaller "wrong_caller" 403 "Not for this kind of caller" "Customers' routes take a customer's token, staff routes an operator's.";
    Forbidden "forbidden" 403 "Not permitted" "Your role does not include this permission.";
    RateLimited "rate_limited" 429 "Too many requests" "Send the same request again after Retry-After seconds. RateLimit-Policy has the limits of this route.";
    MalformedRequest "malformed_request" 400 "The request cannot be read" "Fix the HTTP request: headers, encoding or query string.";
    MalformedJson "malformed_json" 400 "The body is not the JSON that is wanted" "Send one UTF-8 JSON object without unknown or duplicate fields; the OpenAPI document describes it.";
    UnsupportedMediaType "unsupported_media_type" 415 "Unsupported media type" "Send Content-Type: application/json.";
    BodyTooLarge "body_too_large" 413 "The body is too large" "At most 64 KiB, or 4 MiB for a bulk request.";
    BodyTimeout "body_timeout" 408 "The body came too slowly" "Send the whole body within the time limit.";
    InvalidFields "invalid_fields" 422 "A field is not acceptable" "`fields` names each field and why.";
    IdempotencyKeyMissing "idempotency_key_missing" 400 "Idempotency-Key is missing" "Send a fresh random key (1 to 255 printable ASCII characters) with each new act and the same key with each retry.";
    IdempotencyKeyInvalid "idempotency_key_invalid" 400 "Idempotency-Key is not acceptable" "1 to 255 printable ASCII characters, once.";
    IdempotencyKeyReused "idempotency_key_reused" 422 "This key was used for another request" "Use a fresh key for a new act.";
    IdempotencyKeyInFlight "idempotency_key_in_flight" 409 "A request with this key is still running" "Send the same request again after Retry-After seconds.";
    IdempotencyKeyExpired "idempotency_key_expired" 410 "The answer of this key is no longer kept" "The request was answered more than 30 days ago and is not done again. Look up what it made; use a fresh key for a new act.";
    // Signing in.
    InvalidCredentials "invalid_credentials" 401 "E-mail or password is wrong" "Check both, or reset the password.";
    InvalidCode "invalid_code" 401 "The code is wrong, used or late" "Use the next code of your authenticator.";
    AccountDisabled "account_disabled" 403 "The bank has stopped your access" "Waiting does not help: call the bank. What it has written to you says more.";
    LockedOut "locked_out" 429 "Too many wrong tries" "Wait for Retry-After seconds. On a device that you have signed in from before, send its device_token.";
    TooManyFactors "too_many_factors" 409 "Too many second factors" "Remove one first; unconfirmed ones are forgotten after an hour.";
    NoFactor "no_factor" 409 "There is no second factor" "Add one first: POST /v1/factors/totp.";
    FactorConfirmed "factor_confirmed" 409 "The factor is confirmed already" "Use it.";
    CredentialRefused "credential_refused" 422 "The security key's answer is not acceptable" "`detail` says why. Begin again: POST /v1/factors/webauthn/options.";
    InvalidResetToken "invalid_reset_token" 401 "The reset token is not valid" "It serves once, for 30 minutes, and the newest replaces older ones. Ask for a new one.";
    InvalidConfirmationToken "invalid_confirmation_token" 401 "The confirmation token is not valid" "It serves once, for 24 hours, and the newest replaces older ones. Sign in and ask for a new one.";
    EmailConfirmed "email_confirmed" 409 "The address is confirmed already" "Nothing to do.";
    TooManyMessages "too_many_messages" 429 "Too many messages" "Use the newest code or link that has come, or wait for Retry-After seconds.";
    SmsNotOffered "sms_not_offered" 422 "This bank sends no text messages" "Use another second factor, such as an authenticator.";
    InvalidRefreshToken "invalid_refresh_token" 401 "The refresh token is not valid" "Sign in again. A used refresh token ends its session.";
    TooManySessions "too_many_sessions" 409 "Signed in in too many places" "Sign out somewhere, or end a session from another device, and sign in again.";
    // Accounts and transfers; the order of a transfer's refusals is part of the contract.
    AccountNotFound "account_not_found" 422 "Account not found" "Check the payer's id and the payee's id or number.";
    SameAccount "same_account" 422 "Payer and payee are the same account" "Name two different accounts.";
    CurrencyMismatch "currency_mismatch" 422 "Currencies differ" "The amount and both accounts must have one currency.";
    AccountFrozen "account_frozen" 422 "An account is frozen" "No money moves until the bank unfreezes it.";
    AccountClosed "account_closed" 422 "An account is closed" "Use another account.";
    LimitExceeded "limit_exceeded" 422 "A limit would be exceeded" "Send less, or wait until the rolling window has room. Limits are the bank's and your own; stopping outgoing money (/v1/protections) is a limit of nothing.";
    InsufficientFunds "insufficient_funds" 422 "Not enough money available" "Held money is not available.";
    PayeeCooling "payee_cooling" 422 "A large sum to a new payee has to wait" "Add the payee to your beneficiaries and send the large sum when its cooling time is over, with a fresh key. Smaller sums go through.";
    RecentPasswordChange "recent_password_change" 422 "A large sum so soon after a change of password" "Wait until the time after the change is over. Smaller sums go through.";
    StepUpRequired "step_up_required" 403 "A second factor, or the password, is needed for this" "Answer `challenge` with one of its methods and send the same request again, same key included, with its proof: Step-Up: PROOF. Without any method, enrol a second factor first.";
    LinkedRefused "linked_refused" 422 "Another transfer of this atomic batch was refused" "The one with another code carries the reason.";
    HoldNotActive "hold_not_active" 409 "The hold is no longer active" "It was captured, voided or has expired; nothing moved.";
    HoldExpired "hold_expired" 409 "The hold has expired" "Place a new hold.";
    CaptureExceedsHold "capture_exceeds_hold" 422 "More than the hold still reserves" "Capture at most what remains.";
    ReversalExceedsTransfer "reversal_exceeds_transfer" 422 "More than is left to reverse" "Reversals never exceed the transfer.";
    AlreadyFrozen "already_frozen" 409 "The account is frozen already" "Nothing to do.";
    NotFrozen "not_frozen" 409 "The account is not frozen" "Nothing to do.";
    CustomerErased "customer_erased" 410 "The customer has left and was erased" "Nothing to do: their accounts and transfers are still there under their id.";
    AlreadyLocked "already_locked" 409 "The customer is locked already" "Nothing to do.";
    NotLocked "not_locked" 409 "The customer is not locked" "Who is disabled is enabled, not unlocked; else nothing to do.";
    AlreadyDisabled "already_disabled" 409 "Disabled already" "Nothing to do.";
    NotDisabled "not_disabled" 409 "Not disabled" "Who is locked is unlocked, not enabled; else nothing to do.";
    OwnAccess "own_access" 409 "Nobody decides about their own access" "Ask another administrator. Another password or authenticator for yourself: POST /v1/staff/password, POST /v1/staff/authenticator.";
    LastAdmin "last_admin" 409 "The last enabled administrator" "Enable or make another one first.";
    BalanceNotZero "balance_not_zero" 409 "The account still has a balance" "Move the balance out first.";
    HoldsActive "holds_active" 409 "The account still has active holds" "Capture or void them first.";
    TooManyAccounts "too_many_accounts" 422 "Too many accounts" "Close one that is no longer used.";
    StatementTooLong "statement_too_long" 422 "Too many entries for one statement" "Take a shorter period, or a format that has room for more; `detail` says how many.";
    TooManyBeneficiaries "too_many_beneficiaries" 422 "Too many payees" "Take one off the list that is no longer paid.";
    // Merchants, cards and payments.
    TooManyKeys "too_many_keys" 409 "Too many keys" "Revoke one that is no longer used.";
    KeyRevoked "key_revoked" 409 "The key is revoked already" "Nothing to do.";
    EventsExpired "events_expired" 410 "Events behind this number are no longer kept" "`detail` has the oldest that is. Look up the payments since what you have, and go on from there.";
    TooManyEndpoints "too_many_endpoints" 409 "Too many endpoints" "Remove one that is no longer used.";
    EndpointDisabled "endpoint_disabled" 409 "Nothing is sent to this endpoint" "Enable it first: PUT with status enabled.";
    NothingToSettle "nothing_to_settle" 409 "There is nothing to pay out" "The merchant has no live money in the currency of its settlement account, or no such account.";
    CardsNotStored "cards_not_stored" 403 "This bank stores no card numbers" "Its rule book lets only issuers and networks keep them (RBI, 2021): use a network token.";
    CardRefused "card_refused" 422 "The card cannot be used" "`detail` says why: it has expired, was deleted, or belongs to the other mode.";
    PaymentNotCapturable "payment_not_capturable" 409 "The payment cannot be captured" "Only an authorized payment can, while no other capture of it is under way.";
    CaptureExceedsPayment "capture_exceeds_payment" 422 "More than was authorized" "Capture at most what is left of the amount.";
    PaymentNotCancelable "payment_not_cancelable" 409 "The payment cannot be canceled" "Only an authorized payment of which nothing was captured can; refund a captured one.";
    PaymentNotRefundable "payment_not_refundable" 409 "The payment cannot be refunded" "Only captured money can.";
    RefundExceedsPayment "refund_exceeds_payment" 422 "More than was captured" "Refunds, those under way included, never exceed what was captured.";
    AlreadyResolved "already_resolved" 409 "The difference is resolved already" "Nothing to do.";
    RefundBeyondLimit "refund_beyond_limit" 403 "More than you give back of a payment by yourself" "Ask the bank: an operator refunds it, a large sum with a second one.";
    DataKeyInUse "data_key_in_use" 409 "The key is in use" "Rotate it first: only a retired key is destroyed.";
    DataKeyDestroyed "data_key_destroyed" 409 "The key is destroyed already" "Nothing to do.";
    ReversalUnderWay "reversal_under_way" 409 "The gateway is giving the money back" "Wait until it has answered; the difference then resolves itself.";
    GatewayMissing "gateway_missing" 503 "No card gateway" "This bank has no gateway for this mode. Ask the bank.";
    // Four eyes.
    ApprovalPending "approval_pending" 409 "The same waits for approval already" "Another operator decides it first, or its maker withdraws it; `detail` has its id.";
    TooManyApprovals "too_many_approvals" 409 "Too many acts of yours wait for approval" "Have some decided, or withdraw them.";
    ReceiptNotReady "receipt_not_ready" 409 "It is not in the log yet" "What is committed is in the signed log a second later: ask again then.";
    ReceiptTooLong "receipt_too_long" 409 "More happened to it than one receipt holds" "`GET /v1/payments/{id}` and its refunds say how it stands; operators can show each step in the log.";
    OwnApproval "own_approval" 403 "Nobody decides what they asked for" "Another operator does. You can withdraw it.";
    ApprovalDecided "approval_decided" 409 "It is decided already, or its time is over" "Look it up; ask again where the act is still wanted.";
    MakerDisabled "maker_disabled" 409 "Who asked for it is disabled" "It can only be rejected; ask for it yourself where it is wanted.";
    ApprovalOutdated "approval_outdated" 409 "What it was to change is not as it was" "Nothing was done. Look at it and ask again.";
    // Ourselves.
    Overloaded "overloaded" 503 "Too much work at once" "Send the same request with the same key after Retry-After seconds.";
    Unavailable "unavailable" 503 "The bank cannot do this at the moment" "Nothing was acknowledged. Send the same request with the same key after Retry-After seconds.";
    Internal "internal_error" 500 "An error of ours" "Quote the request id to the operators. The same key may be sent again.";
}

impl Code {
    /// Seconds for `Retry-After`, where waiting helps.
    pub const fn retry_after_seconds(self) -> Option<u32> {
        match self {
            Self::IdempotencyKeyInFlight | Self::Overloaded | Self::ReceiptNotReady => Some(1),
            Self::Unavailable => Some(2),
            _ => None,
        }
    }
}

//! `/v1/payments`.

mod desk;
mod receipt;
mod staff;

use bytes::Bytes;
use http::HeaderMap;
use money::{CardId, Money, PaymentId};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use vault::SecretString;
use vault::card::Number;

pub(crate) use self::desk::statuses;
use super::begin::{Asked, Begun as Step, NewPayment, RefundBy};
use super::flow;
use super::model::{PaymentRow, PaymentView, RefundView, StepRow};
use super::{metadata, notices, store, view};
use crate::accounts::api::PageQuery;
use crate::cards::keeper::{Held, Keeper};
use crate::cards::{self, RevealPurpose};
use crate::http::fields::{Fields, MinorUnits, SecretText};
use crate::http::input::{Description, Input, Optional, Raw};
use crate::http::{
    Answer, Begun, Code, Context, Empty, Json, Merchant, Page, Path, Problem, Public, Query, Reply,
    Route, Routes,
};
use crate::merchants::keys::Mode;
use crate::traces;

pub fn routes(routes: Routes) -> Routes {
    let routes = desk::routes(routes)
        .merchant(
            Route::post("/v1/payments", "createPayment", "Take money from a card")
                .refuses(&[Code::GatewayMissing, Code::CardRefused]),
            create,
        )
        .merchant(Route::get("/v1/payments", "listPayments", "Own payments, newest first"), list)
        .merchant(Route::get("/v1/payments/{id}", "getPayment", "One payment"), get)
        .merchant(
            Route::post("/v1/payments/{id}/capture", "capturePayment", "Take reserved money")
                .answers(200)
                .refuses(&[Code::PaymentNotCapturable, Code::CaptureExceedsPayment]),
            capture,
        )
        .merchant(
            Route::post("/v1/payments/{id}/cancel", "cancelPayment", "Release reserved money")
                .answers(200)
                .refuses(&[Code::PaymentNotCancelable]),
            cancel,
        )
        .merchant(
            Route::post("/v1/payments/{id}/refunds", "refundPayment", "Give captured money back")
                .refuses(&[
                    Code::PaymentNotRefundable,
                    Code::RefundExceedsPayment,
                    Code::RefundBeyondLimit,
                    Code::InsufficientFunds,
                ]),
            refund,
        )
        .merchant(
            Route::get("/v1/payments/{id}/refunds", "listRefunds", "A payment's refunds"),
            refunds,
        );
    let routes = receipt::routes(staff::routes(routes));
    let why =
        "a gateway tells that a payment has news; its signature is checked, and the bank asks back";
    routes
        .public(
            why,
            Route::post("/v1/gateways/sandbox/notices", "noticeOfSandbox", "A hint of the sandbox")
                .without_key()
                .answers(204)
                .refuses(&[Code::NotFound, Code::InvalidSignature]),
            |caller, notice| take_notice(caller, notice, (Mode::Test, "sandbox")),
        )
        .public(
            why,
            Route::post("/v1/gateways/stripe/notices", "noticeOfStripe", "A hint of Stripe")
                .without_key()
                .answers(204)
                .refuses(&[Code::NotFound, Code::InvalidSignature]),
            |caller, notice| take_notice(caller, notice, (Mode::Live, "stripe")),
        )
}

/// A payment to be taken.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePayment {
    amount: MinorUnits,
    /// ISO 4217, upper case.
    currency: String,
    /// Id of the card.
    card: String,
    /// `automatic` takes the money at once, `manual` reserves it.
    #[schema(example = "automatic")]
    capture: String,
    /// The security code: sent on to the gateway and kept nowhere.
    #[schema(value_type = Option<String>)]
    cvv: Option<SecretText>,
    /// Yours: an object of at most 4 KiB, given back as it came.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
}

/// What of a payment is captured.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CapturePayment {
    /// All that is left when absent.
    amount: Option<MinorUnits>,
    /// True: what this capture leaves is released. False (also when absent): more captures may follow.
    r#final: Option<bool>,
}

/// Nothing to say.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelPayment {}

/// What of a payment is given back.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundPayment {
    /// All that is left when absent.
    amount: Option<MinorUnits>,
}

impl CreatePayment {
    fn check(&self, gateway: &'static str) -> Result<NewPayment, Problem> {
        let mut fields = Fields::default();
        let amount = fields.amount("amount", &self.amount);
        let currency = fields.currency("currency", &self.currency);
        let card = fields.parse("card", &self.card, "the id of a card");
        let is_automatic = match self.capture.as_str() {
            "automatic" => Some(true),
            "manual" => Some(false),
            _ => {
                fields.refuse("capture", "invalid", "automatic or manual");
                None
            }
        };
        let cvv = self.cvv.as_ref().map(|cvv| read_cvv(&mut fields, cvv));
        let kept = self.metadata.as_ref().map(|raw| metadata::read(&mut fields, raw));
        let new =
            amount.zip(currency).zip(card.zip(is_automatic)).map(|(sum, (card, automatic))| {
                NewPayment {
                    money: Money::new(sum.0.get(), sum.1),
                    card,
                    is_automatic: automatic,
                    cvv: cvv.flatten(),
                    metadata: kept.flatten(),
                    gateway,
                }
            });
        fields.finish(new)
    }
}

fn read_cvv(fields: &mut Fields, cvv: &SecretText) -> Option<SecretString> {
    let text = cvv.expose();
    if (3..=4).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Some(SecretString::new(text.to_owned()));
    }
    fields.refuse("cvv", "invalid", "three or four digits");
    None
}

async fn create(caller: Merchant, Json(body): Json<CreatePayment>) -> Answer<PaymentView> {
    let gateway = caller.bank().card_gateways().of(caller.mode());
    let name = gateway.map(|gateway| gateway.name());
    let mut new = body.check(name.ok_or_else(|| Problem::new(Code::GatewayMissing))?)?;
    // It never enters a transaction.
    let cvv = new.cvv.take();
    let of = (caller.id(), caller.mode());
    let (held, number) = match open_card(&caller, &new.card).await? {
        Held::ByTheBank => (Held::ByTheBank, None),
        Held::ByTheVault(number) => (Held::ByTheVault(number.is_some().then_some(())), number),
    };
    let mut begun = caller
        .begin("payments.create", move |tx, act| {
            let begun = super::create_in(tx, act, (&of.0, of.1), &new, &held)?;
            Ok(begun.map(with_id))
        })
        .await?;
    if let Begun::Fresh(Step { card: Some((held @ None, _)), .. }) = &mut begun {
        *held = number;
    }
    let answer = |view: &PaymentView, payment: &PaymentRow, _: &StepRow| {
        Reply::created(view).about(&payment.id)
    };
    go_on(&caller, begun, cvv, answer).await
}

/// Has the vault open the number, where there is one, the card is valid, and the request was not begun before.
async fn open_card(caller: &Merchant, card: &CardId) -> Result<Held<Number>, Problem> {
    let Keeper::Vault(vault) = caller.bank().card_keeper() else { return Ok(Held::ByTheBank) };
    if caller.was_begun().await? {
        return Ok(Held::ByTheVault(None));
    }
    let (merchant, mode, card) = (caller.id(), caller.mode(), *card);
    let now = caller.bank().tools().now();
    let sealed = caller
        .read("cards.sealed", move |tx| Ok(cards::sealed(tx, (&merchant, mode), &card, now)?))
        .await?;
    let Some(sealed) = sealed else { return Ok(Held::ByTheVault(None)) };
    // The payment has no id yet; its request has one, which stands in the bank's events, too.
    let about = caller.act().request.to_string();
    let number = vault.open(sealed, (RevealPurpose::Authorize, &about)).await?;
    Ok(Held::ByTheVault(Some(number)))
}

async fn capture(
    caller: Merchant,
    (Path(id), Optional(body)): (Path<PaymentId>, Optional<CapturePayment>),
) -> Answer<PaymentView> {
    let mut fields = Fields::default();
    let amount = body.amount.as_ref().and_then(|amount| fields.amount("amount", amount));
    let is_final = body.r#final.unwrap_or(false);
    let asked = fields.finish(Some(Asked { amount, is_final }))?;
    let of = (caller.id(), caller.mode());
    let begun = caller
        .begin("payments.capture", move |tx, act| {
            Ok(super::capture_in(tx, act, (&of.0, of.1), (&id, asked))?.map(with_id))
        })
        .await?;
    go_on(&caller, begun, None, changed).await
}

async fn cancel(
    caller: Merchant,
    (Path(id), Optional(CancelPayment {})): (Path<PaymentId>, Optional<CancelPayment>),
) -> Answer<PaymentView> {
    let of = (caller.id(), caller.mode());
    let begun = caller
        .begin("payments.cancel", move |tx, act| {
            Ok(super::cancel_in(tx, act, (&of.0, of.1), &id)?.map(with_id))
        })
        .await?;
    go_on(&caller, begun, None, changed).await
}

async fn refund(
    caller: Merchant,
    (Path(id), Optional(body)): (Path<PaymentId>, Optional<RefundPayment>),
) -> Answer<RefundView> {
    let mut fields = Fields::default();
    let amount = body.amount.as_ref().and_then(|amount| fields.amount("amount", amount));
    let amount = fields.finish(Some(amount))?;
    let of = (caller.id(), caller.mode());
    let begun = caller
        .begin("payments.refund", move |tx, act| {
            Ok(super::refund_in(tx, act, (&of.0, of.1), (&id, amount), RefundBy::Merchant)?
                .map(with_id))
        })
        .await?;
    let answer = |_: &PaymentView, payment: &PaymentRow, step: &StepRow| {
        Reply::created(&step.refund_view(payment.currency))
    };
    go_on(&caller, begun, None, answer).await
}

fn changed(view: &PaymentView, _: &PaymentRow, _: &StepRow) -> Reply<PaymentView> {
    Reply::ok(view)
}

fn with_id(begun: Step) -> (Step, [u8; 16]) {
    let id = begun.step.id;
    (begun, id)
}

/// Asks the gateway, in a task of its own so that who hangs up stops nothing, and answers with what is known
/// then. A repetition finds the step: concluded, or in the hands of a node, or waiting to be asked about.
async fn go_on<T: Send + 'static>(
    caller: &Context,
    begun: Begun<Step>,
    cvv: Option<SecretString>,
    answer: fn(&PaymentView, &PaymentRow, &StepRow) -> Reply<T>,
) -> Answer<T> {
    let step = match begun {
        Begun::Answered(raw) => return Ok(Reply::raw(raw)),
        Begun::Before(step) => step,
        Begun::Fresh(begun) => {
            let step = begun.step.id;
            let run = flow::run(caller.bank().clone(), caller.act(), begun, cvv);
            match tokio::spawn(traces::carried(run)).await {
                Ok(concluded) => drop(concluded?),
                Err(cause) => return Err(Problem::new(Code::Internal).cause(cause)),
            }
            step
        }
    };
    caller
        .finish("payments.answer", move |tx, act| {
            let gone = || store::gone(&step);
            let row = store::step(tx, &step)?.ok_or_else(gone)?;
            let is_in_hand = row.state == super::model::StepState::Submitting
                && row.ask_at.is_some_and(|ask_at| act.now < ask_at);
            if is_in_hand {
                return Ok(Err(Problem::new(Code::IdempotencyKeyInFlight)));
            }
            let payment = store::any(tx, &row.payment)?.ok_or_else(gone)?;
            let shown = view(tx, &payment)?;
            Ok(Ok(answer(&shown, &payment, &row)))
        })
        .await
}

async fn get(caller: Merchant, Path(id): Path<PaymentId>) -> Answer<PaymentView> {
    let of = (caller.id(), caller.mode());
    let found =
        caller.read("payments.get", move |tx| Ok(super::find(tx, (&of.0, of.1), &id)?)).await?;
    found.map(|view| Reply::ok(&view)).ok_or_else(|| Problem::new(Code::NotFound))
}

async fn list(caller: Merchant, Query(page): Query<PageQuery>) -> Answer<Page<PaymentView>> {
    let (limit, before) = (page.limit()?, page.cursor::<PaymentId>()?);
    let of = (caller.id(), caller.mode());
    // One more than is shown tells whether there is a next page.
    let most = limit.saturating_add(1);
    let data = caller
        .read("payments.list", move |tx| Ok(super::list(tx, (&of.0, of.1), before.as_ref(), most)?))
        .await?;
    Ok(Reply::ok(&Page::cut(data, limit, |last| last.id.clone())))
}

async fn refunds(caller: Merchant, Path(id): Path<PaymentId>) -> Answer<Page<RefundView>> {
    let of = (caller.id(), caller.mode());
    let found = caller
        .read("payments.refunds", move |tx| Ok(super::refunds(tx, (&of.0, of.1), &id)?))
        .await?;
    let data = found.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Reply::ok(&Page { data, next_cursor: None }))
}

/// A notice as it came: what is signed are its raw bytes.
struct Posted {
    headers: HeaderMap,
    body: Bytes,
}

impl Input for Posted {
    fn read(raw: &Raw<'_>) -> Result<Self, Problem> {
        Ok(Self { headers: raw.parts.headers.clone(), body: raw.body.clone() })
    }

    fn describe(description: &mut Description) {
        description.is_raw = true;
    }
}

async fn take_notice(
    caller: Public,
    Posted { headers, body }: Posted,
    of: (Mode, &'static str),
) -> Answer<Empty> {
    notices::take(caller.bank(), of, (&headers, &body)).await?;
    Ok(Reply::no_content())
}

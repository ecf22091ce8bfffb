//! `/v1/cards`.

use money::CardId;
use serde::Deserialize;
use utoipa::ToSchema;
use vault::card::{Expiry, Number};

use super::NewCard;
use super::keeper::{Held, Keeper, Taken, released};
use super::model::CardView;
use crate::bank::Tools;
use crate::http::fields::{Fields, SecretText};
use crate::http::{Answer, Code, Empty, Json, Merchant, Path, Problem, Reply, Route, Routes};
use crate::merchants::keys::Mode;

pub fn routes(routes: Routes) -> Routes {
    routes
        .merchant(
            Route::post("/v1/cards", "storeCard", "Keep a card and get a token for it")
                .refuses(&[Code::CardsNotStored]),
            store,
        )
        .merchant(Route::get("/v1/cards/{id}", "getCard", "One card, without its number"), get)
        .merchant(
            Route::delete(
                "/v1/cards/{id}",
                "deleteCard",
                "Take a number out of the vault for good",
            ),
            delete,
        )
}

/// A card. Its security code has no place here: it comes with a payment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreCard {
    /// Digits, with single spaces or hyphens between them. In test mode one of the test numbers.
    #[schema(value_type = String, example = "4242424242424242")]
    number: SecretText,
    /// 1 to 12.
    #[schema(example = 12)]
    exp_month: i64,
    /// Four digits, or two.
    #[schema(example = 2030)]
    exp_year: i64,
    /// Whose it is, in your own words: at most 140 characters.
    customer: Option<String>,
    /// True: also digits of the number's length that end like it and are no card's.
    #[serde(default)]
    format_preserving: bool,
}

/// The longest word of a merchant for whose a card is.
pub(crate) const MAX_CUSTOMER_CHARS: usize = 140;

impl StoreCard {
    fn check(self, tools: &Tools, mode: Mode) -> Result<NewCard, Problem> {
        let mut fields = Fields::default();
        let number = read_number(&mut fields, self.number.expose(), mode);
        let expiry = read_expiry(&mut fields, (self.exp_month, self.exp_year), tools);
        let customer = match &self.customer {
            None => Some(None),
            Some(text) => fields.plain("customer", text, 1, MAX_CUSTOMER_CHARS).map(Some),
        };
        let brand = number.as_ref().and_then(Number::brand);
        let is_short =
            number.as_ref().is_some_and(|n| n.length() < vault::card::LEAST_TOKEN_DIGITS);
        if self.format_preserving && is_short {
            fields.refuse("format_preserving", "too_short", "the number is too short for it");
        }
        let new =
            number.zip(brand).zip(expiry.zip(customer)).map(|((number, brand), rest)| NewCard {
                number,
                brand,
                expiry: rest.0,
                customer: rest.1,
                wants_token: self.format_preserving,
            });
        fields.finish(new)
    }
}

/// What is wrong with a number is told without a digit of it.
fn read_number(fields: &mut Fields, text: &str, mode: Mode) -> Option<Number> {
    let number = match Number::parse(text) {
        Ok(number) => number,
        Err(error) => {
            fields.refuse("number", "invalid", error.to_string());
            return None;
        }
    };
    if number.brand().is_none() {
        fields.refuse("number", "unknown_brand", "no card scheme that is known here");
        return None;
    }
    if !super::is_of_mode(&number, mode) {
        let detail = match mode {
            Mode::Test => "a test key takes only the published test numbers",
            Mode::Live => "a live key takes no test number",
        };
        fields.refuse("number", "wrong_mode", detail);
        return None;
    }
    Some(number)
}

fn read_expiry(fields: &mut Fields, (month, year): (i64, i64), tools: &Tools) -> Option<Expiry> {
    let now = tools.now();
    let month = u8::try_from(month).unwrap_or(0);
    match Expiry::new(month, u16::try_from(year).unwrap_or(u16::MAX), now) {
        Ok(expiry) if expiry.is_over(now) => {
            fields.refuse("exp_year", "expired", "the card has expired");
            None
        }
        Ok(expiry) => Some(expiry),
        Err(error) => {
            let field = if (1..=12).contains(&month) { "exp_year" } else { "exp_month" };
            fields.refuse(field, "invalid", error.to_string());
            None
        }
    }
}

async fn store(caller: Merchant, Json(body): Json<StoreCard>) -> Answer<CardView> {
    if !caller.bank().config().cards.are_stored {
        return Err(Problem::new(Code::CardsNotStored));
    }
    let new = body.check(caller.bank().tools(), caller.mode())?;
    let (merchant, mode) = (caller.id(), caller.mode());
    let taken = take(&caller, &new).await?;
    caller
        .once("cards.store", move |tx, act| {
            let of = (&merchant, mode);
            let (row, duplicate) = match &taken {
                Held::ByTheBank => super::store_in(tx, act, of, &new)?,
                Held::ByTheVault(Some(taken)) => super::store_taken_in(tx, act, of, &new, taken)?,
                Held::ByTheVault(None) => return Err(released()),
            };
            Ok(Ok(Reply::created(&row.view(duplicate)).about(&row.id)))
        })
        .await
}

/// Has the vault seal the number, where there is one and the request was not begun before.
async fn take(caller: &Merchant, new: &NewCard) -> Result<Held<Taken>, Problem> {
    let Keeper::Vault(vault) = caller.bank().card_keeper() else { return Ok(Held::ByTheBank) };
    if caller.was_begun().await? {
        return Ok(Held::ByTheVault(None));
    }
    let card = caller.bank().tools().id();
    Ok(Held::ByTheVault(Some(vault.take((&caller.id(), card), new).await?)))
}

async fn get(caller: Merchant, Path(id): Path<CardId>) -> Answer<CardView> {
    let (merchant, mode) = (caller.id(), caller.mode());
    let found = caller
        .read("cards.get", move |tx| {
            let Some(card) = super::find(tx, (&merchant, mode), &id)? else { return Ok(None) };
            let duplicate = super::duplicate_of(tx, &card)?;
            Ok(Some(card.row().view(duplicate)))
        })
        .await?;
    found.map(|view| Reply::ok(&view)).ok_or_else(|| Problem::new(Code::NotFound))
}

async fn delete(caller: Merchant, Path(id): Path<CardId>) -> Answer<Empty> {
    let (merchant, mode) = (caller.id(), caller.mode());
    caller
        .write("cards.delete", move |tx, act| super::delete_in(tx, act, (&merchant, mode), &id))
        .await??;
    Ok(Reply::no_content())
}

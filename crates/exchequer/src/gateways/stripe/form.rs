//! Stripe's forms. A form with a card in it is wiped when its request is through; its buffer never grows.

use std::fmt::Display;

use bytes::Bytes;
use money::Money;
use zeroize::Zeroizing;

use crate::gateways::{Card, Operation};

pub(super) struct Form(Zeroizing<String>);

/// Three times what a form with a card has.
const FORM_BYTES: usize = 1_024;

impl Form {
    pub fn new() -> Self {
        Self(Zeroizing::new(String::with_capacity(FORM_BYTES)))
    }

    /// Names are ours; values are escaped.
    pub fn field(self, name: &str, value: impl Display) -> Self {
        self.text(name, &value.to_string())
    }

    fn text(mut self, name: &str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.extend(form_urlencoded::byte_serialize(value.as_bytes()));
        self
    }

    /// A payment method of a card, with its security code where there is one.
    pub fn card(card: &Card) -> Self {
        // A number is digits and nothing else.
        let number = str::from_utf8(card.number.expose()).unwrap_or_default();
        let form = Self::new()
            .text("type", "card")
            .text("card[number]", number)
            .field("card[exp_month]", card.expiry.month())
            .field("card[exp_year]", card.expiry.year());
        match &card.cvv {
            Some(cvv) => form.text("card[cvc]", cvv.expose()),
            None => form,
        }
    }

    /// An intent that is confirmed later.
    pub fn intent(
        operation: &Operation<'_>,
        (money, capture): (Money, bool),
        method: &str,
    ) -> Self {
        Self::new()
            .field("amount", money.minor())
            .text("currency", &money.currency().code().to_ascii_lowercase())
            .text("payment_method", method)
            .text("payment_method_types[]", "card")
            .text("capture_method", if capture { "automatic" } else { "manual" })
            .text("confirm", "false")
            .ours(operation)
    }

    pub fn refund(operation: &Operation<'_>, intent: &str, money: Money) -> Self {
        Self::new().text("payment_intent", intent).field("amount", money.minor()).ours(operation)
    }

    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(Owned(self.0))
    }

    fn ours(self, operation: &Operation<'_>) -> Self {
        self.text("metadata[operation]", operation.id).field("metadata[payment]", operation.payment)
    }
}

/// Keeps the wiping text alive as bytes.
struct Owned(Zeroizing<String>);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::Timestamp;
    use vault::SecretString;
    use vault::card::{Expiry, Number};

    #[test]
    fn a_card_fits_the_buffer_and_values_are_escaped() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let Ok(number) = Number::parse("6205500000000000004") else { panic!("no number") };
        let cvv = Some(SecretString::new("12&4".to_owned()));
        let expiry = Expiry::new(2, 2030, now).unwrap();
        let form = Form::card(&Card { number, expiry, cvv });
        assert_eq!(form.0.capacity(), FORM_BYTES);
        let expected = "type=card&card[number]=6205500000000000004&card[exp_month]=2\
                        &card[exp_year]=2030&card[cvc]=12%264";
        assert_eq!(form.0.as_str(), expected);
    }
}

//! The test cards: each number, whose brand it has, and what becomes of a payment with it.
//!
//! One table, for the sandbox gateway, for the bank's test mode (which accepts exactly these numbers) and
//! for the demo, which prints them. Most are numbers that the schemes and processors publish for tests; those
//! from 4000000000001000 on are ours. None is anybody's card.

use vault::card::Brand;

/// A number that tests pay with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestCard {
    pub number: &'static str,
    pub brand: Brand,
    pub fate: Fate,
}

/// What becomes of a payment. What is said of an answer is said of the first under an id; the next is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Approved,
    /// Refused with this code.
    Refused(CardRefusal),
    /// Charged, and the connection breaks before the answer.
    AnswerLost,
    /// Charged, and the answer never comes.
    Hangs,
    /// Charged, and the answer is HTTP 500.
    ErrorAfter,
    /// Never charged, and every answer is HTTP 500.
    ErrorBefore,
    /// Charged, and the answer tells of another amount.
    WrongAmount,
}

/// Why an issuer refuses, in its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardRefusal {
    Declined,
    InsufficientFunds,
    Lost,
    Stolen,
    Expired,
    IncorrectCvc,
    ProcessingError,
}

pub const TEST_CARDS: [TestCard; 31] = [
    approved("4242424242424242", Brand::Visa),
    approved("4111111111111111", Brand::Visa),
    approved("4012888888881881", Brand::Visa),
    approved("4000056655665556", Brand::Visa),
    approved("5555555555554444", Brand::Mastercard),
    approved("5105105105105100", Brand::Mastercard),
    approved("2223003122003222", Brand::Mastercard),
    approved("378282246310005", Brand::AmericanExpress),
    approved("371449635398431", Brand::AmericanExpress),
    approved("6011111111111117", Brand::Discover),
    approved("6011000990139424", Brand::Discover),
    approved("3056930009020004", Brand::DinersClub),
    approved("30569309025904", Brand::DinersClub),
    approved("38520000023237", Brand::DinersClub),
    approved("3566002020360505", Brand::Jcb),
    approved("3530111333300000", Brand::Jcb),
    approved("6200000000000005", Brand::UnionPay),
    approved("6527658900001005", Brand::RuPay),
    approved("6759649826438453", Brand::Maestro),
    refused("4000000000000002", CardRefusal::Declined),
    refused("4000000000009995", CardRefusal::InsufficientFunds),
    refused("4000000000009987", CardRefusal::Lost),
    refused("4000000000009979", CardRefusal::Stolen),
    refused("4000000000000069", CardRefusal::Expired),
    refused("4000000000000127", CardRefusal::IncorrectCvc),
    refused("4000000000000119", CardRefusal::ProcessingError),
    visa("4000000000001000", Fate::AnswerLost),
    visa("4000000000001018", Fate::Hangs),
    visa("4000000000001026", Fate::ErrorAfter),
    visa("4000000000001034", Fate::ErrorBefore),
    visa("4000000000001042", Fate::WrongAmount),
];

impl TestCard {
    /// By its digits alone, without blanks.
    pub fn find(number: &str) -> Option<&'static Self> {
        TEST_CARDS.iter().find(|card| card.number == number)
    }
}

impl Fate {
    /// In the demo's list and in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Refused(refusal) => refusal.as_str(),
            Self::AnswerLost => "charged_answer_lost",
            Self::Hangs => "charged_hangs",
            Self::ErrorAfter => "charged_error_500",
            Self::ErrorBefore => "not_charged_error_500",
            Self::WrongAmount => "charged_wrong_amount",
        }
    }
}

impl CardRefusal {
    pub const ALL: [Self; 7] = [
        Self::Declined,
        Self::InsufficientFunds,
        Self::Lost,
        Self::Stolen,
        Self::Expired,
        Self::IncorrectCvc,
        Self::ProcessingError,
    ];

    /// The code in the answer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Declined => "card_declined",
            Self::InsufficientFunds => "insufficient_funds",
            Self::Lost => "lost_card",
            Self::Stolen => "stolen_card",
            Self::Expired => "expired_card",
            Self::IncorrectCvc => "incorrect_cvc",
            Self::ProcessingError => "processing_error",
        }
    }
}

const fn approved(number: &'static str, brand: Brand) -> TestCard {
    TestCard { number, brand, fate: Fate::Approved }
}

const fn refused(number: &'static str, refusal: CardRefusal) -> TestCard {
    visa(number, Fate::Refused(refusal))
}

const fn visa(number: &'static str, fate: Fate) -> TestCard {
    TestCard { number, brand: Brand::Visa, fate }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vault::card::Number;

    #[test]
    fn each_is_a_number_of_its_brand_and_stands_once() {
        for (place, card) in TEST_CARDS.iter().enumerate() {
            let Ok(number) = Number::parse(card.number) else { panic!("{}", card.number) };
            assert_eq!(number.brand(), Some(card.brand), "{}", card.number);
            assert_eq!(
                TEST_CARDS.iter().position(|other| other.number == card.number),
                Some(place)
            );
            assert_eq!(TestCard::find(card.number), Some(card));
        }
        for brand in Brand::ALL {
            let approved = |card: &&TestCard| card.brand == brand && card.fate == Fate::Approved;
            assert!(TEST_CARDS.iter().any(|card| approved(&card)), "{brand:?}");
        }
        for refusal in CardRefusal::ALL {
            assert!(TEST_CARDS.iter().any(|card| card.fate == Fate::Refused(refusal)));
        }
    }
}

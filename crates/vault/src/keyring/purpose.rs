//! What data keys are for, and the states of one.

/// What a data key is for; no key serves two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Sealing personal fields.
    PersonalData,
    /// Looking a sealed field up.
    BlindIndex,
    /// Signing access tokens: the key is an Ed25519 seed.
    TokenSigning,
    /// Hashing sensitive fields in events.
    EventFields,
    /// Sealing card numbers (PCI DSS 4.0.1, 3.6.1: no key of anything else).
    CardData,
    /// Fingerprints of cards and format-preserving tokens.
    CardTokens,
    /// Sealing what merchants and webhook endpoints sign with.
    MerchantSecrets,
    /// Signing checkpoints of the Merkle log: the key is an Ed25519 seed.
    LogSigning,
    /// Encrypting the file of an embedded database. Kept beside the file and not in its table, so it is not of
    /// [`Purpose::ALL`].
    DatabaseFile,
}

/// The purposes that seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealing {
    PersonalData,
    CardData,
    MerchantSecrets,
}

/// Whether a key is used for new values, only for old ones, or gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    Active,
    Retired,
    /// Its row is kept, so that its number is never given again; the key in it is overwritten.
    Destroyed,
}

impl Purpose {
    /// Those of which every bank has keys in its table.
    pub const ALL: [Self; 8] = [
        Self::PersonalData,
        Self::BlindIndex,
        Self::TokenSigning,
        Self::EventFields,
        Self::CardData,
        Self::CardTokens,
        Self::MerchantSecrets,
        Self::LogSigning,
    ];

    /// Came with a later version, so a bank that is older has no key of it until `migrate` makes one. Of
    /// the others a missing key is damage, which a new one would only hide.
    pub const fn came_later(self) -> bool {
        match self {
            Self::PersonalData | Self::BlindIndex | Self::TokenSigning | Self::EventFields => false,
            Self::CardData
            | Self::CardTokens
            | Self::MerchantSecrets
            | Self::LogSigning
            | Self::DatabaseFile => true,
        }
    }

    /// The word in the `data_keys` table and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PersonalData => "personal_data",
            Self::BlindIndex => "blind_index",
            Self::TokenSigning => "token_signing",
            Self::EventFields => "event_fields",
            Self::CardData => "card_data",
            Self::CardTokens => "card_tokens",
            Self::MerchantSecrets => "merchant_secrets",
            Self::LogSigning => "log_signing",
            Self::DatabaseFile => "database_file",
        }
    }

    /// Of [`Purpose::ALL`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }

    /// The purpose as one that seals; none for those that hash or sign.
    pub fn sealing(self) -> Option<Sealing> {
        Sealing::ALL.into_iter().find(|sealing| sealing.purpose() == self)
    }
}

impl KeyState {
    /// The word in the `data_keys` table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Destroyed => "destroyed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Retired, Self::Destroyed]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

impl Sealing {
    pub const ALL: [Self; 3] = [Self::PersonalData, Self::CardData, Self::MerchantSecrets];

    pub const fn purpose(self) -> Purpose {
        match self {
            Self::PersonalData => Purpose::PersonalData,
            Self::CardData => Purpose::CardData,
            Self::MerchantSecrets => Purpose::MerchantSecrets,
        }
    }
}

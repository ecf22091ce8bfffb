//! The master key, wherever it is kept: a file beside the bank, OpenBao's or Vault's Transit engine, or AWS KMS.
//!
//! Data keys are wrapped when they are made and unwrapped at start-up and when their table has changed; no
//! request waits for it. Where it cannot be asked there are no keys: nothing falls back to another way.

use money::{Rng, Timestamp};
use vault::{DataKey, KeyError, KeyState, Keyring, MasterKey, WrappedKey};

use super::kms::{Kms, KmsError};
use super::transit::{Transit, TransitError};

pub enum Master {
    File(MasterKey),
    Transit(Transit),
    Kms(Kms),
}

/// Why keys are not wrapped or unwrapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterError {
    #[error("the data keys do not open: {0}; was this database made with another master key?")]
    Key(#[from] KeyError),
    #[error("the master key at {at} cannot be used: {reason}")]
    Transit { at: String, reason: TransitError },
    #[error("the master key in AWS KMS at {at} cannot be used: {reason}")]
    Kms { at: String, reason: KmsError },
}

impl Master {
    /// As events name it.
    pub fn name(&self) -> String {
        match self {
            Self::File(key) => {
                format!("file:{}", data_encoding::HEXLOWER.encode(&key.id()))
            }
            Self::Transit(transit) => format!("transit:{}", transit.key_name()),
            Self::Kms(kms) => format!("aws-kms:{}", kms.key_name()),
        }
    }

    /// The rows of these keys, in their order.
    pub async fn wrap(&self, rng: &Rng, keys: &[DataKey]) -> Result<Vec<WrappedKey>, MasterError> {
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            rows.push(match self {
                Self::File(master) => key.wrap(master, rng)?,
                Self::Transit(transit) => {
                    let label = label(key.purpose(), key.version());
                    let ciphertext = transit.encrypt(&key.envelope(), &label).await;
                    let ciphertext = ciphertext.map_err(|reason| failed(transit, reason))?;
                    key.wrapped_elsewhere(transit.id(), &ciphertext)
                }
                Self::Kms(kms) => {
                    let label = label(key.purpose(), key.version());
                    let ciphertext = kms.encrypt(&key.envelope(), &label).await;
                    let ciphertext = ciphertext.map_err(|reason| failed_in_kms(kms, reason))?;
                    key.wrapped_elsewhere(kms.id(), &ciphertext)
                }
            });
        }
        Ok(rows)
    }

    /// The keys of these rows but of those that are destroyed.
    pub async fn unwrap_keys(&self, rows: &[WrappedKey]) -> Result<Vec<DataKey>, MasterError> {
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| row.state != KeyState::Destroyed) {
            keys.push(match self {
                Self::File(master) => row.unwrap_key(master)?,
                Self::Transit(transit) => {
                    let ciphertext = row.ciphertext_elsewhere(transit.id())?;
                    let label = label(row.purpose, row.version);
                    let envelope = transit.decrypt(ciphertext, &label).await;
                    let envelope = envelope.map_err(|reason| failed(transit, reason))?;
                    row.opened_elsewhere(&envelope)?
                }
                Self::Kms(kms) => {
                    let ciphertext = row.ciphertext_elsewhere(kms.id())?;
                    let label = label(row.purpose, row.version);
                    let envelope = kms.decrypt(ciphertext, &label).await;
                    let envelope = envelope.map_err(|reason| failed_in_kms(kms, reason))?;
                    row.opened_elsewhere(&envelope)?
                }
            });
        }
        Ok(keys)
    }

    pub async fn keyring(
        &self,
        rows: &[WrappedKey],
        now: Timestamp,
    ) -> Result<Keyring, MasterError> {
        Ok(Keyring::of_keys(self.unwrap_keys(rows).await?, now)?)
    }
}

/// What is authenticated with a key.
fn label(purpose: vault::Purpose, version: u32) -> String {
    format!("exchequer.v1.data-key:{version}:{}", purpose.as_str())
}

fn failed(transit: &Transit, reason: TransitError) -> MasterError {
    MasterError::Transit { at: transit.address().to_owned(), reason }
}

fn failed_in_kms(kms: &Kms, reason: KmsError) -> MasterError {
    MasterError::Kms { at: kms.address().to_owned(), reason }
}

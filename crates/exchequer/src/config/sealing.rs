//! What values are sealed with.

use vault::Cipher;

use super::reading::Reading;

pub(super) fn read(reading: &mut Reading) -> Cipher {
    Cipher::from_name(reading.choice("sealing_cipher"))
        .unwrap_or_else(|| unreachable!("the table's ciphers are those of the enum"))
}

//! Values that must not be seen: bytes and text without `Debug`, `Display`, `Serialize` or `Clone`.
//!
//! What these types cannot do is the point of them: a log line, an error text or a snapshot that
//! would show one does not compile. They are wiped when dropped (the whole allocation, spare
//! capacity included), and `==` takes the same time wherever the two differ.
//!
//! Not covered: copies made before a value came here (a request's buffer, a `String` that grew),
//! and the length, which `==` and the allocator show.

use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

/// Secret bytes: an opened sealed value, key material.
#[derive(ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

/// Secret text: a password, a token, the master key's file.
#[derive(ZeroizeOnDrop)]
pub struct SecretString(String);

impl SecretBytes {
    /// Takes the buffer over, so that no second copy is left behind.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The one way to the content; searching for this word finds every use.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Keeps the first `len` bytes and wipes the others at once.
    pub(crate) fn keep_first(&mut self, len: usize) {
        if let Some(rest) = self.0.get_mut(len..) {
            zeroize::Zeroize::zeroize(rest);
        }
        self.0.truncate(len);
    }

    pub(crate) fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl SecretString {
    /// Takes the buffer over, so that no second copy is left behind.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The one way to the content; searching for this word finds every use.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretBytes {}

impl PartialEq for SecretString {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SecretString {}

#[cfg(test)]
mod tests;

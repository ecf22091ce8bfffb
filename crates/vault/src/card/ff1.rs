//! FF1: encryption of a string of digits into another one of the same length and radix.
//!
//! NIST SP 800-38G (March 2016), algorithms 7 and 8 of §5.1, with the smallest domain of a million
//! strings that the draft of Revision 1 asks for. AES is that of aws-lc-rs, a block at a time.
//!
//! Cost: ten rounds of a few AES blocks, together about a microsecond; no allocation. Bound:
//! [`MAX_DIGITS`] and [`MAX_TWEAK_BYTES`], which keep a half of the string within 64 bits and the
//! pseudorandom number of a round within one AES block, so that the case of a longer one (step
//! 6.iii) does not occur. Every buffer with digits is wiped; registers and what the compiler spills
//! are beyond that. Never here: authentication (any string of digits decrypts to something),
//! randomness (equal inputs give equal outputs), and a promise of constant time: the divisions by
//! the radix may take more or less.

use aws_lc_rs::cipher::{AES_128, AES_192, AES_256, EncryptingKey, UnboundCipherKey};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// A key for strings of one radix.
pub(super) struct Ff1 {
    key: EncryptingKey,
    radix: u8,
}

/// Why a string was not encrypted or decrypted, in the order in which it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ff1Error {
    #[error("the radix is not one from 2 to 36")]
    Radix,
    #[error("the key has not 16, 24 or 32 bytes")]
    Key,
    #[error("the tweak is longer than {MAX_TWEAK_BYTES} bytes")]
    Tweak,
    #[error("the string is too short to be safe, or longer than {MAX_DIGITS} digits")]
    Length,
    #[error("a digit is not below the radix")]
    Digit,
    #[error("the cryptographic library refused to encrypt")]
    Refused,
}

/// A half of them is less than 36^12, which is less than 2^63.
pub(super) const MAX_DIGITS: usize = 24;

/// More than an id and a few digits; the standard has no limit.
pub(super) const MAX_TWEAK_BYTES: usize = 32;

/// `radix^minlen` in the draft of SP 800-38G Revision 1; the first edition asks for 100.
const MIN_DOMAIN: u128 = 1_000_000;

const ROUNDS: u8 = 10;

const BLOCK: usize = 16;

/// The block P, and Q: the tweak, the round, at most eight bytes of number, and the padding.
const MESSAGE: usize = 4 * BLOCK;
const _: () = assert!(BLOCK.saturating_add(MAX_TWEAK_BYTES).saturating_add(1 + 8) <= MESSAGE);

impl Ff1 {
    pub(super) fn new(key: &[u8], radix: u8) -> Result<Self, Ff1Error> {
        if !(2..=36).contains(&radix) {
            return Err(Ff1Error::Radix);
        }
        let algorithm = match key.len() {
            16 => &AES_128,
            24 => &AES_192,
            32 => &AES_256,
            _ => return Err(Ff1Error::Key),
        };
        let key = UnboundCipherKey::new(algorithm, key)
            .and_then(EncryptingKey::ecb)
            .map_err(|_unspecified| Ff1Error::Refused)?;
        Ok(Self { key, radix })
    }

    /// Encrypts `digits` (values below the radix) in place; on an error they are as they were.
    pub(super) fn encrypt(&self, tweak: &[u8], digits: &mut [u8]) -> Result<(), Ff1Error> {
        let mut rounds = Rounds::new(self, tweak, digits)?;
        let mut halves = Halves::of(digits, self.radix);
        for round in 0..ROUNDS {
            let modulus = rounds.modulus(round);
            let number = rounds.number(round, halves.right)?;
            let next = add(halves.left, number, modulus);
            halves.left = std::mem::replace(&mut halves.right, next);
        }
        halves.write(digits, self.radix);
        Ok(())
    }

    /// The way back of [`Ff1::encrypt`] with the same tweak.
    pub(super) fn decrypt(&self, tweak: &[u8], digits: &mut [u8]) -> Result<(), Ff1Error> {
        let mut rounds = Rounds::new(self, tweak, digits)?;
        let mut halves = Halves::of(digits, self.radix);
        for round in (0..ROUNDS).rev() {
            let modulus = rounds.modulus(round);
            let number = rounds.number(round, halves.left)?;
            let previous = subtract(halves.right, number, modulus);
            halves.right = std::mem::replace(&mut halves.left, previous);
        }
        halves.write(digits, self.radix);
        Ok(())
    }
}

/// The string as two numbers, A and B of the standard; the left half is the shorter one.
#[derive(ZeroizeOnDrop)]
struct Halves {
    left: u128,
    right: u128,
}

impl Halves {
    fn of(digits: &[u8], radix: u8) -> Self {
        let (left, right) = digits.split_at(digits.len() >> 1);
        Self { left: number_of(left, radix), right: number_of(right, radix) }
    }

    fn write(&self, digits: &mut [u8], radix: u8) {
        let (left, right) = digits.split_at_mut(digits.len() >> 1);
        write_number(self.left, left, radix);
        write_number(self.right, right, radix);
    }
}

/// What the rounds of one string share.
struct Rounds<'a> {
    ff1: &'a Ff1,
    /// P ‖ Q, in which a round changes only the end.
    message: Zeroizing<[u8; MESSAGE]>,
    message_len: usize,
    /// b of the standard: bytes of a half as a number.
    number_len: usize,
    /// d of the standard.
    output_len: usize,
    /// The numbers of strings as long as the left half, and the right one.
    moduli: [u128; 2],
}

impl<'a> Rounds<'a> {
    /// Steps 1 to 5, and what §5.1 asks of the input.
    fn new(ff1: &'a Ff1, tweak: &[u8], digits: &[u8]) -> Result<Self, Ff1Error> {
        if tweak.len() > MAX_TWEAK_BYTES {
            return Err(Ff1Error::Tweak);
        }
        let (left, right) = digits.split_at(digits.len() >> 1);
        if digits.len() > MAX_DIGITS || strings_of(digits, ff1.radix) < MIN_DOMAIN {
            return Err(Ff1Error::Length);
        }
        if digits.iter().any(|digit| *digit >= ff1.radix) {
            return Err(Ff1Error::Digit);
        }
        let moduli = [strings_of(left, ff1.radix), strings_of(right, ff1.radix)];
        let [_, most] = moduli;
        let number_len =
            most.saturating_sub(1).to_be_bytes().iter().skip_while(|byte| **byte == 0).count();
        let q_len = tweak.len().saturating_add(1).saturating_add(number_len);

        let [.., u] = left.len().to_be_bytes();
        let [.., n3, n2, n1, n0] = digits.len().to_be_bytes();
        let [.., t3, t2, t1, t0] = tweak.len().to_be_bytes();
        let p = [1, 2, 1, 0, 0, ff1.radix, ROUNDS, u, n3, n2, n1, n0, t3, t2, t1, t0];
        let mut message = Zeroizing::new([0; MESSAGE]);
        for (place, byte) in message.iter_mut().zip(p.iter().chain(tweak)) {
            *place = *byte;
        }
        Ok(Self {
            ff1,
            message,
            message_len: q_len.next_multiple_of(BLOCK).saturating_add(BLOCK),
            number_len,
            output_len: number_len.next_multiple_of(4).saturating_add(4),
            moduli,
        })
    }

    /// Even rounds change a half as long as the left one (step 6.v).
    fn modulus(&self, round: u8) -> u128 {
        let [even, odd] = self.moduli;
        if round & 1 == 0 { even } else { odd }
    }

    /// y of the round for the half that is not changed: steps 6.i to 6.iv.
    fn number(&mut self, round: u8, half: u128) -> Result<u128, Ff1Error> {
        let from_the_end = half.to_le_bytes().into_iter().take(self.number_len).chain([round]);
        for (place, byte) in self.message.iter_mut().take(self.message_len).rev().zip(from_the_end)
        {
            *place = byte;
        }
        // PRF (algorithm 6): the last block of CBC with an initial vector of zeros.
        let mut block = Zeroizing::new([0; BLOCK]);
        for chunk in self.message.chunks_exact(BLOCK).take(self.message_len.div_ceil(BLOCK)) {
            for (to, from) in block.iter_mut().zip(chunk) {
                *to ^= from;
            }
            self.ff1.key.encrypt(block.as_mut_slice()).map_err(|_unspecified| Ff1Error::Refused)?;
        }
        let output = block.iter().take(self.output_len);
        Ok(output.fold(0, |number, byte| number << 8 | u128::from(*byte)))
    }
}

/// How many strings are as long as this one: `radix^length`.
fn strings_of(digits: &[u8], radix: u8) -> u128 {
    digits.iter().fold(1, |strings: u128, _| strings.saturating_mul(u128::from(radix)))
}

/// NUM with a radix (algorithm 1).
fn number_of(digits: &[u8], radix: u8) -> u128 {
    digits.iter().fold(0, |number: u128, digit| {
        number.saturating_mul(u128::from(radix)).saturating_add(u128::from(*digit))
    })
}

/// STR (algorithm 3): all of `digits`, from the last to the first.
#[expect(clippy::arithmetic_side_effects, reason = "the radix is at least 2")]
fn write_number(mut number: u128, digits: &mut [u8], radix: u8) {
    let radix = u128::from(radix);
    for place in digits.iter_mut().rev() {
        [*place, ..] = (number % radix).to_le_bytes();
        number /= radix;
    }
}

/// `a` is below the modulus.
#[expect(clippy::arithmetic_side_effects, reason = "moduli lie between 2 and 2^63")]
fn add(a: u128, number: u128, modulus: u128) -> u128 {
    (a + number % modulus) % modulus
}

/// `a` is below the modulus.
#[expect(clippy::arithmetic_side_effects, reason = "moduli lie between 2 and 2^63")]
fn subtract(a: u128, number: u128, modulus: u128) -> u128 {
    (a + modulus - number % modulus) % modulus
}

#[cfg(test)]
mod tests;

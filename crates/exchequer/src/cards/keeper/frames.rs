//! What bank and vault say to each other: frames, each its length in four bytes, a version, a kind and a body.
//!
//! Numbers are big-endian, lists and texts carry their length, nothing is optional and nothing may be left over.
//! Bound: a frame is at most [`MAX_FRAME`] bytes, and a longer one is not read. Pure: bytes in, values out. A frame
//! that cannot be read is [`FrameError`] and never a panic; buffers that may hold a number are wiped.

use money::{CardId, MerchantId};
use zeroize::Zeroizing;

/// Of this protocol. Another one is refused, and said.
pub const VERSION: u8 = 1;
/// Bytes behind the length: [`MAX_VALUES`] sealed values fit.
pub const MAX_FRAME: usize = 64 * 1024;
/// Values of one [`Ask::Reseal`].
pub const MAX_VALUES: usize = 256;

/// What the bank asks for.
#[derive(PartialEq, Eq)]
pub enum Ask {
    /// Which version seals.
    Status,
    /// To seal a number for a card and to say by what it is known.
    Take { merchant: MerchantId, card: CardId, wants_token: bool, number: Zeroizing<Vec<u8>> },
    /// To open a number.
    Open { merchant: MerchantId, card: CardId, purpose: u8, about: String, sealed: Vec<u8> },
    /// To seal anew what is not sealed with the newest version; nothing of it is shown.
    Reseal { values: Vec<(CardId, Vec<u8>)> },
}

/// What the vault says.
#[derive(PartialEq, Eq)]
pub enum Reply {
    Status { version: u32 },
    Taken { sealed: Vec<u8>, marks: Vec<Mark> },
    Number(Zeroizing<Vec<u8>>),
    Resealed(Vec<Resealed>),
    Refused { reason: Reason, retry_seconds: u32 },
}

/// By what a number is known under one version of the key for it; the newest comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub version: u32,
    pub fingerprint: [u8; 32],
    /// Where one was wanted.
    pub token: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resealed {
    /// It opens, and is sealed with the newest version.
    Current,
    New(Vec<u8>),
    /// It does not open.
    Damaged,
}

/// Why the vault does not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The frame is of another version of the protocol.
    Version = 1,
    /// The frame cannot be read, or asks for what there is not.
    Malformed = 2,
    /// The other process is not the bank's.
    Stranger = 3,
    /// As many numbers were opened as may be.
    Capped = 4,
    /// The sealed value does not open: it was changed, moved, or sealed by another vault.
    Damaged = 5,
    /// The vault's own database or keys.
    Unavailable = 6,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of another version")]
    Version,
    #[error("a frame that cannot be read")]
    Malformed,
}

impl Ask {
    pub fn frame(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::new(match self {
            Self::Status => 0,
            Self::Take { .. } => 1,
            Self::Open { .. } => 2,
            Self::Reseal { .. } => 3,
        });
        match self {
            Self::Status => {}
            Self::Take { merchant, card, wants_token, number } => {
                out.raw(merchant.bytes()).raw(card.bytes()).raw(&[u8::from(*wants_token)]);
                out.value(number);
            }
            Self::Open { merchant, card, purpose, about, sealed } => {
                out.raw(merchant.bytes()).raw(card.bytes()).raw(&[*purpose]);
                out.value(about.as_bytes()).value(sealed);
            }
            Self::Reseal { values } => {
                out.count(values.len());
                for (card, sealed) in values {
                    out.raw(card.bytes()).value(sealed);
                }
            }
        }
        out.finish()
    }

    /// Reads what follows the length.
    pub fn read(frame: &[u8]) -> Result<Self, FrameError> {
        let (kind, mut body) = Reader::open(frame)?;
        let ask = match kind {
            0 => Self::Status,
            1 => Self::Take {
                merchant: MerchantId::from_bytes(body.array()?),
                card: CardId::from_bytes(body.array()?),
                wants_token: body.flag()?,
                number: Zeroizing::new(body.value()?.to_vec()),
            },
            2 => Self::Open {
                merchant: MerchantId::from_bytes(body.array()?),
                card: CardId::from_bytes(body.array()?),
                purpose: body.byte()?,
                about: body.text()?,
                sealed: body.value()?.to_vec(),
            },
            3 => {
                let count = body.count()?;
                let one = |body: &mut Reader<'_>| {
                    Ok((CardId::from_bytes(body.array()?), body.value()?.to_vec()))
                };
                Self::Reseal {
                    values: (0..count).map(|_| one(&mut body)).collect::<Result<_, _>>()?,
                }
            }
            _ => return Err(FrameError::Malformed),
        };
        body.end().map(|()| ask)
    }
}

impl Reply {
    pub fn frame(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::new(match self {
            Self::Status { .. } => 0,
            Self::Taken { .. } => 1,
            Self::Number(_) => 2,
            Self::Resealed(_) => 3,
            Self::Refused { .. } => 255,
        });
        match self {
            Self::Status { version } => {
                out.raw(&version.to_be_bytes());
            }
            Self::Taken { sealed, marks } => {
                out.value(sealed).count(marks.len());
                for mark in marks {
                    out.raw(&mark.version.to_be_bytes()).raw(&mark.fingerprint);
                    out.value(mark.token.as_deref().unwrap_or_default().as_bytes());
                }
            }
            Self::Number(digits) => {
                out.value(digits);
            }
            Self::Resealed(values) => {
                out.count(values.len());
                for value in values {
                    match value {
                        Resealed::Current => out.raw(&[0]),
                        Resealed::New(sealed) => out.raw(&[1]).value(sealed),
                        Resealed::Damaged => out.raw(&[2]),
                    };
                }
            }
            Self::Refused { reason, retry_seconds } => {
                out.raw(&[reason.code()]).raw(&retry_seconds.to_be_bytes());
            }
        }
        out.finish()
    }

    /// Reads what follows the length.
    pub fn read(frame: &[u8]) -> Result<Self, FrameError> {
        let (kind, mut body) = Reader::open(frame)?;
        let reply = match kind {
            0 => Self::Status { version: body.number()? },
            1 => {
                let sealed = body.value()?.to_vec();
                let count = body.count()?;
                Self::Taken {
                    sealed,
                    marks: (0..count).map(|_| body.mark()).collect::<Result<_, _>>()?,
                }
            }
            2 => Self::Number(Zeroizing::new(body.value()?.to_vec())),
            3 => {
                let count = body.count()?;
                Self::Resealed((0..count).map(|_| body.resealed()).collect::<Result<_, _>>()?)
            }
            255 => Self::Refused {
                reason: Reason::of(body.byte()?).ok_or(FrameError::Malformed)?,
                retry_seconds: body.number()?,
            },
            _ => return Err(FrameError::Malformed),
        };
        body.end().map(|()| reply)
    }
}

impl Reason {
    const ALL: [Self; 6] = [
        Self::Version,
        Self::Malformed,
        Self::Stranger,
        Self::Capped,
        Self::Damaged,
        Self::Unavailable,
    ];

    const fn code(self) -> u8 {
        match self {
            Self::Version => 1,
            Self::Malformed => 2,
            Self::Stranger => 3,
            Self::Capped => 4,
            Self::Damaged => 5,
            Self::Unavailable => 6,
        }
    }

    fn of(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

impl From<FrameError> for Reason {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Version => Self::Version,
            FrameError::Malformed => Self::Malformed,
        }
    }
}

/// Values of more than 65,535 bytes, or more of them, do not occur: they are cut, and the frame then is malformed.
struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    fn new(kind: u8) -> Self {
        // With the capacity known no outgrown buffer with a number in it is left behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FRAME));
        bytes.extend_from_slice(&[0, 0, 0, 0, VERSION, kind]);
        Self(bytes)
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn count(&mut self, count: usize) -> &mut Self {
        self.raw(&u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes())
    }

    fn value(&mut self, bytes: &[u8]) -> &mut Self {
        self.count(bytes.len()).raw(bytes)
    }

    fn finish(mut self) -> Zeroizing<Vec<u8>> {
        let length = u32::try_from(self.0.len().saturating_sub(4)).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self.0
    }
}

struct Reader<'f>(&'f [u8]);

impl<'f> Reader<'f> {
    fn open(frame: &'f [u8]) -> Result<(u8, Self), FrameError> {
        match frame {
            [VERSION, kind, body @ ..] => Ok((*kind, Self(body))),
            [_, ..] if frame.first() != Some(&VERSION) => Err(FrameError::Version),
            _ => Err(FrameError::Malformed),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'f [u8], FrameError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(FrameError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        self.take(N)?.try_into().map_err(|_| FrameError::Malformed)
    }

    fn byte(&mut self) -> Result<u8, FrameError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn flag(&mut self) -> Result<bool, FrameError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(FrameError::Malformed),
        }
    }

    fn number(&mut self) -> Result<u32, FrameError> {
        self.array().map(u32::from_be_bytes)
    }

    fn length(&mut self) -> Result<usize, FrameError> {
        self.array().map(u16::from_be_bytes).map(usize::from)
    }

    fn count(&mut self) -> Result<usize, FrameError> {
        let count = self.length()?;
        if count > MAX_VALUES { Err(FrameError::Malformed) } else { Ok(count) }
    }

    fn value(&mut self) -> Result<&'f [u8], FrameError> {
        let length = self.length()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<String, FrameError> {
        let text = std::str::from_utf8(self.value()?).map_err(|_| FrameError::Malformed)?;
        Ok(text.to_owned())
    }

    fn mark(&mut self) -> Result<Mark, FrameError> {
        let (version, fingerprint) = (self.number()?, self.array()?);
        let token = self.text()?;
        Ok(Mark { version, fingerprint, token: (!token.is_empty()).then_some(token) })
    }

    fn resealed(&mut self) -> Result<Resealed, FrameError> {
        match self.byte()? {
            0 => Ok(Resealed::Current),
            1 => Ok(Resealed::New(self.value()?.to_vec())),
            2 => Ok(Resealed::Damaged),
            _ => Err(FrameError::Malformed),
        }
    }

    fn end(&self) -> Result<(), FrameError> {
        if self.0.is_empty() { Ok(()) } else { Err(FrameError::Malformed) }
    }
}

#[cfg(test)]
mod tests;

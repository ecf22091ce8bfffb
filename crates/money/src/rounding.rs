//! The seven ways to round to a whole minor unit, each defined also below zero.

/// What becomes of the part below one minor unit. "Tie" means exactly half a unit.
///
/// | mode | 1.5 | 2.5 | −1.5 | −2.5 | 1.1 | −1.1 |
/// |--|--|--|--|--|--|--|
/// | `HalfUp` | 2 | 3 | −2 | −3 | 1 | −1 |
/// | `HalfEven` | 2 | 2 | −2 | −2 | 1 | −1 |
/// | `HalfDown` | 1 | 2 | −1 | −2 | 1 | −1 |
/// | `Up` | 2 | 3 | −2 | −3 | 2 | −2 |
/// | `Down` | 1 | 2 | −1 | −2 | 1 | −1 |
/// | `Ceiling` | 2 | 3 | −1 | −2 | 2 | −1 |
/// | `Floor` | 1 | 2 | −2 | −3 | 1 | −2 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// To the nearest; a tie goes away from zero. What shops and tax tables mean by rounding.
    HalfUp,
    /// To the nearest; a tie goes to the even neighbour, so that many roundings cancel out.
    HalfEven,
    /// To the nearest; a tie goes towards zero.
    HalfDown,
    /// Away from zero.
    Up,
    /// Towards zero.
    Down,
    /// Towards plus infinity.
    Ceiling,
    /// Towards minus infinity.
    Floor,
}

/// A number in sign and magnitude, `whole + remainder / divisor`, with `remainder < divisor`.
pub(crate) struct Unrounded {
    pub(crate) negative: bool,
    pub(crate) whole: u128,
    pub(crate) remainder: u128,
    pub(crate) divisor: u128,
}

impl Rounding {
    /// The magnitude of the rounded number; `None` where it does not fit.
    pub(crate) fn magnitude(self, number: &Unrounded) -> Option<u128> {
        if self.grows(number) { number.whole.checked_add(1) } else { Some(number.whole) }
    }

    /// Whether the magnitude goes to the next whole.
    fn grows(self, number: &Unrounded) -> bool {
        if number.remainder == 0 {
            return false;
        }
        // remainder against divisor − remainder is remainder against one half, without doubling.
        let rest = number.divisor.saturating_sub(number.remainder);
        match self {
            Self::HalfUp => number.remainder >= rest,
            Self::HalfDown => number.remainder > rest,
            Self::HalfEven => {
                number.remainder > rest || (number.remainder == rest && number.whole % 2 == 1)
            }
            Self::Up => true,
            Self::Down => false,
            Self::Ceiling => !number.negative,
            Self::Floor => number.negative,
        }
    }
}

//! A line of daily balances: a drawing made here, without script and without style of its own.
//!
//! What it shows is said in words beside it. Days step, since a balance does not glide from one day to the next; zero is
//! always in sight, so that heights can be compared. Whole numbers only. Cost: one pass; bytes grow with the days
//! on which the balance changed.

use std::fmt::Write;

use askama::Template;
use askama::filters::HtmlSafe;

/// Of the drawing's own units; the page stretches it.
const WIDTH: i128 = 600;
const HEIGHT: i128 = 100;

/// A balance at the end of each day, oldest first; minor units, `None` where it is not known.
pub struct Series<'a>(pub &'a [Option<i64>]);

/// What is said of a drawing.
#[derive(Default)]
pub struct Label {
    /// Of its parts; one of a kind on the page.
    pub id: String,
    pub title: String,
    /// What it shows, for who does not see it.
    pub text: String,
    /// The first and the last day.
    pub start: String,
    pub end: String,
}

/// The drawing.
#[derive(Template)]
#[template(path = "accounts/chart.html")]
pub struct Chart {
    label: Label,
    line: String,
    area: String,
    zero: i128,
}

impl HtmlSafe for Chart {}

impl Series<'_> {
    /// The lowest and the highest known one.
    pub fn bounds(&self) -> Option<(i64, i64)> {
        let known = || self.0.iter().flatten().copied();
        Some((known().min()?, known().max()?))
    }

    /// `None`: nothing is known.
    pub fn chart(&self, label: Label) -> Option<Chart> {
        let (lowest, highest) = self.bounds()?;
        let (bottom, top) = (i128::from(lowest.min(0)), i128::from(highest.max(0)));
        // An account that never held anything is a line at the bottom.
        let span = (top - bottom).max(1);
        let height = |minor: i128| HEIGHT - (minor - bottom) * HEIGHT / span;
        let days = i128::try_from(self.0.len()).unwrap_or(1).max(1);
        let place = |day: usize| i128::try_from(day).unwrap_or(0) * WIDTH / days;
        let zero = height(0);
        let (mut line, mut area) = (String::new(), String::new());
        let mut day = 0;
        for stretch in self.0.chunk_by(|a, b| a == b) {
            let (start, end) = (place(day), place(day + stretch.len()));
            let is_joined = day > 0 && self.0.get(day - 1).is_some_and(Option::is_some);
            day += stretch.len();
            let Some(Some(minor)) = stretch.first() else { continue };
            let y = height(i128::from(*minor));
            let written = if is_joined {
                write!(line, "V{y}H{end}")
            } else {
                write!(line, "M{start} {y}H{end}")
            };
            // Writing to a text cannot fail.
            if written.and_then(|()| write!(area, "M{start} {zero}V{y}H{end}V{zero}Z")).is_err() {
                return None;
            }
        }
        Some(Chart { label, line, area, zero })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(days: &[Option<i64>]) -> Option<(String, String, i128)> {
        let chart = Series(days).chart(Label::default())?;
        Some((chart.line, chart.area, chart.zero))
    }

    #[test]
    fn balances_step_from_day_to_day_above_zero() {
        let (line, area, zero) = drawn(&[Some(0), Some(50), Some(50), Some(100)]).expect("drawn");
        assert_eq!(zero, 100);
        assert_eq!(line, "M0 100H150V50H450V0H600");
        assert_eq!(area, "M0 100V100H150V100ZM150 100V50H450V100ZM450 100V0H600V100Z");
    }

    #[test]
    fn what_is_not_known_is_a_gap_and_debt_is_below_zero() {
        let (line, _, zero) = drawn(&[None, Some(100), None, Some(-100)]).expect("drawn");
        assert_eq!(zero, 50);
        assert_eq!(line, "M150 0H300M450 100H600");
    }

    #[test]
    fn an_empty_account_is_a_line_and_an_unknown_one_is_nothing() {
        assert_eq!(drawn(&[Some(0); 90]).expect("drawn").0, "M0 100H600");
        assert_eq!(drawn(&[None; 90]), None);
        assert_eq!(drawn(&[]), None);
    }

    #[test]
    fn no_balance_is_too_large_to_draw() {
        let (line, ..) = drawn(&[Some(i64::MIN), Some(i64::MAX)]).expect("drawn");
        assert_eq!(line, "M0 100H300V0H600");
    }
}

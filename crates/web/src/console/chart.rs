//! Bars over days, as a drawing that the server makes (SVG, classes and attributes only) and as a table under it.
//!
//! Whole numbers throughout: a bar is as many units of the drawing high as its share of the axis's end, rounded down.

use askama::Template;
use askama::filters::HtmlSafe;

/// One kind of what is counted; series stand on top of each other.
pub struct Series {
    pub name: String,
    /// Of its bars: `one`, `two` or `three`.
    pub class: &'static str,
    /// One for each label; none below zero.
    pub values: Vec<i64>,
}

#[derive(Template)]
#[template(path = "console/chart.html")]
pub struct Chart {
    id: &'static str,
    title: String,
    /// What the drawing shows, in a sentence.
    description: String,
    bars: Vec<Bar>,
    ticks: Vec<Tick>,
    marks: Vec<Mark>,
    series: Vec<Series>,
    rows: Vec<Vec<String>>,
}

impl HtmlSafe for Chart {}

struct Bar {
    x: usize,
    y: i64,
    width: usize,
    height: i64,
    class: &'static str,
}

/// A line of the grid and what it stands for.
struct Tick {
    y: i64,
    text: String,
}

/// A word under the drawing.
struct Mark {
    x: usize,
    text: String,
}

/// Of the drawing: bars stand between `LEFT` and `LEFT + WIDTH`, on `BASE`.
const LEFT: usize = 96;
const WIDTH: usize = 600;
const BASE: i64 = 180;
const HEIGHT: i64 = 160;
/// More words under the bars would touch each other.
const MOST_MARKS: usize = 8;

impl Chart {
    /// `labels` are days, `show` writes a value as it is read.
    pub fn stacked(
        id: &'static str,
        title: impl Into<String>,
        labels: &[String],
        series: Vec<Series>,
        show: impl Fn(i64) -> String,
    ) -> Self {
        let sum = |day: usize| {
            series
                .iter()
                .filter_map(|one| one.values.get(day))
                .fold(0i64, |a, v| a.saturating_add(*v))
        };
        let top = (0..labels.len()).map(sum).max().unwrap_or_default();
        let end = axis_end(top);
        let step = WIDTH / labels.len().max(1);
        let bars = bars(&series, labels.len(), (step, end));
        let ticks =
            [0, end / 2, end].map(|value| Tick { y: BASE - scaled(value, end), text: show(value) });
        let every = labels.len().div_ceil(MOST_MARKS).max(1);
        let marks = labels.iter().enumerate().step_by(every);
        let marks =
            marks.map(|(day, text)| Mark { x: LEFT + day * step + step / 2, text: short(text) });
        let total = series.iter().map(|one| {
            let sum = one.values.iter().fold(0i64, |a, v| a.saturating_add(*v));
            format!("{}: {}", one.name, show(sum))
        });
        let total = total.collect::<Vec<_>>().join(", ");
        let span = labels.first().zip(labels.last());
        let span = span.map_or_else(String::new, |(a, b)| format!("{a} to {b}. "));
        let rows = labels.iter().enumerate().map(|(day, label)| {
            let values =
                series.iter().map(|one| show(one.values.get(day).copied().unwrap_or_default()));
            std::iter::once(label.clone()).chain(values).collect()
        });
        Self {
            id,
            title: title.into(),
            description: format!("{span}In all {total}. The most on one day: {}.", show(top)),
            bars,
            ticks: ticks.into(),
            marks: marks.collect(),
            rows: rows.collect(),
            series,
        }
    }
}

fn bars(series: &[Series], days: usize, (step, end): (usize, i64)) -> Vec<Bar> {
    let width = (step * 7 / 10).max(1);
    let mut bars = Vec::new();
    for day in 0..days {
        let mut y = BASE;
        for one in series {
            let height = scaled(one.values.get(day).copied().unwrap_or_default(), end);
            // Sums beyond what an integer holds end at the top.
            let height = height.min(y - (BASE - HEIGHT));
            if height > 0 {
                y -= height;
                bars.push(Bar {
                    x: LEFT + day * step + (step - width) / 2,
                    y,
                    width,
                    height,
                    class: one.class,
                });
            }
        }
    }
    bars
}

/// A value's share of the height.
fn scaled(value: i64, end: i64) -> i64 {
    let height = i128::from(value.max(0)) * i128::from(HEIGHT) / i128::from(end.max(1));
    i64::try_from(height).unwrap_or(HEIGHT).min(HEIGHT)
}

/// The first of 2, 4, 10, 20, 40, 100 … that is not below: its half is a whole number, too.
fn axis_end(top: i64) -> i64 {
    let mut unit = 1i64;
    loop {
        for factor in [2, 4, 10] {
            let end = unit.saturating_mul(factor);
            if end >= top {
                return end;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// A day without its year, which the others share.
fn short(day: &str) -> String {
    day.get(5..).unwrap_or(day).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: Vec<i64>) -> Chart {
        let labels: Vec<_> = (1..=values.len()).map(|day| format!("2026-01-{day:02}")).collect();
        let series = vec![
            Series { name: "Approved".into(), class: "one", values: values.clone() },
            Series { name: "<b>\"Declined\"".into(), class: "two", values },
        ];
        Chart::stacked("cards", "Cards", &labels, series, |value| value.to_string())
    }

    #[test]
    fn bars_stay_inside_whatever_the_values() {
        for values in [vec![], vec![0], vec![1, 0, 2], vec![i64::MAX, i64::MAX], vec![7; 90]] {
            let chart = chart(values);
            for bar in &chart.bars {
                assert!(
                    bar.y >= BASE - HEIGHT && bar.y + bar.height <= BASE,
                    "{} {}",
                    bar.y,
                    bar.height
                );
                assert!(bar.x >= LEFT && bar.x + bar.width <= LEFT + WIDTH);
            }
            assert!(chart.marks.len() <= MOST_MARKS);
        }
    }

    #[test]
    fn what_is_twice_as_much_is_twice_as_high() {
        let bars = chart(vec![100, 200]).bars;
        assert_eq!((bars[0].height * 2, bars[0].height), (bars[2].height, bars[1].height));
    }

    #[test]
    fn an_axis_ends_at_a_round_number() {
        let ends = [(0, 2), (1, 2), (3, 4), (5, 10), (11, 20), (399, 400), (401, 1_000)];
        for (top, end) in ends {
            assert_eq!(axis_end(top), end);
        }
    }

    #[test]
    fn names_are_text_and_every_value_is_in_the_table() {
        let html = chart(vec![12, 34]).render().expect("a chart");
        assert!(!html.contains("<b>") && html.contains("&#60;b&#62;"), "{html}");
        assert!(html.contains("<td class=\"amount\">34</td>"), "{html}");
        assert!(!html.contains("style="), "{html}");
    }
}

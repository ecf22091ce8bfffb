//! The table: medians, their spread, and what the floor says.
#![expect(clippy::float_arithmetic, reason = "medians and ratios of measurements, no money")]

use super::Samples;
use super::probes::Sizes;
use super::rows::{Floor, Row, Unit};

const HEAD: &str = "| measure | floor | median | min–max | against the floor | verdict |\n\
                    |--|--|--|--|--|--|";

pub fn render(rows: &[&Row], samples: &Samples, sizes: &Sizes) -> String {
    let mut lines = vec![HEAD.to_owned()];
    lines.extend(rows.iter().map(|row| line(row, samples, sizes)));
    lines.join("\n")
}

fn line(row: &Row, samples: &Samples, sizes: &Sizes) -> String {
    let measure = row
        .measure
        .replace("{full}", &grouped(f64::from(sizes.full)))
        .replace("{memory}", &grouped(f64::from(sizes.memory)))
        .replace("{sessions}", &grouped(f64::from(sizes.sessions)))
        .replace("{start}", &grouped(f64::from(sizes.start)));
    let floor = floor_text(row);
    let probes = [Some(row.probe), row.base.map(|base| base.0)];
    if let Some(why) = probes.into_iter().flatten().find_map(|probe| samples.stopped.get(&probe)) {
        let why = why.to_string().replace('\n', " ").replace('|', "/");
        return format!("| {measure} | {floor} | – | – | – | {why} |");
    }
    let values = samples.of(row.probe, row.name);
    let value = median(&values);
    let (figure, against) = match row.base {
        None => (value, percent_of_floor(value, row.floor)),
        Some((probe, name, what)) => {
            let base = median(&samples.of(probe, name));
            let ratio = value / base;
            (ratio, format!("{} × {what}'s {}", two_places(ratio), grouped(base)))
        }
    };
    let met = match row.floor {
        Floor::AtLeast(least) => figure >= least,
        Floor::AtMost(most) => figure <= most,
    };
    let verdict = if met { "met" } else { "**missed**" };
    let spread = match values.len() {
        1 => "–".to_owned(),
        _ => format!("{}–{}", plain(least(&values), row.unit), plain(greatest(&values), row.unit)),
    };
    let shown = with_unit(value, row.unit);
    format!("| {measure} | {floor} | {shown} | {spread} | {against} | {verdict} |")
}

fn floor_text(row: &Row) -> String {
    match (row.floor, row.base) {
        (Floor::AtLeast(least), None) => format!("≥ {}", with_unit(least, row.unit)),
        (Floor::AtMost(most), None) => format!("≤ {}", with_unit(most, row.unit)),
        (Floor::AtLeast(least), Some((_, _, what))) => format!("≥ {} × {what}", two_places(least)),
        (Floor::AtMost(most), Some((_, _, what))) => format!("≤ {} × {what}", two_places(most)),
    }
}

fn percent_of_floor(value: f64, floor: Floor) -> String {
    let (Floor::AtLeast(bound) | Floor::AtMost(bound)) = floor;
    format!("{:.0} %", 100.0 * value / bound)
}

fn with_unit(value: f64, unit: Unit) -> String {
    let number = plain(value, unit);
    match unit {
        Unit::PerSecond => format!("{number}/s"),
        Unit::Microseconds => format!("{number} µs"),
        Unit::Times => number,
        Unit::Milliseconds => format!("{number} ms"),
        Unit::Megabytes => format!("{number} MB"),
        Unit::Seconds => format!("{number} s"),
    }
}

fn plain(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond => grouped(value),
        Unit::Milliseconds | Unit::Megabytes => format!("{value:.1}"),
        Unit::Microseconds | Unit::Times | Unit::Seconds => two_places(value),
    }
}

fn two_places(value: f64) -> String {
    format!("{value:.2}")
}

/// `1,234,567`
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Of an even number of values the mean of the two in the middle; of none, nothing that meets a floor.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        even if even.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::bench::Stopped;
    use crate::bench::probes::Probe;
    use crate::bench::rows::ROWS;

    fn samples(rates: &[(Probe, &[f64])]) -> Samples {
        let mut samples = Samples::default();
        for (probe, rates) in rates {
            let runs = rates.iter().map(|rate| BTreeMap::from([("rate".to_owned(), *rate)]));
            samples.runs.insert(*probe, runs.collect());
        }
        samples
    }

    #[test]
    fn medians_are_in_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn figures_are_grouped_by_threes() {
        let shown = [7.0, 999.6, 12_345.0, 1_234_567.0].map(grouped);
        assert_eq!(shown, ["7", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn a_row_says_whether_its_floor_is_met() {
        let found = samples(&[(Probe::Ordered, &[140_000.0, 160_000.0, 150_000.0])]);
        let first = line(&ROWS[0], &found, &Sizes::WHOLE);
        assert!(first.ends_with("| 150,000/s | 140,000–160,000 | 100 % | met |"), "{first}");
        let slow = samples(&[(Probe::Ordered, &[149_000.0])]);
        let first = line(&ROWS[0], &slow, &Sizes::WHOLE);
        assert!(first.ends_with("| 149,000/s | – | 99 % | **missed** |"), "{first}");
    }

    #[test]
    fn a_ratio_is_of_the_medians() {
        let found = samples(&[(Probe::Ordered, &[100_000.0]), (Probe::FullOrdered, &[59_000.0])]);
        let row = line(&ROWS[6], &found, &Sizes::WHOLE);
        assert!(row.starts_with("| engine, 5,000,000 transfers"), "{row}");
        assert!(row.ends_with("0.59 × the first row's 100,000 | **missed** |"), "{row}");
    }

    #[test]
    fn what_was_not_measured_says_why() {
        let mut found = samples(&[]);
        found.stopped.insert(Probe::Http, Stopped::Skipped("no wrk\nhere".to_owned()));
        let row = line(&ROWS[9], &found, &Sizes::WHOLE);
        assert!(row.ends_with("| – | – | – | skipped: no wrk here |"), "{row}");
    }
}

//! The text that Prometheus reads (its exposition format, version 0.0.4).
//!
//! Families are written whole, one after the other, each with its help and its kind. Label values are escaped though
//! all of them are words of the program.

use std::fmt::{Display, Write as _};

/// The media type of the format.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A text that grows by families.
#[derive(Default)]
pub struct Text(String);

/// A family that is being written: samples of one name.
pub struct Family<'a> {
    text: &'a mut String,
    name: &'a str,
}

/// Names and values of labels.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

impl Text {
    /// Begins a family; `help` is one line.
    pub fn family<'a>(&'a mut self, name: &'a str, kind: Kind, help: &str) -> Family<'a> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        push(&mut self.0, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        Family { text: &mut self.0, name }
    }

    /// A family of one sample without labels.
    pub fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help).sample(&[], value);
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl Family<'_> {
    pub fn sample(&mut self, labels: Labels<'_>, value: impl Display) {
        self.suffixed("", labels, value);
    }

    /// A sample of a histogram: `_bucket`, `_sum` or `_count`.
    pub fn suffixed(&mut self, suffix: &str, labels: Labels<'_>, value: impl Display) {
        push(self.text, format_args!("{}{suffix}", self.name));
        for (place, (name, value)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            push(self.text, format_args!("{before}{name}=\""));
            for character in value.chars() {
                match character {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    other => self.text.push(other),
                }
            }
            self.text.push('"');
        }
        let end = if labels.is_empty() { "" } else { "}" };
        push(self.text, format_args!("{end} {value}\n"));
    }
}

/// Seconds, as Prometheus wants all durations; exact, without a float.
pub struct Seconds(pub u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{rest:06}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // A string takes whatever is written to it.
    let written = text.write_fmt(arguments);
    debug_assert!(written.is_ok(), "a string refused to grow");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_as_prometheus_reads_them() {
        let mut text = Text::default();
        let mut family = text.family("a_total", Kind::Counter, "One line.");
        family.sample(&[("route", "GET /x"), ("odd", "\"\\\n")], 3);
        text.single("b_seconds", Kind::Gauge, "Back\\slash\nand line.", Seconds(1_500_000));
        let expected = "# HELP a_total One line.\n# TYPE a_total counter\n\
                        a_total{route=\"GET /x\",odd=\"\\\"\\\\\\n\"} 3\n\
                        # HELP b_seconds Back\\\\slash\\nand line.\n# TYPE b_seconds gauge\nb_seconds 1.5\n";
        assert_eq!(text.into_string(), expected);
    }

    #[test]
    fn seconds_are_exact() {
        for (micros, text) in
            [(0, "0"), (1, "0.000001"), (500, "0.0005"), (2_000_000, "2"), (2_500_010, "2.50001")]
        {
            assert_eq!(Seconds(micros).to_string(), text);
        }
    }
}

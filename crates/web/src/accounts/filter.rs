//! Which entries of an account are wanted, as people say it.
//!
//! Days are days in India, as on the page; the API's are UTC. So it is asked for a day more, and what lies outside
//! is left out here: no entry is missed, and none is shown under a day that was not asked for.

use super::Entry;
use crate::api::Refused;
use crate::form::{self, Form};
use crate::frame::{Choice, Field, Select};
use crate::show::dates;
use crate::show::typed;
use crate::words::Words;

/// A form of the account's page, understood as far as it can be.
pub struct Filter {
    query: Option<String>,
    from: Option<String>,
    to: Option<String>,
    min_amount: Option<i64>,
    max_amount: Option<i64>,
    direction: Option<String>,
    faults: Faults,
}

/// Beside which field something is said.
#[derive(Default)]
struct Faults {
    query: Option<String>,
    from: Option<String>,
    to: Option<String>,
    min_amount: Option<String>,
    max_amount: Option<String>,
}

/// The form's fields.
pub struct Fields<'a> {
    pub query: Field<'a>,
    pub from: Field<'a>,
    pub to: Field<'a>,
    pub min_amount: Field<'a>,
    pub max_amount: Field<'a>,
    pub direction: Select<'a>,
}

impl Filter {
    pub fn read(form: &Form, currency: &str, words: &'static Words) -> Self {
        let mut faults = Faults::default();
        let w = &words.accounts;
        let amount = |name: &str, fault: &mut Option<String>| {
            let text = form.some(name)?;
            match typed::parse(&text, currency) {
                Ok(minor) => Some(minor),
                Err(typed) => {
                    *fault = Some(typed.text(words).to_owned());
                    None
                }
            }
        };
        let day = |name: &str, fault: &mut Option<String>| {
            let text = form.some(name)?;
            let is_day = dates::is_day(&text) && dates::shifted_day(&text, -1).is_some();
            if !is_day {
                *fault = Some(w.no_day.to_owned());
            }
            is_day.then_some(text)
        };
        let (from, to) = (day("from", &mut faults.from), day("to", &mut faults.to));
        if matches!((&from, &to), (Some(from), Some(to)) if to < from) {
            faults.to = Some(w.before_from.to_owned());
        }
        let min_amount = amount("min_amount", &mut faults.min_amount);
        let max_amount = amount("max_amount", &mut faults.max_amount);
        if matches!((min_amount, max_amount), (Some(min), Some(max)) if max < min) {
            faults.max_amount = Some(w.below_min.to_owned());
        }
        let direction = form.some("direction").filter(|text| text == "in" || text == "out");
        let query = form.some("query");
        Self { query, from, to, min_amount, max_amount, direction, faults }
    }

    /// Whether anything is asked for but everything.
    pub fn is_set(&self) -> bool {
        self.query.is_some()
            || self.from.is_some()
            || self.to.is_some()
            || self.min_amount.is_some()
            || self.max_amount.is_some()
            || self.direction.is_some()
    }

    pub fn is_faulty(&self) -> bool {
        let Faults { query, from, to, min_amount, max_amount } = &self.faults;
        [query, from, to, min_amount, max_amount].into_iter().any(Option::is_some)
    }

    /// What the API finds wrong with it, beside the field it is about.
    pub fn refuse(&mut self, words: &Words, refused: &Refused) {
        let fault = |field| words.fault_of(Some(refused), field);
        self.faults.query = fault("query");
        self.faults.from = fault("from");
        self.faults.to = fault("to");
        self.faults.min_amount = fault("min_amount");
        self.faults.max_amount = fault("max_amount");
    }

    /// As the API takes it: a query.
    pub fn asked(&self, limit: u32, cursor: &str) -> String {
        let text = |value: Option<i64>| value.map(|minor| minor.to_string()).unwrap_or_default();
        let from = self.from.as_deref().and_then(|day| dates::shifted_day(day, -1));
        form::query(&[
            ("limit", &limit.to_string()),
            ("cursor", cursor),
            ("query", self.query.as_deref().unwrap_or_default()),
            ("from", &from.unwrap_or_default()),
            ("to", self.to.as_deref().unwrap_or_default()),
            ("min_amount", &text(self.min_amount)),
            ("max_amount", &text(self.max_amount)),
            ("direction", self.direction.as_deref().unwrap_or_default()),
        ])
    }

    /// Whether an entry was posted on one of the days in India.
    pub fn takes(&self, entry: &Entry) -> bool {
        let Some(day) = dates::local_day(&entry.posted_at) else { return true };
        self.from.as_ref().is_none_or(|from| day >= *from)
            && self.to.as_ref().is_none_or(|to| day <= *to)
    }

    /// With what was typed, right or wrong.
    pub fn fields<'a>(&self, form: &Form, words: &'static Words) -> Fields<'a> {
        let w = &words.accounts;
        let text = |name: &'static str, label: &'static str, fault: &Option<String>| {
            Field::text(name, label, &form.text(name)).optional().fault(fault.clone())
        };
        let day = |field: Field<'a>| Field { kind: "date", max_chars: 10, ..field };
        let amount = |field: Field<'a>| Field { inputmode: "decimal", max_chars: 64, ..field };
        let chosen = self.direction.as_deref().unwrap_or_default();
        let choice = |(value, label): (&str, &str)| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            is_chosen: value == chosen,
        };
        let faults = &self.faults;
        let query = text("query", w.search, &faults.query).hint(w.search_hint);
        Fields {
            query: Field { kind: "search", max_chars: 100, ..query },
            from: day(text("from", w.from_day, &faults.from)),
            to: day(text("to", w.to_day, &faults.to)),
            min_amount: amount(text("min_amount", w.min_amount, &faults.min_amount)),
            max_amount: amount(text("max_amount", w.max_amount, &faults.max_amount)),
            direction: Select {
                name: "direction",
                label: w.direction,
                choices: [("", w.both_ways), ("in", w.money_in), ("out", w.money_out)]
                    .map(choice)
                    .into(),
                hint: None,
                fault: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ENGLISH;

    fn read(query: &str) -> Filter {
        Filter::read(&Form::parse(query.as_bytes()).expect("a form"), "INR", &ENGLISH)
    }

    #[test]
    fn what_is_not_filled_in_is_not_asked_for() {
        let filter = read("query=&from=&to=&min_amount=&max_amount=&direction=");
        assert!(!filter.is_set() && !filter.is_faulty());
        assert_eq!(filter.asked(40, ""), "limit=40");
    }

    #[test]
    fn a_day_more_is_asked_for_and_days_in_india_are_shown() {
        let filter = read("from=2026-11-21&to=2026-11-21&min_amount=1,234.50&direction=in");
        let asked = "limit=40&from=2026-11-20&to=2026-11-21&min_amount=123450&direction=in";
        assert_eq!(filter.asked(40, ""), asked);
        let entry = |posted_at: &str| Entry {
            transfer_id: String::new(),
            amount: 1,
            balance_after: 1,
            counterparty: String::new(),
            counterparty_name: None,
            memo: None,
            posted_at: posted_at.to_owned(),
        };
        assert!(!filter.takes(&entry("2026-11-20T18:29:59Z")));
        assert!(filter.takes(&entry("2026-11-20T18:30:00Z")));
        assert!(filter.takes(&entry("2026-11-21T18:29:59Z")));
        assert!(!filter.takes(&entry("2026-11-21T18:30:00Z")));
    }

    #[test]
    fn what_cannot_be_asked_is_said_beside_its_field() {
        let filter = read("from=2026-02-30&min_amount=12,5&max_amount=x");
        assert!(filter.faults.from.is_some() && filter.faults.to.is_none());
        assert!(filter.faults.min_amount.is_some() && filter.faults.max_amount.is_some());
        assert!(read("from=2026-02-02&to=2026-02-01").faults.to.is_some());
        assert!(read("min_amount=5&max_amount=4").faults.max_amount.is_some());
        assert!(read("from=0000-01-01").faults.from.is_none());
    }
}

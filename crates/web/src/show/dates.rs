//! Times as people here read them: in words, in Indian Standard Time. Pure.
//!
//! The bank's pages speak to people in India, so times stand in their time (UTC+5:30, which knows no summer time);
//! pages with times say so, and `datetime` keeps the API's own text. What is no time is shown as it is.

use askama::Template;
use askama::filters::HtmlSafe;
use money::Timestamp;

use crate::language::Language;

/// Of India, the whole year round.
const OFFSET_SECONDS: i64 = 19_800;

const ENGLISH: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const HINDI: [&str; 12] = [
    "जनवरी",
    "फ़रवरी",
    "मार्च",
    "अप्रैल",
    "मई",
    "जून",
    "जुलाई",
    "अगस्त",
    "सितंबर",
    "अक्तूबर",
    "नवंबर",
    "दिसंबर",
];

/// A moment on a page: `<time>`, exact for programs, in words for people.
#[derive(Template)]
#[template(source = r#"<time datetime="{{ exact }}">{{ text }}</time>"#, ext = "html")]
pub struct Moment {
    exact: String,
    text: String,
}

impl HtmlSafe for Moment {}

impl Moment {
    /// Day and time.
    pub fn new(exact: &str, language: Language) -> Self {
        Self { exact: exact.to_owned(), text: moment(exact, language) }
    }

    /// The time alone, under a heading that says the day.
    pub fn in_day(exact: &str, language: Language) -> Self {
        Self { exact: exact.to_owned(), text: time(exact, language) }
    }

    /// The day alone.
    pub fn day(exact: &str, language: Language) -> Self {
        let text = local_day(exact).map_or_else(|| exact.to_owned(), |day| date(&day, language));
        Self { exact: exact.to_owned(), text }
    }
}

/// `21 Nov 2026, 10:45 pm`; `21 नवंबर 2026, 22:45`.
pub fn moment(exact: &str, language: Language) -> String {
    match local_day(exact) {
        Some(day) => format!("{}, {}", date(&day, language), time(exact, language)),
        None => exact.to_owned(),
    }
}

/// `10:45 pm`; `22:45`, since Hindi names the hours by parts of the day.
pub fn time(exact: &str, language: Language) -> String {
    let Some(local) = local(exact) else { return exact.to_owned() };
    let (hour, minute) =
        (local.get(11..13).unwrap_or_default(), local.get(14..16).unwrap_or_default());
    let Ok(number) = hour.parse::<u32>() else { return exact.to_owned() };
    match language {
        Language::Hindi => format!("{hour}:{minute}"),
        Language::English => {
            let half = if number < 12 { "am" } else { "pm" };
            let on_dial = if number.is_multiple_of(12) { 12 } else { number % 12 };
            format!("{on_dial}:{minute} {half}")
        }
    }
}

/// Of `2026-11-21`: `21 Nov 2026`; `21 नवंबर 2026`.
pub fn date(day: &str, language: Language) -> String {
    let mut parts = day.splitn(3, '-');
    let (Some(year), Some(month), Some(day_of_month)) = (parts.next(), parts.next(), parts.next())
    else {
        return day.to_owned();
    };
    let names = match language {
        Language::English => &ENGLISH,
        Language::Hindi => &HINDI,
    };
    let place = month.parse::<usize>().ok().and_then(|month| month.checked_sub(1));
    let Some(name) = place.and_then(|place| names.get(place)) else { return day.to_owned() };
    format!("{} {name} {year}", day_of_month.trim_start_matches('0'))
}

/// The day in India of a time of the API, as `2026-11-21`.
pub fn local_day(exact: &str) -> Option<String> {
    local(exact)?.get(..10).map(str::to_owned)
}

/// The day in India at a moment.
pub fn day_at(now: Timestamp) -> String {
    shifted(now).chars().take(10).collect()
}

/// Whether a text is a day of the calendar, as `2026-11-21`.
pub fn is_day(text: &str) -> bool {
    text.len() == 10 && format!("{text}T00:00:00Z").parse::<Timestamp>().is_ok()
}

/// The day so many days later, or earlier where negative.
pub fn shifted_day(day: &str, days: i64) -> Option<String> {
    let start: Timestamp = format!("{day}T00:00:00Z").parse().ok()?;
    Some(start.plus_seconds(days.saturating_mul(86_400)).to_string().chars().take(10).collect())
}

fn local(exact: &str) -> Option<String> {
    Some(shifted(exact.parse().ok()?))
}

/// RFC 3339 but for its `Z`: the clock on the wall in India.
fn shifted(at: Timestamp) -> String {
    at.plus_seconds(OFFSET_SECONDS).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_it_is_in_india() {
        for (exact, english, hindi) in [
            ("2026-11-21T17:15:00Z", "21 Nov 2026, 10:45 pm", "21 नवंबर 2026, 22:45"),
            ("2026-11-21T18:29:59.999999Z", "21 Nov 2026, 11:59 pm", "21 नवंबर 2026, 23:59"),
            ("2026-11-21T18:30:00Z", "22 Nov 2026, 12:00 am", "22 नवंबर 2026, 00:00"),
            ("2026-01-05T06:30:00.5Z", "5 Jan 2026, 12:00 pm", "5 जनवरी 2026, 12:00"),
            ("2024-02-28T20:00:00Z", "29 Feb 2024, 1:30 am", "29 फ़रवरी 2024, 01:30"),
            ("2025-12-31T23:00:00Z", "1 Jan 2026, 4:30 am", "1 जनवरी 2026, 04:30"),
        ] {
            assert_eq!(moment(exact, Language::English), english);
            assert_eq!(moment(exact, Language::Hindi), hindi);
        }
    }

    #[test]
    fn what_is_no_time_is_shown_as_it_is() {
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "<b>"] {
            assert_eq!(moment(text, Language::English), text);
            assert_eq!(time(text, Language::Hindi), text);
        }
        assert_eq!(date("2026-13-01", Language::English), "2026-13-01");
        assert_eq!(date("2026-00-01", Language::English), "2026-00-01");
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert!(is_day("2024-02-29"));
        for text in ["2026-02-29", "2026-2-9", "26-02-09", "", "2026-02-09T", "２０２６-02-09"]
        {
            assert!(!is_day(text), "{text}");
        }
        assert_eq!(shifted_day("2026-03-01", -1).as_deref(), Some("2026-02-28"));
        assert_eq!(shifted_day("2025-12-31", 1).as_deref(), Some("2026-01-01"));
        assert_eq!(shifted_day("x", 1), None);
        assert_eq!(day_at(Timestamp::from_seconds(1_767_607_200)), "2026-01-05");
    }

    #[test]
    fn a_moment_keeps_the_exact_time_for_programs() {
        let html = Moment::new("2026-11-21T17:15:00.123456Z", Language::English).render();
        let expected =
            r#"<time datetime="2026-11-21T17:15:00.123456Z">21 Nov 2026, 10:45 pm</time>"#;
        assert_eq!(html.expect("markup"), expected);
    }
}

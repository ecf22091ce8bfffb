//! The device behind a `User-Agent`, as people call it. Pure, and a guess: whoever signs in chooses the text.

use crate::words::{Security, put};

/// Browsers, the more particular before those that they claim to be.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
];

/// `Chrome on Windows`, or as much as can be told.
pub fn device(agent: &str, words: &Security) -> String {
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => put(&put(words.on, browser), system),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) if agent.trim().is_empty() => words.unknown_device.to_owned(),
        (None, None) => words.program.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_called_by_browser_and_system() {
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/126.0.0.0 Safari/537.36";
        let edge = format!("{chrome} Edg/126.0.0.0");
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, \
                      like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";
        for (agent, name) in [
            (chrome, "Chrome on Windows"),
            (&*edge, "Edge on Windows"),
            (iphone, "Safari on iPhone"),
            (firefox, "Firefox on Linux"),
            ("curl/8.7.1", "A program"),
            ("", "Unknown device"),
        ] {
            assert_eq!(device(agent, &Security::ENGLISH), name);
        }
        assert_eq!(device(firefox, &Security::HINDI), "Firefox, Linux पर");
    }
}

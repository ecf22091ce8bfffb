//! HTML as text: escaping, and the frame that every page stands in.

use std::fmt::{self, Display, Formatter};

/// A text in which nothing is markup any more, neither between tags nor in a quoted attribute.
pub struct Escaped<'t>(&'t str);

pub fn escape(text: &str) -> Escaped<'_> {
    Escaped(text)
}

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(['&', '<', '>', '"', '\'']) {
            let mut chars = part.chars();
            let entity = match chars.next_back() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                Some('\'') => "&#39;",
                _ => {
                    f.write_str(part)?;
                    continue;
                }
            };
            f.write_str(chars.as_str())?;
            f.write_str(entity)?;
        }
        Ok(())
    }
}

/// A page: its title, the place it has in the navigation, and what fills it.
pub struct Frame<'p> {
    pub title: &'p str,
    /// A path of [`PLACES`], or none of them.
    pub here: &'p str,
    /// Beside the content on a wide screen, before it on a narrow one.
    pub contents: Option<&'p dyn Display>,
    pub main: &'p dyn Display,
}

const PLACES: [(&str, &str); 3] =
    [("/docs", "Reference"), ("/docs/errors", "Error codes"), ("/openapi.json", "OpenAPI")];

/// An E of three bars, as in a column of figures.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
    %3Crect width='16' height='16' rx='3' fill='%2312424f'/%3E\
    %3Cpath d='M4 4h8M4 8h5M4 12h8' stroke='white' stroke-width='2'/%3E%3C/svg%3E";

impl Display for Frame<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n\
             <link rel=\"icon\" href=\"{ICON}\">\n\
             <link rel=\"stylesheet\" href=\"/docs/style.css\">\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#content\">Skip to the content</a>\n\
             <header class=\"top\">\n<a class=\"name\" href=\"/\">Exchequer</a>\n\
             <nav aria-label=\"Site\">\n",
            escape(self.title),
        )?;
        for (path, label) in PLACES {
            let current = if path == self.here { " aria-current=\"page\"" } else { "" };
            writeln!(f, "<a href=\"{path}\"{current}>{label}</a>")?;
        }
        f.write_str("</nav>\n</header>\n")?;
        match self.contents {
            Some(contents) => {
                f.write_str(
                    "<div class=\"frame\">\n<nav class=\"contents\" aria-label=\"Contents\">\n",
                )?;
                write!(
                    f,
                    "{contents}</nav>\n<main id=\"content\">\n{}</main>\n</div>\n",
                    self.main
                )?;
            }
            None => write!(f, "<main id=\"content\" class=\"alone\">\n{}</main>\n", self.main)?,
        }
        writeln!(
            f,
            "<footer class=\"foot\"><p>Exchequer {}. Every answer carries <code>X-Request-Id</code>; \
             quote it when you ask.</p></footer>\n</body>\n</html>",
            escape(env!("CARGO_PKG_VERSION")),
        )
    }
}

//! `/docs/errors`: every code with its anchor, which is what a problem's `type` names.

use std::fmt::{self, Display, Formatter};

use super::markdown::Inline;
use super::markup::{Frame, escape};
use crate::http::codes::Code;

pub struct Errors;

struct Main;

impl Display for Errors {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let title = "Error codes – Exchequer";
        Frame { title, here: "/docs/errors", contents: None, main: &Main }.fmt(f)
    }
}

impl Display for Main {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(
            "<h1>Error codes</h1>\n\
             <p class=\"lead\">A problem (<code>application/problem+json</code>, RFC 9457) names its \
             code in <code>code</code> and this page in <code>type</code>. Programs match on the code; \
             titles and details are for people and may change.</p>\n<dl class=\"codes\">\n",
        )?;
        for code in Code::ALL {
            let (name, status) = (escape(code.as_str()), code.status());
            writeln!(
                f,
                "<div id=\"{name}\"><dt><a href=\"#{name}\"><code>{name}</code></a> \
                 <span class=\"status\">{status}</span></dt>\n\
                 <dd><p><strong>{}.</strong> {}</p></dd></div>",
                escape(code.title()),
                Inline(code.advice()),
            )?;
        }
        f.write_str("</dl>\n")
    }
}

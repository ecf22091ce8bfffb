//! The front door, until the web bank stands there.

use std::fmt::{self, Display, Formatter};

use super::markup::Frame;

pub struct Home;

impl Display for Home {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let main = "<h1>Exchequer</h1>\n\
            <p class=\"lead\">A bank that runs as one program: customers who sign in, accounts, a \
            double-entry ledger, transfers that happen exactly once.</p>\n\
            <ul class=\"doors\">\n\
            <li><a href=\"/docs\">API reference</a> <span>every route, its fields and refusals</span></li>\n\
            <li><a href=\"/docs/errors\">Error codes</a> <span>what each means and what to do</span></li>\n\
            <li><a href=\"/openapi.json\">OpenAPI document</a> <span>the same for programs</span></li>\n\
            <li><a href=\"/readyz\">Readiness</a> <span>whether database and keys answer</span></li>\n\
            </ul>\n";
        Frame { title: "Exchequer", here: "/", contents: None, main: &main }.fmt(f)
    }
}

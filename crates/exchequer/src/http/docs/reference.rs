//! `/docs`: the conventions, the operations by part, the objects they speak of.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use utoipa::openapi::{OpenApi, RefOr, Schema};

use super::markdown::{Blocks, Inline, anchor, headings};
use super::markup::{Frame, escape};
use super::operation::Call;
use super::schema::{self, Fields, description, is_structured};
use crate::http::openapi::{Schemas, TAGS, Tag, http_method, tag_of};
use crate::http::routes::Routes;

const TITLE: &str = "API reference – Exchequer";

/// The page of a document.
pub struct Reference<'d> {
    prose: &'d str,
    schemas: &'d Schemas,
    parts: Vec<(&'static Tag, Vec<Call<'d>>)>,
}

struct Contents<'p, 'd>(&'p Reference<'d>);
struct Main<'p, 'd>(&'p Reference<'d>);

static NO_SCHEMAS: Schemas = BTreeMap::new();

impl<'d> Reference<'d> {
    /// The operations stand in the order of the table, which is the order of a first reading.
    pub fn new(routes: &Routes, document: &'d OpenApi) -> Self {
        let schemas = document.components.as_ref().map_or(&NO_SCHEMAS, |all| &all.schemas);
        let mut parts: Vec<_> = TAGS.iter().map(|tag| (tag, Vec::new())).collect();
        for route in routes.table() {
            let operation = document.paths.get_path_operation(route.path, http_method(route));
            let part = parts.iter_mut().find(|(tag, _)| *tag == tag_of(route));
            if let (Some(operation), Some((_, calls))) = (operation, part) {
                let method = route.method.to_string();
                calls.push(Call { method, path: route.path, operation, schemas });
            }
        }
        parts.retain(|(_, calls)| !calls.is_empty());
        Self { prose: document.info.description.as_deref().unwrap_or_default(), schemas, parts }
    }

    /// The schemas with a part of their own.
    fn objects(&self) -> impl Iterator<Item = (&str, &RefOr<Schema>)> {
        let structured = self.schemas.iter().filter(|(_, schema)| is_structured(schema));
        structured.map(|(name, schema)| (name.as_str(), schema))
    }
}

impl Display for Reference<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (contents, main) = (Contents(self), Main(self));
        Frame { title: TITLE, here: "/docs", contents: Some(&contents), main: &main }.fmt(f)
    }
}

impl Display for Contents<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("<ul>\n<li><a href=\"#conventions\">Conventions</a>\n<ul>\n")?;
        for heading in headings(self.0.prose) {
            let place = anchor(heading);
            writeln!(f, "<li><a href=\"#{}\">{}</a></li>", escape(&place), Inline(heading))?;
        }
        f.write_str("</ul></li>\n")?;
        for (tag, calls) in &self.0.parts {
            write!(f, "<li><a href=\"#{}\">{}</a>\n<ul>\n", tag.anchor, escape(tag.title))?;
            for call in calls {
                let (id, summary) = (escape(call.id()), escape(call.summary()));
                writeln!(f, "<li><a href=\"#{id}\">{summary}</a></li>")?;
            }
            f.write_str("</ul></li>\n")?;
        }
        f.write_str("<li><a href=\"#objects\">Objects</a></li>\n</ul>\n")
    }
}

impl Display for Main<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<h1>API reference</h1>\n\
             <p class=\"lead\">Everything Exchequer does over HTTP. For programs the same stands in \
             <a href=\"/openapi.json\">/openapi.json</a>.</p>\n\
             <section id=\"conventions\" class=\"prose\" aria-label=\"Conventions\">\n{}</section>\n",
            Blocks(self.0.prose),
        )?;
        for (tag, calls) in &self.0.parts {
            let name = tag.anchor;
            write!(
                f,
                "<section id=\"{name}\" aria-labelledby=\"{name}-title\">\n\
                 <h2 id=\"{name}-title\">{}</h2>\n<p>{}</p>\n<ul class=\"calls\">\n",
                escape(tag.title),
                Inline(tag.description),
            )?;
            for call in calls {
                let (id, summary) = (escape(call.id()), escape(call.summary()));
                writeln!(f, "<li>{} <a href=\"#{id}\">{summary}</a></li>", call.line())?;
            }
            f.write_str("</ul>\n")?;
            for call in calls {
                call.fmt(f)?;
            }
            f.write_str("</section>\n")?;
        }
        self.write_objects(f)
    }
}

impl Main<'_, '_> {
    fn write_objects(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(
            "<section id=\"objects\" aria-labelledby=\"objects-title\">\n\
             <h2 id=\"objects-title\">Objects</h2>\n",
        )?;
        let schemas = self.0.schemas;
        for (name, schema) in self.0.objects() {
            let (place, text) = (schema::anchor(name), description(schema, schemas));
            let place = escape(&place);
            write!(
                f,
                "<article id=\"{place}\" aria-labelledby=\"{place}-title\">\n\
                 <h3 id=\"{place}-title\">{}</h3>\n",
                escape(name),
            )?;
            if !text.is_empty() {
                writeln!(f, "<p>{}</p>", Inline(text))?;
            }
            writeln!(f, "{}</article>", Fields { schema, schemas })?;
        }
        f.write_str("</section>\n")
    }
}

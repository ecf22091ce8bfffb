//! One operation of the reference: the call, who may, what to send, what comes back.

use std::fmt::{self, Display, Formatter};

use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::{Content, RefOr, Required, Response, Schema};

use super::markdown::Inline;
use super::markup::escape;
use super::schema::{Fields, Kind, Term};
use crate::http::openapi::{CODES_EXTENSION, Schemas, sample};
use crate::http::reply::JSON;

/// An operation with its place.
pub struct Call<'d> {
    pub method: String,
    pub path: &'d str,
    pub operation: &'d Operation,
    pub schemas: &'d Schemas,
}

impl Call<'_> {
    /// Its anchor on the page.
    pub fn id(&self) -> &str {
        self.operation.operation_id.as_deref().unwrap_or_default()
    }

    pub fn summary(&self) -> &str {
        self.operation.summary.as_deref().unwrap_or_default()
    }

    /// `<span>POST</span> <code>/v1/transfers</code>`
    pub fn line(&self) -> String {
        format!(
            "<span class=\"method {}\">{}</span> <code>{}</code>",
            self.method.to_ascii_lowercase(),
            self.method,
            escape(self.path),
        )
    }

    fn body(&self) -> Option<&RefOr<Schema>> {
        match self.operation.request_body.as_ref()? {
            RefOr::T(body) => json_schema(body.content.get(JSON)?),
            RefOr::Ref(_) => None,
        }
    }

    fn may_lack_body(&self) -> bool {
        let body = self.operation.request_body.as_ref();
        matches!(body, Some(RefOr::T(RequestBody { required: Some(Required::False), .. })))
    }

    fn parameters(&self, place: &ParameterIn) -> Vec<&Parameter> {
        let all =
            self.operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
                RefOr::T(parameter) => Some(parameter),
                RefOr::Ref(_) => None,
            });
        all.filter(|parameter| parameter.parameter_in == *place).collect()
    }

    fn takes_key(&self) -> bool {
        let mut all = self.operation.parameters.iter().flatten();
        all.any(|parameter| matches!(parameter, RefOr::Ref(_)))
    }

    fn responses(&self) -> impl Iterator<Item = (&str, &Response)> {
        self.operation.responses.responses.iter().filter_map(|(status, response)| match response {
            RefOr::T(response) => Some((status.as_str(), response)),
            RefOr::Ref(_) => None,
        })
    }

    fn write_parameters(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (place, title) in [(ParameterIn::Path, "Path"), (ParameterIn::Query, "Query")] {
            let parameters = self.parameters(&place);
            if parameters.is_empty() {
                continue;
            }
            write!(f, "<h4>{title}</h4>\n<dl class=\"fields\">\n")?;
            for parameter in parameters {
                let Some(schema) = &parameter.schema else { continue };
                let own = parameter.description.as_deref().unwrap_or_default();
                let general = super::schema::description(schema, self.schemas);
                let term = Term {
                    name: &parameter.name,
                    kind: Kind { schema, schemas: self.schemas },
                    required: parameter.required == Required::True,
                    description: if own.is_empty() { general } else { own },
                };
                term.fmt(f)?;
            }
            f.write_str("</dl>\n")?;
        }
        Ok(())
    }

    fn write_example(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let place = self.path.replace('{', "$").replace('}', "");
        let method =
            if self.method == "GET" { String::new() } else { format!("-X {} ", self.method) };
        let mut lines = vec![format!("curl {method}\"$BANK{place}\"")];
        if self.operation.security.as_ref().is_some_and(|needs| !needs.is_empty()) {
            lines.push("-H \"Authorization: Bearer $TOKEN\"".to_owned());
        }
        if self.takes_key() {
            lines.push("-H \"Idempotency-Key: $KEY\"".to_owned());
        }
        if let Some(schema) = self.body() {
            lines.push("-H 'Content-Type: application/json'".to_owned());
            lines.push(format!("-d '{}'", sample(schema, self.schemas)));
        }
        let text = lines.join(" \\\n  ");
        writeln!(f, "<h4>Example</h4>\n<pre><code>{}</code></pre>", escape(&text))
    }

    fn write_answer(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some((status, response)) = self.responses().find(|(status, _)| status.starts_with('2'))
        else {
            return Ok(());
        };
        write!(f, "<h4>Answer</h4>\n<p><span class=\"status\">{}</span> ", escape(status))?;
        let Some((media, content)) = response.content.first() else {
            return f.write_str("without a body</p>\n");
        };
        let Some(schema) = json_schema(content) else { return f.write_str("</p>\n") };
        if media != JSON {
            return writeln!(f, "<code>{}</code></p>", escape(media));
        }
        let kind = Kind { schema, schemas: self.schemas };
        let text = sample(schema, self.schemas).to_string();
        writeln!(f, "{kind}</p>\n<pre><code>{}</code></pre>", escape(&text))
    }

    fn write_refusals(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(
            "<details><summary>All refusals by status</summary>\n<dl class=\"refusals\">\n",
        )?;
        for (status, response) in self.responses() {
            let codes = response.extensions.as_ref().and_then(|all| all.get(CODES_EXTENSION));
            let Some(codes) = codes.and_then(|codes| codes.as_array()) else { continue };
            write!(f, "<div><dt>{}</dt><dd>", escape(status))?;
            for (i, code) in codes.iter().filter_map(|code| code.as_str()).enumerate() {
                let comma = if i == 0 { "" } else { ", " };
                let code = escape(code);
                write!(f, "{comma}<a href=\"/docs/errors#{code}\"><code>{code}</code></a>")?;
            }
            f.write_str("</dd></div>\n")?;
        }
        f.write_str("</dl></details>\n")
    }
}

impl Display for Call<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let id = escape(self.id());
        write!(
            f,
            "<article id=\"{id}\" aria-labelledby=\"{id}-title\">\n\
             <h3 id=\"{id}-title\">{}</h3>\n<p class=\"call\">{}</p>\n",
            escape(self.summary()),
            self.line(),
        )?;
        if let Some(description) = &self.operation.description {
            writeln!(f, "<p>{}</p>", Inline(description))?;
        }
        self.write_parameters(f)?;
        if let Some(schema) = self.body() {
            let note = if self.may_lack_body() { "<p>It may be left out.</p>\n" } else { "" };
            write!(f, "<h4>Body</h4>\n{note}{}", Fields { schema, schemas: self.schemas })?;
        }
        self.write_example(f)?;
        self.write_answer(f)?;
        self.write_refusals(f)?;
        f.write_str("</article>\n")
    }
}

fn json_schema(content: &RefOr<Content>) -> Option<&RefOr<Schema>> {
    match content {
        RefOr::T(content) => content.schema.as_ref(),
        RefOr::Ref(_) => None,
    }
}

//! One operation per route: who may call, what to send, what comes back.

use http::Method;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{
    Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, HttpMethod, Ref, RefOr, Required, Schema};

use super::{
    CUSTOMER_TOKEN, MERCHANT_SIGNATURE, STAFF_TOKEN, Schemas, answers, samples, shapes, tags,
};
use crate::http::input::BodySchema;
use crate::http::routes::{Access, BodyLimit, Route};
use crate::staff::model::Role;

/// Name of the shared parameter.
pub const IDEMPOTENCY_KEY: &str = "IdempotencyKey";

/// The method in the document's words; the table makes GET, POST, PUT and DELETE only.
pub fn http_method(route: &Route) -> HttpMethod {
    if route.method == Method::GET {
        HttpMethod::Get
    } else if route.method == Method::DELETE {
        HttpMethod::Delete
    } else if route.method == Method::PUT {
        HttpMethod::Put
    } else {
        HttpMethod::Post
    }
}

pub(super) fn operation(route: &Route, schemas: &Schemas) -> Operation {
    let mut operation = OperationBuilder::new()
        .tag(tags::tag_of(route).title)
        .operation_id(Some(route.name))
        .summary(Some(route.summary))
        .description(Some(description(route)))
        .request_body(request_body(route, schemas))
        .responses(answers::responses(route, schemas))
        .build();
    let parameters = parameters(route);
    operation.parameters = (!parameters.is_empty()).then_some(parameters);
    operation.security = Some(security(route.access));
    operation
}

/// The header, as a component.
pub(super) fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[ -~]{1,255}$"));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some(
            "1 to 255 printable ASCII characters: a fresh random one for each new act, the same one \
             for each retry.",
        ))
        .schema(Some(schema))
        .build()
}

fn description(route: &Route) -> String {
    let mut sentences = vec![match route.access {
        Access::Public(why) => format!("Open to anybody: {why}."),
        Access::Customer => "For a signed-in customer.".to_owned(),
        Access::Merchant => "For a merchant, by a signed request.".to_owned(),
        Access::Staff(permission) => {
            let roles: Vec<_> = Role::ALL
                .iter()
                .filter(|role| role.permits(permission))
                .map(|r| r.as_str())
                .collect();
            let permission = permission.as_str();
            format!("For an operator with the permission `{permission}` ({}).", roles.join(", "))
        }
    }];
    if route.body_limit == BodyLimit::Bulk {
        sentences.push("The body may be 4 MiB.".to_owned());
    }
    if !route.codes.is_empty() {
        let codes: Vec<_> = route.codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
        sentences.push(format!("Refused, in this order, with {}.", codes.join(", ")));
    }
    sentences.join(" ")
}

fn security(access: Access) -> Vec<SecurityRequirement> {
    match access {
        Access::Public(_) => Vec::new(),
        Access::Customer => vec![SecurityRequirement::new(CUSTOMER_TOKEN, [""; 0])],
        Access::Merchant => vec![SecurityRequirement::new(MERCHANT_SIGNATURE, [""; 0])],
        // OpenAPI 3.1 §4.8.30: for schemes other than OAuth 2 the list may name what is required.
        Access::Staff(permission) => {
            vec![SecurityRequirement::new(STAFF_TOKEN, [permission.as_str()])]
        }
    }
}

fn parameters(route: &Route) -> Vec<RefOr<Parameter>> {
    let mut parameters = Vec::new();
    let mut described = route.input.segment.as_ref();
    for name in segments(route.path) {
        let plain = || ObjectBuilder::new().schema_type(Type::String).into();
        let schema: Schema = described.take().cloned().unwrap_or_else(plain);
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema));
        parameters.push(parameter.build().into());
    }
    let query = route.input.query.iter().cloned().map(without_null);
    parameters.extend(query.map(|parameter| RefOr::T(shapes::shape_parameter(route, parameter))));
    parameters.extend(route.input.headers.iter().cloned().map(RefOr::T));
    if route.once {
        let place = format!("#/components/parameters/{IDEMPOTENCY_KEY}");
        parameters.push(RefOr::Ref(Ref::new(place)));
    }
    parameters
}

/// An optional field of a query is left out; there is no `null` in a URL.
fn without_null(mut parameter: Parameter) -> Parameter {
    if let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema
        && let SchemaType::Array(kinds) = &mut object.schema_type
    {
        kinds.retain(|kind| *kind != Type::Null);
        if let [kind] = kinds.as_slice() {
            object.schema_type = SchemaType::Type(kind.clone());
        }
    }
    parameter
}

/// The names in braces.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn request_body(route: &Route, schemas: &Schemas) -> Option<RequestBody> {
    let body = route.input.body.as_ref()?;
    let required = if route.input.is_body_optional { Required::False } else { Required::True };
    let builder = RequestBodyBuilder::new().required(Some(required));
    Some(builder.content(body.media_type, content(body, schemas)).build())
}

/// A body with its schema and an example of it.
pub(super) fn content(body: &BodySchema, schemas: &Schemas) -> utoipa::openapi::Content {
    let schema = RefOr::Ref(Ref::from_schema_name(&body.name));
    let example = (body.media_type == crate::http::reply::JSON)
        .then(|| samples::sample(&schema, schemas).to_value());
    ContentBuilder::new().schema(Some(schema)).example(example).build()
}

/// A header of an answer.
pub(super) fn header(kind: Type, description: &str) -> Header {
    let mut header = Header::new(ObjectBuilder::new().schema_type(kind));
    header.description = Some(description.to_owned());
    header
}

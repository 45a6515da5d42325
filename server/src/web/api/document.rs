//! The OpenAPI document: what is said once for all routes, and how refusals are described.

use super::problem::{CONTENT_TYPE, ProblemBody};
use super::reason::Reason;
use std::borrow::Cow;
use std::collections::BTreeMap;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, PartialSchema, ToSchema};

/// What the document says besides the routes.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Trunkline",
        description = "Chat that crosses nodes, over HTTP.\n\n\
            A **conversation** is *direct* (two people) or a *group*. Its log is a list of **changes** (a message was \
            posted, a member joined …) with dense **seqs** from 1; the highest is its **head**. Everybody in it has \
            a **read cursor**, which moves forward only; **unread** are the messages by others after it. Reading \
            never deletes and never moves a cursor.\n\n\
            `201 Created` for a message means that it is durably stored. After a timeout or a broken connection send \
            it again **with the same key**: it is stored once, however often it is sent.\n\n\
            People are named by their login names. Times are milliseconds since 1970-01-01T00:00:00Z. Unknown fields \
            are ignored both ways, so that versions can work side by side.\n\n\
            Everything that is refused is answered with `application/problem+json` (RFC 9457), whose `code` a program \
            goes by.",
    ),
    components(schemas(ProblemBody, Code)),
    modifiers(&Schemes),
    security(("session" = []), ("token" = [])),
    tags(
        (name = "Messages", description = "Sending, and reading what was sent."),
        (name = "Conversations", description = "Making them and changing who is in them."),
        (name = "People", description = "Who there is, who is here, and who calls."),
        (name = "Document", description = "This document."),
    ),
)]
pub(super) struct Document;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut OpenApi) {
        let cookie = "A login in the browser. On https the cookie is called `__Host-trunkline`. Requests that change \
                      something must come from a page of this site.";
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description("trunkline", cookie)));
        let mut token = Http::new(HttpAuthScheme::Bearer);
        token.description = Some("A personal access token, made and revoked in the settings.".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("session", cookie);
        components.add_security_scheme("token", SecurityScheme::Http(token));
    }
}

/// All codes, with their statuses and titles.
pub(super) struct Code;

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let line = |reason: &Reason| {
            let (status, title) = reason.describe();
            format!("- `{}` ({}): {title}", reason.as_str(), status.as_u16())
        };
        let lines: Vec<_> = Reason::ALL.iter().map(line).collect();
        let description = format!("Why it was refused. Later versions may know more codes.\n\n{}", lines.join("\n"));
        let codes = Reason::ALL.map(Reason::as_str);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes)).description(Some(description)).into()
    }
}

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        "Code".into()
    }
}

/// Refusals with these reasons, by status, as an operation lists them.
pub(super) fn by_status(reasons: &[Reason]) -> BTreeMap<String, RefOr<Response>> {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for reason in reasons {
        let (status, title) = reason.describe();
        lines.entry(status.as_str().to_owned()).or_default().push(format!("`{}`: {title}.", reason.as_str()));
    }
    let response = |lines: Vec<String>| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        ResponseBuilder::new().description(lines.join("\n\n")).content(CONTENT_TYPE, content).build().into()
    };
    lines.into_iter().map(|(status, lines)| (status, response(lines))).collect()
}

/// Names a list of refusals for use in `responses(…)`: what every operation can answer, and the codes given.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident: $($code:ident)*;)*) => {
        $(
            $(#[$doc])*
            pub(super) struct $name;

            impl utoipa::IntoResponses for $name {
                fn responses() -> std::collections::BTreeMap<
                    String,
                    utoipa::openapi::RefOr<utoipa::openapi::Response>,
                > {
                    use $crate::web::api::reason::Reason;
                    use trunkline_protocol::ErrorCode;
                    $crate::web::api::document::by_status(&[
                        Reason::Code(ErrorCode::Unauthorized),
                        Reason::Code(ErrorCode::StoreUnavailable),
                        Reason::Internal,
                        $(refusals!(@reason $code)),*
                    ])
                }
            }
        )*
    };
    (@reason TooSlow) => { Reason::TooSlow };
    (@reason TooLarge) => { Reason::TooLarge };
    (@reason UnsupportedMediaType) => { Reason::UnsupportedMediaType };
    (@reason CrossSite) => { Reason::CrossSite };
    (@reason $code:ident) => { Reason::Code(ErrorCode::$code) };
}
pub(super) use refusals;

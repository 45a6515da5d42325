//! The OpenAPI document, and whether it tells the truth.

use crate::client::{Site, answer};
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeSet;

const ROUTES: [&str; 17] = [
    "DELETE /conversations/{id}/members/{name}",
    "GET /conversations",
    "GET /conversations/{id}",
    "GET /conversations/{id}/changes",
    "GET /conversations/{id}/messages/{seq}/delivery",
    "GET /me",
    "GET /openapi.json",
    "GET /presence",
    "GET /search",
    "GET /users",
    "PATCH /conversations/{id}",
    "POST /conversations/direct",
    "POST /conversations/group",
    "POST /conversations/{id}/cursor",
    "POST /conversations/{id}/members",
    "POST /messages",
    "POST /unread/pull",
];

/// Every operation, as method and path below the prefix, with its description.
fn operations(document: &Value) -> Vec<(Method, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let path = path.strip_prefix("/api/v1").expect("the prefix");
        for (method, operation) in item.as_object().expect("methods") {
            let method = method.to_uppercase().parse().expect("a method");
            operations.push((method, path.to_owned(), operation.clone()));
        }
    }
    operations
}

#[tokio::test]
async fn the_document_is_public_and_describes_every_operation() {
    let site = Site::start().await;
    let told = site.stranger().get("/openapi.json").await;
    assert_eq!(told.headers["content-type"], "application/json");
    let document = told.ok(200);
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")));
    let described: BTreeSet<_> =
        operations(&document).iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let expected: BTreeSet<_> = ROUTES.into_iter().map(str::to_owned).collect();
    assert_eq!(described, expected);
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(!summary.is_empty() && !summary.contains('\n'), "{name} has no summary");
        assert!(operation["tags"][0].is_string(), "{name} has no tag");
        assert!(ids.insert(operation["operationId"].as_str().expect("an id").to_owned()), "{name}");
        for (status, response) in operation["responses"].as_object().expect("responses") {
            let is_error = status.as_str() >= "400";
            let problem = &response["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(problem == "#/components/schemas/Problem", is_error, "{name} {status}");
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{name} {status}");
        }
        let is_public = path == "/openapi.json";
        assert_eq!(operation["responses"].get("401").is_none(), is_public, "{name}");
    }
}

#[tokio::test]
async fn what_is_described_is_routed_and_nothing_else_is() {
    let site = Site::start().await;
    let stranger = site.stranger();
    let document = stranger.get("/openapi.json").await.ok(200);
    let operations = operations(&document);
    let paths: BTreeSet<_> = operations.iter().map(|(_, path, _)| path.clone()).collect();
    for path in paths {
        let concrete = path.replace("{id}", "1").replace("{name}", "ann");
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let described = operations.iter().any(|(known, at, _)| (known, at) == (&method, &path));
            let answer = answer(stranger.request(method.clone(), &concrete)).await;
            let expected = match described {
                true if path == "/openapi.json" => 200,
                true => 401,
                false => 405,
            };
            assert_eq!(answer.status.as_u16(), expected, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let site = Site::start().await;
    let document = site.stranger().get("/openapi.json").await.ok(200);
    let mut open = vec![&document];
    let mut references = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    references += 1;
                    let pointer = reference.strip_prefix('#').expect("within the document");
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                open.extend(fields.values());
            }
            Value::Array(values) => open.extend(values),
            _ => {}
        }
    }
    assert!(references > 20);
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        assert!(schema["description"].is_string(), "{name} is not described");
        for (field, described) in schema["properties"].as_object().into_iter().flatten() {
            let has_text = |described: &Value| described["description"].is_string() || described["$ref"].is_string();
            let is_described =
                has_text(described) || described["oneOf"].as_array().is_some_and(|of| of.iter().any(has_text));
            assert!(is_described, "{name}.{field} is not described");
        }
    }
    let schemes = document["components"]["securitySchemes"].as_object().expect("schemes");
    assert_eq!(schemes.keys().collect::<Vec<_>>(), ["session", "token"]);
}

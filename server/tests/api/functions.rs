//! What the pages ask of the server, by raw HTTP.

use crate::client::{Answer, Caller, Site, answer};
use leptos::server_fn::axum::server_fn_paths;
use reqwest::Method;
use serde_json::json;
use trunkline_protocol::limits;

/// Asks as an island does.
async fn ask(site: &Site, who: &Caller, function: &str, body: serde_json::Value) -> Answer {
    let request = site.function(Method::POST, function).header(who.header.0, &who.header.1);
    answer(request.header("content-type", "application/json").body(body.to_string())).await
}

#[test]
fn addresses_of_functions_do_not_hang_on_where_they_were_built() {
    let paths: Vec<_> = server_fn_paths().map(|(path, _)| path).collect();
    assert!(!paths.is_empty());
    for path in paths {
        assert!(path.starts_with("/api/fn/") && !path.contains(|letter: char| letter.is_ascii_digit()), "{path}");
    }
}

#[tokio::test]
async fn a_refusal_has_its_own_status() {
    let site = Site::start().await;
    let (ann, stranger) = (site.person("ann").await, site.stranger());
    let peer = json!({"peer": ann.id.0 + 1});
    assert_eq!(ask(&site, &stranger, "direct", peer.clone()).await.status, 401);
    let refused = ask(&site, &ann, "direct", peer).await;
    assert_eq!((refused.status.as_u16(), &refused.body["code"]), (404, &json!("unknown_user")));
    assert_eq!(ask(&site, &ann, "create_group", json!({"name": "", "members": []})).await.status, 422);
    assert_eq!(ask(&site, &ann, "direct", json!({})).await.status, 400);
    let large = json!({"name": "x".repeat(limits::FRAME_BYTES), "members": []});
    assert_eq!(ask(&site, &ann, "create_group", large).await.status, 413);
    ask(&site, &ann, "nothing", json!({})).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_form_that_lacks_a_field_is_not_sent_elsewhere_with_a_sentence_in_its_address() {
    let site = Site::start().await;
    let ann = site.person("ann").await;
    let form = site.function(Method::POST, "end_session").header(ann.header.0, &ann.header.1);
    let form = form.header("content-type", "application/x-www-form-urlencoded").header("accept", "text/html");
    let refused = answer(form.header("referer", "/settings").body("")).await;
    assert_eq!((refused.status.as_u16(), refused.headers.get("location")), (400, None));
}

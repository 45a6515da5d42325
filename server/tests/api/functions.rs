//! What the pages ask of the server, by raw HTTP.

use crate::client::{Answer, Caller, Site, answer};
use crate::support::server::PASSWORD;
use leptos::server_fn::axum::server_fn_paths;
use reqwest::{Method, Response, header};
use serde_json::json;
use trunkline_protocol::limits;
use trunkline_server::web::api::reason::Reason;

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

/// Sends a form as a browser does; whoever it is has this cookie.
async fn send(site: &Site, cookie: &str, function: &str, form: &str) -> Response {
    let form = site.function(Method::POST, function).body(form.to_owned()).header("cookie", cookie);
    let form = form.header("content-type", "application/x-www-form-urlencoded").header("accept", "text/html");
    form.send().await.expect("an answer")
}

/// A page, and where it sends who asks for it.
async fn page(site: &Site, cookie: &str, path: &str) -> (String, Option<String>) {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let page = http.get(site.server.url(path)).header("cookie", cookie).send().await.expect("an answer");
    let location = location(&page);
    (page.text().await.expect("a page"), location)
}

fn location(response: &Response) -> Option<String> {
    Some(response.headers().get(header::LOCATION)?.to_str().expect("text").to_owned())
}

#[tokio::test]
async fn a_refused_form_says_why_on_its_page_and_in_no_address() {
    let site = Site::start().await;
    site.person("ann").await;
    let refused = send(&site, "", "log_in", "name=ann&password=wrong&next=%2Fsettings").await;
    assert_eq!((refused.status().as_u16(), location(&refused).as_deref()), (303, Some("/login?next=%2Fsettings")));
    let note = refused.headers()[header::SET_COOKIE].to_str().expect("text").split(';').next().expect("a cookie");
    let (html, _) = page(&site, note, "/login?next=%2Fsettings").await;
    assert!(html.contains("The name or the password is wrong.") && html.contains("value=\"ann\""), "{html}");
    let (html, _) = page(&site, note, "/register").await;
    assert!(!html.contains("The name or the password is wrong."), "another form was not refused");
    // Base64 of a refusal; what an address says is nobody's word.
    let written = "__path=%2Fapi%2Ffn%2Flog_in&__err=eyJjb2RlIjoiaW52YWxpZCIsIm1lc3NhZ2UiOiJDYWxsIDU1NSJ9";
    let (html, _) = page(&site, "", &format!("/login?{written}")).await;
    assert!(!html.contains("Call 555"), "{html}");
}

#[tokio::test]
async fn a_note_that_does_not_fit_leaves_the_refusal() {
    let site = Site::start().await;
    let form = format!("name={}&password=", "x".repeat(5_000));
    let refused = send(&site, "", "log_in", &form).await;
    let note = refused.headers()[header::SET_COOKIE].to_str().expect("text").split(';').next().expect("a cookie");
    let (html, _) = page(&site, note, "/login").await;
    assert!(html.contains("Enter your password."), "{html}");
}

#[tokio::test]
async fn who_is_logged_in_already_goes_where_they_wanted_to_go() {
    let site = Site::start().await;
    let ann = site.person("ann").await;
    for entrance in ["/login", "/register"] {
        let (_, to) = page(&site, &ann.header.1, &format!("{entrance}?next=%2Fsettings")).await;
        assert_eq!(to.as_deref(), Some("/settings"));
    }
    let (html, _) = page(&site, "", "/register?next=%2Fsettings").await;
    assert!(html.contains("href=\"/login?next=%2Fsettings\""), "{html}");
    let done = send(&site, &ann.header.1, "set_display_name", "display_name=Ann+B").await;
    assert_eq!((done.status().as_u16(), location(&done).as_deref()), (303, Some("/settings#profile")));
}

#[tokio::test]
async fn a_new_password_leaves_nothing_open_that_the_old_one_opened() {
    let site = Site::start().await;
    let ann = site.person("ann").await;
    let program = site.by_token(&ann).await;
    let form = format!("current={}&new=a+longer+password", PASSWORD.replace(' ', "+"));
    let changed = send(&site, &ann.header.1, "change_password", &form).await;
    assert_eq!(location(&changed).as_deref(), Some("/settings#password"));
    let cookies =
        changed.headers().get_all(header::SET_COOKIE).into_iter().map(|cookie| cookie.to_str().expect("text"));
    let new = cookies.filter_map(|cookie| cookie.split(';').next()).find(|cookie| cookie.starts_with("trunkline="));
    let new = new.expect("a session").to_owned();
    program.get("/me").await.refused(401, "unauthorized");
    ann.get("/me").await.refused(401, "unauthorized");
    answer(site.stranger().request(Method::GET, "/me").header("cookie", new)).await.ok(200);
}

#[tokio::test]
async fn the_type_of_every_refusal_leads_to_its_place_on_the_page() {
    let site = Site::start().await;
    let (html, _) = page(&site, "", "/api").await;
    for reason in Reason::ALL {
        assert!(html.contains(&format!("id=\"{}\"", reason.as_str())), "{}", reason.as_str());
    }
}

//! The administrators' page, by raw HTTP.

use crate::client::{Caller, Site};
use reqwest::{Method, Response, header, redirect};

async fn page(site: &Site, who: &Caller, path: &str) -> Response {
    let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
    http.get(site.server.url(path)).header(who.header.0, &who.header.1).send().await.expect("an answer")
}

async fn send(site: &Site, who: &Caller, function: &str, form: &str) -> Response {
    let form = site.function(Method::POST, function).body(form.to_owned()).header(who.header.0, &who.header.1);
    let form = form.header("content-type", "application/x-www-form-urlencoded").header("accept", "text/html");
    form.send().await.expect("an answer")
}

async fn is_disabled(site: &Site, name: &str) -> bool {
    site.state().node.store.account(name).await.expect("the store").expect("an account").disabled
}

#[tokio::test]
async fn there_is_an_administrators_page_for_administrators_only() {
    let site = Site::start().await;
    let [admin, ben] = site.people(["admin", "ben"]).await;
    let shown = page(&site, &admin, "/admin").await;
    assert_eq!(shown.status(), 200);
    let text = shown.text().await.expect("a page");
    let node = site.state().node.id().to_string();
    for wanted in ["Administration", &node, "Healthy", "@ben", "SQLite", "memory"] {
        assert!(text.contains(wanted), "{wanted} is not on the page");
    }
    let found = page(&site, &admin, "/admin?q=be").await.text().await.expect("a page");
    assert!(found.contains("@ben") && !found.contains("@admin"));
    assert_eq!(page(&site, &ben, "/admin").await.status(), 404, "to others it is not there");
    assert!(!page(&site, &ben, "/settings").await.text().await.expect("a page").contains("/admin"));
    let stranger = page(&site, &site.stranger(), "/admin").await;
    assert_eq!(stranger.headers()[header::LOCATION], "/login?next=%2Fadmin");
}

#[tokio::test]
async fn what_people_wrote_is_escaped_on_it() {
    let site = Site::start().await;
    let [admin, ben] = site.people(["admin", "ben"]).await;
    site.state().node.rename(ben.id, "<img src=x onerror=alert(1)>").await.expect("renamed");
    let text = page(&site, &admin, "/admin?q=%3Cimg").await.text().await.expect("a page");
    assert!(text.contains("&lt;img src=x") && !text.contains("<img"), "{text}");
}

#[tokio::test]
async fn only_administrators_disable_accounts_and_end_sessions_and_never_their_own() {
    let site = Site::start().await;
    let [admin, ben, cleo] = site.people(["admin", "ben", "cleo"]).await;
    let (bens, admins) = (format!("user={}", ben.id), format!("user={}&query=a%26b", admin.id));
    for function in ["disable_account", "end_sessions_of"] {
        for who in [&cleo, &site.stranger()] {
            send(&site, who, function, &bens).await;
        }
    }
    assert!(!is_disabled(&site, "ben").await);
    ben.get("/me").await.ok(200);
    let answer = send(&site, &admin, "disable_account", &admins).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[header::LOCATION]),
        (303, &"/admin?q=a%26b#users".parse().expect("text"))
    );
    assert!(!is_disabled(&site, "admin").await, "nobody locks themselves out");
    send(&site, &admin, "disable_account", &bens).await;
    assert!(is_disabled(&site, "ben").await);
    ben.get("/me").await.refused(401, "unauthorized");
    send(&site, &admin, "enable_account", &bens).await;
    assert!(!is_disabled(&site, "ben").await);
    ben.get("/me").await.refused(401, "unauthorized");
    site.server.log_in("ben").await;
    send(&site, &admin, "end_sessions_of", &format!("user={}", cleo.id)).await;
    cleo.get("/me").await.refused(401, "unauthorized");
    send(&site, &admin, "end_sessions_of", &admins).await;
    admin.get("/me").await.ok(200);
}

#[tokio::test]
async fn access_tokens_do_not_open_it() {
    let site = Site::start().await;
    let admin = site.person("admin").await;
    let token = site.by_token(&admin).await;
    assert_eq!(page(&site, &token, "/admin").await.status(), 303, "a page is for browsers");
}

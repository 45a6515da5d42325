//! What a login leaves behind.

use crate::client::{Site, answer};
use crate::support::SOON;
use crate::support::server::{Login, PASSWORD};
use reqwest::{Method, Response, header, redirect};
use trunkline_protocol::CloseCode;

/// Logs in by the page's form, in a browser that has this cookie.
async fn log_in(site: &Site, cookie: &str, name: &str, password: &str) -> Response {
    let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
    let form = format!("name={name}&password={}", password.replace(' ', "+"));
    let request = http.post(site.server.url("/api/fn/log_in")).header("cookie", cookie);
    request
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .expect("an answer")
}

/// The cookie that an answer sets, as a browser sends it back.
fn set_cookie(answer: &Response) -> Option<String> {
    let value = answer.headers().get(header::SET_COOKIE)?.to_str().expect("text");
    value.split(';').next().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_ends_the_one_before_it_and_has_a_token_of_its_own() {
    let site = Site::start().await;
    let ann = site.person("ann").await;
    let old = ann.login.clone().expect("a login");
    let elsewhere = site.server.log_in("ann").await;
    let (socket, others) = (site.server.device(&old).await, site.server.device(&elsewhere).await);
    let failed = log_in(&site, &old.cookie, "ann", "wrong horse").await;
    assert_eq!(set_cookie(&failed).filter(|cookie| cookie.starts_with("trunkline=")), None);
    ann.get("/me").await.ok(200);
    let answered = log_in(&site, &old.cookie, "ann", PASSWORD).await;
    let new = set_cookie(&answered).expect("a cookie");
    assert!(new.starts_with("trunkline=") && new != old.cookie, "{new}");
    ann.get("/me").await.refused(401, "unauthorized");
    answer(site.stranger().request(Method::GET, "/me").header("cookie", new)).await.ok(200);
    assert_eq!(socket.stopped(SOON).await, CloseCode::SessionEnded.as_u16());
    // Another browser's login is none of its business.
    others.live().await;
    answer(site.stranger().request(Method::GET, "/me").header("cookie", &elsewhere.cookie)).await.ok(200);
}

#[tokio::test]
async fn what_opens_a_door_is_nowhere_in_the_database() {
    let site = Site::start().await;
    let ann = site.person("ann").await;
    let Login { cookie, .. } = ann.login.clone().expect("a login");
    let accounts = &site.state().accounts;
    let token = accounts.create_token(ann.id, "script").await.expect("a token");
    let invite = accounts.create_invite(ann.id).await.expect("an invite");
    let (_, session) = cookie.split_once('=').expect("a cookie");
    let file = site.server.database().path();
    let mut bytes = std::fs::read(&file).expect("the file");
    bytes.extend(std::fs::read(file.with_extension("db-wal")).expect("the log before the file"));
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("ann"), "this looks at the right file");
    let token = token.reveal();
    for secret in [session, token, token.trim_start_matches("tlk_"), invite.reveal(), PASSWORD] {
        assert!(!holds(secret));
    }
    // Nor as bytes, which 64 digits stand for.
    let raw: Vec<u8> =
        (0..64).step_by(2).map(|at| u8::from_str_radix(&session[at..at + 2], 16).expect("two digits")).collect();
    assert!(!bytes.windows(raw.len()).any(|window| window == raw));
}

//! What a request says of who sends it: cookies, access tokens, proxies' headers, and where to go after logging in.

use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;
use trunkline_app::return_path::ReturnPath;
use trunkline_server::auth::secrets::hash;
use trunkline_server::config::{Config, Options};
use trunkline_server::web::security::origin_is_ours;
use trunkline_server::web::session::{Presented, client_address, presented, set_cookie};
use url::Url;

const PROXY: [u8; 4] = [10, 0, 0, 1];

static SITES: LazyLock<[Config; 2]> = LazyLock::new(|| {
    [None, Some("https://chat.example.org".to_owned())].map(|public_url| {
        let trusted_proxies = Some(vec![IpAddr::from(PROXY).into()]);
        Config::try_from(Options { public_url, trusted_proxies, ..Options::default() }).expect("a configuration")
    })
});

/// Headers, one a line: `Cookie`, `Authorization`, `X-Forwarded-For`, `Origin`, `Host`; then a path to return to.
pub fn headers(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    let names = ["x-forwarded-for", "origin", "host"].map(HeaderName::from_static);
    for name in [COOKIE, AUTHORIZATION].into_iter().chain(names) {
        // Twice the same header is one line with a tab.
        for part in lines.next().unwrap_or_default().split(|byte| *byte == b'\t') {
            if let Ok(value) = HeaderValue::from_bytes(part) {
                headers.append(name.clone(), value);
            }
        }
    }
    for config in SITES.iter() {
        who(config, &headers);
        let _ = origin_is_ours(config, &headers);
        let _ = client_address(config, IpAddr::from(PROXY), &headers);
        let stranger = IpAddr::from([192, 0, 2, 7]);
        assert_eq!(client_address(config, stranger, &headers), stranger, "nobody else is believed");
    }
    if let Some(path) = lines.next().and_then(|line| str::from_utf8(line).ok()).and_then(ReturnPath::parse) {
        stays(&path);
    }
}

/// A secret is a part of its header; and the cookie that a login sets is understood when it comes back.
fn who(config: &Config, headers: &HeaderMap) {
    let holds = |name: HeaderName, secret: &str| {
        let mut lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
        lines.any(|line| line.contains(secret))
    };
    match presented(config, headers) {
        Some(Presented::Token(token)) => {
            assert!(holds(AUTHORIZATION, token));
            let _ = hash(token);
        }
        Some(Presented::Session(secret)) => {
            assert!(holds(COOKIE, secret) && !secret.contains(';'));
            let cookie = set_cookie(config, secret, Duration::from_secs(1));
            let pair = cookie.split(';').next().expect("a pair");
            let mut back = HeaderMap::new();
            back.insert(COOKIE, HeaderValue::from_str(pair).expect("a header"));
            assert_eq!(presented(config, &back), Some(Presented::Session(secret)));
        }
        None => {}
    }
}

/// Wherever a browser ends up, it is the same site.
fn stays(path: &ReturnPath) {
    let site = Url::parse("https://chat.example.org/login").expect("an address");
    let reached = site.join(path.as_str()).expect("a path");
    assert_eq!(reached.origin(), site.origin(), "{path}");
    let page = site.join(&path.after("/login")).expect("a path");
    assert_eq!((page.origin(), page.path()), (site.origin(), "/login"));
    if !path.is_home() {
        let next = page.query_pairs().find(|(name, _)| name == "next").expect("where to go");
        assert_eq!(next.1, path.as_str());
    }
}

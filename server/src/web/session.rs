//! Who sent a request: by the session cookie, or by an access token in the `Authorization` header.

use super::api::{self, problem::Problem};
use super::state::AppState;
use crate::config::Config;
use crate::store::{Credential, Identity, StoreError};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use trunkline_app::backend::Viewer;
use trunkline_app::backend::service::Caller;
use trunkline_protocol::ErrorCode;

/// The cookie's name over TLS. The prefix makes browsers insist on Secure, no Domain, and the whole site as Path.
const SECURE_NAME: &str = "__Host-trunkline";
/// The cookie's name without TLS.
const PLAIN_NAME: &str = "trunkline";
/// When to come back while the store does not answer.
const RETRY: Duration = Duration::from_secs(2);

/// Who a request comes from, as an extension of it; `None` if nobody is logged in.
#[derive(Clone, Debug)]
pub struct Known(pub Option<Identity>);

/// Middleware: finds out who asks and puts [`Known`] and [`Caller`] into the request.
pub async fn identify(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
    let address = client_address(&state.config, peer, request.headers());
    let identity = match identity(&state, request.headers()).await {
        Ok(identity) => identity,
        Err(error) => {
            tracing::error!(error = %error, "could not find out who asks");
            let sentence = "The store does not answer; please try again.";
            if request.uri().path().starts_with(api::PREFIX) {
                return Problem::new(ErrorCode::StoreUnavailable, sentence).after(RETRY).into_response();
            }
            return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY.as_secs().to_string())], sentence)
                .into_response();
        }
    };
    let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("");
    let caller = Caller { viewer: identity.as_ref().and_then(viewer), address, agent: agent.to_owned() };
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(Known(identity));
    next.run(request).await
}

/// Who a request's headers speak for.
///
/// # Errors
/// If the store does not answer.
pub async fn identity(state: &AppState, headers: &HeaderMap) -> Result<Option<Identity>, StoreError> {
    match presented(&state.config, headers) {
        Some(Presented::Token(token)) => state.accounts.identify_token(token).await,
        Some(Presented::Session(secret)) => state.accounts.identify_session(secret).await,
        None => Ok(None),
    }
}

/// The secret that a request's headers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    /// Of an access token.
    Token(&'a str),
    /// Of a login, in the cookie.
    Session(&'a str),
}

/// What a request's headers present, if anything. An access token counts before a cookie.
#[must_use]
pub fn presented<'a>(config: &Config, headers: &'a HeaderMap) -> Option<Presented<'a>> {
    bearer(headers).map(Presented::Token).or_else(|| cookie(config, headers).map(Presented::Session))
}

/// The `Set-Cookie` value of a login.
#[must_use]
pub fn set_cookie(config: &Config, secret: &str, lifetime: Duration) -> String {
    let (name, secure) = name(config);
    format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}", lifetime.as_secs())
}

/// The `Set-Cookie` value of a logout.
#[must_use]
pub fn clear_cookie(config: &Config) -> String {
    let (name, secure) = name(config);
    format!("{name}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}")
}

fn name(config: &Config) -> (&'static str, &'static str) {
    match &config.public_url {
        Some(url) if url.is_https() => (SECURE_NAME, "; Secure"),
        _ => (PLAIN_NAME, ""),
    }
}

fn cookie<'a>(config: &Config, headers: &'a HeaderMap) -> Option<&'a str> {
    let wanted = name(config).0;
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A browser's user; an access token opens the API, not the pages.
fn viewer(identity: &Identity) -> Option<Viewer> {
    match identity.credential {
        Credential::Session(session) => Some(Viewer { user: identity.user.clone(), admin: identity.admin, session }),
        Credential::Token(_) => None,
    }
}

/// The client's address: the peer's, or what trusted proxies say of it. Read from the right, since whatever stands
/// left of the first untrusted address was written by somebody unknown.
#[must_use]
pub fn client_address(config: &Config, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut address = peer.to_canonical();
    let named = headers.get_all("x-forwarded-for").into_iter().filter_map(|line| line.to_str().ok());
    let mut named: Vec<&str> = named.flat_map(|line| line.split(',')).map(str::trim).collect();
    while config.trusted_proxies.iter().any(|network| network.contains(address)) {
        match named.pop().map(str::parse) {
            Some(Ok(next)) => address = next,
            _ => break,
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;

    fn config(url: Option<&str>) -> Config {
        let trusted = ["10.0.0.1", "10.0.0.2", "10.42.0.0/16"];
        let trusted_proxies = trusted.iter().map(|network| network.parse().ok()).collect();
        let options = Options { public_url: url.map(str::to_owned), trusted_proxies, ..Options::default() };
        Config::try_from(options).expect("a configuration")
    }

    #[test]
    fn on_https_the_cookie_is_secure_and_bound_to_the_host() {
        let cookie = set_cookie(&config(Some("https://chat.example.org")), "x", Duration::from_secs(9));
        assert_eq!(cookie, "__Host-trunkline=x; Path=/; HttpOnly; SameSite=Lax; Max-Age=9; Secure");
        assert!(!set_cookie(&config(None), "x", Duration::from_secs(9)).contains("Secure"));
    }

    #[test]
    fn a_cookie_of_another_name_is_not_taken_for_ours() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "xtrunkline=1; trunkline=2; theme=dark".parse().expect("a header"));
        assert_eq!(cookie(&config(None), &headers), Some("2"));
        assert_eq!(cookie(&config(Some("https://a.example")), &headers), None);
    }

    #[test]
    fn only_trusted_proxies_can_name_the_client() {
        let request = |peer: [u8; 4], forwarded: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", forwarded.parse().expect("a header"));
            client_address(&config(None), peer.into(), &headers).to_string()
        };
        assert_eq!(request([10, 0, 0, 1], "9.9.9.9, 8.8.8.8"), "8.8.8.8");
        assert_eq!(request([10, 0, 0, 1], "8.8.8.8, 10.0.0.2"), "8.8.8.8");
        assert_eq!(request([10, 42, 3, 9], "8.8.8.8, 10.42.7.1"), "8.8.8.8");
        assert_eq!(request([7, 7, 7, 7], "8.8.8.8"), "7.7.7.7");
        assert_eq!(request([10, 0, 0, 1], "nonsense"), "10.0.0.1");
    }
}

//! The Content-Security-Policy of the pages.
//!
//! Only scripts of this site run, and inline ones only with the nonce of this very answer: Leptos puts it on those
//! that it writes. Style sheets come from this site, and no element has a `style` attribute. WebAssembly may be
//! compiled; `eval` may not.

use leptos::nonce::use_nonce;
use leptos::prelude::use_context;
use leptos::server_fn::http_export::{HeaderValue, header::CONTENT_SECURITY_POLICY};
use leptos_axum::ResponseOptions;

/// The policy for an answer with this nonce. `watched` lets `cargo leptos watch` reach the page over its own socket.
#[must_use]
pub fn policy(nonce: &str, watched: bool) -> String {
    let elsewhere = if watched { " ws: wss:" } else { "" };
    [
        "default-src 'self'",
        &format!("script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'"),
        "style-src 'self'",
        "img-src 'self' data:",
        &format!("connect-src 'self'{elsewhere}"),
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
    .join("; ")
}

/// Puts the policy on the answer that is being rendered. Without a nonce no inline script is allowed.
pub(crate) fn protect() {
    let Some(response) = use_context::<ResponseOptions>() else { return };
    let nonce = use_nonce().map(|nonce| nonce.to_string()).unwrap_or_default();
    let policy = policy(&nonce, std::env::var_os("LEPTOS_WATCH").is_some());
    if let Ok(value) = HeaderValue::from_str(&policy) {
        response.insert_header(CONTENT_SECURITY_POLICY, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directive<'a>(policy: &'a str, name: &str) -> &'a str {
        policy.split("; ").find(|part| part.split(' ').next() == Some(name)).unwrap_or_default()
    }

    #[test]
    fn scripts_need_this_site_or_the_nonce() {
        let policy = policy("abc", false);
        assert_eq!(directive(&policy, "script-src"), "script-src 'self' 'nonce-abc' 'wasm-unsafe-eval'");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
    }

    #[test]
    fn the_page_can_not_be_framed_rebased_or_post_elsewhere() {
        let policy = policy("abc", false);
        assert_eq!(directive(&policy, "frame-ancestors"), "frame-ancestors 'none'");
        assert_eq!(directive(&policy, "base-uri"), "base-uri 'none'");
        assert_eq!(directive(&policy, "form-action"), "form-action 'self'");
        assert_eq!(directive(&policy, "object-src"), "object-src 'none'");
    }

    #[test]
    fn sockets_to_other_sites_are_for_the_dev_server_only() {
        assert_eq!(directive(&policy("abc", false), "connect-src"), "connect-src 'self'");
        assert_eq!(directive(&policy("abc", true), "connect-src"), "connect-src 'self' ws: wss:");
    }
}

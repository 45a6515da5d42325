//! Where to go after logging in: a path of this site, and of no other.
//!
//! The path arrives in a query or a form, so anyone can write it. A browser takes `//evil`, `/\evil` and
//! `/<tab>/evil` for another site's address; none of them gets past [`ReturnPath::parse`].

use leptos_router::location::Url;
use std::fmt;

/// A path of this site: one leading slash, printable ASCII, no backslash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnPath(String);

/// Longer paths than any of ours are somebody's experiment.
const LONGEST: usize = 512;

impl ReturnPath {
    /// The path, if it stays on this site.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix('/')?;
        let is_local = !rest.starts_with('/');
        let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        (is_local && is_plain && path.len() <= LONGEST).then(|| Self(path.to_owned()))
    }

    /// The path, or the chat if it is absent or leads elsewhere.
    #[must_use]
    pub fn or_home(path: &str) -> Self {
        Self::parse(path).unwrap_or_else(|| Self("/".to_owned()))
    }

    /// The path itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the chat, which needs no mention in an address.
    #[must_use]
    pub fn is_home(&self) -> bool {
        self.0 == "/"
    }

    /// `page` with this path as its `next`; `page` may have a query already.
    #[must_use]
    pub fn after(&self, page: &str) -> String {
        if self.is_home() {
            return page.to_owned();
        }
        let joint = if page.contains('?') { '&' } else { '?' };
        format!("{page}{joint}next={}", Url::escape(&self.0))
    }
}

impl fmt::Display for ReturnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn paths_of_this_site_are_taken() {
        for path in ["/", "/c/12", "/settings", "/c/12?at=7#end", "/a//b"] {
            assert_eq!(ReturnPath::parse(path).map(|path| path.to_string()).as_deref(), Some(path));
        }
    }

    #[test]
    fn addresses_of_other_sites_are_not() {
        let others = [
            "",
            "c/12",
            "//evil",
            "///evil",
            "/\\evil",
            "\\/evil",
            "\\\\evil",
            "https:",
            "https://evil",
            "https:/evil",
            "javascript:alert(1)",
            "/\t/evil",
            "/\n/evil",
            " /c/1",
            "/c/1 ",
            "/\u{0}",
            "/ü",
            "/c\\..\\evil",
        ];
        for path in others {
            assert_eq!(ReturnPath::parse(path), None, "{path:?}");
            assert_eq!(ReturnPath::or_home(path).as_str(), "/", "{path:?}");
        }
        assert_eq!(ReturnPath::parse(&format!("/{}", "a".repeat(LONGEST))), None);
    }

    #[test]
    fn the_path_is_escaped_in_an_address() {
        let path = ReturnPath::or_home("/c/1?a=b&c=d");
        assert_eq!(path.after("/login"), "/login?next=%2Fc%2F1%3Fa%3Db%26c%3Dd");
        assert_eq!(path.after("/register?invite=x"), "/register?invite=x&next=%2Fc%2F1%3Fa%3Db%26c%3Dd");
        assert_eq!(ReturnPath::or_home("/").after("/login"), "/login");
    }
}

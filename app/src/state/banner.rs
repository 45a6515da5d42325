//! What the connection banner says: the truth, and nothing while all is well.

use trunkline_protocol::client::Link;
use trunkline_protocol::{CloseCode, Millis};

/// What the banner shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner {
    /// The value of `data-state`.
    pub state: &'static str,
    /// The sentence; empty while all is well.
    pub text: &'static str,
    /// How long until the next try; for the eye, since nobody wants to hear each second.
    pub countdown: Option<String>,
    /// The label of its button, if it has one.
    pub action: Option<&'static str>,
}

impl Banner {
    const fn new(state: &'static str, text: &'static str, action: Option<&'static str>) -> Self {
        Self { state, text, countdown: None, action }
    }
}

/// What to say about a link at a moment. `link` is `None` before the first try.
#[must_use]
pub fn banner(link: Option<Link>, degraded: bool, now: Millis) -> Banner {
    match link {
        None => Banner::new("starting", "", None),
        Some(Link::Live) if degraded => {
            Banner::new("degraded", "This node is cut off from the others: messages may arrive late.", None)
        }
        Some(Link::Live) => Banner::new("live", "", None),
        Some(Link::Connecting(_)) => Banner::new("connecting", "Connecting…", None),
        Some(Link::Waiting(until)) => {
            let seconds = ((until - now).max(0) + 999) / 1_000;
            let countdown = (seconds > 0).then(|| format!(" in {seconds} s"));
            Banner { countdown, ..Banner::new("waiting", "Reconnecting", Some("Reconnect now")) }
        }
        Some(Link::Offline) => {
            let text = "You are offline. What you write is kept and sent when the network is back.";
            // The browser may be wrong: a server on this very machine needs no network.
            Banner::new("offline", text, Some("Try now"))
        }
        Some(Link::Stopped(code)) => Banner::new("stopped", stopped(code), Some("Try again")),
    }
}

/// Why the server does not want this page back, for people.
fn stopped(code: u16) -> &'static str {
    match code {
        code if code == CloseCode::SessionEnded.as_u16() => "Your session has ended. Please log in again.",
        code if code == CloseCode::BadProtocol.as_u16() => {
            "This page is older than the server. Please reload it; what you have written is kept."
        }
        _ => "The server has closed the connection.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_while_all_is_well() {
        assert_eq!(banner(None, false, 0).text, "");
        assert_eq!(banner(Some(Link::Live), false, 0).text, "");
        assert_eq!(banner(Some(Link::Connecting(0)), false, 0).text, "Connecting…");
        assert_eq!(banner(Some(Link::Offline), false, 0).action, Some("Try now"));
        assert!(banner(Some(Link::Live), true, 0).text.contains("cut off"));
    }

    #[test]
    fn the_wait_is_counted_down_in_whole_seconds() {
        let shown = |now| banner(Some(Link::Waiting(5_000)), false, now);
        assert_eq!((shown(0).text, shown(0).action), ("Reconnecting", Some("Reconnect now")));
        assert_eq!(shown(0).countdown.as_deref(), Some(" in 5 s"));
        assert_eq!(shown(4_001).countdown.as_deref(), Some(" in 1 s"));
        assert_eq!(shown(6_000).countdown, None);
    }

    #[test]
    fn a_refusal_for_good_is_explained() {
        for code in [4500, 4501, 4502, 4999] {
            assert_eq!(banner(Some(Link::Stopped(code)), false, 0).action, Some("Try again"), "{code}");
        }
    }
}

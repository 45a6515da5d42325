//! Where the view of the messages stays when something around it changes.
//!
//! The list is laid out from its end: the browser counts its scroll position from the bottom, 0 at the latest message
//! and negative above. A reader at the end therefore stays there by itself, and older messages added at the top move
//! nothing. What is left is a reader further up while something comes below: the line they look at must not move.

/// Within this many pixels of the end one is at the end: fractional positions, and a finger's tremble.
const AT_END: f64 = 32.0;
/// Further than this from the end, in views, the way back is offered.
const FAR: f64 = 0.5;
/// Older messages are asked for when fewer than this many views are left above.
const AHEAD: f64 = 1.5;

/// What the browser measures of the scrolling box.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct View {
    /// Scroll position: 0 at the end, negative above.
    pub top: f64,
    /// Height of what is visible.
    pub height: f64,
    /// Height of everything.
    pub content: f64,
}

impl View {
    /// Whether the end of the list is in view.
    #[must_use]
    pub fn at_end(self) -> bool {
        -self.top <= AT_END
    }

    /// Whether the reader is so far up that a way back helps.
    #[must_use]
    pub fn is_far(self) -> bool {
        -self.top > self.height * FAR
    }

    /// Whether older messages should be at hand soon.
    #[must_use]
    pub fn near_top(self) -> bool {
        self.content - self.height + self.top < self.height * AHEAD
    }
}

/// Where to scroll to after the content or the box has changed its size, so that the line the reader looks at stays.
/// `stuck`: they were at the end. `moved`: how many pixels their line has moved down on screen.
#[must_use]
pub fn correction(view: View, stuck: bool, moved: f64) -> Option<f64> {
    match stuck {
        true => (view.top != 0.0).then_some(0.0),
        // Browsers round positions; chasing fractions would drift.
        false => (moved.abs() >= 1.0).then_some((view.top + moved).min(0.0)),
    }
}

/// Where to scroll to so that a line which is `line` pixels below the top of the view comes to stand near the top,
/// with a little of what is known above it. `None` if it is in view already.
#[must_use]
pub fn reveal(view: View, line: f64) -> Option<f64> {
    (line < 0.0).then_some(view.top + line - view.height * 0.15)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: View = View { top: -400.0, height: 600.0, content: 3_000.0 };

    #[test]
    fn the_end_is_where_the_last_message_is_in_view() {
        assert!(View { top: 0.0, ..VIEW }.at_end());
        assert!(View { top: -20.0, ..VIEW }.at_end());
        assert!(!VIEW.at_end());
        assert!(VIEW.is_far() && !View { top: -200.0, ..VIEW }.is_far());
    }

    #[test]
    fn older_messages_are_asked_for_before_the_top_is_reached() {
        assert!(!VIEW.near_top());
        assert!(View { top: -1_600.0, ..VIEW }.near_top());
        assert!(View { content: 300.0, top: 0.0, ..VIEW }.near_top());
    }

    #[test]
    fn who_is_at_the_end_stays_there_and_who_is_not_keeps_their_line() {
        assert_eq!(correction(View { top: -30.0, ..VIEW }, true, 500.0), Some(0.0));
        assert_eq!(correction(View { top: 0.0, ..VIEW }, true, 500.0), None);
        assert_eq!(correction(VIEW, false, -50.0), Some(-450.0));
        assert_eq!(correction(VIEW, false, 0.4), None);
        assert_eq!(correction(VIEW, false, 900.0), Some(0.0));
    }

    #[test]
    fn a_line_above_the_view_is_brought_near_its_top() {
        assert_eq!(reveal(View { top: 0.0, ..VIEW }, -500.0), Some(-590.0));
        assert_eq!(reveal(View { top: 0.0, ..VIEW }, 100.0), None);
    }
}

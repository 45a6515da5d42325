//! The set of icons, drawn as lines in the colour of the text around them.

use leptos::prelude::*;

/// Which icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    /// Back to what was before.
    Back,
    /// One check mark: stored.
    Check,
    /// Two check marks: delivered, or seen.
    Checks,
    /// A clock: on its way.
    Clock,
    /// Close.
    Close,
    /// Down to the latest.
    Down,
    /// Several people.
    Group,
    /// More about this.
    Info,
    /// Something new to write.
    Compose,
    /// Leave.
    Leave,
    /// More to choose from.
    More,
    /// Find.
    Search,
    /// Send.
    Send,
    /// Settings.
    Settings,
    /// There is more below.
    Unfold,
    /// Something is wrong.
    Warning,
}

impl Glyph {
    const fn path(self) -> &'static str {
        match self {
            Self::Back => "M15 5l-7 7 7 7",
            Self::Check => "M5 12.5l4.5 4.5L19 7.5",
            Self::Checks => "M2 12.5l4.5 4.5L16 7.5M11.5 16l1 1L22 7.5",
            Self::Clock => "M12 3.5a8.5 8.5 0 100 17 8.5 8.5 0 000-17zM12 7.5V12l3 2",
            Self::Close => "M6 6l12 12M18 6L6 18",
            Self::Down => "M12 5v13M6 12.5l6 6 6-6",
            Self::Group => {
                "M9 11.5a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM2.5 19.5c.5-3.5 3-5.5 6.5-5.5s6 2 6.5 5.5M16 4.8a3.5 3.5 0 010 6.4\
                 M18 14.4c2 .8 3.2 2.5 3.5 5.1"
            }
            Self::Info => "M12 3.500a8.5 8.5 0 100 17 8.5 8.5 0 000-17zM12 11v5.500M12 7.500v.01",
            Self::Compose => {
                "M11.5 5H6a2 2 0 00-2 2v11a2 2 0 002 2h11a2 2 0 002-2v-5.500M18 3.500l2.5 2.500L12 14.5 8.5 15.5 9.5 12z"
            }
            Self::Leave => "M14 4H7a2 2 0 00-2 2v12a2 2 0 002 2h7M10.5 12H20M16.5 8.500L20 12l-3.5 3.5",
            Self::More => "M5.5 12h.010M12 12h.010M18.5 12h.01",
            Self::Search => "M10.5 4a6.5 6.5 0 100 13 6.5 6.5 0 000-13zM15.5 15.500L20.5 20.5",
            Self::Send => "M4 12L20 4.5 15.5 20 11.5 13.500z M11.5 13.500L20 4.5",
            Self::Settings => {
                "M4 7h9M18 7h2M4 17h2M11 17h9M15.5 9.500a2.5 2.5 0 100-5 2.5 2.5 0 000 5z\
                 M8.5 19.500a2.5 2.5 0 100-5 2.5 2.5 0 000 5z"
            }
            Self::Unfold => "M7 10l5 5 5-5",
            Self::Warning => "M12 4L2.5 20h19zM12 10v4.500M12 17.500v.01",
        }
    }
}

/// An icon. It says nothing to screen readers: the control around it has a name.
#[component]
pub fn Icon(
    /// Which.
    glyph: Glyph,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d=glyph.path()/>
        </svg>
    }
}

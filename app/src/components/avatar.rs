//! A face for a person or a group: initials on a colour of their own.

use crate::components::icon::{Glyph, Icon};
use crate::text::initials;
use leptos::prelude::*;

/// How many colours there are; the style sheet has one for each.
const HUES: u64 = 8;

/// A person's or a group's face. It says nothing to screen readers: the name stands next to it.
#[component]
pub fn Avatar(
    /// Gives the colour: the id of whom it stands for.
    id: u64,
    /// Gives the initials.
    #[prop(into)]
    name: Signal<String>,
    /// A group has an icon in place of initials.
    #[prop(optional)]
    group: bool,
    /// Whether they are here; `None` shows nothing about it.
    #[prop(optional, into)]
    online: Signal<Option<bool>>,
) -> impl IntoView {
    let presence = move || online.get().map(|online| if online { "online" } else { "away" });
    view! {
        <span class="avatar" data-hue=(id % HUES).to_string() data-presence=presence aria-hidden="true">
            // Drawn by the style sheet: initials are no part of any text or name.
            <span class="avatar__face" data-initials=move || (!group).then(|| initials(&name.read()))>
                {group.then(|| view! { <Icon glyph=Glyph::Group/> })}
            </span>
        </span>
    }
}

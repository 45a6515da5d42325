//! One member in the details of a conversation.

use crate::backend::GroupAmendment;
use crate::components::avatar::Avatar;
use crate::components::icon::{Glyph, Icon};
use crate::components::menu::Menu;
use crate::state::chat::Chat;
use crate::state::standing::whereabouts;
use leptos::prelude::*;
use trunkline_protocol::UserId;

/// A member: who they are, whether they are here, and what the owner can do about them.
#[component]
pub fn MemberRow(
    /// Who.
    user: UserId,
    /// Whether they own the group.
    #[prop(into)]
    owner: Signal<bool>,
    /// Whether the viewer may change who is in the group.
    #[prop(into)]
    manages: Signal<bool>,
    /// What the viewer wants changed.
    amend: Callback<GroupAmendment>,
) -> impl IntoView {
    let chat = expect_context::<Chat>();
    let me = user == chat.me;
    let name = Signal::derive(move || chat.person(user));
    let line = move || {
        let login = chat.people.with(|people| people.get(user).map(|user| format!("@{}", user.name)));
        let presence = chat.presence.with(|presence| presence.get(&user).copied());
        let here =
            presence.filter(|_| !me).map(|known| whereabouts(&known, chat.clock.now(), |at| chat.clock.offset(at)));
        [login, here].into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let online = Signal::derive(move || if me { None } else { chat.is_online(user) });
    let actions = move || {
        (manages.get() && !me).then(|| {
            let face = move || {
                view! {
                    <Icon glyph=Glyph::More/>
                    <span class="visually-hidden">"Change " {name}</span>
                }
            };
            view! {
                <Menu button=ViewFn::from(face)>
                    <button
                        class="menu__item"
                        type="button"
                        on:click=move |_| amend.run(GroupAmendment::ChangeOwner { owner: user })
                    >
                        "Make owner"
                    </button>
                    <button
                        class="menu__item menu__item--danger"
                        type="button"
                        on:click=move |_| amend.run(GroupAmendment::RemoveMember { member: user })
                    >
                        "Remove from group"
                    </button>
                </Menu>
            }
        })
    };
    view! {
        <li class="member">
            <Avatar id=user.0 name online/>
            <span class="member__name">
                <span dir="auto">{name}</span>
                {me.then_some(" (you)")}
                {move || owner.get().then(|| view! { <span class="member__role">"Owner"</span> })}
            </span>
            <span class="member__line">{line}</span>
            {actions}
        </li>
    }
    .into_any()
}

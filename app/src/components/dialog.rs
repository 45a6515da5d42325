//! A dialog over the page: the browser's own, which keeps the focus inside and closes on Escape.

use crate::components::icon::{Glyph, Icon};
use leptos::html;
use leptos::prelude::*;
use leptos::web_sys::{Event, EventTarget};

/// A modal dialog with a heading. Its content exists only while it is open.
#[component]
pub fn Dialog(
    /// Whether it is open; closing it in any way sets this back.
    open: RwSignal<bool>,
    /// Unique on the page.
    id: &'static str,
    /// The heading, and the dialog's name.
    #[prop(into)]
    title: Signal<String>,
    /// What is inside.
    children: ChildrenFn,
) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let (Some(dialog), open) = (node.get(), open.get()) else { return };
        if open && !dialog.open() {
            // One frame later the content is there, so that the browser finds what to focus.
            request_animation_frame(move || {
                if dialog.is_connected() && !dialog.open() {
                    let _refused = dialog.show_modal();
                }
            });
        } else if !open && dialog.open() {
            dialog.close();
        }
    });
    // Only the backdrop is the dialog itself: all of its surface is covered by the panel.
    let backdrop = move |event: &Event| {
        let dialog = node.get_untracked().map(|dialog| EventTarget::from((*dialog).clone()));
        event.target().is_some() && event.target() == dialog
    };
    let heading = StoredValue::new(format!("{id}-title"));
    view! {
        <dialog
            class="dialog"
            node_ref=node
            id=id
            aria-labelledby=heading.get_value()
            on:close=move |_| open.set(false)
            on:click=move |event| if backdrop(&event) { open.set(false) }
        >
            <Show when=move || open.get()>
                <div class="dialog__panel">
                    <header class="dialog__header">
                        <h2 class="dialog__title" id=heading.get_value()>{title}</h2>
                        <button
                            class="icon-button"
                            type="button"
                            aria-label="Close"
                            on:click=move |_| open.set(false)
                        >
                            <Icon glyph=Glyph::Close/>
                        </button>
                    </header>
                    {children()}
                </div>
            </Show>
        </dialog>
    }
    .into_any()
}

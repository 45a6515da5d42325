//! A dialog over the page: the browser's own, which keeps the focus inside and closes on Escape.

use crate::components::icon::{Glyph, Icon};
use leptos::html;
use leptos::prelude::*;
use leptos::web_sys::{Event, EventTarget, KeyboardEvent};

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
    // Whether it is about to be shown: asked for, and the browser has not drawn it yet.
    let opening = StoredValue::new(false);
    Effect::new(move |_| {
        let (Some(dialog), wanted) = (node.get(), open.get()) else { return };
        if wanted && !dialog.open() {
            opening.set_value(true);
            // One frame later the content is there, so that the browser finds what to focus.
            request_animation_frame(move || {
                opening.try_set_value(false);
                let wanted = open.try_get_untracked().unwrap_or_default();
                if wanted && dialog.is_connected() && !dialog.open() {
                    let _refused = dialog.show_modal();
                }
            });
        } else if !wanted && dialog.open() {
            dialog.close();
        }
    });
    // Escape is answered at once: the browser would close the dialog now and say so a task later, and a shortcut that
    // is pressed between the two would find it open still.
    let pressed = move |event: &KeyboardEvent| {
        if event.key() == "Escape" {
            event.prevent_default();
            open.set(false);
        }
    };
    // A phone's gesture closes it too. What is heard late must not close what has been opened again since.
    let closed = move || {
        let reopened = opening.get_value() || node.get_untracked().is_some_and(|dialog| dialog.open());
        if !reopened {
            open.set(false);
        }
    };
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
            on:close=move |_| closed()
            on:keydown=move |event| pressed(&event)
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

//! What all forms share: where their problems come from, and their buttons.

use crate::functions::form::{Answer, Field, FormRefusal, Problem};
use leptos::html;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// What is wrong with a form, from its action's last answer.
#[derive(Clone, Copy)]
pub struct Problems(Memo<Vec<Problem>>);

impl Problems {
    /// The problems of an action's last answer; none while it has none.
    pub fn of<S, T>(action: ServerAction<S>) -> Self
    where
        S: ServerFn<Output = Answer<T>, Error = FormRefusal> + Clone + Send + Sync + 'static,
        T: Clone + Send + Sync + 'static,
    {
        let value = action.value();
        Self(Memo::new(move |_| {
            value.with(|value| match value {
                Some(Ok(Err(refusal)) | Err(refusal)) => refusal.problems.clone(),
                Some(Ok(Ok(_))) | None => Vec::new(),
            })
        }))
    }

    /// What is wrong with a field.
    pub fn message(self, field: Field) -> Option<String> {
        self.0.with(|all| all.iter().find(|problem| problem.field == field).map(|problem| problem.message.clone()))
    }

    /// Whether this is the first field with a problem.
    pub fn is_first(self, field: Field) -> bool {
        self.0.with(|all| all.first().is_some_and(|problem| problem.field == field))
    }
}

/// The value of an action's last answer, if it was done.
pub fn done<S, T>(action: ServerAction<S>) -> Signal<Option<T>>
where
    S: ServerFn<Output = Answer<T>, Error = FormRefusal> + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    let value = action.value();
    Signal::derive(move || match value.get() {
        Some(Ok(Ok(done))) => Some(done),
        _ => None,
    })
}

/// Empties a form once it was done; what was refused stays, to be mended.
pub fn clear_when_done<T: Send + Sync + 'static>(form: NodeRef<html::Form>, done: Signal<Option<T>>) {
    Effect::new(move |_| {
        if done.with(Option::is_some)
            && let Some(form) = form.get_untracked()
        {
            form.reset();
        }
    });
}

/// What is wrong with the form as a whole.
#[component]
pub fn FormProblem(
    /// The form's problems.
    problems: Problems,
) -> impl IntoView {
    view! {
        <div class="form__problem" role="alert">
            {move || problems.message(Field::Form).map(|message| view! { <p class="notice notice--danger">{message}</p> })}
        </div>
    }
}

/// The button that sends a form. It stays in place while the answer is awaited, and a second press does nothing.
#[component]
pub fn SubmitButton(
    /// Whether an answer is awaited.
    #[prop(into)]
    pending: Signal<bool>,
    /// The look.
    #[prop(default = "button button--primary")]
    class: &'static str,
    /// What it does.
    children: Children,
) -> impl IntoView {
    view! {
        <button
            class=class
            type="submit"
            aria-disabled=move || pending.get().then_some("true")
            on:click=move |event| {
                if pending.get_untracked() {
                    event.prevent_default();
                }
            }
        >
            {children()}
        </button>
    }
}

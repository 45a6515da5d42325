//! What all forms share: where their problems come from.

use crate::functions::form::{Answer, Field, FormRefusal, Problem};
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

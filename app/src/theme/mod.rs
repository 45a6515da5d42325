//! Light or dark: by the system, or by choice.
//!
//! The choice is kept in the cookie `theme`, so that the server writes `data-theme` on `<html>` and no page flashes in
//! the other colours first. The style sheet does the rest.
//!
//! # Layout
//!
//! - `request`: the choice as the server reads it from the request
//! - `document`: the choice as the browser reads it from the page, and puts it on the page
#![expect(missing_docs, reason = "the macro makes a struct of a function's arguments, which can not be documented")]

#[cfg(not(feature = "ssr"))]
mod document;
#[cfg(feature = "ssr")]
mod request;

use crate::backend::Refusal;
#[cfg(not(feature = "ssr"))]
pub(crate) use document::{apply, current};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
#[cfg(feature = "ssr")]
pub(crate) use request::{apply, current};
use serde::{Deserialize, Serialize};

/// The colours of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// The value of `data-theme`; `None` leaves it to the system.
    #[must_use]
    pub const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    /// The choice behind a value of `data-theme`, or of the cookie.
    #[must_use]
    pub fn from_attribute(value: Option<&str>) -> Self {
        match value {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

/// Chooses the theme, for a year.
///
/// # Errors
/// None of its own.
#[server(prefix = "/api/fn", endpoint = "set_theme")]
pub async fn set_theme(theme: Theme) -> Result<(), Refusal> {
    request::remember(theme);
    Ok(())
}

/// System, light or dark: three buttons of which one is pressed. Without scripts they post a form.
#[component]
pub fn ThemeToggle() -> impl IntoView {
    let chosen = RwSignal::new(current());
    let button = move |theme: Theme| {
        view! {
            <button
                class="theme-toggle__button"
                type="submit"
                name="theme"
                value=theme.word()
                aria-pressed=move || if chosen.get() == theme { "true" } else { "false" }
                on:click=move |event| {
                    event.prevent_default();
                    chosen.set(theme);
                    apply(theme);
                }
            >
                {theme.label()}
            </button>
        }
    };
    view! {
        <form method="post" action=SetTheme::PATH>
            <div class="theme-toggle" role="group" aria-label="Theme">
                {button(Theme::System)}
                {button(Theme::Light)}
                {button(Theme::Dark)}
            </div>
        </form>
    }
    .into_any()
}

/// The same for a page that the server rendered.
#[island]
pub(crate) fn ThemeSwitch() -> impl IntoView {
    view! { <ThemeToggle/> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_comes_back_from_its_attribute() {
        for theme in [Theme::System, Theme::Light, Theme::Dark] {
            assert_eq!(Theme::from_attribute(theme.attribute()), theme);
        }
        assert_eq!(Theme::from_attribute(Some("purple")), Theme::System);
    }
}

//! One note from a form's answer to the page that follows it.
//!
//! A browser goes from the form to a page by a redirection, which carries nothing. What was typed, and a secret that is
//! shown once, do not belong into an address (history, logs, `Referer`), and an address that says why a form was refused
//! could be written by anyone. So they travel in a cookie that scripts can not read, that lasts a minute, and that the
//! next page takes away.

use super::answer::add_header;
use super::form::Refused;
use super::settings::Done;
use leptos::prelude::use_context;
use leptos::server_fn::http_export::header::{COOKIE, SET_COOKIE};
use leptos::server_fn::http_export::request::Parts;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

const NAME: &str = "trunkline_flash";
/// Browsers keep about 4 KiB a cookie; a note is far shorter unless somebody plays.
const LONGEST: usize = 3_000;

/// What a form's answer tells the page.
#[derive(Serialize, Deserialize)]
pub(crate) enum Note {
    Done(Done),
    Refused(Refused),
}

/// Leaves a note for the next page; `false` if it is too long.
pub(crate) fn leave(note: &Note) -> bool {
    let Ok(json) = serde_json::to_vec(note) else { return false };
    let fits = json.len() * 2 <= LONGEST;
    if fits {
        set(&encode(&json), 60);
    }
    fits
}

/// Takes the note away: what was done, and what was refused.
pub(crate) fn take() -> (Option<Done>, Refused) {
    let Some(note) = cookie(NAME) else { return Default::default() };
    set("", 0);
    match decode(&note).and_then(|json| serde_json::from_slice(&json).ok()) {
        Some(Note::Done(done)) => (Some(done), Refused::default()),
        Some(Note::Refused(refused)) => (None, refused),
        None => Default::default(),
    }
}

/// A cookie of the request.
pub(crate) fn cookie(name: &str) -> Option<String> {
    let parts = use_context::<Parts>()?;
    let headers = parts.headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut cookies = headers.flat_map(|value| value.split(';'));
    cookies.find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then(|| value.to_owned())
    })
}

fn set(value: &str, seconds: u32) {
    let secure = if is_secure() { "; Secure" } else { "" };
    add_header(SET_COOKIE, &format!("{NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"));
}

/// Behind https the session's cookie bears the prefix that only https may set.
pub(crate) fn is_secure() -> bool {
    use_context::<Parts>().is_some_and(|parts| {
        let cookies = parts.headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        cookies.flat_map(|value| value.split(';')).any(|pair| pair.trim().starts_with("__Host-"))
    })
}

fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string can not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !text.is_ascii() || digits.len() % 2 == 1 {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&bytes)), Some(bytes));
    }

    #[test]
    fn what_is_not_ours_is_not_read() {
        for text in ["0", "0g", "ü", "zz"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}

//! What a form is answered, and what its fields must hold.
//!
//! A refusal that a person can mend is an answer like any other, so server functions for forms return
//! `Result<Answer<T>, FormRefusal>`: to a script the refusal comes as a value with status 200 (an HTTP error would
//! stand in the browser's console as a fault), to a plain form as the outer error, which Leptos carries back to the
//! page in its address.

use crate::backend::Refusal;
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};
use trunkline_protocol::ErrorCode;
use trunkline_protocol::limits::{NAME_CHARS, PASSWORD_MAX_BYTES, PASSWORD_MIN_CHARS};

/// A field of some form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// None of its fields: the form as a whole.
    Form,
    /// The name to log in with.
    Name,
    /// The name on screen.
    DisplayName,
    /// The password of a login or a new account.
    Password,
    /// The password until now.
    CurrentPassword,
    /// The password from now on.
    NewPassword,
    /// What an access token is called.
    Label,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where.
    pub field: Field,
    /// One sentence for people.
    pub message: String,
}

/// Why a form was refused: one problem or more, in the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormRefusal {
    /// Why.
    pub code: ErrorCode,
    /// What is wrong, and where.
    pub problems: Vec<Problem>,
}

/// What a form is answered.
pub type Answer<T> = Result<T, FormRefusal>;

impl FormRefusal {
    /// The refusal, said of one field.
    #[must_use]
    pub fn at(field: Field, refusal: Refusal) -> Self {
        Self { code: refusal.code, problems: vec![Problem { field, message: refusal.message }] }
    }
}

impl From<Refusal> for FormRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::at(Field::Form, refusal)
    }
}

impl FromServerFnError for FormRefusal {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        Refusal::from_server_fn_error(error).into()
    }
}

/// Collects what is wrong with a form's fields.
#[derive(Debug, Default)]
pub struct Check(Vec<Problem>);

impl Check {
    /// A name to log in with; the server knows the rules of its own.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.unless(!name.trim().is_empty(), Field::Name, "Enter your name.".to_owned())
    }

    /// A name to be shown.
    #[must_use]
    pub fn display_name(self, name: &str) -> Self {
        let fits = (1..=NAME_CHARS).contains(&name.trim().chars().count());
        let message = format!("Enter a display name of at most {NAME_CHARS} characters.");
        self.unless(fits, Field::DisplayName, message)
    }

    /// A password that exists.
    #[must_use]
    pub fn given(self, field: Field, password: &str) -> Self {
        self.unless(!password.is_empty(), field, "Enter your password.".to_owned())
    }

    /// A password to be set.
    #[must_use]
    pub fn new_password(self, field: Field, password: &str) -> Self {
        let long = password.chars().count() >= PASSWORD_MIN_CHARS;
        let short = password.len() <= PASSWORD_MAX_BYTES;
        self.unless(long, field, format!("Use at least {PASSWORD_MIN_CHARS} characters.")).unless(
            short,
            field,
            format!("Use at most {PASSWORD_MAX_BYTES} bytes."),
        )
    }

    /// What an access token is called.
    #[must_use]
    pub fn label(self, label: &str) -> Self {
        let fits = (1..=NAME_CHARS).contains(&label.trim().chars().count());
        self.unless(fits, Field::Label, format!("Enter a label of at most {NAME_CHARS} characters."))
    }

    fn unless(mut self, fits: bool, field: Field, message: String) -> Self {
        if !fits {
            self.0.push(Problem { field, message });
        }
        self
    }

    /// Whether anything is wrong.
    ///
    /// # Errors
    /// [`ErrorCode::Invalid`] with all that was found.
    pub fn finish(self) -> Answer<()> {
        if self.0.is_empty() { Ok(()) } else { Err(FormRefusal { code: ErrorCode::Invalid, problems: self.0 }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(check: Check) -> Vec<Field> {
        check.finish().err().map(|refusal| refusal.problems.into_iter().map(|p| p.field).collect()).unwrap_or_default()
    }

    #[test]
    fn a_form_filled_well_is_taken() {
        let check = Check::default().name("ada").display_name("Ada L.").new_password(Field::Password, "correct horse");
        assert_eq!(check.finish(), Ok(()));
    }

    #[test]
    fn everything_wrong_is_told_at_once_and_in_order() {
        let check = Check::default().name("  ").display_name("").new_password(Field::Password, "short");
        assert_eq!(fields(check), [Field::Name, Field::DisplayName, Field::Password]);
    }

    #[test]
    fn a_password_is_counted_in_characters_and_bounded_in_bytes() {
        assert_eq!(fields(Check::default().new_password(Field::NewPassword, "ääääääää")), []);
        assert_eq!(fields(Check::default().new_password(Field::NewPassword, "äääääää")), [Field::NewPassword]);
        assert_eq!(
            fields(Check::default().new_password(Field::NewPassword, &"a".repeat(PASSWORD_MAX_BYTES + 1))),
            [Field::NewPassword]
        );
    }

    #[test]
    fn a_refusal_survives_the_way_through_an_address() {
        let refusal = FormRefusal::at(Field::Name, Refusal::new(ErrorCode::NameTaken, "Somebody has this name."));
        assert_eq!(FormRefusal::de(refusal.ser()), refusal);
    }
}

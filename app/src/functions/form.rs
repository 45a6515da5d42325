//! What is wrong with a form, and what its fields must hold.

use crate::backend::Refusal;
use serde::{Deserialize, Serialize};
use trunkline_protocol::limits::{NAME_CHARS, PASSWORD_MAX_BYTES, PASSWORD_MIN_CHARS};
use trunkline_protocol::text::is_name;

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

/// What is wrong with a form: one problem or more, in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The refusal, said of one field.
    #[must_use]
    pub fn at(field: Field, refusal: Refusal) -> Self {
        Self(vec![Problem { field, message: refusal.message }])
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn message(&self, field: Field) -> Option<&str> {
        self.0.iter().find(|problem| problem.field == field).map(|problem| problem.message.as_str())
    }

    /// Whether this is the first field with a problem.
    #[must_use]
    pub fn is_first(&self, field: Field) -> bool {
        self.0.first().is_some_and(|problem| problem.field == field)
    }
}

impl From<Refusal> for Problems {
    fn from(refusal: Refusal) -> Self {
        Self::at(Field::Form, refusal)
    }
}

/// What was typed before a form was refused, never a password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// The name to log in with.
    pub name: String,
    /// The name on screen.
    pub display_name: String,
    /// What an access token is called.
    pub label: String,
}

/// A form that was refused, for its page to show again; of no form if none was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Where it was posted to.
    pub form: String,
    /// Why.
    pub problems: Problems,
    /// What to fill in again.
    pub typed: Typed,
}

impl Refused {
    /// What is wrong with a form that is posted to this path.
    #[must_use]
    pub fn problems_of(&self, form: &str) -> Problems {
        if self.form == form { self.problems.clone() } else { Problems::default() }
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
        let fits = is_name(name.trim());
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
        let fits = is_name(label.trim());
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
    /// All that was found.
    pub fn finish(self) -> Result<(), Problems> {
        if self.0.is_empty() { Ok(()) } else { Err(Problems(self.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(check: Check) -> Vec<Field> {
        check.finish().err().map(|problems| problems.0.into_iter().map(|p| p.field).collect()).unwrap_or_default()
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
    fn a_refusal_concerns_the_form_that_was_sent_and_no_other_of_its_page() {
        let problems = Problems::at(Field::Label, Refusal::new(trunkline_protocol::ErrorCode::Invalid, "No."));
        let refused = Refused { form: "/a".into(), problems, typed: Typed::default() };
        assert_eq!(refused.problems_of("/a").message(Field::Label), Some("No."));
        assert_eq!(refused.problems_of("/b"), Problems::default());
        assert_eq!(Refused::default().problems_of("/a"), Problems::default());
    }
}

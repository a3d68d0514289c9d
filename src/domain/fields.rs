//! Complaints about the fields of one request, collected so that a client learns of all of them at once.

use std::fmt;

use super::Patch;

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Where it stands in the body: a JSON pointer (RFC 6901) like `/username`.
    pub pointer: &'static str,
    /// What is wrong, for people; lower case, without the value.
    pub detail: String,
}

/// One complaint or more, in the order the fields were looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// A single complaint.
    #[must_use]
    pub fn one(pointer: &'static str, detail: impl fmt::Display) -> Self {
        Self(vec![FieldError { pointer, detail: detail.to_string() }])
    }

    /// The complaints; at least one.
    #[must_use]
    pub fn as_slice(&self) -> &[FieldError] {
        &self.0
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(formatter, "{separator}{} {}", error.pointer, error.detail)?;
        }
        Ok(())
    }
}

/// Looks at one field after the other and remembers the complaints.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<FieldError>);

impl Fields {
    /// The value of a field, or `None` after noting what is wrong with it.
    pub(super) fn check<T>(&mut self, pointer: &'static str, parsed: Result<T, impl fmt::Display>) -> Option<T> {
        parsed.map_err(|error| self.refuse(pointer, error)).ok()
    }

    /// The new value of a field that cannot be cleared. `None` if it was absent, or after noting that it is null or bad.
    pub(super) fn check_set<T, U, E: fmt::Display>(
        &mut self,
        pointer: &'static str,
        patch: Patch<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        match patch {
            Patch::Keep => None,
            Patch::Clear => {
                self.refuse(pointer, "must not be null");
                None
            }
            Patch::Set(value) => self.check(pointer, parse(value)),
        }
    }

    /// Notes a complaint.
    pub(super) fn refuse(&mut self, pointer: &'static str, detail: impl fmt::Display) {
        self.0.push(FieldError { pointer, detail: detail.to_string() });
    }

    /// What was made of the fields, if each of them was good. `value` is `Some` unless something was noted.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, FieldErrors> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(FieldErrors(self.0)),
        }
    }
}

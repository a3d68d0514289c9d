//! The errors of all fields of one request: a client gets them in one response.

use std::fmt;

use super::Patch;

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Its place in the body: a JSON pointer (RFC 6901) like `/username`.
    pub pointer: &'static str,
    /// What is wrong: lower case, without the value.
    pub detail: String,
}

/// One error or more, in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// A single error.
    #[must_use]
    pub fn one(pointer: &'static str, detail: impl fmt::Display) -> Self {
        Self(vec![FieldError { pointer, detail: detail.to_string() }])
    }

    /// The errors; at least one.
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

/// Checks one field after the other and collects the errors.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<FieldError>);

impl Fields {
    /// The value of a field, or `None` if it is invalid.
    pub(super) fn check<T>(&mut self, pointer: &'static str, parsed: Result<T, impl fmt::Display>) -> Option<T> {
        parsed.map_err(|error| self.refuse(pointer, error)).ok()
    }

    /// The new value of a field that cannot be cleared. `None` if it is absent, null or invalid.
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

    /// Adds an error.
    pub(super) fn refuse(&mut self, pointer: &'static str, detail: impl fmt::Display) {
        self.0.push(FieldError { pointer, detail: detail.to_string() });
    }

    /// The value of all fields, if each is valid. `value` is `Some` unless there is an error.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, FieldErrors> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(FieldErrors(self.0)),
        }
    }
}

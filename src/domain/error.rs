//! Refused values.

/// Why a value is refused. Clients read the text: lower case, without the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Too few or too many characters.
    #[error("must be {min} to {max} characters long")]
    Length {
        /// The fewest allowed.
        min: usize,
        /// The most allowed.
        max: usize,
    },
    /// A control character other than newline.
    #[error("must not contain control characters other than newline")]
    ControlCharacter,
    /// A username with something other than ASCII letters, digits and underscores.
    #[error("may only contain the letters a to z and A to Z, digits and underscores")]
    UsernameCharacter,
    /// A username with another meaning in a path.
    #[error("is reserved")]
    ReservedUsername,
    /// One of the 3,000 commonest passwords of its length.
    #[error("is one of the most common passwords; choose another")]
    CommonPassword,
    /// Not a page size.
    #[error("must be a whole number from 1 to 100")]
    PageSize,
    /// A cursor that was not made here, or for another list, or was damaged.
    #[error("is not a cursor of this list; use the next_cursor of an earlier page as it is")]
    Cursor,
    /// Neither `*` nor a list of entity tags.
    #[error("must be * or a list of entity tags in double quotes, like \"7\"")]
    EntityTags,
}

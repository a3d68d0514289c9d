//! Users and their changes.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Bio, DisplayName, FieldErrors, Password, Patch, UserId, Username, fields::Fields};

/// The public form of a user. `GET /users/{id}` answers its JSON, field order included, and entries hold it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(description = "A user.")]
pub struct User {
    /// Never changes.
    pub id: UserId,
    /// Unique without regard to case; never changes.
    pub username: Username,
    /// The name shown to other users.
    pub display_name: DisplayName,
    /// A text about the user; null for none.
    #[schema(required = true)]
    pub bio: Option<Bio>,
    /// Incremented by every change of the user; the entity tag.
    pub version: i64,
    /// Time of the registration, UTC, in microseconds.
    pub created_at: DateTime<Utc>,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
}

/// The short form of a user: the author of a post, the viewer of a home page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserSummary {
    /// Never changes.
    pub id: UserId,
    /// Unique without regard to case.
    pub username: Username,
    /// The name shown to other users.
    pub display_name: DisplayName,
}

impl User {
    /// What stands for this user elsewhere.
    #[must_use]
    pub fn summary(&self) -> UserSummary {
        UserSummary { id: self.id, username: self.username.clone(), display_name: self.display_name.clone() }
    }
}

/// A checked registration.
#[derive(Debug)]
pub struct NewUser {
    /// The name to sign in with.
    pub username: Username,
    /// The name others see.
    pub display_name: DisplayName,
    /// The password to sign in with; to be hashed.
    pub password: Password,
    /// What they say about themselves.
    pub bio: Option<Bio>,
}

impl NewUser {
    /// Checks the fields of `POST /users`; names every bad one.
    pub fn parse(
        username: String,
        display_name: &str,
        password: SecretString,
        bio: Option<String>,
    ) -> Result<Self, FieldErrors> {
        let mut fields = Fields::default();
        let username = fields.check("/username", Username::parse(username));
        let display_name = fields.check("/display_name", DisplayName::parse(display_name));
        let password = fields.check("/password", Password::parse(password));
        let bio = fields.check("/bio", bio.map(Bio::parse).transpose());
        let new =
            (|| Some(Self { username: username?, display_name: display_name?, password: password?, bio: bio? }))();
        fields.finish(new)
    }
}

/// A change of one's own user, checked.
#[derive(Debug, Default)]
pub struct UserPatch {
    /// The new name; `None` leaves it.
    pub display_name: Option<DisplayName>,
    /// What becomes of the biography.
    pub bio: Patch<Bio>,
    /// The new password; `None` leaves it.
    pub password: Option<PasswordChange>,
}

/// A new password, and the claim to know the present one.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// The present password, as claimed: to be verified.
    pub current: SecretString,
    /// The password to be.
    pub new: Password,
}

impl UserPatch {
    /// Checks the fields of `PATCH /users/{id}`; names every bad one. A `current_password` without a new password asks for
    /// nothing and is ignored.
    pub fn parse(
        display_name: Patch<String>,
        bio: Patch<String>,
        password: Patch<SecretString>,
        current_password: Patch<SecretString>,
    ) -> Result<Self, FieldErrors> {
        let mut fields = Fields::default();
        let display_name = fields.check_set("/display_name", display_name, DisplayName::parse);
        let bio = fields.check("/bio", bio.try_map(Bio::parse)).unwrap_or_default();
        let wanted = !matches!(password, Patch::Keep);
        let new = fields.check_set("/password", password, Password::parse);
        let current = match current_password {
            Patch::Set(current) => Some(current),
            Patch::Keep | Patch::Clear => {
                if wanted {
                    fields.refuse("/current_password", "is needed to set a new password");
                }
                None
            }
        };
        let password = current.zip(new).map(|(current, new)| PasswordChange { current, new });
        fields.finish(Some(Self { display_name, bio, password }))
    }

    /// Whether this patch asks for nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.display_name.is_none() && self.bio == Patch::Keep && self.password.is_none()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn pointers(errors: &FieldErrors) -> Vec<&str> {
        errors.as_slice().iter().map(|error| error.pointer).collect()
    }

    fn secret(text: &str) -> Patch<SecretString> {
        Patch::Set(text.into())
    }

    #[test]
    fn a_user_has_the_documented_json_form() {
        let at = DateTime::from_timestamp_micros(1_795_000_000_000_001).unwrap();
        let user = User {
            id: UserId::from_bytes([1; 16]),
            username: Username::parse("Ada").unwrap(),
            display_name: DisplayName::parse("Ada \"L\"").unwrap(),
            bio: None,
            version: 7,
            created_at: at,
            updated_at: at,
        };

        assert_eq!(
            serde_json::to_string(&user).unwrap(),
            "{\"id\":\"01010101-0101-0101-0101-010101010101\",\"username\":\"Ada\",\"display_name\":\"Ada \\\"L\\\"\",\
             \"bio\":null,\"version\":7,\"created_at\":\"2026-11-18T11:06:40.000001Z\",\
             \"updated_at\":\"2026-11-18T11:06:40.000001Z\"}"
        );
        assert_eq!(
            serde_json::to_string(&user.summary()).unwrap(),
            "{\"id\":\"01010101-0101-0101-0101-010101010101\",\"username\":\"Ada\",\"display_name\":\"Ada \\\"L\\\"\"}"
        );
    }

    #[test]
    fn every_bad_field_of_a_registration_is_named() {
        let errors = NewUser::parse("a b".into(), " ", "short".into(), Some("\0".into())).unwrap_err();

        assert_eq!(pointers(&errors), ["/username", "/display_name", "/password", "/bio"]);
    }

    #[test]
    fn a_single_bad_field_is_the_only_one_named() {
        let errors = NewUser::parse("ada".into(), "Ada", "short".into(), None).unwrap_err();

        assert_eq!(errors, FieldErrors::one("/password", "must be 12 to 256 characters long"));
        assert_eq!(errors.to_string(), "/password must be 12 to 256 characters long");
    }

    #[test]
    fn a_good_registration_passes() {
        let new = NewUser::parse("ada".into(), " Ada ", "a fine long phrase".into(), Some(String::new())).unwrap();

        assert_eq!(new.display_name.as_str(), "Ada");
        assert_eq!(new.bio, Some(Bio::parse("").unwrap()));
    }

    #[test]
    fn an_absent_field_leaves_and_null_clears_the_bio() {
        let nothing = UserPatch::parse(Patch::Keep, Patch::Keep, Patch::Keep, Patch::Keep).unwrap();
        let cleared = UserPatch::parse(Patch::Keep, Patch::Clear, Patch::Keep, Patch::Keep).unwrap();

        assert!(nothing.is_empty());
        assert!(!cleared.is_empty());
        assert_eq!(cleared.bio, Patch::Clear);
    }

    #[test]
    fn null_is_refused_where_a_value_must_stay() {
        let errors = UserPatch::parse(Patch::Clear, Patch::Keep, Patch::Clear, secret("whatever")).unwrap_err();

        assert_eq!(pointers(&errors), ["/display_name", "/password"]);
    }

    #[test]
    fn a_new_password_needs_the_current_one() {
        for missing in [Patch::Keep, Patch::Clear] {
            let errors = UserPatch::parse(Patch::Keep, Patch::Keep, secret("a fine long phrase"), missing).unwrap_err();

            assert_eq!(pointers(&errors), ["/current_password"]);
        }
    }

    #[test]
    fn a_current_password_need_not_satisfy_the_rules() {
        let patch = UserPatch::parse(Patch::Keep, Patch::Keep, secret("a fine long phrase"), secret("old")).unwrap();

        assert_eq!(patch.password.unwrap().current.expose_secret(), "old");
    }

    #[test]
    fn every_bad_field_of_a_patch_is_named() {
        let bad = || Patch::Set("\0".to_owned());

        let errors = UserPatch::parse(bad(), bad(), secret("short"), Patch::Keep).unwrap_err();

        assert_eq!(pointers(&errors), ["/display_name", "/bio", "/password", "/current_password"]);
    }
}

//! Where something was counted.

/// Where a request was counted. The key carries the `run_id`, so that nothing is given back to another Redis than the
/// one that charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChargedKey(String);

impl ChargedKey {
    /// This key, as Redis has it.
    pub(super) fn new(key: String) -> Self {
        Self(key)
    }

    /// The key.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a key of the Redis process of this namespace.
    pub(super) fn is_in(&self, namespace: &str) -> bool {
        self.0.starts_with(namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_the_redis_process_that_charged_it() {
        let key = ChargedKey::new("aside:0123abcd:limit:signed-in:60:ada".to_owned());

        assert!(key.is_in("aside:0123abcd:"));
        assert!(!key.is_in("aside:4567ef01:"));
    }
}

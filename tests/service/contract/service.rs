//! One replica with everything behind it, for tests that need no second one.

use std::ops::Deref;

use crate::application::{Backend, TestApplication};

/// A replica and its backend. The replica ends first, then its database goes.
pub(super) struct Service {
    application: TestApplication,
    /// What is behind the replica.
    pub(super) backend: Backend,
}

impl Service {
    /// As tests have it: limits off, the cache on.
    pub(super) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With these variables.
    pub(super) async fn start_with(variables: &[(&str, &str)]) -> Self {
        let backend = Backend::create().await;
        Self { application: backend.start_with(variables).await, backend }
    }
}

impl Deref for Service {
    type Target = TestApplication;

    fn deref(&self) -> &TestApplication {
        &self.application
    }
}

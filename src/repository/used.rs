//! What a page was made of: for its `Cache-Status`, and for keeping it.

use aside_cache::{Dependencies, Fetched};

use super::report::CacheReport;

/// The cells, and whatever else, that a page was made of.
#[derive(Debug, Default)]
pub(super) struct Used {
    pub(super) report: CacheReport,
    pub(super) dependencies: Dependencies,
}

impl Used {
    /// Rows straight from Postgres.
    pub(super) fn bypass() -> Self {
        let mut used = Self { report: CacheReport::bypass(), ..Self::default() };
        used.dependencies.add_uncached();
        used
    }

    /// These cells.
    pub(super) fn add<'a>(&mut self, fetched: impl IntoIterator<Item = &'a Fetched>) {
        for one in fetched {
            self.dependencies.add(one.version, one.value.expires_at_ms, one.ends_at_ms);
            self.report = self.report.and(CacheReport::from(one));
        }
    }

    /// Rows that are in no cell.
    pub(super) fn add_uncached_part(&mut self) {
        self.report = self.report.with_uncached_part();
        self.dependencies.add_uncached();
    }
}

impl<'a> FromIterator<&'a Fetched> for Used {
    fn from_iter<I: IntoIterator<Item = &'a Fetched>>(fetched: I) -> Self {
        let mut used = Self::default();
        used.add(fetched);
        used
    }
}

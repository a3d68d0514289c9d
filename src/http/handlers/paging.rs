//! `?limit=` and `?cursor=`.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    domain::{Cursor, PageSize, Position, Scope},
    http::problem::Problem,
};

/// The requested part of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// The number of items on a page, 1 to 100.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// The `next_cursor` of the previous page.
    #[param(value_type = Option<Cursor>)]
    cursor: Option<String>,
}

impl PageQuery {
    pub(super) fn new(limit: Option<String>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// The position after which the page begins, and its size.
    pub(super) fn parse<P: Position>(&self, scope: Scope) -> Result<(Option<P>, PageSize), Problem> {
        let size = PageSize::parse(self.limit.as_deref())
            .map_err(|error| Problem::invalid_query("limit", error.to_string()))?;
        let after = self
            .cursor
            .as_deref()
            .map(|cursor| Cursor::parse(cursor, scope))
            .transpose()
            .map_err(|error| Problem::invalid_query("cursor", error.to_string()))?;
        Ok((after, size))
    }
}

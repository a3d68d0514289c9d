//! Pages of lists.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Cursor, ValueError};

/// How many items a page holds: 1 to 100, 20 unless the client says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u8);

impl PageSize {
    /// Reads `?limit=`; `None` is a query without it. Digits only: no sign, no space, no leading zero.
    pub fn parse(text: Option<&str>) -> Result<Self, ValueError> {
        let Some(text) = text else { return Ok(Self::default()) };
        if !text.bytes().all(|byte| byte.is_ascii_digit()) || text.starts_with('0') {
            return Err(ValueError::PageSize);
        }
        match text.parse() {
            Ok(size @ 1..=100) => Ok(Self(size)),
            _ => Err(ValueError::PageSize),
        }
    }

    /// Items on a page.
    #[must_use]
    pub fn get(self) -> usize {
        self.0.into()
    }

    /// Rows to read for a page: one more than it holds, to know whether there is a next page.
    #[must_use]
    pub fn rows(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(20)
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// The `cursor` of the next page; null on the last page, and only there.
    #[schema(required = true)]
    pub next_cursor: Option<Cursor>,
}

impl<T> Page<T> {
    /// A page out of the up to [`PageSize::rows`] items that were read for it. `cursor_after` names the place after the
    /// last item that is shown.
    #[must_use]
    pub fn from_rows(mut items: Vec<T>, size: PageSize, cursor_after: impl FnOnce(&T) -> Cursor) -> Self {
        let is_last = items.len() <= size.get();
        items.truncate(size.get());
        let next_cursor = if is_last { None } else { items.last().map(cursor_after) };
        Self { items, next_cursor }
    }

    /// The same page with each item turned into another form.
    #[must_use]
    pub fn map<U>(self, form: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(form).collect(), next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::Scope;

    fn cursor(item: u128) -> Cursor {
        Cursor::new(Scope::Users, &Uuid::from_u128(item))
    }

    fn page(items: Vec<u128>, size: &str) -> Page<u128> {
        Page::from_rows(items, PageSize::parse(Some(size)).unwrap(), |item| cursor(*item))
    }

    #[test]
    fn one_to_a_hundred_items_twenty_by_default() {
        assert_eq!(PageSize::parse(None).map(PageSize::get), Ok(20));
        assert_eq!(PageSize::parse(Some("1")).map(PageSize::get), Ok(1));
        assert_eq!(PageSize::parse(Some("100")).map(PageSize::get), Ok(100));
        assert_eq!(PageSize::parse(Some("100")).map(PageSize::rows), Ok(101));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["0", "101", "256", "276", "-1", "+5", " 5", "5 ", "", "1e1", "05", "٣", "99999999999999999999"] {
            assert_eq!(PageSize::parse(Some(text)), Err(ValueError::PageSize), "{text:?}");
        }
    }

    #[test]
    fn a_page_that_just_fits_is_the_last() {
        assert_eq!(page(vec![3, 2], "2"), Page { items: vec![3, 2], next_cursor: None });
        assert_eq!(page(vec![], "2"), Page { items: vec![], next_cursor: None });
    }

    #[test]
    fn a_row_too_many_is_cut_off_and_the_cursor_names_the_last_one_shown() {
        assert_eq!(page(vec![3, 2, 1], "2"), Page { items: vec![3, 2], next_cursor: Some(cursor(2)) });
    }

    #[test]
    fn the_end_of_a_list_is_null() {
        assert_eq!(serde_json::to_string(&page(vec![], "2")).unwrap(), r#"{"items":[],"next_cursor":null}"#);
    }
}

//! JSON cut so that pages are put together by copying: cells hold the bytes that go on the wire.
//!
//! ```text
//! user cell   summary length:u16 │ {"id":…,"username":…,"display_name":…│,"bio":…,"version":…,…}
//! post cell   author id:16       │ {"id":…,"body":…,"version":…,"created_at":…,"updated_at":…
//! ```
//!
//! What stands for a user elsewhere is the beginning of the user's JSON. A post's JSON is left open, so that its author
//! can be written behind it: names are the author's, not the post's, so a rename touches one cell.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{Cursor, PageSize, Post, PostBody, PostId, User, UserId, UserSummary, Username},
    postgres::posts::AuthoredPost,
};

const JSON: &str = "these values have a JSON form";

/// A user as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFragment {
    /// As the cell holds it.
    payload: Bytes,
}

impl UserFragment {
    /// The fragment of a cell's payload, `None` if it is none.
    #[must_use]
    pub fn from_payload(payload: Bytes) -> Option<Self> {
        let length = usize::from(u16::from_be_bytes(*payload.first_chunk()?));
        (payload.len() > 2 + length).then_some(Self { payload })
    }

    /// The payload of the user's cell.
    #[must_use]
    pub fn into_payload(self) -> Bytes {
        self.payload
    }

    /// The whole user: what `GET /users/{id}` answers.
    #[must_use]
    pub fn json(&self) -> Bytes {
        self.payload.slice(2..)
    }

    /// The user's name.
    #[must_use]
    pub fn username(&self) -> Option<Username> {
        #[derive(Deserialize)]
        struct Named {
            username: String,
        }
        let Named { username } = serde_json::from_slice(&self.json()).ok()?;
        Username::parse(username).ok()
    }

    /// Writes what stands for the user elsewhere: id and names.
    pub fn write_summary(&self, json: &mut BytesMut) {
        let length = usize::from(self.payload.clone().get_u16());
        json.put_slice(&self.payload[2..2 + length]);
        json.put_u8(b'}');
    }
}

impl From<&User> for UserFragment {
    fn from(user: &User) -> Self {
        let summary = serde_json::to_vec(&user.summary()).expect(JSON);
        let length = u16::try_from(summary.len() - 1).expect("a name has at most 80 characters");
        let mut payload = BytesMut::with_capacity(512);
        payload.put_u16(length);
        let mut payload = payload.writer();
        serde_json::to_writer(&mut payload, user).expect(JSON);
        Self { payload: payload.into_inner().freeze() }
    }
}

impl From<&UserSummary> for UserFragment {
    /// Good for [`write_summary`](UserFragment::write_summary) only.
    fn from(summary: &UserSummary) -> Self {
        let json = serde_json::to_vec(summary).expect(JSON);
        let mut payload = BytesMut::with_capacity(json.len() + 2);
        payload.put_u16(u16::try_from(json.len() - 1).expect("a name has at most 80 characters"));
        payload.put_slice(&json);
        Self { payload: payload.freeze() }
    }
}

/// A post as JSON that waits for its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PostFragment {
    payload: Bytes,
}

/// The fields of a post in their order on the wire; the author follows.
#[derive(Serialize)]
struct Head<'a> {
    id: PostId,
    body: &'a PostBody,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl PostFragment {
    /// The fragment of a cell's payload, `None` if it is none.
    #[must_use]
    pub(super) fn from_payload(payload: Bytes) -> Option<Self> {
        (payload.len() > 16).then_some(Self { payload })
    }

    /// The payload of the post's cell.
    #[must_use]
    pub(super) fn into_payload(self) -> Bytes {
        self.payload
    }

    /// Who wrote it.
    #[must_use]
    pub(super) fn author(&self) -> UserId {
        UserId::from_bytes(*self.payload.first_chunk().expect("checked when it was made"))
    }

    /// Writes the whole post.
    pub(super) fn write(&self, author: &UserFragment, json: &mut BytesMut) {
        json.put_slice(&self.payload[16..]);
        json.put_slice(b",\"author\":");
        author.write_summary(json);
        json.put_u8(b'}');
    }
}

impl From<&Post> for PostFragment {
    fn from(post: &Post) -> Self {
        let Post { id, author_id, body, version, created_at, updated_at } = post;
        let head = Head { id: *id, body, version: *version, created_at: *created_at, updated_at: *updated_at };
        let mut payload = BytesMut::with_capacity(512);
        payload.put_slice(author_id.0.as_bytes());
        let mut payload = payload.writer();
        serde_json::to_writer(&mut payload, &head).expect(JSON);
        let mut payload = payload.into_inner();
        payload.truncate(payload.len() - 1);
        Self { payload: payload.freeze() }
    }
}

/// A post on a page, with its author.
#[derive(Clone, Debug)]
pub(super) struct PageItem {
    pub(super) id: PostId,
    pub(super) post: PostFragment,
    pub(super) author: UserFragment,
}

impl From<&AuthoredPost> for PageItem {
    fn from(row: &AuthoredPost) -> Self {
        Self { id: row.post.id, post: PostFragment::from(&row.post), author: UserFragment::from(&row.author) }
    }
}

/// Who a home page is for, as it says itself: nobody in particular, or a user.
pub(super) type Viewer<'a> = Option<&'a UserFragment>;

/// A page of posts as JSON, out of up to one item more than it holds. `viewer` is there on home pages only.
pub(super) fn write_page(
    viewer: Option<Viewer<'_>>,
    mut items: Vec<PageItem>,
    size: PageSize,
    cursor_after: impl FnOnce(PostId) -> Cursor,
) -> Bytes {
    let is_last = items.len() <= size.get();
    items.truncate(size.get());
    let mut json = BytesMut::with_capacity(256 + items.len() * 512);
    json.put_u8(b'{');
    if let Some(viewer) = viewer {
        json.put_slice(b"\"viewer\":");
        match viewer {
            Some(user) => user.write_summary(&mut json),
            None => json.put_slice(b"null"),
        }
        json.put_u8(b',');
    }
    json.put_slice(b"\"items\":[");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            json.put_u8(b',');
        }
        item.post.write(&item.author, &mut json);
    }
    json.put_slice(b"],\"next_cursor\":");
    match items.last().filter(|_| !is_last) {
        Some(last) => {
            let cursor = cursor_after(last.id);
            // URL-safe base64 needs no escapes.
            json.put_slice(format!("\"{cursor}\"").as_bytes());
        }
        None => json.put_slice(b"null"),
    }
    json.put_u8(b'}');
    json.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DisplayName;

    fn user() -> User {
        let at = DateTime::from_timestamp_micros(1_795_000_000_000_000).unwrap();
        User {
            id: UserId::from_bytes([1; 16]),
            username: Username::parse("ada").unwrap(),
            display_name: DisplayName::parse("Ada, \"L\" }").unwrap(),
            bio: None,
            version: 3,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn a_user_is_kept_as_it_goes_on_the_wire() {
        let fragment = UserFragment::from(&user());
        let mut summary = BytesMut::new();

        fragment.write_summary(&mut summary);

        assert_eq!(fragment.json(), serde_json::to_vec(&user()).unwrap());
        assert_eq!(summary, serde_json::to_vec(&user().summary()).unwrap());
        assert_eq!(UserFragment::from_payload(fragment.clone().into_payload()), Some(fragment));
    }

    #[test]
    fn an_author_is_spliced_into_a_post() {
        let at = user().created_at;
        let body = PostBody::parse("hello").unwrap();
        let post = Post {
            id: PostId::from_bytes([2; 16]),
            author_id: user().id,
            body,
            version: 1,
            created_at: at,
            updated_at: at,
        };
        let fragment = PostFragment::from(&post);
        let mut json = BytesMut::new();

        fragment.write(&UserFragment::from(&user()), &mut json);

        let expected = serde_json::json!({
            "id": post.id, "body": "hello", "version": 1, "created_at": at, "updated_at": at, "author": user().summary(),
        });
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&json).unwrap(), expected);
        assert_eq!(fragment.author(), user().id);
    }

    #[test]
    fn a_payload_cut_short_is_no_fragment() {
        assert_eq!(UserFragment::from_payload(Bytes::from_static(&[0])), None);
        assert_eq!(UserFragment::from_payload(Bytes::from_static(&[0, 9, b'{'])), None);
        assert_eq!(PostFragment::from_payload(Bytes::from_static(&[0; 16])), None);
    }
}

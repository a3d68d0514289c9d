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
use serde::Deserialize;

use crate::domain::{
    AuthoredPost, Cursor, EncodedJson, HomePage, Page, PageSize, Post, PostId, User, UserId, UserSummary, Username,
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
    pub fn json(&self) -> EncodedJson<User> {
        EncodedJson::from_bytes(self.payload.slice(2..))
    }

    /// The user's name.
    #[must_use]
    pub fn username(&self) -> Option<Username> {
        #[derive(Deserialize)]
        struct Named {
            username: String,
        }
        let Named { username } = serde_json::from_slice(&self.payload[2..]).ok()?;
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

    /// The whole post.
    pub(super) fn json(&self, author: &UserFragment) -> EncodedJson<AuthoredPost> {
        let mut json = BytesMut::with_capacity(1024);
        self.write(author, &mut json);
        EncodedJson::from_bytes(json.freeze())
    }

    /// Writes the whole post.
    fn write(&self, author: &UserFragment, json: &mut BytesMut) {
        json.put_slice(&self.payload[16..]);
        json.put_slice(b",\"author\":");
        author.write_summary(json);
        json.put_u8(b'}');
    }
}

impl From<&Post> for PostFragment {
    fn from(post: &Post) -> Self {
        let mut payload = BytesMut::with_capacity(512);
        payload.put_slice(post.author_id.0.as_bytes());
        let mut payload = payload.writer();
        serde_json::to_writer(&mut payload, post).expect(JSON);
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

impl From<AuthoredPost> for PageItem {
    fn from(post: AuthoredPost) -> Self {
        let (post, author) = post.split();
        Self { id: post.id, post: PostFragment::from(&post), author: UserFragment::from(&author) }
    }
}

/// The current user of a home page; `None` for an anonymous request.
pub(super) type Viewer<'a> = Option<&'a UserFragment>;

/// A home page, out of up to one post more than it holds.
pub(super) fn write_home_page(
    viewer: Viewer<'_>,
    items: Vec<PageItem>,
    size: PageSize,
    cursor_after: impl FnOnce(PostId) -> Cursor,
) -> EncodedJson<HomePage> {
    EncodedJson::from_bytes(write(Some(viewer), items, size, cursor_after))
}

/// A page of posts, out of up to one post more than it holds.
pub(super) fn write_page(
    items: Vec<PageItem>,
    size: PageSize,
    cursor_after: impl FnOnce(PostId) -> Cursor,
) -> EncodedJson<Page<AuthoredPost>> {
    EncodedJson::from_bytes(write(None, items, size, cursor_after))
}

/// `viewer` is there on home pages only.
fn write(
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
    use chrono::DateTime;

    use super::*;
    use crate::domain::{DisplayName, PostBody, Scope};

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

        assert_eq!(fragment.json().into_bytes(), serde_json::to_vec(&user()).unwrap());
        assert_eq!(summary, serde_json::to_vec(&user().summary()).unwrap());
        assert_eq!(UserFragment::from_payload(fragment.clone().into_payload()), Some(fragment));
    }

    fn post(id: u8) -> AuthoredPost {
        let User { created_at, updated_at, .. } = user();
        let body = PostBody::parse("hello").unwrap();
        AuthoredPost {
            id: PostId::from_bytes([id; 16]),
            body,
            version: 1,
            created_at,
            updated_at,
            author: user().summary(),
        }
    }

    #[test]
    fn an_encoded_post_is_what_its_type_serializes_to() {
        let (head, author) = post(2).split();
        let fragment = PostFragment::from(&head);

        let encoded = fragment.json(&UserFragment::from(&author));

        assert_eq!(encoded.into_bytes(), serde_json::to_vec(&post(2)).unwrap());
        assert_eq!(fragment.author(), user().id);
    }

    #[test]
    fn encoded_pages_are_what_their_types_serialize_to() {
        let size = PageSize::parse(Some("2")).unwrap();
        let cursor = |last: PostId| Cursor::new(Scope::Home(None), &last.0);
        for ids in [vec![], vec![9, 8], vec![9, 8, 7]] {
            let items = || ids.iter().map(|id| PageItem::from(post(*id))).collect();
            let Page { items: posts, next_cursor } =
                Page::from_rows(ids.iter().map(|id| post(*id)).collect(), size, |last: &AuthoredPost| cursor(last.id));

            let page = write_page(items(), size, cursor);
            let homes = [Some(user()), None].map(|viewer| {
                let home = HomePage {
                    viewer: viewer.as_ref().map(User::summary),
                    items: posts.clone(),
                    next_cursor: next_cursor.clone(),
                };
                let viewer = viewer.as_ref().map(UserFragment::from);
                (write_home_page(viewer.as_ref(), items(), size, cursor), home)
            });

            let expected = Page { items: posts, next_cursor };
            assert_eq!(page.into_bytes(), serde_json::to_vec(&expected).unwrap());
            for (encoded, home) in homes {
                assert_eq!(encoded.into_bytes(), serde_json::to_vec(&home).unwrap());
            }
        }
    }

    #[test]
    fn a_payload_cut_short_is_no_fragment() {
        assert_eq!(UserFragment::from_payload(Bytes::from_static(&[0])), None);
        assert_eq!(UserFragment::from_payload(Bytes::from_static(&[0, 9, b'{'])), None);
        assert_eq!(PostFragment::from_payload(Bytes::from_static(&[0; 16])), None);
    }
}

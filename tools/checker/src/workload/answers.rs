//! Answers, as the verdict wants to see them.

use serde::Deserialize;
use uuid::Uuid;

use crate::{
    content,
    history::{Number, Seen, SeenHome, SeenName, SeenPost, SeenUser},
};

#[derive(Deserialize)]
pub(super) struct UserJson<'a> {
    pub(super) id: Uuid,
    pub(super) username: &'a str,
    pub(super) display_name: &'a str,
    pub(super) bio: Option<&'a str>,
    pub(super) version: u32,
}

#[derive(Deserialize)]
struct NameJson<'a> {
    username: &'a str,
    display_name: &'a str,
}

#[derive(Deserialize)]
pub(super) struct PostJson<'a> {
    pub(super) id: Uuid,
    body: &'a str,
    pub(super) version: u32,
    #[serde(borrow)]
    author: NameJson<'a>,
}

#[derive(Deserialize)]
struct HomeJson<'a> {
    #[serde(borrow)]
    viewer: Option<NameJson<'a>>,
    #[serde(borrow)]
    items: Vec<PostJson<'a>>,
    next_cursor: Option<&'a str>,
}

#[derive(Deserialize)]
struct SessionJson {
    id: Uuid,
}

#[derive(Deserialize)]
pub(super) struct SignInJson<'a> {
    pub(super) token: &'a str,
    session: SessionJson,
}

impl SignInJson<'_> {
    pub(super) fn session(&self) -> Uuid {
        self.session.id
    }
}

/// A user's page.
pub(super) fn user(asked: Number, body: &[u8]) -> Seen {
    let parsed = serde_json::from_slice::<UserJson<'_>>(body).ok().and_then(|user| user.seen());
    parsed.map_or_else(|| foreign(body), |seen| Seen::User { asked, found: Some(seen) })
}

/// A post.
pub(super) fn post(asked: Number, body: &[u8]) -> Seen {
    let parsed = serde_json::from_slice::<PostJson<'_>>(body).ok().and_then(|post| post.seen());
    parsed.map_or_else(|| foreign(body), |seen| Seen::Post { asked, found: Some(seen) })
}

/// A home page.
pub(super) fn home(body: &[u8]) -> Seen {
    let parsed = serde_json::from_slice::<HomeJson<'_>>(body).ok().and_then(|page| {
        let viewer = match &page.viewer {
            Some(viewer) => Some(viewer.seen()?),
            None => None,
        };
        let items = page.items.iter().map(PostJson::seen).collect::<Option<_>>()?;
        Some(SeenHome { viewer, items, is_last: page.next_cursor.is_none() })
    });
    parsed.map_or_else(|| foreign(body), |page| Seen::Home(Box::new(page)))
}

fn foreign(body: &[u8]) -> Seen {
    let text: String = String::from_utf8_lossy(body).chars().take(300).collect();
    Seen::Foreign(format!("nobody wrote this: {text}").into())
}

impl UserJson<'_> {
    fn seen(&self) -> Option<SeenUser> {
        let (user, name) = content::user(self.display_name)?;
        let (of_bio, bio) = content::user(self.bio?)?;
        let is_one = of_bio == user && content::username(self.username) == Some(user);
        is_one.then_some(SeenUser { user, version: self.version, name, bio })
    }
}

impl NameJson<'_> {
    fn seen(&self) -> Option<SeenName> {
        let (user, name) = content::user(self.display_name)?;
        (content::username(self.username) == Some(user)).then_some(SeenName { user, name })
    }
}

impl PostJson<'_> {
    pub(super) fn seen(&self) -> Option<SeenPost> {
        let (post, body) = content::post(self.body)?;
        let author = self.author.seen()?;
        Some(SeenPost { post, id: self.id.as_u128(), version: self.version, body, author })
    }
}

//! Users and posts, as reads show them.

use std::collections::HashMap;

use super::{
    chain::{Chain, Replaced},
    evidence::of_read,
    findings::{Kind, Verdict},
    index::Index,
    lifetime::Lifetime,
};
use crate::history::{Action, ClientNumber, Field, Number, Outcome, Read, SeenName, SeenPost, SeenUser, WriteNumber};

/// Something with versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Row {
    User(Number),
    Post(Number),
}

/// What reads have shown so far.
pub(super) struct Rows<'i, 'h> {
    index: &'i Index<'h>,
    /// The latest version each client has seen of a row.
    seen: HashMap<(ClientNumber, Row), u32>,
    /// What a row was shown with at a version.
    texts: HashMap<(Row, u32), (WriteNumber, WriteNumber)>,
}

impl<'i, 'h> Rows<'i, 'h> {
    pub(super) fn new(index: &'i Index<'h>) -> Self {
        Self { index, seen: HashMap::new(), texts: HashMap::new() }
    }

    pub(super) fn judge_user(&mut self, read: &Read, asked: Number, seen: &SeenUser, verdict: &mut Verdict) {
        if seen.user != asked {
            let what = || of_read(self.index, read, &[], &format!("user {asked} was asked for"));
            return verdict.add(Kind::ForeignData, None, what);
        }
        let Some(writes) = self.index.users.get(&asked) else { return };
        self.judge_version(read, Row::User(asked), seen.version, &writes.row, verdict);
        self.judge_texts(read, Row::User(asked), seen.version, (seen.name, seen.bio), verdict);
        for (field, number, chain) in [(Field::Name, seen.name, &writes.names), (Field::Bio, seen.bio, &writes.bios)] {
            if self.is_written(read, number, |action| writes_field(action, asked, field), verdict) {
                self.judge_field(read, number, seen.version, chain, verdict);
            }
        }
    }

    /// A name beside a post, or at the head of a home page: a field without a version.
    pub(super) fn judge_name(&mut self, read: &Read, seen: SeenName, verdict: &mut Verdict) {
        let Some(writes) = self.index.users.get(&seen.user) else { return };
        if !self.is_written(read, seen.name, |action| writes_field(action, seen.user, Field::Name), verdict) {
            return;
        }
        verdict.facts += 1;
        let version = self.index.write(seen.name).and_then(|(place, _)| self.index.version(place));
        if let Some(replaced) = version.and_then(|version| writes.names.replaced(version)) {
            self.judge_replaced(read, replaced, false, &format!("the name of user {}", seen.user), verdict);
        }
    }

    pub(super) fn judge_asked_post(&mut self, read: &Read, asked: Number, seen: &SeenPost, verdict: &mut Verdict) {
        if seen.post != asked {
            let what = || of_read(self.index, read, &[], &format!("post {asked} was asked for"));
            return verdict.add(Kind::ForeignData, None, what);
        }
        self.judge_post(read, seen, verdict);
    }

    /// A post, wherever it is shown.
    pub(super) fn judge_post(&mut self, read: &Read, seen: &SeenPost, verdict: &mut Verdict) {
        let Some(writes) = self.index.posts.get(&seen.post) else { return };
        if writes.author != seen.author.user || writes.id.is_some_and(|id| id != seen.id) {
            let what = || of_read(self.index, read, &[], &format!("post {} has another author or id", seen.post));
            verdict.add(Kind::ForeignData, None, what);
        }
        self.judge_version(read, Row::Post(seen.post), seen.version, &writes.row, verdict);
        self.judge_texts(read, Row::Post(seen.post), seen.version, (seen.body, seen.body), verdict);
        if self.is_written(read, seen.body, |action| writes_body(action, seen.post), verdict) {
            self.judge_body(read, seen, &writes.row, verdict);
        }
        self.judge_name(read, seen.author, verdict);
    }

    pub(super) fn judge_absent_user(&self, read: &Read, asked: Number, verdict: &mut Verdict) {
        if let Some(writes) = self.index.users.get(&asked) {
            self.judge_absence(read, &writes.life, &format!("user {asked}"), verdict);
        }
    }

    pub(super) fn judge_absent_post(&self, read: &Read, asked: Number, verdict: &mut Verdict) {
        if let Some(writes) = self.index.posts.get(&asked) {
            self.judge_absence(read, &writes.life, &format!("post {asked}"), verdict);
        }
    }

    fn judge_absence(&self, read: &Read, life: &Lifetime, what: &str, verdict: &mut Verdict) {
        verdict.facts += 1;
        if !life.may_be_gone(read.interval.start, read.interval.end) {
            verdict.add(Kind::Vanished, None, || of_read(self.index, read, &[], what));
        }
    }

    fn judge_version(&mut self, read: &Read, row: Row, version: u32, chain: &Chain, verdict: &mut Verdict) {
        verdict.facts += 1;
        let before = self.seen.get(&(read.client, row)).copied().unwrap_or_default();
        let went_back = version < before;
        self.seen.insert((read.client, row), before.max(version));
        if let Some(latest) = chain.latest_start(version)
            && latest.start > read.interval.end
        {
            let what = || of_read(self.index, read, &[latest.write], &format!("{row:?} at version {version}"));
            verdict.add(Kind::Invented, None, what);
        }
        match chain.replaced(version) {
            Some(replaced) if replaced.first.1.answered < read.interval.start => {
                self.judge_replaced(read, replaced, went_back, &format!("{row:?} at version {version}"), verdict);
            }
            _ if went_back => verdict.went_back_unanswered += 1,
            _ => {}
        }
    }

    /// What was read has been replaced at these moments; was that before the read?
    fn judge_replaced(&self, read: &Read, replaced: Replaced, went_back: bool, what: &str, verdict: &mut Verdict) {
        let index = self.index;
        let start = read.interval.start;
        let Replaced { first: (_, first), binding: (entry, binding) } = replaced;
        if binding.binding >= start {
            if first.answered < start {
                verdict.excused.add(start - first.answered);
            }
            return;
        }
        let late = start - binding.answered;
        let own = index.history.writes[entry.write].client == read.client;
        let kind = match (own, went_back) {
            (true, _) => Kind::ReadYourWrites,
            (false, true) => Kind::MonotonicReads,
            (false, false) => Kind::Stale,
        };
        verdict.add(kind, Some(late), || {
            of_read(index, read, &[entry.write], &format!("{what}, {:.3} ms after its end was answered", ms(late)))
        });
    }

    /// A version has one text.
    fn judge_texts(
        &mut self,
        read: &Read,
        row: Row,
        version: u32,
        texts: (WriteNumber, WriteNumber),
        verdict: &mut Verdict,
    ) {
        let known = *self.texts.entry((row, version)).or_insert(texts);
        if known != texts {
            let what = || {
                let what = format!("{row:?} at version {version} has the texts of writes {texts:?}, and had {known:?}");
                of_read(self.index, read, &[], &what)
            };
            verdict.add(Kind::LostUpdate, None, what);
        }
    }

    /// Whether the text is one that somebody has written there, and had begun to; reports what is not.
    fn is_written(
        &self,
        read: &Read,
        number: WriteNumber,
        belongs: impl Fn(Action) -> bool,
        verdict: &mut Verdict,
    ) -> bool {
        let index = self.index;
        match index.write(number) {
            Some((_, write)) if belongs(write.action) => {
                let place = || index.write(number).map(|(place, _)| place).into_iter().collect::<Vec<_>>();
                if write.outcome == Outcome::Refused {
                    verdict.add(Kind::Invented, None, || of_read(index, read, &place(), "a refused write is shown"));
                    return false;
                }
                if write.interval.start > read.interval.end {
                    verdict.add(Kind::Invented, None, || of_read(index, read, &place(), "shown before it was begun"));
                    return false;
                }
                true
            }
            _ => {
                let what = format!("the text of write {number} is shown where it was never written");
                verdict.add(Kind::ForeignData, None, || of_read(index, read, &[], &what));
                false
            }
        }
    }

    /// At a version, a field shows the last write of it up to that version.
    fn judge_field(&self, read: &Read, number: WriteNumber, version: u32, chain: &Chain, verdict: &mut Verdict) {
        if let Some((shown, lost)) = self.index.lost_field(number, version, chain) {
            let what = format!("version {version} shows write {number}");
            verdict.add(Kind::LostUpdate, None, || of_read(self.index, read, &[shown, lost], &what));
        }
    }

    /// A post has nothing but its body, so each version is one write of it.
    fn judge_body(&self, read: &Read, seen: &SeenPost, chain: &Chain, verdict: &mut Verdict) {
        let Some((place, _)) = self.index.write(seen.body) else { return };
        let is_another = self.index.version(place).is_some_and(|made| made != seen.version);
        let own = chain.between(seen.version.saturating_sub(1), seen.version).find(|entry| entry.write != place);
        if is_another || own.is_some() {
            let what = format!("version {} shows write {}, which made another", seen.version, seen.body);
            let places: Vec<usize> = own.map(|entry| entry.write).into_iter().chain([place]).collect();
            verdict.add(Kind::LostUpdate, None, || of_read(self.index, read, &places, &what));
        }
    }
}

fn writes_field(action: Action, asked: Number, wanted: Field) -> bool {
    match action {
        Action::CreateUser { user } => user == asked,
        Action::EditUser { user, field, .. } => user == asked && field == wanted,
        _ => false,
    }
}

fn writes_body(action: Action, asked: Number) -> bool {
    matches!(action, Action::CreatePost { post, .. } | Action::EditPost { post, .. } if post == asked)
}

fn ms(late: u64) -> f64 {
    std::time::Duration::from_micros(late).as_secs_f64() * 1e3
}

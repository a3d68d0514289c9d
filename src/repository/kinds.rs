//! The table of kinds: what each kind of entry needs beside its loader. Tests read it, so that a new kind without a trigger, a
//! self-check, made-up rows, rights or documentation fails a test that names it (`tests/service/kinds.rs`).

/// One kind of entry.
#[derive(Clone, Copy, Debug)]
pub struct EntryKind {
    /// As in the loader and in the names of entries, `<name>:<id>`.
    pub name: &'static str,
    /// The tables whose rows it is made of. Each change of them names its entries in the outbox. None for a kind that
    /// only its TTL bounds.
    pub tables: &'static [&'static str],
    /// Routes that show it.
    pub routes: &'static [&'static str],
}

/// All kinds.
pub const KINDS: [EntryKind; 6] = [
    EntryKind { name: "user", tables: &["users"], routes: &["/users/{id}", "/users/me", "/posts/{id}", "/home"] },
    EntryKind { name: "post", tables: &["posts"], routes: &["/posts/{id}", "/home"] },
    EntryKind { name: "session", tables: &["sessions"], routes: &["/users/me", "/sessions"] },
    EntryKind { name: "timeline", tables: &["posts"], routes: &["/home"] },
    EntryKind { name: "following", tables: &["follows"], routes: &["/home"] },
    EntryKind { name: "front_page", tables: &[], routes: &["/home"] },
];

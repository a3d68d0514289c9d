//! Fixed lists of kinds, of steps and of faults: counted, and in sets.

use std::fmt::{self, Debug, Formatter};
use std::marker::PhantomData;

/// One of a fixed list of kinds, of steps or of faults.
pub trait Kind: Copy + Eq + Debug + 'static {
    /// Every kind there is.
    const ALL: &'static [Self];

    /// Its place in [`ALL`](Self::ALL).
    fn place(self) -> usize;
}

/// A set of kinds, of sixteen at most.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kinds<K>(u16, PhantomData<K>);

impl<K: Kind> Kinds<K> {
    /// Every kind there is.
    pub const EVERY: Self = Self(u16::MAX, PhantomData);

    /// These kinds.
    #[must_use]
    pub fn only(kinds: &[K]) -> Self {
        Self(kinds.iter().fold(0, |set, kind| set | 1 << kind.place()), PhantomData)
    }

    /// Every kind but these.
    #[must_use]
    pub fn all_but(kinds: &[K]) -> Self {
        Self(!Self::only(kinds).0, PhantomData)
    }

    /// Whether this kind is one of them.
    #[must_use]
    pub fn contains(self, kind: K) -> bool {
        self.0 & 1 << kind.place() != 0
    }
}

impl<K: Kind> Debug for Kinds<K> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(K::ALL.iter().filter(|kind| self.contains(**kind))).finish()
    }
}

/// How often each kind of step was taken.
#[derive(Clone, Debug)]
pub struct Coverage<W>(Vec<u64>, PhantomData<W>);

impl<W: Kind> Coverage<W> {
    /// Nothing taken yet.
    #[must_use]
    pub fn new() -> Self {
        Self(vec![0; W::ALL.len()], PhantomData)
    }

    /// Counts one.
    pub fn count(&mut self, what: W) {
        self.0[what.place()] += 1;
    }

    /// How often this kind of step was taken.
    #[must_use]
    pub fn times(&self, what: W) -> u64 {
        self.0[what.place()]
    }
}

impl<W: Kind> Default for Coverage<W> {
    fn default() -> Self {
        Self::new()
    }
}

/// Declares the kinds of steps of a model, each with its sentence, so that neither can be without the other.
macro_rules! steps {
    ($($name:ident: $text:literal,)*) => {
        /// What happens in a step, and how it turns out. One kind for each outcome, so that counting them shows
        /// what a search has reached.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum What { $(#[doc = $text] $name,)* }

        impl What {
            /// Every step there is.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The step as a sentence without its subject.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl crate::kind::Kind for What {
            const ALL: &'static [Self] = Self::ALL;

            fn place(self) -> usize {
                self as usize
            }
        }
    };
}

pub(crate) use steps;

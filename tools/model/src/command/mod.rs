//! What the command line says.

mod fencing;
mod replicas;

use std::fmt::Debug;

use aside_model::model::Model;

/// Printed by `--help`.
pub(crate) const HELP: &str = "\
aside-model [options]            the cell protocol
aside-model replicas [options]   what lies around it: near cache, sequence, outbox, relays, gate

Searches every interleaving within bounds.

  --depth N       1 to 4, sets all the bounds below; later options change them (default 2)
                    1: 2 readers, 2 writers, 2 versions, 1 fault       2: 3, 2, 2, 2
                    3: 3 readers, 3 writers, 3 versions, 2 faults      4: 4, 3, 3, 3
                  replicas
                    1: 1 reader, 1 version, 1 relay, 1 fault           2: 2, 1, 1, 1
                    3: 2 readers, 2 versions, 2 relays, 1 fault        4: 2, 2, 2, 2, and another cell
  --readers N     at work at once, up to 4; each reads again and again
  --writers N     at work at once, up to 3 (replicas: 2); each writes again and again
  --versions N    writes that are committed, up to 3
  --faults N      up to 3
  --only A,B      these kinds of faults only: Restart, LiftUnanswered …
  --but A,B       every kind but these
  --no-expiry     nothing reaches the end of its TTL
  --max-states N  where to give up (30 to 60 bytes each)
  --variant NAME  another protocol (default Ours); --table lists them
  --promise NAME  which one; --table lists them (default Confirmed; replicas: Contract)
  --table         for each variant and promise, the fewest faults that break it

of the cell protocol:
  --refresh       hits may be refreshed early

of the replicas:
  --reads HOW     Redis, Near or Both (default Near)
  --relays N      at work at once, up to 2
  --programs N    how many of the writes another program may make
  --others N      how often another cell is fenced, up to 3
";

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Search once.
    Search,
    /// Search for all variants and promises.
    Table,
    /// Print [`HELP`].
    Help,
}

/// A model that the command line can set up.
pub(crate) trait Searchable: Model {
    /// Readings of its protocol.
    type Variant: Copy + Debug + 'static;
    /// What it may promise.
    type Promise: Copy + Debug + 'static;
    /// All readings, the protocol first.
    const VARIANTS: &'static [Self::Variant];
    /// All promises.
    const PROMISES: &'static [Self::Promise];

    /// The protocol within the bounds of this depth, 1 to 4.
    fn of_depth(depth: usize) -> Self;
    /// The same bounds for this variant and promise, with so many faults.
    fn of(&self, variant: Self::Variant, promise: Self::Promise, faults: u8) -> Self;
    /// How many faults may happen.
    fn faults(&self) -> u8;
    /// Its promise and bounds, to be printed.
    fn described(&self) -> String;
    /// Takes an option with the values that follow it.
    fn take(&mut self, option: &str, rest: &mut dyn Iterator<Item = String>) -> Result<(), String>;
    /// Follows this variant.
    fn follow(&mut self, variant: Self::Variant);
}

/// Reads the arguments; the error says which one is wrong.
pub(crate) fn parse<M: Searchable>(
    arguments: impl Iterator<Item = String>,
) -> Result<(Command, M::Variant, M), String> {
    let (mut command, mut variant, mut setting) = (Command::Search, M::VARIANTS[0], M::of_depth(2));
    let mut rest = arguments;
    while let Some(option) = rest.next() {
        match option.as_str() {
            "--help" | "-h" => command = Command::Help,
            "--table" => command = Command::Table,
            "--depth" => setting = M::of_depth(number(&option, rest.next(), 4)?),
            "--variant" => variant = named(&option, rest.next(), M::VARIANTS)?,
            _ => setting.take(&option, &mut rest)?,
        }
    }
    setting.follow(variant);
    Ok((command, variant, setting))
}

fn list<T: Copy + Debug>(option: &str, value: Option<String>, all: &[T]) -> Result<Vec<T>, String> {
    let value = value.unwrap_or_default();
    value.split(',').map(|name| named(option, Some(name.to_owned()), all)).collect()
}

fn number(option: &str, value: Option<String>, most: usize) -> Result<usize, String> {
    let value = value.unwrap_or_default();
    let number = value.parse().ok().filter(|number| *number <= most);
    number.ok_or_else(|| format!("{option} {value}: expected a number up to {most}"))
}

fn small(option: &str, value: Option<String>, most: u8) -> Result<u8, String> {
    number(option, value, most.into()).map(|number| u8::try_from(number).expect("was held against a small bound"))
}

fn named<T: Copy + Debug>(option: &str, value: Option<String>, all: &[T]) -> Result<T, String> {
    let value = value.unwrap_or_default();
    let found = all.iter().find(|one| format!("{one:?}").eq_ignore_ascii_case(&value));
    found.copied().ok_or_else(|| format!("{option} {value}: expected one of {all:?}"))
}

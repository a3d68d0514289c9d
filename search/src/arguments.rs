//! What the command line says.

use aside_search::fencing::bounds::{Bounds, Fault, Faults};
use aside_search::fencing::property::Promise;
use aside_search::fencing::state::{MAX_READERS, MAX_VERSION, MAX_WRITERS};
use aside_search::fencing::steps::Setting;
use aside_search::fencing::variants::Variant;

/// Printed by `--help`.
pub(crate) const HELP: &str = "\
Searches every interleaving of the cell protocol within bounds.

  --depth N       1 to 4, sets all the bounds below; later options change them (default 2)
                    1: 2 readers, 2 writers, 2 versions, 1 fault       2: 3, 2, 2, 2
                    3: 3 readers, 3 writers, 3 versions, 2 faults      4: 4, 3, 3, 3
  --readers N     at work at once, up to 4; each reads again and again
  --writers N     at work at once, up to 3; each writes again and again
  --versions N    writes that are committed, up to 3
  --faults N      up to 3
  --only A,B      these kinds of faults only: Eviction, Restart, LiftUnanswered …
  --no-expiry     values, leases and fences do not reach the end of their TTL
  --refresh       hits may be refreshed early
  --max-states N  where to give up (30 to 45 bytes each; default 60 million)
  --variant NAME  another protocol (default Ours); --table lists them
  --promise NAME  Confirmed, Answered, Ended, Committed or Observed (default Confirmed)
  --table         for each variant and promise, the fewest faults that break it
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

/// The command line, understood.
pub(crate) struct Arguments {
    /// What to do.
    pub command: Command,
    /// What its rules are called.
    pub variant: Variant,
    /// With which rules, promise and bounds.
    pub setting: Setting,
}

impl Arguments {
    /// Reads the arguments; the error says which one is wrong.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self {
            command: Command::Search,
            variant: Variant::Ours,
            setting: Setting { rules: Variant::Ours.rules(), promise: Promise::Confirmed, bounds: bounds_of_depth(2) },
        };
        let mut rest = arguments;
        while let Some(option) = rest.next() {
            parsed.take(&option, &mut rest)?;
        }
        Ok(parsed)
    }

    fn take(&mut self, option: &str, rest: &mut impl Iterator<Item = String>) -> Result<(), String> {
        let bounds = &mut self.setting.bounds;
        let mut number = |most: usize| number(option, rest.next(), most);
        match option {
            "--help" | "-h" => self.command = Command::Help,
            "--table" => self.command = Command::Table,
            "--no-expiry" => bounds.expiry = false,
            "--refresh" => bounds.refresh = true,
            "--depth" => *bounds = bounds_of_depth(number(4)?),
            "--readers" => bounds.readers = number(MAX_READERS)?,
            "--writers" => bounds.writers = number(MAX_WRITERS)?,
            "--versions" => bounds.versions = small(number(usize::from(MAX_VERSION))?),
            "--faults" => bounds.faults = small(number(3)?),
            "--only" => bounds.kinds = kinds(option, &rest.next().unwrap_or_default())?,
            "--max-states" => bounds.max_states = number(usize::MAX)?,
            "--variant" => {
                self.variant = named(option, rest.next(), &Variant::ALL)?;
                self.setting.rules = self.variant.rules();
            }
            "--promise" => self.setting.promise = named(option, rest.next(), &Promise::ALL)?,
            _ => return Err(format!("{option}: no such option")),
        }
        Ok(())
    }
}

fn bounds_of_depth(depth: usize) -> Bounds {
    let (readers, writers, versions, faults) = match depth {
        0 | 1 => (2, 2, 2, 1),
        2 => (3, 2, 2, 2),
        3 => (3, 3, 3, 2),
        _ => (4, 3, 3, 3),
    };
    Bounds { readers, writers, versions, faults, kinds: Faults::all(), ..Bounds::SMALL }
}

fn kinds(option: &str, list: &str) -> Result<Faults, String> {
    let kinds = list.split(',').map(|name| named(option, Some(name.to_owned()), &Fault::ALL));
    Ok(Faults::only(&kinds.collect::<Result<Vec<_>, _>>()?))
}

fn number(option: &str, value: Option<String>, most: usize) -> Result<usize, String> {
    let value = value.unwrap_or_default();
    let number = value.parse().ok().filter(|number| *number <= most);
    number.ok_or_else(|| format!("{option} {value}: expected a number up to {most}"))
}

fn small(number: usize) -> u8 {
    u8::try_from(number).expect("was held against a small bound")
}

fn named<T: Copy + std::fmt::Debug>(option: &str, value: Option<String>, all: &[T]) -> Result<T, String> {
    let value = value.unwrap_or_default();
    let found = all.iter().find(|one| format!("{one:?}").eq_ignore_ascii_case(&value));
    found.copied().ok_or_else(|| format!("{option} {value}: expected one of {all:?}"))
}

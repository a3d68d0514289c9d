//! The options of the cell protocol.

use aside_model::fencing::bounds::{Bounds, Fault, Faults};
use aside_model::fencing::property::Promise;
use aside_model::fencing::state::{MAX_READERS, MAX_VERSION, MAX_WRITERS};
use aside_model::fencing::steps::Setting;
use aside_model::fencing::variants::Variant;

use super::{Searchable, list, named, number, small};

impl Searchable for Setting {
    type Variant = Variant;
    type Promise = Promise;
    const VARIANTS: &'static [Variant] = &Variant::ALL;
    const PROMISES: &'static [Promise] = &Promise::ALL;

    fn of_depth(depth: usize) -> Self {
        let (readers, writers, versions, faults) = match depth {
            0 | 1 => (2, 2, 2, 1),
            2 => (3, 2, 2, 2),
            3 => (3, 3, 3, 2),
            _ => (4, 3, 3, 3),
        };
        let bounds = Bounds { readers, writers, versions, faults, kinds: Faults::EVERY, ..Bounds::SMALL };
        Self { rules: Variant::Ours.rules(), promise: Promise::Confirmed, bounds }
    }

    fn of(&self, variant: Variant, promise: Promise, faults: u8) -> Self {
        Self { rules: variant.rules(), promise, bounds: Bounds { faults, ..self.bounds } }
    }

    fn faults(&self) -> u8 {
        self.bounds.faults
    }

    fn described(&self) -> String {
        format!("promise {:?}, {:?}", self.promise, self.bounds)
    }

    fn take(&mut self, option: &str, rest: &mut dyn Iterator<Item = String>) -> Result<(), String> {
        let bounds = &mut self.bounds;
        match option {
            "--no-expiry" => bounds.expiry = false,
            "--refresh" => bounds.refresh = true,
            "--readers" => bounds.readers = number(option, rest.next(), MAX_READERS)?,
            "--writers" => bounds.writers = number(option, rest.next(), MAX_WRITERS)?,
            "--versions" => bounds.versions = small(option, rest.next(), MAX_VERSION)?,
            "--faults" => bounds.faults = small(option, rest.next(), 3)?,
            "--only" => bounds.kinds = Faults::only(&list(option, rest.next(), &Fault::ALL)?),
            "--but" => bounds.kinds = Faults::all_but(&list(option, rest.next(), &Fault::ALL)?),
            "--max-states" => bounds.max_states = number(option, rest.next(), usize::MAX)?,
            "--promise" => self.promise = named(option, rest.next(), &Promise::ALL)?,
            _ => return Err(format!("{option}: no such option")),
        }
        Ok(())
    }

    fn follow(&mut self, variant: Variant) {
        self.rules = variant.rules();
    }
}

//! The options of what lies around the cell protocol.

use aside_model::replicas::bounds::{Bounds, Fault, Faults, Reads};
use aside_model::replicas::property::Promise;
use aside_model::replicas::replica::READERS;
use aside_model::replicas::state::{MAX_VERSION, REPLICAS};
use aside_model::replicas::steps::Setting;
use aside_model::replicas::variants::Variant;

use super::{Searchable, list, named, number, small};

impl Searchable for Setting {
    type Variant = Variant;
    type Promise = Promise;
    const VARIANTS: &'static [Variant] = &Variant::ALL;
    const PROMISES: &'static [Promise] = &Promise::ALL;

    fn of_depth(depth: usize) -> Self {
        let (readers, versions, relays, others, faults) = match depth {
            0 | 1 => (1, 1, 1, 0, 1),
            2 => (2, 1, 1, 0, 1),
            3 => (2, 2, 2, 0, 1),
            _ => (2, 2, 2, 1, 2),
        };
        let (writers, programs) = (1, 1);
        let kinds = Faults::EVERY;
        let bounds = Bounds { readers, writers, relays, versions, programs, others, faults, kinds, ..Bounds::SMALL };
        Self { rules: Variant::Ours.rules(), promise: Promise::Contract, bounds }
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
            "--reads" => bounds.reads = named(option, rest.next(), &Reads::ALL)?,
            "--readers" => bounds.readers = number(option, rest.next(), READERS * REPLICAS)?,
            "--writers" => bounds.writers = number(option, rest.next(), REPLICAS)?,
            "--relays" => bounds.relays = number(option, rest.next(), REPLICAS)?,
            "--versions" => bounds.versions = small(option, rest.next(), MAX_VERSION)?,
            "--programs" => bounds.programs = small(option, rest.next(), MAX_VERSION)?,
            "--others" => bounds.others = small(option, rest.next(), 3)?,
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

//! The search: breadth first, so that the first fault it meets is one of the shortest.

use crate::model::{Coverage, EventOf, Model, Next, Violation};
use crate::visited::{Position, Visited};

/// How a search ended.
#[derive(Clone, Debug)]
pub enum Outcome<M: Model> {
    /// Every state within the bounds was seen, and the promise holds in all of them.
    Holds,
    /// It does not, and this is a shortest way to see it.
    Broken(Trace<M>),
    /// The bound on states was reached first. Nothing is known.
    GaveUp,
}

/// The way from the beginning to a fault.
#[derive(Clone, Debug)]
pub struct Trace<M: Model> {
    /// What is wrong at its end.
    pub violation: Violation,
    /// The steps, each with the state after it.
    pub steps: Vec<(EventOf<M>, M::State)>,
}

/// What a search has found.
#[derive(Clone, Debug)]
pub struct Report<M: Model> {
    /// How it ended.
    pub outcome: Outcome<M>,
    /// Different states seen.
    pub states: usize,
    /// Steps taken between them.
    pub transitions: u64,
    /// The longest of all shortest ways to a state.
    pub depth: u32,
    /// Which steps were taken, and how often.
    pub coverage: Coverage<M::What>,
}

impl<M: Model> Report<M> {
    /// What is wrong, if something is.
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        match &self.outcome {
            Outcome::Broken(trace) => Some(trace.violation),
            Outcome::Holds | Outcome::GaveUp => None,
        }
    }
}

/// How far a search is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// States seen.
    pub states: usize,
    /// Of these, states whose steps are taken.
    pub done: usize,
    /// Steps from the beginning.
    pub depth: u32,
}

/// How many states lie between two calls of the progress display.
const PROGRESS_EVERY: Position = 1 << 16;
/// How many states are looked up together.
const BATCH: usize = 512;

/// Searches every state within the bounds, or until the first fault.
///
/// # Panics
///
/// At 2^32 states, which [`Model::max_states`] should prevent.
pub fn explore<M: Model>(model: &M, mut progress: impl FnMut(Progress)) -> Report<M> {
    let mut search = Search::new(model);
    let mut next = Vec::with_capacity(64);
    let mut position: Position = 0;
    let mut last_of_depth: Position = 0;
    while (position as usize) < search.visited.len() {
        let from = model.unpack(search.visited.state(position));
        model.successors(&from, &mut next);
        if let Some(outcome) = search.take(position, &next) {
            return search.report(outcome);
        }
        if position.is_multiple_of(PROGRESS_EVERY) {
            let states = search.visited.len();
            progress(Progress { states, done: position as usize, depth: search.depth });
        }
        if position == last_of_depth {
            last_of_depth = search.finish_depth(position);
        }
        position += 1;
    }
    search.report(Outcome::Holds)
}

struct Search<'a, M: Model> {
    model: &'a M,
    visited: Visited<M::Packed>,
    /// Reached, and not yet held against those seen before.
    batch: Vec<(M::Packed, Position)>,
    transitions: u64,
    depth: u32,
    coverage: Coverage<M::What>,
}

impl<'a, M: Model> Search<'a, M> {
    fn new(model: &'a M) -> Self {
        let mut visited = Visited::new();
        visited.insert_all(&[(model.pack(&model.initial()), 0)]);
        let (batch, coverage) = (Vec::with_capacity(2 * BATCH), Coverage::new());
        Self { model, visited, batch, transitions: 0, depth: 0, coverage }
    }

    /// Adds the states that these steps lead to. Gives the end of the search if this is it.
    fn take(&mut self, from: Position, steps: &[Next<M>]) -> Option<Outcome<M>> {
        for step in steps {
            self.transitions += 1;
            self.coverage.count(step.event.what);
            if let Some(violation) = step.violation {
                return Some(Outcome::Broken(self.trace_to(from, step.event, violation)));
            }
            self.batch.push((self.model.pack(&step.state), from));
        }
        if self.batch.len() >= BATCH {
            self.flush();
        }
        (self.visited.len() >= self.model.max_states()).then_some(Outcome::GaveUp)
    }

    fn flush(&mut self) {
        self.visited.insert_all(&self.batch);
        self.batch.clear();
    }

    /// All states of one depth have been gone on from. Gives the last one of the next depth.
    fn finish_depth(&mut self, last: Position) -> Position {
        self.flush();
        let newest = Position::try_from(self.visited.len() - 1).expect("fewer than 2^32 states");
        self.depth += u32::from(newest > last);
        newest
    }

    fn report(self, outcome: Outcome<M>) -> Report<M> {
        let Self { visited, transitions, depth, coverage, .. } = self;
        Report { outcome, states: visited.len(), transitions, depth, coverage }
    }

    /// Walks the way to `last` again, this time with names kept, and takes one more step.
    fn trace_to(&self, last: Position, fault: EventOf<M>, violation: Violation) -> Trace<M> {
        let mut state = self.model.initial();
        let mut steps = Vec::new();
        for packed in self.way_to(last) {
            let step = self.step_where(&state, |next| self.model.pack(&next.state) == packed);
            state = step.state;
            steps.push((step.event, state));
        }
        // Under its own name the actor may be another one; what it does is the same.
        let step = self.step_where(&state, |next| next.event.what == fault.what && next.violation == Some(violation));
        steps.push((step.event, step.state));
        Trace { violation, steps }
    }

    fn way_to(&self, last: Position) -> Vec<M::Packed> {
        let mut way = Vec::new();
        let mut position = last;
        while position != 0 {
            way.push(self.visited.state(position));
            position = self.visited.parent(position);
        }
        way.reverse();
        way
    }

    fn step_where(&self, from: &M::State, wanted: impl Fn(&Next<M>) -> bool) -> Next<M> {
        let mut next = Vec::new();
        self.model.successors(from, &mut next);
        next.into_iter().find(wanted).expect("a step between canonical states has one under any names")
    }
}

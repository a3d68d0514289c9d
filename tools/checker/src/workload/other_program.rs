//! Another program, which writes straight into the tables and tells nobody.

use std::{sync::Arc, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use sqlx::PgConnection;
use tokio::time;

use super::population::Population;
use crate::{
    content,
    environment::RunDatabase,
    history::{Action, ClientNumber, Field, OTHER_PROGRAM, Outcome, Write},
    time::{Clock, Interval},
};

/// Between two writes, on average.
const GAP: Duration = Duration::from_millis(150);

/// See the module.
pub struct OtherProgram {
    database: RunDatabase,
    population: Arc<Population>,
    clock: Clock,
    rng: StdRng,
    connection: Option<PgConnection>,
    /// What it has written.
    pub writes: Vec<Write>,
}

impl OtherProgram {
    /// Draws from this seed.
    #[must_use]
    pub fn new(database: RunDatabase, population: Arc<Population>, clock: Clock, seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed.rotate_left(17));
        Self { database, population, clock, rng, connection: None, writes: Vec::new() }
    }

    /// Waits for a random time, then renames somebody.
    pub async fn step(&mut self) {
        let uniform = 1.0 - self.rng.random::<f64>();
        time::sleep(GAP.mul_f64(-uniform.ln())).await;
        let Some(user) = self.population.pick_user(&mut self.rng) else { return };
        if self.connection.is_none() {
            self.connection = self.database.connect().await.ok();
        }
        let Some(connection) = &mut self.connection else { return };
        let number = self.population.next_write();
        let start = self.clock.now();
        let renamed = self.database.rename(connection, user.id, &content::of_user(user.user, number)).await;
        let interval = Interval { start, end: self.clock.now() };
        let (outcome, version) = match renamed {
            Ok(Some(version)) => (Outcome::Done, u32::try_from(version).unwrap_or(u32::MAX)),
            Ok(None) => (Outcome::Refused, 0),
            Err(_) => {
                self.connection = None;
                (Outcome::Unknown, 0)
            }
        };
        let action = Action::EditUser { user: user.user, field: Field::Name, version, expected: None };
        self.writes.push(Write {
            number,
            client: ClientNumber::MAX,
            replica: OTHER_PROGRAM,
            interval,
            outcome,
            action,
        });
    }
}

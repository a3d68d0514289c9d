//! The last look of a round, when all is quiet: what Postgres holds, and what every replica says about it.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio::time;

use crate::{
    content,
    environment::{Environment, RunDatabase},
    history::{ClientNumber, Finals, ReplicaNumber, SeenName, SeenPost, SeenUser},
    time::Clock,
    workload::{Client, ClientSetting, Population},
};

/// How long after the last call writes may still go on in the service: longer than its transactions live.
const QUIET: Duration = Duration::from_secs(30);
/// After that, how long what is promised for a second takes.
const SETTLE: Duration = Duration::from_millis(1_500);
/// The number of the client that looks; no other has it.
const LOOKER: ClientNumber = ClientNumber::MAX - 1;

/// Waits until nothing goes on any more, reads the tables, and then everything through every replica.
pub(crate) async fn look_once_more(environment: &Environment, setting: ClientSetting) -> Result<(Finals, Client)> {
    ensure!(environment.is_well_within(QUIET).await, "a replica is not well after all faults are over");
    time::sleep(SETTLE).await;
    let quiet = async {
        while !environment.database.is_quiet().await? {
            time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    time::timeout(QUIET, quiet).await.context("transactions are open, long after the last call")??;

    let finals = read_finals(&environment.database, &setting.population, setting.clock).await?;
    let everything = setting.population.everything();
    let mut client = Client::new(setting, LOOKER, 0);
    for replica in (0..ReplicaNumber::MAX).take(environment.addresses.len()) {
        client.read_everything(&everything, replica).await;
    }
    Ok((finals, client))
}

async fn read_finals(database: &RunDatabase, population: &Population, clock: Clock) -> Result<Finals> {
    let rows = database.read_all().await?;
    let mut finals = Finals { at: clock.now(), ..Finals::default() };
    let mut names = HashMap::new();
    for (id, version, name, bio) in rows.users {
        let texts = content::user(&name).zip(bio.as_deref().and_then(content::user));
        let Some(((user, name), (_, bio))) = texts else {
            finals.foreign.push(format!("user {id}: {name} {bio:?}"));
            continue;
        };
        names.insert(id, SeenName { user, name });
        finals.users.push(SeenUser { user, version: u32::try_from(version)?, name, bio });
    }
    for (id, author, version, body) in rows.posts {
        let Some(((post, write), author)) = content::post(&body).zip(names.get(&author).copied()) else {
            finals.foreign.push(format!("post {id}: {body}"));
            continue;
        };
        finals.posts.push(SeenPost { post, id: id.as_u128(), version: u32::try_from(version)?, body: write, author });
    }
    finals.sessions = rows.sessions.iter().filter_map(|id| population.session_number(*id)).collect();
    let number = |id| names.get(&id).map(|name| name.user);
    finals.follows = rows.follows.iter().filter_map(|&(one, other)| number(one).zip(number(other))).collect();
    Ok(finals)
}

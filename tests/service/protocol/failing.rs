//! Loads that fail, panic, or are shed: all who waited are told, and nothing is left behind.

use std::time::Duration;

use aside_cache::LoadError;
use aside_postgres::admission::{self, Admission};
use futures::future::join3;

use super::{
    entries::Held,
    things::{Things, body, key, permits},
};

#[tokio::test]
async fn a_load_that_fails_is_the_error_of_all_its_readers_and_gives_its_lease_back() {
    let things = Things::with("the one").await;
    let (replica, entries) = (things.replica().await, things.entries().await);
    replica.hold_loads();
    let first = replica.reading(&[1]);
    let load = replica.held_load().await;

    replica.let_loads_pass();
    load.fail();

    assert!(matches!(first.result().await, Err(LoadError::Source(_))));
    entries.until(&key(1), Held::Nothing).await;
    assert!(replica.read(1).await.stored, "the next reader need not wait");
}

#[tokio::test]
async fn readers_that_joined_the_next_flight_are_served_after_a_failure() {
    let things = Things::with("the one").await;
    let replica = things.replica().await;
    replica.hold_loads();
    let first = replica.reading(&[1]);
    let load = replica.held_load().await;
    let next: Vec<_> = (0..10).map(|_| replica.reading(&[1])).collect();
    replica.settle().await;

    replica.let_loads_pass();
    load.fail();

    assert!(first.result().await.is_err());
    for reader in next {
        assert_eq!(body(&reader.one().await), Some("the one"));
    }
    assert_eq!(replica.statements(), 2);
}

#[tokio::test]
async fn a_loader_that_panics_leaves_no_flight_behind() {
    let things = Things::with("the one").await;
    let short = Duration::from_millis(200);
    let replica = things.replica_with(|config| aside_cache::Options { lease: short, ..config }).await;
    replica.hold_loads();
    let first = replica.reading(&[1]);
    let load = replica.held_load().await;
    let next = replica.reading(&[1]);
    replica.settle().await;

    replica.let_loads_pass();
    load.panic();

    assert!(matches!(first.result().await, Err(LoadError::Aborted)));
    assert_eq!(body(&next.one().await), Some("the one"));
    assert_eq!(body(&replica.read(1).await), Some("the one"));
}

#[tokio::test]
async fn a_reader_that_is_cancelled_leaves_the_load_to_others() {
    let things = Things::with("the one").await;
    let replica = things.replica().await;
    replica.hold_loads();
    let impatient = replica.reading(&[1]);
    let load = replica.held_load().await;

    impatient.give_up().await;
    load.go_on();

    things.entries().await.until(&key(1), Held::Value).await;
    assert_eq!(body(&replica.read(1).await), Some("the one"));
    assert_eq!(replica.statements(), 1);
}

#[tokio::test]
async fn a_load_beyond_the_limit_is_shed_and_gives_its_lease_back() {
    let things = Things::with("the one").await;
    let short = Duration::from_millis(100);
    let replica = things.replica_for(|config| config, Admission::new(1, short)).await;
    let entries = things.entries().await;
    replica.hold_loads();
    let first = replica.reading(&[1]);
    let load = replica.held_load().await;

    let shed = replica.try_read(2).await;

    assert!(matches!(shed, Err(LoadError::Overloaded(_))), "{shed:?}");
    entries.until(&key(2), Held::Nothing).await;
    assert_eq!(replica.most_at_once(), 1);
    replica.let_loads_pass();
    load.go_on();
    assert!(first.result().await.is_ok());
    assert_eq!(body(&replica.read(2).await), None);
}

#[tokio::test]
async fn readers_that_arrive_while_a_load_waits_for_its_permit_join_it() {
    let things = Things::with("the one").await;
    let replica = things.replica_for(|config| config, permits(1)).await;
    replica.hold_loads();
    let first = replica.reading(&[2]);
    let load = replica.held_load().await;
    let waiting = replica.reading(&[1]);
    replica.settle().await;

    let late: Vec<_> = (0..10).map(|_| replica.reading(&[1])).collect();
    replica.settle().await;
    replica.let_loads_pass();
    load.go_on();

    first.all().await;
    for reader in late.into_iter().chain([waiting]) {
        assert_eq!(body(&reader.one().await), Some("the one"));
    }
    assert_eq!(replica.statements(), 2);
}

#[tokio::test]
async fn an_admitted_reader_is_not_refused_on_another_readers_account() {
    let things = Things::with("the one").await;
    let short = Duration::from_millis(100);
    let replica = things.replica_for(|config| config, Admission::new(1, short)).await;
    let flying = admission::request(std::time::Instant::now(), true, async {
        // It is admitted for this; then another reader has the one permit.
        replica.read(3).await;
        replica.hold_loads();
        let other = replica.reading(&[2]);
        let load = replica.held_load().await;
        let impatient = replica.reading(&[1]);
        replica.settle().await;
        replica.let_loads_pass();
        let turn_comes = async {
            let shed = impatient.result().await;
            load.go_on();
            other.all().await;
            shed
        };

        // One shares the flight of the reader that is refused, the other has a flight of its own.
        join3(replica.try_read(1), replica.try_read(4), turn_comes).await
    });

    let (shared, beside, shed) = flying.await;

    assert!(matches!(shed, Err(LoadError::Overloaded(_))), "{shed:?}");
    assert_eq!(body(&shared.expect("it is let in")), Some("the one"));
    assert_eq!(body(&beside.expect("it is let in")), None);
}

//! Violations of every kind, planted one at a time in a history without any, are found, under their own names; and what is
//! excused is not.
//!
//! In the history user 1 follows user 2, who has posted; the numbers at the margins are moments.

mod scene;

use aside_checker::{
    history::{Action, Field, Outcome, Reach, Seen, SeenUser},
    verdict::{Kind, judge},
};
use scene::*;

/// What is found, by kind.
fn found(history: &aside_checker::history::History) -> Vec<Kind> {
    judge(history, 0).counts.into_keys().collect()
}

#[test]
fn a_history_without_violations_has_none() {
    let mut scene = Scene::new();
    scene.write(at(100, 110), edit(2, Field::Name, 2));
    scene.read(at(111, 120), user(2, 2, LAST, BORN));
    scene.read(at(111, 120), home(&[post(1, 1, 1, LAST)]));
    scene.read(at(90, 109), user(2, 1, BORN, BORN));

    assert_eq!(found(&scene.history), []);
}

#[test]
fn a_stale_read_is_found_and_told_how_late() {
    let mut scene = Scene::new();
    scene.write(at(100, 110), edit(2, Field::Name, 2));
    scene.read(at(3_110, 3_120), user(2, 1, BORN, BORN));

    let verdict = judge(&scene.history, 0);

    assert_eq!(verdict.count(Kind::Stale), 1);
    assert_eq!(verdict.violations[0].late_us, Some(3_000));
    assert_eq!(verdict.late.counts, [0, 1, 0, 0, 0, 0]);
}

#[test]
fn what_was_read_while_a_write_was_unanswered_may_be_either() {
    let mut scene = Scene::new();
    scene.write(at(100, 200), edit(2, Field::Name, 2));
    scene.read_by(READER, at(110, 120), user(2, 2, LAST, BORN));
    scene.read_by(READER, at(130, 140), user(2, 1, BORN, BORN));

    let verdict = judge(&scene.history, 0);

    assert!(verdict.is_clean(), "{verdict:#?}");
    assert_eq!(verdict.went_back_unanswered, 1);
}

#[test]
fn ones_own_writes_and_what_one_has_seen_are_told_apart() {
    let mut own = Scene::new();
    own.write(at(100, 110), edit(2, Field::Name, 2));
    own.read_by(WRITER, at(120, 130), user(2, 1, BORN, BORN));
    let mut seen = Scene::new();
    seen.write(at(100, 110), edit(2, Field::Name, 2));
    seen.read_by(READER, at(120, 130), user(2, 2, LAST, BORN));
    seen.read_by(READER, at(140, 150), user(2, 1, BORN, BORN));

    assert_eq!(found(&own.history), [Kind::ReadYourWrites]);
    assert_eq!(found(&seen.history), [Kind::MonotonicReads]);
}

#[test]
fn a_stale_name_beside_a_post_is_found() {
    let mut scene = Scene::new();
    scene.write(at(100, 110), edit(2, Field::Name, 2));
    scene.read(at(120, 130), seen_post(post(1, 1, 1, BORN)));

    assert_eq!(found(&scene.history), [Kind::Stale]);
}

#[test]
fn what_was_deleted_and_is_shown_is_stale() {
    for action in [Action::DeletePost { post: 1 }, Action::DeleteUser { user: 2 }] {
        let mut scene = Scene::new();
        scene.write(at(100, 110), action);
        scene.read(at(120, 130), seen_post(post(1, 1, 1, BORN)));

        assert_eq!(found(&scene.history), [Kind::Stale], "{action:?}");
    }
}

#[test]
fn what_nobody_deleted_must_be_there() {
    let mut scene = Scene::new();
    scene.read(at(100, 110), Seen::User { asked: 2, found: None });
    scene.read(at(100, 110), Seen::Post { asked: 1, found: None });
    scene.write(at(120, 130), Action::DeletePost { post: 1 });

    assert_eq!(judge(&scene.history, 0).count(Kind::Vanished), 2);
}

#[test]
fn lost_updates_are_found() {
    let mut twice = Scene::new();
    twice.write(at(100, 110), edit(2, Field::Name, 2));
    twice.write(at(105, 115), edit(2, Field::Bio, 2));
    let mut condition = Scene::new();
    let action = Action::EditUser { user: 2, field: Field::Name, version: 3, expected: Some(1) };
    condition.write(at(100, 110), action);
    let mut overwritten = Scene::new();
    overwritten.write(at(100, 110), edit(2, Field::Name, 2));
    overwritten.write(at(120, 130), edit(2, Field::Bio, 3));
    overwritten.read(at(140, 150), user(2, 3, BORN, LAST + 1));
    let mut backwards = Scene::new();
    backwards.write(at(100, 110), edit(2, Field::Name, 3));
    backwards.write(at(120, 130), edit(2, Field::Name, 2));

    for scene in [twice, condition, overwritten, backwards] {
        assert_eq!(found(&scene.history), [Kind::LostUpdate], "{:#?}", scene.history.writes);
    }
}

#[test]
fn acknowledged_writes_missing_from_postgres_are_found() {
    let edited: fn(&mut Scene) = |scene| scene.write(at(100, 110), edit(2, Field::Name, 2));
    let deleted: fn(&mut Scene) = |scene| scene.write(at(100, 110), Action::DeletePost { post: 1 });
    let signed_out: fn(&mut Scene) = |scene| scene.write(at(100, 110), Action::SignOut { session: 1 });
    let unfollowed: fn(&mut Scene) = |scene| scene.write(at(100, 110), follow(1, 2, false));
    for write in [edited, deleted, signed_out, unfollowed] {
        let mut scene = Scene::new();
        write(&mut scene);
        scene.look_into_postgres(200);

        assert_eq!(found(&scene.history), [Kind::MissingWrite], "{:?}", scene.history.writes.last());
    }
    let mut emptied = Scene::new();
    emptied.look_into_postgres(200);
    emptied.finals().posts.clear();
    emptied.finals().sessions.clear();

    assert_eq!(judge(&emptied.history, 0).count(Kind::MissingWrite), 2);
}

#[test]
fn a_replica_that_disagrees_with_postgres_when_all_is_quiet_is_found() {
    let mut scene = Scene::new();
    scene.write_with(Outcome::Unknown, at(100, 110), edit(2, Field::Name, 0));
    scene.look_into_postgres(200);
    scene.finals().users[1] = SeenUser { user: 2, version: 2, name: LAST, bio: BORN };
    scene.read(at(210, 220), user(2, 1, BORN, BORN));

    assert_eq!(found(&scene.history), [Kind::Disagreement]);
}

#[test]
fn revoked_sessions_that_are_accepted_are_found() {
    let ends = [
        Action::SignOut { session: 1 },
        Action::SignOutAll { user: 1 },
        Action::ChangePassword { user: 1, kept: 9, version: 2 },
        Action::DeleteUser { user: 1 },
    ];
    for action in ends {
        let mut scene = Scene::new();
        scene.write(at(100, 110), action);
        scene.read_with_session(at(90, 120), true);
        scene.read_with_session(at(120, 130), false);
        assert_eq!(found(&scene.history), [], "{action:?}");

        scene.read_with_session(at(120, 130), true);
        assert_eq!(found(&scene.history), [Kind::RevokedSession], "{action:?}");
    }
}

#[test]
fn sessions_that_are_refused_without_reason_are_found() {
    let mut scene = Scene::new();
    scene.write(at(100, 110), Action::ChangePassword { user: 1, kept: 1, version: 2 });
    scene.read_with_session(at(120, 130), false);

    assert_eq!(found(&scene.history), [Kind::RefusedSession]);
}

#[test]
fn somebody_elses_data_is_found() {
    let foreign = [
        Seen::Foreign("{}".into()),
        user(1, 1, BORN, BORN_OTHER),
        Seen::User { asked: 1, found: Some(SeenUser { user: 2, version: 1, name: BORN, bio: BORN }) },
        seen_post(aside_checker::history::SeenPost { id: 77, ..post(1, 1, 1, BORN) }),
    ];
    for seen in foreign {
        let mut scene = Scene::new();
        scene.read(at(100, 110), seen.clone());

        assert_eq!(found(&scene.history), [Kind::ForeignData], "{seen:?}");
    }
}

#[test]
fn what_is_shown_before_it_was_begun_or_although_it_was_refused_is_found() {
    let mut early = Scene::new();
    early.write(at(100, 110), edit(2, Field::Name, 2));
    early.read(at(80, 90), user(2, 2, LAST, BORN));
    let mut refused = Scene::new();
    refused.write_with(Outcome::Refused, at(100, 110), edit(2, Field::Name, 0));
    refused.read(at(120, 130), user(2, 2, LAST, BORN));

    for scene in [early, refused] {
        assert_eq!(found(&scene.history), [Kind::Invented], "{:?}", scene.history.writes.last());
    }
}

#[test]
fn home_pages_without_a_post_that_must_be_there_are_found() {
    let mut scene = Scene::new();
    scene.read(at(100, 110), home(&[]));

    assert_eq!(found(&scene.history), [Kind::HomeMissing]);
}

#[test]
fn a_home_page_may_be_empty_while_its_viewer_is_deleted() {
    let mut scene = Scene::new();
    scene.write(at(105, 120), Action::DeleteUser { user: 1 });
    scene.read(at(100, 110), home(&[]));

    assert_eq!(found(&scene.history), []);
}

#[test]
fn home_pages_with_a_post_that_must_not_be_there_are_found() {
    let mut unfollowed = Scene::new();
    unfollowed.write(at(100, 110), follow(1, 2, false));
    unfollowed.read(at(120, 130), home(&[post(1, 1, 1, BORN)]));
    let mut twice = Scene::new();
    twice.read(at(120, 130), home(&[post(1, 1, 1, BORN), post(1, 1, 1, BORN)]));

    for scene in [unfollowed, twice] {
        assert_eq!(found(&scene.history), [Kind::HomeSurplus]);
    }
}

#[test]
fn a_home_page_may_show_either_while_a_follow_or_its_outcome_is_open() {
    let mut scene = Scene::new();
    scene.write_with(Outcome::Unknown, at(100, 110), follow(1, 2, false));
    scene.read(at(120, 130), home(&[post(1, 1, 1, BORN)]));
    scene.read(at(140, 150), home(&[]));

    assert_eq!(found(&scene.history), []);
}

#[test]
fn a_page_that_goes_on_may_lack_what_is_older_than_its_last_post() {
    let mut scene = Scene::new();
    scene.write(at(50, 60), Action::CreatePost { post: 2, author: 1, id: 20 });
    let newest = aside_checker::history::SeenPost { id: 20, ..post(2, 1, 1, BORN_OTHER) };
    let newest = aside_checker::history::SeenPost { body: LAST, author: name(1, BORN_OTHER), ..newest };
    let mut whole = scene.clone();
    scene.read(at(100, 110), page(vec![newest], false));
    whole.read(at(100, 110), page(vec![newest], true));

    assert_eq!(found(&scene.history), []);
    assert_eq!(found(&whole.history), [Kind::HomeMissing]);
}

#[test]
fn a_write_answered_while_redis_was_away_has_a_second() {
    for (late, expected) in [(900_000, vec![]), (1_100_000, vec![Kind::Stale])] {
        let mut scene = Scene::new();
        scene.fault(at(90, 105), Reach::One(0));
        scene.write(at(100, 110), edit(2, Field::Name, 2));
        scene.read(at(110 + late, 120 + late), user(2, 1, BORN, BORN));

        assert_eq!(found(&scene.history), expected);
    }
}

#[test]
fn a_fault_elsewhere_or_before_or_of_another_kind_excuses_nothing() {
    for (interval, reach) in [(at(90, 105), Reach::One(1)), (at(10, 99), Reach::All), (at(90, 200), Reach::None)] {
        let mut scene = Scene::new();
        scene.fault(interval, reach);
        scene.write(at(100, 110), edit(2, Field::Name, 2));
        scene.read(at(120, 130), user(2, 1, BORN, BORN));

        assert_eq!(found(&scene.history), [Kind::Stale], "{reach:?}");
    }
}

#[test]
fn a_write_of_another_program_has_a_second() {
    for (late, expected) in [(900_000, vec![]), (1_100_000, vec![Kind::Stale])] {
        let mut scene = Scene::new();
        scene.write(at(100, 110), edit(2, Field::Name, 2));
        scene.history.writes.last_mut().unwrap().replica = aside_checker::history::OTHER_PROGRAM;
        scene.read(at(110 + late, 120 + late), user(2, 1, BORN, BORN));

        assert_eq!(found(&scene.history), expected);
    }
}

#[test]
fn the_staleness_that_was_asked_for_is_allowed_and_no_more() {
    for (late, expected) in [(4_900, 0), (5_100, 1)] {
        let mut scene = Scene::new();
        scene.write(at(100, 110), edit(2, Field::Name, 2));
        scene.read(at(110 + late, 120 + late), user(2, 1, BORN, BORN));

        assert_eq!(judge(&scene.history, 5_000).count(Kind::Stale), expected);
        scene.fault(at(100, 10_000), Reach::None);
        assert_eq!(judge(&scene.history, 5_000).count(Kind::Stale), 0, "a fault is on");
    }
}

//! Each step shows its fault on real servers, and the next step does not have it.

#![allow(dead_code, reason = "each program has a `main` of its own")]
#![allow(clippy::duplicate_mod, reason = "step 5 is a part of the steps after it")]

#[path = "1_article.rs"]
mod article;
#[path = "5_fence.rs"]
mod fence;
#[path = "2_jitter.rs"]
mod jitter;
#[path = "4_lease.rs"]
mod lease;
#[path = "7_near.rs"]
mod near;
#[path = "6_outbox.rs"]
mod outbox;
#[path = "3_single_flight.rs"]
mod single_flight;

use std::time::Duration;

use anyhow::{Result, bail};
use futures::future::{try_join, try_join_all};
use redis::AsyncTypedCommands;
use shop::{PRODUCT, Shop, Verdict, go_on, in_a_shop};
use tokio::sync::Notify;

const SLACK: Duration = Duration::from_secs(1);

#[tokio::test]
async fn the_article_is_right_one_at_a_time() -> Result<()> {
    assert_eq!(in_a_shop(article::one_at_a_time).await?, Verdict::Current);
    Ok(())
}

#[tokio::test]
async fn entries_filled_together_expire_together_until_step_2() -> Result<()> {
    let (filled, expire) = in_a_shop(article::filled_together).await?;
    assert!(expire <= filled + SLACK, "{expire:?} for {filled:?}");

    let (filled, expire) = in_a_shop(jitter::filled_together).await?;
    assert!(expire > filled + SLACK, "{expire:?} for {filled:?}");
    Ok(())
}

#[tokio::test]
async fn an_absent_product_is_loaded_each_time_until_step_2() -> Result<()> {
    assert_eq!(in_a_shop(article::absent_product).await?, 10);
    assert_eq!(in_a_shop(jitter::absent_product).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_herd_loads_the_same_row_until_step_3() -> Result<()> {
    assert_eq!(in_a_shop(jitter::herd).await?, 50);
    assert_eq!(in_a_shop(single_flight::herd).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_late_fill_is_stored_until_step_4() -> Result<()> {
    assert_eq!(in_a_shop(single_flight::late_fill).await?, Verdict::Stale);
    assert_eq!(in_a_shop(lease::late_fill).await?, Verdict::Current);
    Ok(())
}

#[tokio::test]
async fn a_writer_that_dies_after_its_commit_leaves_the_old_value_until_step_5() -> Result<()> {
    assert_eq!(in_a_shop(lease::writer_dies).await?, Verdict::Stale);
    assert_eq!(in_a_shop(fence::writer_dies).await?, Verdict::Current);
    Ok(())
}

#[tokio::test]
async fn plain_sql_leaves_the_old_value_until_step_6() -> Result<()> {
    assert_eq!(in_a_shop(fence::plain_sql).await?, Verdict::Stale);
    assert_eq!(in_a_shop(outbox::plain_sql).await?, Verdict::Current);
    Ok(())
}

#[tokio::test]
async fn each_read_costs_a_round_trip_until_step_7() -> Result<()> {
    assert_eq!(in_a_shop(outbox::hundred_reads).await?, 100);
    assert_eq!(
        in_a_shop(near::hundred_reads).await?,
        2,
        "one for the first read, one for those that arrived meanwhile"
    );
    Ok(())
}

#[tokio::test]
async fn a_copy_in_the_process_is_stale_until_step_7() -> Result<()> {
    assert_eq!(in_a_shop(outbox::copy_in_the_process).await?, Verdict::Stale);
    assert_eq!(in_a_shop(near::copy_in_the_process).await?, Verdict::Current);
    Ok(())
}

// Below: the rules of each step that its stories do not need.

#[tokio::test]
async fn readers_of_all_processes_share_one_load_by_the_lease() -> Result<()> {
    let loads = in_a_shop(async |shop| {
        try_join_all((0..50).map(|_| lease::read(shop, PRODUCT, go_on))).await?;
        Ok(shop.loads())
    });
    assert_eq!(loads.await?, 1);
    Ok(())
}

#[tokio::test]
async fn readers_between_fence_and_release_store_nothing() -> Result<()> {
    let verdict = in_a_shop(async |shop| {
        let read = async || fence::read(shop, PRODUCT).await.map(|_price| ());
        fence::write(shop, PRODUCT, 2, read, read).await?;
        shop.judge(fence::read(shop, PRODUCT).await?.0).await
    });
    assert_eq!(verdict.await?, Verdict::Current);
    Ok(())
}

#[tokio::test]
async fn a_release_deletes_what_came_in_place_of_its_fence() -> Result<()> {
    let verdict = in_a_shop(async |shop| {
        let fenced = async || {
            shop.redis().del(shop.key(PRODUCT)).await?;
            fence::read(shop, PRODUCT).await?;
            Ok(())
        };
        fence::write(shop, PRODUCT, 2, fenced, go_on).await?;
        shop.judge(fence::read(shop, PRODUCT).await?.0).await
    });
    assert_eq!(verdict.await?, Verdict::Current);
    Ok(())
}

/// The reader is slow after its miss, and the flight of another ends meanwhile.
#[tokio::test]
async fn a_leader_looks_once_more() -> Result<()> {
    let loads = in_a_shop(async |shop| {
        let process = single_flight::Process::new(shop);
        let another = async || process.read(PRODUCT, go_on, go_on).await.map(|_price| ());
        process.read(PRODUCT, another, go_on).await?;
        Ok(shop.loads())
    });
    assert_eq!(loads.await?, 1);
    Ok(())
}

/// A reader that begins after the writer's answer gets what was loaded before it.
#[tokio::test]
async fn a_reader_joins_a_flight_from_before_the_write_until_step_4() -> Result<()> {
    let step3 = in_a_shop(async |shop| {
        let process = single_flight::Process::new(shop);
        let (written, missed) = (Notify::new(), Notify::new());
        let loaded = async || {
            process.write(PRODUCT, 2).await?;
            written.notify_one();
            missed.notified().await;
            Ok(())
        };
        let late_reader = async {
            written.notified().await;
            // This task joins the flight before the leader's goes on: all run on one thread.
            let about_to_join = async || {
                missed.notify_one();
                Ok(())
            };
            process.read(PRODUCT, about_to_join, go_on).await
        };
        let (_price, seen) = try_join(process.read(PRODUCT, go_on, loaded), late_reader).await?;
        shop.judge(seen).await
    });
    assert_eq!(step3.await?, Verdict::Stale);

    let step4 = in_a_shop(async |shop| {
        let mut seen = None;
        let loaded = async || {
            lease::write(shop, PRODUCT, 2, go_on).await?;
            seen = lease::read(shop, PRODUCT, go_on).await?;
            Ok(())
        };
        lease::read(shop, PRODUCT, loaded).await?;
        shop.judge(seen).await
    });
    assert_eq!(step4.await?, Verdict::Current);
    Ok(())
}

/// The fence is evicted, a reader stores what was true before COMMIT, and the writer dies before it can delete that.
async fn write_of_a_lost_fence_and_a_dead_writer(shop: &Shop) -> Result<()> {
    let fenced = async || {
        shop.redis().del(shop.key(PRODUCT)).await?;
        fence::read(shop, PRODUCT).await?;
        Ok(())
    };
    let committed = async || bail!("killed");
    let _killed = fence::write(shop, PRODUCT, 2, fenced, committed).await;
    Ok(())
}

#[tokio::test]
async fn a_lost_fence_and_a_dead_writer_leave_the_old_value_until_step_6() -> Result<()> {
    let step5 = in_a_shop(async |shop| {
        write_of_a_lost_fence_and_a_dead_writer(shop).await?;
        shop.judge(fence::read(shop, PRODUCT).await?.0).await
    });
    assert_eq!(step5.await?, Verdict::Stale);

    let step6 = in_a_shop(async |shop| {
        shop.run(outbox::OUTBOX).await?;
        write_of_a_lost_fence_and_a_dead_writer(shop).await?;
        outbox::relay(shop).await?;
        shop.judge(fence::read(shop, PRODUCT).await?.0).await
    });
    assert_eq!(step6.await?, Verdict::Current);
    Ok(())
}

#[tokio::test]
async fn a_release_leaves_another_writers_fence() -> Result<()> {
    let entry = in_a_shop(async |shop| {
        shop.redis().set_ex(shop.key(PRODUCT), "fence of another", 15).await?;
        shop.eval(fence::RELEASE, &[shop.key(PRODUCT)], &["fence of this one"]).await?;
        Ok(shop.redis().get(shop.key(PRODUCT)).await?)
    });
    assert_eq!(entry.await?.as_deref(), Some("fence of another"));
    Ok(())
}

/// Gives what is left of this entry when the relay has been told of its product.
async fn after_the_relay(entry: &str) -> Result<Option<String>> {
    let left = in_a_shop(async |shop| {
        shop.run(outbox::OUTBOX).await?;
        shop.redis().set_ex(shop.key(PRODUCT), entry, 15).await?;
        shop::set_price(&shop.postgres, PRODUCT, 2).await?;
        outbox::relay(shop).await?;
        Ok(shop.redis().get(shop.key(PRODUCT)).await?)
    });
    left.await
}

#[tokio::test]
async fn the_relay_deletes_values_and_leases_and_leaves_fences() -> Result<()> {
    assert_eq!(after_the_relay("value 1").await?, None);
    assert_eq!(after_the_relay("lease of a reader").await?, None);
    assert_eq!(after_the_relay("fence of a writer").await?.as_deref(), Some("fence of a writer"));
    Ok(())
}

/// What process A sees after B has written, if `between` happens in A or Redis while B's fence is set.
async fn after_a_write_of_another_process(
    between: impl AsyncFnOnce(&Shop, &near::Process<'_>) -> Result<()>,
) -> Result<Verdict> {
    let verdict = in_a_shop(async |shop| {
        let (a, b) = (near::Process::new(shop), near::Process::new(shop));
        a.read(PRODUCT, go_on).await?;
        b.write(PRODUCT, 2, async || between(shop, &a).await).await?;
        let seen = a.read(PRODUCT, go_on).await?;
        shop.judge(seen).await
    });
    verdict.await
}

#[tokio::test]
async fn what_is_read_under_a_fence_is_not_kept() -> Result<()> {
    let read = async |_: &Shop, a: &near::Process<'_>| a.read(PRODUCT, go_on).await.map(|_price| ());
    assert_eq!(after_a_write_of_another_process(read).await?, Verdict::Current);
    Ok(())
}

#[tokio::test]
async fn a_release_counts_up_for_a_lost_fence() -> Result<()> {
    let evict_and_read = async |shop: &Shop, a: &near::Process<'_>| {
        shop.redis().del(shop.key(PRODUCT)).await?;
        a.read(PRODUCT, go_on).await?;
        Ok(())
    };
    assert_eq!(after_a_write_of_another_process(evict_and_read).await?, Verdict::Current);
    Ok(())
}

#[tokio::test]
async fn a_near_entry_that_a_write_has_overtaken_is_not_used() -> Result<()> {
    let verdict = in_a_shop(async |shop| {
        let (a, b) = (near::Process::new(shop), near::Process::new(shop));
        a.read(PRODUCT, async || b.write(PRODUCT, 2, go_on).await).await?;
        shop.judge(a.read(PRODUCT, go_on).await?).await
    });
    assert_eq!(verdict.await?, Verdict::Current);
    Ok(())
}

/// At 1 again, it would soon be a number under which something was kept.
#[tokio::test]
async fn a_sequence_that_was_lost_goes_on_above_its_numbers() -> Result<()> {
    let (before, after) = in_a_shop(async |shop| {
        let process = near::Process::new(shop);
        process.write(PRODUCT, 2, go_on).await?;
        let before: Option<String> = shop.redis().get(shop.key("sequence")).await?;
        shop.redis().del(shop.key("sequence")).await?;
        process.write(PRODUCT, 3, go_on).await?;
        let after: Option<String> = shop.redis().get(shop.key("sequence")).await?;
        Ok((before, after))
    })
    .await?;
    let number = |text: Option<String>| text.and_then(|text| text.parse::<i64>().ok());
    assert!(number(before.clone()).is_some() && number(after.clone()) > number(before.clone()), "{before:?} {after:?}");
    Ok(())
}

// docs/LEARN.md shows these programs.

const LEARN: &str = include_str!("../../docs/LEARN.md");

/// What stands between each `begin` and the end of its block.
fn blocks(begin: &str) -> Vec<&'static str> {
    LEARN.split(begin).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_code_in_learn_is_in_the_programs() {
    let programs = [
        include_str!("1_article.rs"),
        include_str!("2_jitter.rs"),
        include_str!("3_single_flight.rs"),
        include_str!("4_lease.rs"),
        include_str!("5_fence.rs"),
        include_str!("6_outbox.rs"),
        include_str!("7_near.rs"),
    ];
    let code = [blocks("```rust\n"), blocks("```lua\n")].concat();

    assert!(code.len() >= 7, "{code:?}");
    for block in code {
        assert!(programs.iter().any(|program| program.contains(block.trim_end())), "{block}");
    }
}

/// Numbers of two and more digits, and tokens, differ from run to run.
fn masked(line: &str) -> String {
    let words = line.split_inclusive([' ', '`', ';']).map(|word| {
        let digits = word.chars().filter(char::is_ascii_hexdigit).count();
        let is_number = word.starts_with(|first: char| first.is_ascii_digit()) && digits > 1;
        let is_token = digits == 6 && word.ends_with('`');
        if is_number || is_token { "# " } else { word }
    });
    words.collect()
}

async fn told<T>(story: impl AsyncFnOnce(&Shop) -> Result<T>) -> Result<Vec<String>> {
    let told = in_a_shop(async |shop| {
        story(shop).await?;
        Ok(shop.story())
    });
    Ok(told.await?.iter().map(|line| masked(line)).collect())
}

#[tokio::test]
async fn the_outputs_in_learn_are_the_programs() -> Result<()> {
    let stories = [
        ("step1_article", told(article::one_at_a_time).await?),
        ("step1_article", told(article::filled_together).await?),
        ("step1_article", told(article::absent_product).await?),
        ("step2_jitter", told(jitter::filled_together).await?),
        ("step2_jitter", told(jitter::absent_product).await?),
        ("step2_jitter", told(jitter::herd).await?),
        ("step3_single_flight", told(single_flight::herd).await?),
        ("step3_single_flight", told(single_flight::late_fill).await?),
        ("step4_lease", told(lease::late_fill).await?),
        ("step4_lease", told(lease::writer_dies).await?),
        ("step5_fence", told(fence::writer_dies).await?),
        ("step5_fence", told(fence::plain_sql).await?),
        ("step6_outbox", told(outbox::plain_sql).await?),
        ("step6_outbox", told(outbox::hundred_reads).await?),
        ("step6_outbox", told(outbox::copy_in_the_process).await?),
        ("step7_near", told(near::hundred_reads).await?),
        ("step7_near", told(near::copy_in_the_process).await?),
    ];

    for (program, story) in &stories {
        let shown = blocks(&format!("```sh\ncargo run --example {program}\n```\n```text\n")).concat();
        let shown: Vec<String> = shown.lines().map(masked).collect();
        assert!(
            shown.windows(story.len()).any(|lines| lines == story.as_slice()),
            "{program}: {story:#?} in {shown:#?}"
        );
    }
    Ok(())
}

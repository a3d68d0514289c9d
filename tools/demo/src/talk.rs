//! What is said, and how.

use std::{io, thread, time::Duration};

use console::style;
use indicatif::ProgressBar;
use tokio::sync::oneshot;

/// The talk.
pub(crate) struct Talk {
    /// Whether to wait for Enter between the parts.
    pub(crate) pauses: bool,
}

#[expect(clippy::unused_self, reason = "who holds it has the word")]
impl Talk {
    /// The beginning of a part.
    pub(crate) async fn part(&self, number: u32, title: &str, what: &str) {
        if self.pauses && number > 1 {
            println!("\n{}", style("Enter goes on …").dim());
            enter().await;
        }
        println!("\n{}", style(format!("{number}. {title}")).bold());
        println!("{}", style(what).dim());
    }

    /// One thing seen: who, and what.
    pub(crate) fn row(&self, who: &str, what: &str) {
        println!("   {who:<26} {what}");
    }

    /// A good one.
    pub(crate) fn good(&self, who: &str, what: &str) {
        println!("   {who:<26} {} {what}", style("✓").green());
    }

    /// A bad one, of somebody else's.
    pub(crate) fn bad(&self, who: &str, what: &str) {
        println!("   {who:<26} {} {what}", style("✗").red());
    }

    /// Shows that something takes its time; gone when it is dropped.
    pub(crate) fn wait(&self, what: &str) -> Waiting {
        let bar = ProgressBar::new_spinner().with_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Waiting(bar)
    }

    /// The last words.
    pub(crate) fn end(&self) {
        println!(
            "\nWhy it is so: docs/CONSISTENCY.md. How fast, in full: make bench. The pattern that goes wrong: examples/naive.rs."
        );
    }
}

/// Waits for Enter. The thread that reads is left behind when nobody waits any more; one of tokio's would hold up the end of the
/// process until there is a line.
async fn enter() {
    let (press, pressed) = oneshot::channel();
    thread::spawn(move || {
        let _anything = io::stdin().read_line(&mut String::new());
        let _nobody_waits_any_more = press.send(());
    });
    let _pressed = pressed.await;
}

/// See [`Talk::wait`].
pub(crate) struct Waiting(ProgressBar);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// `1.2 ms`, `340 us`.
pub(crate) fn time(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    match micros {
        ..1_000.0 => format!("{micros:.0} us"),
        ..1_000_000.0 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.1} s", micros / 1e6),
    }
}

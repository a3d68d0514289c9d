//! The tour of docs/API.md, one block after another, as a reader pastes it.

use std::{fs, process::Command};

use tokio::task::spawn_blocking;

use crate::{application::Backend, seed::loaded};

/// Between the outputs of two blocks.
const SEPARATOR: char = '\u{1e}';

/// A block of commands, and what docs/API.md says that it prints.
struct Step {
    commands: String,
    output: String,
}

fn steps() -> Vec<Step> {
    let document =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/API.md")).expect("docs/API.md can be read");
    let (_, tour) = document.split_once("\n## A tour\n").expect("it ends with the tour");
    let blocks = tour.split("```sh\n").skip(1);
    let step = |block: &str| {
        let (commands, rest) = block.split_once("```\n").expect("a block ends");
        let output =
            rest.strip_prefix("```text\n").and_then(|rest| rest.split_once("```")).map_or("", |(text, _)| text);
        Step { commands: commands.to_owned(), output: output.to_owned() }
    };
    blocks.map(step).collect()
}

/// A line without what differs each time: ids, times, tokens, versions, and the values of some fields.
fn masked(line: &str) -> String {
    for field in ["cache-status:", "server-timing:", "ratelimit:"] {
        if line.starts_with(field) {
            return field.to_owned();
        }
    }
    let is_of_word = |char: char| char.is_ascii_alphanumeric() || "_.:+-".contains(char);
    let mut masked = String::new();
    for part in line.trim_end().split_inclusive(|char| !is_of_word(char)) {
        let word = part.trim_end_matches(|char| !is_of_word(char));
        let differs = word.contains(|char: char| char.is_ascii_digit()) && (word.len() >= 8 || word.contains('.'));
        masked.push_str(if differs { "#" } else { word });
        masked.push_str(&part[word.len()..]);
    }
    masked
}

/// Whether the lines that were promised are there, in their order.
fn prints(actual: &str, promised: &str) -> bool {
    let mut actual = actual.lines().map(masked);
    let mut promised = promised.lines().filter(|line| !line.is_empty() && *line != "…").map(masked);
    promised.all(|promised| actual.any(|line| line == promised))
}

#[tokio::test(flavor = "multi_thread")]
async fn tour_of_the_api_prints_what_its_page_says() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("not run: the tour needs curl, which is not here");
        return;
    }
    let backend = Backend::create().await;
    loaded(&backend.database, "--sample").await;
    let limits =
        [("RATE_LIMIT_ANONYMOUS", "60/60s"), ("RATE_LIMIT_SIGNED_IN", "600/60s"), ("RATE_LIMIT_LOGIN", "10/60s")];
    let application = backend.start_with(&limits).await;
    let steps = steps();

    let blocks = steps.iter().map(|step| format!("{}printf '\\036'\n", step.commands));
    let script = blocks.collect::<String>().replace("127.0.0.1:8080", &application.public.to_string());
    let bash = spawn_blocking(move || Command::new("bash").args(["-c", &script]).output());
    let output = bash.await.expect("it ends").expect("bash runs");

    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let printed: Vec<&str> = printed.split(SEPARATOR).collect();
    assert_eq!((printed.len(), steps.len() > 10), (steps.len() + 1, true));
    for (step, printed) in steps.iter().zip(printed) {
        assert!(!step.output.is_empty(), "nothing is said of {}", step.commands);
        assert!(prints(printed, &step.output), "{}\nprinted\n{printed}\nand not\n{}", step.commands, step.output);
    }
}

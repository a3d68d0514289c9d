//! Tries the mutants: `aside-mutants [--checker SECONDS] [NAME…]`, all of them if none is named. Needs `DATABASE_URL` and
//! `REDIS_URL`, as the tests do; `make mutants` sets both.
//!
//! Prints a row of Markdown for each. Ends with 1 when one was not noticed by its tests.

#![expect(clippy::print_stdout, reason = "a command prints its answer")]

use std::{env, io, process::ExitCode};

use aside_mutants::{
    Mutant,
    sources::root,
    table::MUTANTS,
    trial::{Court, Verdict},
};

const USAGE: &str = "usage: aside-mutants [--checker SECONDS] [NAME…]";

fn main() -> io::Result<ExitCode> {
    let mut arguments = env::args().skip(1).peekable();
    let mut checker = None;
    if arguments.next_if(|argument| argument == "--checker").is_some() {
        let Some(seconds) = arguments.next().filter(|seconds| seconds.parse::<u32>().is_ok()) else {
            eprintln!("{USAGE}");
            return Ok(ExitCode::from(2));
        };
        checker = Some(["--seconds", &seconds, "--mode", "near", "--quiet"].map(str::to_owned));
    }
    let names: Vec<String> = arguments.collect();
    if let Some(unknown) = names.iter().find(|name| !MUTANTS.iter().any(|mutant| mutant.name == **name)) {
        let known: Vec<&str> = MUTANTS.iter().map(|mutant| mutant.name).collect();
        eprintln!("{unknown:?} is no mutant\n{USAGE}\nmutants: {}", known.join(" "));
        return Ok(ExitCode::from(2));
    }
    let chosen = MUTANTS.iter().filter(|mutant| names.is_empty() || names.iter().any(|name| name == mutant.name));

    eprintln!("mutants: copying the sources, and building them once for each mutant; the first build takes minutes");
    let court = Court::open(&root().join("target/mutants"))?;
    let mut all_noticed = true;
    println!("| mutant | does | a test | the checker |\n|---|---|---|---|");
    for mutant in chosen {
        let (by_tests, by_checker) = court.try_one(mutant, checker.as_ref().map(<[String; 5]>::as_slice))?;
        all_noticed &= matches!(by_tests, Verdict::Noticed(..));
        println!("{}", row(mutant, &by_tests, by_checker.as_ref()));
    }
    Ok(if all_noticed { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn row(mutant: &Mutant, by_tests: &Verdict, by_checker: Option<&Verdict>) -> String {
    let by_checker = by_checker.map_or_else(|| "not asked".to_owned(), words);
    format!("| `{}` | {} | {} | {by_checker} |", mutant.name, mutant.does, words(by_tests))
}

fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Noticed(by, after) => {
            let by: Vec<String> = by.iter().map(|by| format!("`{}`", by.rsplit("::").next().unwrap_or(by))).collect();
            format!("{}, {:.0} s", by.join(", "), after.as_secs_f64())
        }
        Verdict::Survived => "**not noticed**".to_owned(),
        Verdict::Unclear(why) => format!("unclear: {}", why.replace('\n', " ")),
    }
}

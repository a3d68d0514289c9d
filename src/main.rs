//! The `aside` binary; everything it does is in the library, where tests can reach it.

use std::process::ExitCode;

/// An answer is made of some thirty small pieces of memory; this gives and takes them back for less than the system does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    aside::cli::main()
}

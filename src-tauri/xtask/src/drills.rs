//! `drills`: every seeded defect of the rehearsal through a real check, and a table of which were called.

use std::process::Command;

use crate::steps::{Failure, build, built, code_of, repository, status, step};

/// Where the generated table is kept.
const TABLE: &str = "src-tauri/crates/rehearsal/DRILLS.md";

/// `cargo xtask drills [NAME…] [--group GROUP] [--jobs N] [--write]`; the arguments are those of the program that
/// runs the drills, but for the place of the table.
pub fn drills(arguments: &[String]) -> Result<(), Failure> {
    step("Build holdpoint and its rehearsal", &mut build())?;
    println!();
    let mut table = Command::new(built("drill-table"));
    table.current_dir(repository());
    for argument in arguments {
        table.arg(argument);
        if argument == "--write" {
            table.arg(repository().join(TABLE));
        }
    }
    match code_of(status(&mut table)?) {
        0 => Ok(()),
        code => Err(Failure::silent(code)),
    }
}

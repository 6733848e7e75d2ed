//! `drills`: every seeded defect of the rehearsal, and what a check calls it; `--group railway`: every oddity of Railway.

use crate::steps::{Failure, build, cargo, step};

/// `cargo xtask drills [NAME...] [--group GROUP] [--healthy N] [--jobs N] [--beside] [--write]`.
pub fn drills(arguments: &[String]) -> Result<(), Failure> {
    step("Build holdpoint and its rehearsal", &mut build())?;
    step(
        "Drills",
        cargo()
            .args(["run", "--quiet", "--package", "holdpoint", "--example", "drills", "--"])
            .args(arguments),
    )
}

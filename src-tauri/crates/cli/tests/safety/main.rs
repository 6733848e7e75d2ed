//! A check must stand everything that happens to its own program: kills, aborts, full disks, and servers that repeat
//! secrets. Long forms: `cargo xtask crash`, `cargo xtask abort`, `cargo xtask soak`.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "tests")]

mod abort;
mod crash;
mod disk;
#[path = "../support/rig.rs"]
mod rig;
mod secrets;
#[path = "../support/mod.rs"]
mod support;

use support::signal;

fn programs() -> rig::Programs {
    rig::Programs {
        holdpoint: env!("CARGO_BIN_EXE_holdpoint").into(),
        rehearsal: support::rehearsal_program(),
    }
}

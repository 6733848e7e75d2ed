//! One program for every target, chosen by `HOLDPOINT_FUZZ`: each linked by itself would take minutes.

#![no_main]

use std::sync::LazyLock;

use holdpoint_hostile::Property;
use libfuzzer_sys::fuzz_target;

static PROPERTY: LazyLock<Property> = LazyLock::new(|| {
    let name = std::env::var("HOLDPOINT_FUZZ").expect("HOLDPOINT_FUZZ names a target");
    holdpoint_hostile::target(&name)
});

fuzz_target!(|bytes: &[u8]| PROPERTY(bytes));

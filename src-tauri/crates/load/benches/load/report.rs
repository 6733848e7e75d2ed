//! The file of the figures: one section a benchmark, each written by its own run.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Options;

/// The middle of some values, and how far they lie apart.
pub fn median(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[sorted.len() / 2], sorted[0], sorted[sorted.len() - 1])
}

/// Where among `count` sorted values a percentile lies.
pub fn place(count: usize, per_mille: usize) -> usize {
    (count * per_mille).div_ceil(1000).max(1) - 1
}

/// When and where.
pub fn when_and_where(options: &Options) -> String {
    let say = |program: &str, words: &[&str]| {
        let output =
            Command::new(program).args(words).output().map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&output).trim().to_owned()
    };
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{}, {} processors ({}), Linux {}; load average at the start of the report {}; {}.",
        say("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        std::thread::available_parallelism().map_or(0, usize::from),
        model.trim_start_matches([':', '\t', ' ']),
        say("uname", &["-r"]),
        load.split_whitespace().take(3).collect::<Vec<_>>().join(" "),
        options.note
    )
}

/// Replaces the section `name` of a file by `text`, or adds it.
pub fn write(path: &Path, name: &str, text: &str) {
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let old = fs::read_to_string(path).unwrap_or_else(|_| {
        "# What the load engine costs, and how true it is\n\n`cargo xtask bench stall --write` and `cargo xtask bench \
         cost --write` write these sections. The server is pinned to one processor and every client to the other.\n"
            .into()
    });
    let section = format!("{open}{}\n{close}", text.trim_end());
    let new = match (old.find(&open), old.find(&close)) {
        (Some(from), Some(to)) => format!("{}{section}{}", &old[..from], &old[to + close.len()..]),
        _ => format!("{}\n\n{section}", old.trim_end()),
    };
    fs::write(path, new).unwrap();
    println!("written: {}", path.display());
}

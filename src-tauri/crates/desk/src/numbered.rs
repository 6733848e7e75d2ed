//! Folders with a number and a moment in their names, `0042-20260131-140200`: one a check, one a capacity run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Makes the next folder in `place`, and answers with its number.
pub(crate) fn next(place: &Path) -> io::Result<(u32, PathBuf)> {
    fs::create_dir_all(place)?;
    let stamp = chrono::Local::now().format("%Y%m%d-%H%M%S");
    let mut number = folders(place).first().map_or(1, |(number, _)| number + 1);
    loop {
        let folder = place.join(format!("{number:04}-{stamp}"));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok((number, folder)),
            // Another Holdpoint took the number just now.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Numbers and folders, newest first.
pub(crate) fn folders(place: &Path) -> Vec<(u32, PathBuf)> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let mut numbers: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_str()?.split('-').next()?.parse().ok()?;
            Some((number, entry.path()))
        })
        .collect();
    numbers.sort_by(|(one, here), (other, there)| other.cmp(one).then_with(|| here.cmp(there)));
    // Of a folder and its copy, `0007-… (copy)`, the folder itself is shown.
    numbers.dedup_by_key(|(number, _)| *number);
    numbers
}

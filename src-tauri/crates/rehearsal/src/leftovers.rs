//! State folders of rehearsals that were killed. A living one holds a lock in its folder, which the system gives back
//! however its process ends.

use std::fs::{self, File};
use std::path::Path;

/// How temporary state folders begin.
pub(crate) const PREFIX: &str = "holdpoint-rehearsal-";
const OWNER: &str = "owner.lock";

/// Says that a state folder is in use, for as long as the answer lives.
pub(crate) fn own(state: &Path) -> std::io::Result<File> {
    // Locked before it has its name, so that nobody finds it free.
    let unnamed = state.join("owner.new");
    let file = File::create(&unnamed)?;
    file.lock()?;
    fs::rename(unnamed, state.join(OWNER))?;
    Ok(file)
}

/// Removes the state folders below `folder` whose owner is gone.
pub(crate) fn remove(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if ours && File::open(entry.path().join(OWNER)).is_ok_and(|owner| owner.try_lock().is_ok()) {
            // In the way of nothing: the next one tries again.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_without_an_owner_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let state = |name: &str| {
            let state = folder.path().join(format!("{PREFIX}{name}"));
            fs::create_dir(&state).unwrap();
            state
        };
        let (living, dead, starting) = (state("living"), state("dead"), state("starting"));
        let _owner = own(&living).unwrap();
        drop(own(&dead).unwrap());
        remove(folder.path());
        assert!(living.exists() && starting.exists() && !dead.exists());
    }
}

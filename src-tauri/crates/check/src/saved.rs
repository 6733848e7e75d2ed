//! A check read back from its journal.

use std::path::Path;

use crate::fold;
use crate::journal::{self, JournalError};
use crate::results::Results;

/// The results that a journal holds, with the digest of the file that they were read from.
pub fn results(journal: &Path) -> Result<Results, JournalError> {
    let (records, digest) = journal::read_with_digest(journal)?;
    // The reader lets no other first event pass; this says the same in its words.
    let mut results = fold::fold(&records).map_err(|error| JournalError::Foreign {
        path: journal.to_owned(),
        line: 1,
        problem: error.to_string(),
    })?;
    results.journal_sha256 = Some(digest);
    Ok(results)
}

//! JSON documents from outside. Nesting is bounded by the parser itself (128 deep), sizes here.

use crate::text;

/// What is read of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Its bytes.
    pub bytes: usize,
    /// Values in it: one takes up to some 150 bytes of memory, and as few as two in the document.
    pub values: usize,
}

/// Why a document is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More bytes than that.
    #[error("it is larger than the {0} bytes that are read")]
    Bytes(usize),
    /// More values than that.
    #[error("it holds more than the {0} values that are read")]
    Values(usize),
    /// It is not JSON, or JSON of something else.
    #[error("{0}")]
    Foreign(String),
}

impl Limits {
    /// Whether a document may be parsed. Counts without parsing, so a comma in a text counts as well.
    pub fn check(self, document: &[u8]) -> Result<(), Error> {
        if document.len() > self.bytes {
            return Err(Error::Bytes(self.bytes));
        }
        // Each value is opened by or follows one of these, so they bound the memory that parsing takes.
        let marks = document.iter().filter(|byte| matches!(byte, b',' | b'{' | b'[')).count();
        if marks > self.values { Err(Error::Values(self.values)) } else { Ok(()) }
    }
}

/// What a parser says of a foreign document: it quotes pieces of it.
pub fn said(error: &serde_json::Error) -> String {
    text::cut(&error.to_string(), 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_take_much_more_memory_than_it_is_long_is_not_parsed() {
        let limits = Limits { bytes: 100, values: 10 };
        assert_eq!(limits.check(b"[1,2,3]"), Ok(()));
        assert_eq!(limits.check("[[],".repeat(9).as_bytes()), Err(Error::Values(10)));
        assert_eq!(limits.check(&[b' '; 101]), Err(Error::Bytes(100)));
    }
}

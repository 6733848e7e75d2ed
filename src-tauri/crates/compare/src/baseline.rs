//! What a check is compared with.

use std::fmt;
use std::str::FromStr;

/// Checks of a median at most: more say nothing new and take time to read.
pub const MEDIAN_LIMIT: u32 = 20;

/// What a check is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// The newest check before it that read GO with real chaos.
    LastGo,
    /// The median of the last so many comparable checks before it.
    Median(u32),
    /// One that a person named: a number, a folder or a file.
    Pinned(String),
}

impl fmt::Display for Baseline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LastGo => formatter.write_str("last-go"),
            Self::Median(count) => write!(formatter, "median:{count}"),
            Self::Pinned(check) => formatter.write_str(check),
        }
    }
}

impl FromStr for Baseline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Err("a baseline is last-go, median:N or a check".into());
        }
        if text == "last-go" {
            return Ok(Self::LastGo);
        }
        match text.strip_prefix("median:") {
            None => Ok(Self::Pinned(text.to_owned())),
            Some(count) => match count.parse() {
                Ok(count @ 2..=MEDIAN_LIMIT) => Ok(Self::Median(count)),
                _ => Err(format!("a median is of 2 to {MEDIAN_LIMIT} checks, such as median:5")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn baselines_are_read_as_they_are_written() {
        for text in ["last-go", "median:5", "45", "checks/0045-x"] {
            assert_eq!(text.parse::<Baseline>().unwrap().to_string(), text);
        }
        for text in ["", "median:1", "median:21", "median:x"] {
            assert!(text.parse::<Baseline>().is_err(), "{text}");
        }
    }
}

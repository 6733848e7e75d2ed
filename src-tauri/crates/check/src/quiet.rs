//! Hours in which no service may be restarted: somebody shows the environment to a customer, or nobody is there to help.

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A span of every day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct QuietHours {
    /// When they begin, `22:00`.
    pub from: String,
    /// When they are over, `06:00`; before `from` where they last over midnight.
    pub to: String,
    /// Whose clock is meant, `Europe/Berlin`; that of this computer where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub zone: Option<String>,
}

/// What quiet hours say to a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// It is in them.
    Now,
    /// They begin in so many minutes, within the next day.
    In(u32),
}

const DAY: i64 = 24 * 60;

impl QuietHours {
    /// What is wrong with them.
    pub fn problem(&self) -> Option<String> {
        for (name, text) in [("from", &self.from), ("to", &self.to)] {
            if minutes(text).is_none() {
                return Some(format!("{name} is no time of day; write it as 22:00"));
            }
        }
        if self.from == self.to {
            return Some("they begin when they end; leave them out, or give them a length".into());
        }
        match &self.zone {
            Some(zone) if TimeZone::get(zone).is_err() => {
                Some("zone is no time zone; write it as Europe/Berlin, or leave it out".into())
            }
            _ => None,
        }
    }

    /// Whether a moment is in them. What cannot be told counts as quiet: no restart rests on a guess.
    pub fn at(&self, moment: DateTime<Utc>) -> Quiet {
        let zone = self.zone.as_deref().map_or_else(|| Ok(TimeZone::system()), TimeZone::get);
        let (Some(from), Some(to), Ok(zone)) = (minutes(&self.from), minutes(&self.to), zone) else {
            return Quiet::Now;
        };
        let Ok(moment) = Timestamp::from_millisecond(moment.timestamp_millis()) else { return Quiet::Now };
        let time = zone.to_datetime(moment).time();
        let now = i64::from(time.hour()) * 60 + i64::from(time.minute());
        if (now - from).rem_euclid(DAY) < (to - from).rem_euclid(DAY) {
            return Quiet::Now;
        }
        Quiet::In(u32::try_from((from - now).rem_euclid(DAY)).unwrap_or_default())
    }
}

impl std::fmt::Display for QuietHours {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let clock = self.zone.as_deref().unwrap_or("by this computer's clock");
        write!(formatter, "{} to {} {clock}", self.from, self.to)
    }
}

/// Minutes since midnight of `HH:MM`.
fn minutes(text: &str) -> Option<i64> {
    let time = Time::strptime("%H:%M", text).ok().filter(|_| text.len() == 5)?;
    Some(i64::from(time.hour()) * 60 + i64::from(time.minute()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(from: &str, to: &str, zone: &str) -> QuietHours {
        QuietHours { from: from.into(), to: to.into(), zone: Some(zone.into()) }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn they_begin_with_their_first_minute_and_end_before_their_last() {
        let day = hours("09:00", "17:00", "UTC");
        assert_eq!(day.at(at("2026-01-12T08:59:59Z")), Quiet::In(1));
        assert_eq!(day.at(at("2026-01-12T09:00:00Z")), Quiet::Now);
        assert_eq!(day.at(at("2026-01-12T16:59:59Z")), Quiet::Now);
        assert_eq!(day.at(at("2026-01-12T17:00:00Z")), Quiet::In(16 * 60));
    }

    #[test]
    fn they_last_over_midnight_and_follow_summer_time() {
        let night = hours("22:00", "06:00", "Europe/Berlin");
        assert_eq!(night.at(at("2026-01-12T21:30:00Z")), Quiet::Now);
        assert_eq!(night.at(at("2026-01-12T20:30:00Z")), Quiet::In(30));
        assert_eq!(night.at(at("2026-07-12T20:30:00Z")), Quiet::Now);
        assert_eq!(night.at(at("2026-07-12T03:59:00Z")), Quiet::Now);
        assert_eq!(night.at(at("2026-07-12T04:00:00Z")), Quiet::In(18 * 60));
    }

    #[test]
    fn what_cannot_be_told_is_quiet() {
        for bad in [
            hours("25:00", "06:00", "UTC"),
            hours("9:00", "10:00", "UTC"),
            hours("09:00", "10:00", "Mars/Base"),
        ] {
            assert!(bad.problem().is_some(), "{bad}");
            assert_eq!(bad.at(at("2026-01-12T12:00:00Z")), Quiet::Now);
        }
        assert!(hours("09:00", "09:00", "UTC").problem().is_some());
        assert_eq!(hours("22:00", "06:00", "Europe/Berlin").problem(), None);
    }
}

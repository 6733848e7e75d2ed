//! A histogram at rest.

use serde::{Deserialize, Deserializer, Serialize};

use crate::Histogram;

/// A histogram as its text. One that can be asked takes 188 KB, its text some hundred bytes, and a check keeps one for
/// each of its seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Packed(String);

impl Packed {
    /// The histogram.
    pub fn unpacked(&self) -> Histogram {
        // Only texts that were read once get in here.
        Histogram::from_text(&self.0).unwrap_or_default()
    }

    /// As [`Histogram::quantile_ms`].
    pub fn quantile_ms(&self, quantile: f64) -> Option<f64> {
        self.unpacked().quantile_ms(quantile)
    }
}

impl From<&Histogram> for Packed {
    fn from(histogram: &Histogram) -> Self {
        Self(histogram.to_text())
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Histogram::from_text(&text).map_err(serde::de::Error::custom)?;
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_the_same() {
        let mut histogram = Histogram::new();
        (1..500).for_each(|millis| histogram.record(Duration::from_millis(millis)));
        let packed = Packed::from(&histogram);
        assert_eq!(packed.unpacked(), histogram);
        assert_eq!(packed.quantile_ms(0.5), histogram.quantile_ms(0.5));
    }
}

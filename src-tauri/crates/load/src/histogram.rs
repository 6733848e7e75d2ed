//! HDR histograms of durations that can be written down and read back without loss.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Deserializer as HdrDeserializer, Serializer as _, V2Serializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A longest recordable duration of one hour, in microseconds.
const HIGHEST_MICROS: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;
/// More samples than any load takes; sums of some thousand such counts do not run over.
const HIGHEST_COUNT: u64 = 1 << 48;
/// How the second version of the encoding begins, its counts as variable lengths.
const V2_COOKIE: u32 = 0x1c84_9303 | 0x10;

/// Durations in microseconds, 1 µs to 1 h at three significant digits.
///
/// An empty one takes no memory, the first sample 184 KiB, and all further samples nothing. Serialises as the base64
/// text of the `HdrHistogram` V2 encoding, which other tools read.
#[derive(Clone, Default)]
pub struct Histogram(Option<Box<hdrhistogram::Histogram<u64>>>);

/// A text that is not a histogram.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// Not base64.
    #[error("the histogram is not base64")]
    Encoding(#[from] base64::DecodeError),
    /// Base64 of something else.
    #[error("the histogram cannot be decoded: {0}")]
    Content(String),
}

/// The thousands of buckets say nothing to a person.
impl std::fmt::Debug for Histogram {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Histogram({} samples, max {:?} ms)", self.len(), self.max_ms())
    }
}

/// Equal are histograms with the same samples, whether they hold memory or not.
impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(left), Some(right)) => left == right,
            _ => self.is_empty() && other.is_empty(),
        }
    }
}

#[expect(clippy::expect_used, reason = "constant bounds: 1 < highest / 2, 3 digits are allowed")]
fn empty() -> hdrhistogram::Histogram<u64> {
    let bounds = hdrhistogram::Histogram::new_with_bounds(1, HIGHEST_MICROS, SIGNIFICANT_DIGITS);
    bounds.expect("constant bounds are valid")
}

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Self {
        Self(None)
    }

    fn filled(&self) -> Option<&hdrhistogram::Histogram<u64>> {
        self.0.as_deref().filter(|histogram| !histogram.is_empty())
    }

    /// Adds one duration; shorter than 1 µs counts as 1 µs, longer than 1 h as 1 h.
    pub fn record(&mut self, duration: Duration) {
        // Seconds are at most an hour here, so that the product fits.
        let micros = duration.as_secs().min(4000) * 1_000_000 + u64::from(duration.subsec_micros());
        self.0.get_or_insert_with(|| Box::new(empty())).saturating_record(micros.max(1));
    }

    /// How many durations were recorded.
    pub fn len(&self) -> u64 {
        self.0.as_ref().map_or(0, |histogram| histogram.len())
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets every sample and keeps the memory.
    pub fn clear(&mut self) {
        if let Some(histogram) = self.0.as_mut().filter(|histogram| !histogram.is_empty()) {
            histogram.reset();
        }
    }

    /// Adds every sample of `other`; exact, because both have the same buckets.
    pub fn merge(&mut self, other: &Self) {
        let Some(other) = other.filled() else { return };
        let own = self.0.get_or_insert_with(|| Box::new(empty()));
        // Both sides were made with the same bounds, so addition cannot exceed them; a decoded foreign histogram
        // with wider bounds saturates instead of being dropped.
        if own.add(other).is_err() {
            for bucket in other.iter_recorded() {
                own.saturating_record_n(
                    bucket.value_iterated_to().min(HIGHEST_MICROS),
                    bucket.count_at_value(),
                );
            }
        }
    }

    /// The value in milliseconds below or at which `quantile` (0 to 1) of all samples lie, or `None` when empty.
    pub fn quantile_ms(&self, quantile: f64) -> Option<f64> {
        self.filled().map(|histogram| histogram.value_at_quantile(quantile) as f64 / 1000.0)
    }

    /// The value in milliseconds of the sample of 1-based `rank` in sorted order, or `None` if there is no such rank.
    pub fn rank_ms(&self, rank: u64) -> Option<f64> {
        if rank == 0 || rank > self.len() {
            return None;
        }
        let mut seen = 0_u64;
        self.counts().find_map(|(millis, count)| {
            seen = seen.saturating_add(count);
            (seen >= rank).then_some(millis)
        })
    }

    /// Each distinct duration in milliseconds with how often it was recorded, the shortest first.
    pub fn counts(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let recorded = self.filled().into_iter().flat_map(hdrhistogram::Histogram::iter_recorded);
        recorded.map(|bucket| (bucket.value_iterated_to() as f64 / 1000.0, bucket.count_at_value()))
    }

    /// How many samples are certainly longer than `limit`: those in buckets that lie above it as a whole.
    pub fn longer_than(&self, limit: Duration) -> u64 {
        let micros = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        let Some(histogram) = self.filled() else { return 0 };
        let longer = histogram
            .iter_recorded()
            .filter(|bucket| histogram.lowest_equivalent(bucket.value_iterated_to()) > micros);
        longer.map(|bucket| bucket.count_at_value()).sum()
    }

    /// The smallest sample in milliseconds.
    pub fn min_ms(&self) -> Option<f64> {
        self.filled().map(|histogram| histogram.min() as f64 / 1000.0)
    }

    /// The largest sample in milliseconds.
    pub fn max_ms(&self) -> Option<f64> {
        self.filled().map(|histogram| histogram.max() as f64 / 1000.0)
    }

    /// The mean in milliseconds.
    pub fn mean_ms(&self) -> Option<f64> {
        self.filled().map(|histogram| histogram.mean() / 1000.0)
    }

    /// The library's own form.
    pub(crate) fn to_library(&self) -> Cow<'_, hdrhistogram::Histogram<u64>> {
        self.0.as_deref().map_or_else(|| Cow::Owned(empty()), Cow::Borrowed)
    }

    /// The base64 text of the V2 encoding.
    pub fn to_text(&self) -> String {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail, and every value is within the bounds the encoder supports.
        let _ = V2Serializer::new().serialize(&*self.to_library(), &mut bytes);
        STANDARD.encode(bytes)
    }

    /// Reads what [`Histogram::to_text`] wrote. Other encodings and bounds are refused: they are not ours, and could ask
    /// for any amount of memory.
    pub fn from_text(text: &str) -> Result<Self, HistogramError> {
        let bytes = STANDARD.decode(text)?;
        if !has_our_head(&bytes) {
            return Err(HistogramError::Content("it is of another kind than Holdpoint writes".into()));
        }
        let read = HdrDeserializer::new()
            .deserialize::<u64, _>(&mut bytes.as_slice())
            .map_err(|error| HistogramError::Content(error.to_string()))?;
        if read.max() > read.highest_equivalent(HIGHEST_MICROS) {
            return Err(HistogramError::Content("it holds more than an hour".into()));
        }
        // Summed here, because the library's own sum saturates.
        let count = read.iter_recorded().map(|bucket| u128::from(bucket.count_at_value())).sum::<u128>();
        if count > u128::from(HIGHEST_COUNT) {
            return Err(HistogramError::Content("it counts more than can have been measured".into()));
        }
        Ok(Self(Some(Box::new(read))))
    }
}

/// Whether bytes begin as every histogram of ours: version 2, nothing compressed, our bounds, and as long as they say.
fn has_our_head(bytes: &[u8]) -> bool {
    let Some((head, payload)) = bytes.split_first_chunk::<40>() else { return false };
    let [cookie, length, offset, digits] =
        [0, 4, 8, 12].map(|at| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
    // The library cannot read the least of all numbers as a count, and no count of ours comes near it.
    let holds_least = payload.windows(9).any(|piece| piece == [0xff; 9]);
    cookie == V2_COOKIE
        && !holds_least
        && length as usize == payload.len()
        && offset == 0
        && digits == u32::from(SIGNIFICANT_DIGITS)
        && head[16..24] == 1_u64.to_be_bytes()
        && head[24..32] == HIGHEST_MICROS.to_be_bytes()
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_text(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranks_are_samples_in_order() {
        let mut histogram = Histogram::new();
        for millis in [5_u64, 1, 3, 2, 4] {
            histogram.record(Duration::from_millis(millis));
        }
        let third = histogram.rank_ms(3).unwrap();
        assert!((third - 3.0).abs() < 0.01, "{third}");
        assert_eq!(histogram.rank_ms(6), None);
        assert_eq!(histogram.rank_ms(0), None);
    }

    /// A few bytes must not be able to ask for gigabytes, by their bounds, their length or by being compressed.
    #[test]
    fn a_histogram_that_is_not_ours_is_refused_before_it_takes_memory() {
        let mut histogram = Histogram::new();
        histogram.record(Duration::from_millis(5));
        let ours = STANDARD.decode(histogram.to_text()).unwrap();
        assert!(Histogram::from_text(&STANDARD.encode(&ours)).is_ok());
        for (place, value) in [(3, 0x14), (4, 0x7f), (8, 1), (15, 5), (23, 2), (24, 0x7f)] {
            let mut changed = ours.clone();
            changed[place] = value;
            assert!(Histogram::from_text(&STANDARD.encode(&changed)).is_err(), "{place}");
        }
        let mut wide = hdrhistogram::Histogram::<u64>::new_with_bounds(1, HIGHEST_MICROS, 3).unwrap();
        wide.record_n(1000, u64::MAX / 4).unwrap();
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&wide, &mut bytes).unwrap();
        assert!(Histogram::from_text(&STANDARD.encode(&bytes)).is_err());
    }

    proptest! {
        #[test]
        fn text_keeps_every_sample(micros in proptest::collection::vec(1_u64..HIGHEST_MICROS, 0..200)) {
            let mut histogram = Histogram::new();
            for value in &micros {
                histogram.record(Duration::from_micros(*value));
            }
            let back = Histogram::from_text(&histogram.to_text()).unwrap();
            prop_assert_eq!(back, histogram);
        }

        #[test]
        fn merging_is_the_same_as_recording_together(
            left in proptest::collection::vec(1_u64..10_000_000, 0..100),
            right in proptest::collection::vec(1_u64..10_000_000, 0..100),
        ) {
            let record = |values: &[u64]| {
                let mut histogram = Histogram::new();
                for value in values {
                    histogram.record(Duration::from_micros(*value));
                }
                histogram
            };
            let mut merged = record(&left);
            merged.merge(&record(&right));
            let together: Vec<u64> = left.iter().chain(&right).copied().collect();
            prop_assert_eq!(merged, record(&together));
        }

        #[test]
        fn foreign_bytes_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Histogram::from_text(&STANDARD.encode(bytes));
        }

        #[test]
        fn quantiles_are_monotone_and_within_the_samples(
            micros in proptest::collection::vec(1_u64..HIGHEST_MICROS, 1..100),
        ) {
            let mut histogram = Histogram::new();
            for value in &micros {
                histogram.record(Duration::from_micros(*value));
            }
            let values: Vec<f64> =
                (0..=100).map(|percent| histogram.quantile_ms(f64::from(percent) / 100.0).unwrap()).collect();
            prop_assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));
            let longest = *micros.iter().max().unwrap();
            prop_assert!((values[100] * 1000.0 / longest as f64 - 1.0).abs() < 0.001);
            prop_assert_eq!(histogram.longer_than(Duration::from_micros(longest)), 0);
            let half = HIGHEST_MICROS / 2;
            let certainly = micros.iter().filter(|value| **value > half + half / 500).count() as u64;
            let possibly = micros.iter().filter(|value| **value > half).count() as u64;
            let longer = histogram.longer_than(Duration::from_micros(half));
            prop_assert!(certainly <= longer && longer <= possibly);
        }

        #[test]
        fn foreign_text_is_refused_without_panic(text in ".{0,200}") {
            let _ = Histogram::from_text(&text);
        }
    }
}

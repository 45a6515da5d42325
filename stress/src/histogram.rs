//! Latencies in buckets: exact below 256 ns, and within 1/128 of the value above, in 60 KiB whatever is recorded.

/// Values below this have a bucket each.
const EXACT: u64 = 256;
/// Buckets for each power of two above.
const STEPS: usize = 128;

/// How often each value came, by bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    most: u64,
}

impl Histogram {
    /// Counts a value.
    pub(crate) fn record(&mut self, value: u64) {
        let bucket = bucket(value);
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
        self.most = self.most.max(value);
    }

    /// The largest value.
    pub(crate) const fn most(&self) -> u64 {
        self.most
    }

    /// The value that this share of all values does not exceed (nearest rank), rounded up to the end of its bucket.
    /// 0 if there is none.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let rank = ((self.total as f64 * share).ceil() as u64).clamp(1, self.total.max(1));
        let mut below = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            below += count;
            if below >= rank {
                return end(bucket).min(self.most);
            }
        }
        0
    }
}

fn bucket(value: u64) -> usize {
    if value < EXACT {
        return value as usize;
    }
    let shift = u64::BITS - value.leading_zeros() - EXACT.ilog2();
    EXACT as usize + (shift as usize - 1) * STEPS + (value >> shift) as usize - STEPS
}

/// The largest value of a bucket.
fn end(bucket: usize) -> u64 {
    let Some(above) = bucket.checked_sub(EXACT as usize) else { return bucket as u64 };
    let (shift, step) = (above / STEPS + 1, above % STEPS + STEPS);
    (((step as u128 + 1) << shift) - 1) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_not_in_the_one_before() {
        for value in (0..2_000).chain((0..64).map(|bit| 1 << bit)).chain([u64::MAX, 12_345_678_901]) {
            let bucket = bucket(value);
            assert!(value <= end(bucket), "{value}");
            assert!(bucket == 0 || end(bucket - 1) < value, "{value}");
            assert!(end(bucket) - value <= value / 128, "{value}");
        }
    }

    #[test]
    fn quantiles_are_those_of_a_sorted_list() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), 0);
        let values: Vec<u64> = (1..=10_000).map(|number| number * 1_000).collect();
        values.iter().for_each(|&value| histogram.record(value));
        for (share, rank) in [(0.5, 5_000), (0.9, 9_000), (0.99, 9_900), (0.999, 9_990), (1.0, 10_000)] {
            let (exact, found) = (values[rank - 1], histogram.quantile(share));
            assert!(found >= exact && found - exact <= exact / 128, "{share}: {found} for {exact}");
        }
        assert_eq!((histogram.total, histogram.most()), (10_000, 10_000_000));
    }

    #[test]
    fn one_slow_value_in_a_thousand_shows_behind_the_last_nine() {
        let mut histogram = Histogram::default();
        (0..999).for_each(|_| histogram.record(100));
        histogram.record(1_000_000);
        assert_eq!((histogram.quantile(0.999), histogram.quantile(0.9999)), (100, 1_000_000));
    }
}

//! What is counted, for Prometheus. Names follow its conventions: base units, `_total` for counters.

use prometheus::{
    Encoder, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// All metrics of a node.
pub struct Metrics {
    registry: Registry,
    /// Messages stored.
    pub appended: IntCounter,
    /// Messages refused, by code.
    pub refused: IntCounterVec,
    /// Messages in one commit.
    pub append_batch: Histogram,
    /// Time of one commit of messages, the fsync included.
    pub commit_seconds: Histogram,
    /// Changes handed to the bus.
    pub nudges_sent: IntCounter,
    /// Changes that came from the bus.
    pub nudges_received: IntCounter,
    /// Changes not handed to the bus because the router was behind.
    pub nudges_dropped: IntCounter,
    /// Envelopes that the bus could not send or this node not take in.
    pub bus_dropped: IntCounter,
    /// Changes read from the store because nobody told of them.
    pub holes_filled: IntCounter,
    /// Live connections.
    pub connections: IntGauge,
    /// Connections closed by this node, by reason.
    pub closed: IntCounterVec,
    /// Frames that clients sent.
    pub frames_received: IntCounter,
    /// Frames written to clients.
    pub frames_sent: IntCounter,
    /// Writes to clients that failed, so that their connections ended.
    pub writes_failed: IntCounter,
    /// Time of the canary's last way through the bus.
    pub canary_seconds: Gauge,
    /// 1 while the bus can hear.
    pub bus_up: IntGauge,
    /// 1 while the store can be read.
    pub store_up: IntGauge,
    /// 1 while the last write was committed.
    pub store_writable: IntGauge,
    /// 1 while the lease is renewed.
    pub lease_up: IntGauge,
    /// 1 while the presence registry is not believed, so that everyone is told of everything.
    pub presence_in_doubt: IntGauge,
}

impl Metrics {
    /// A set of metrics of its own, so that several nodes in one process do not add up.
    ///
    /// # Errors
    /// If two metrics had one name, which a test rules out.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("trunkline".to_owned()), None)?;
        let counter = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let counters = |name: &str, help: &str, label: &str| -> Result<IntCounterVec, prometheus::Error> {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counters.clone()))?;
            Ok(counters)
        };
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let histogram = |name: &str, help: &str, buckets: Vec<f64>| -> Result<Histogram, prometheus::Error> {
            let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?;
            registry.register(Box::new(histogram.clone()))?;
            Ok(histogram)
        };
        let canary_seconds = Gauge::new("canary_seconds", "Time of the canary's last way through the bus")?;
        registry.register(Box::new(canary_seconds.clone()))?;
        let metrics = Self {
            appended: counter("messages_stored_total", "Messages stored")?,
            refused: counters("messages_refused_total", "Messages refused, by code", "code")?,
            append_batch: histogram(
                "commit_messages",
                "Messages in one commit",
                prometheus::exponential_buckets(1.0, 2.0, 10)?,
            )?,
            commit_seconds: histogram(
                "commit_seconds",
                "Time of one commit of messages",
                prometheus::exponential_buckets(0.000_1, 2.0, 15)?,
            )?,
            nudges_sent: counter("nudges_sent_total", "Changes handed to the bus")?,
            nudges_received: counter("nudges_received_total", "Changes that came from the bus")?,
            nudges_dropped: counter("nudges_dropped_total", "Changes that the router was too far behind for")?,
            bus_dropped: counter("bus_dropped_total", "Envelopes that could not be sent or taken in")?,
            holes_filled: counter("holes_filled_total", "Changes read from the store because nobody told of them")?,
            connections: gauge("connections", "Live connections")?,
            closed: counters("connections_closed_total", "Connections closed by this node, by reason", "reason")?,
            frames_received: counter("frames_received_total", "Frames that clients sent")?,
            frames_sent: counter("frames_sent_total", "Frames written to clients")?,
            writes_failed: counter("writes_failed_total", "Writes to clients that failed")?,
            canary_seconds,
            bus_up: gauge("bus_up", "1 while the bus can hear")?,
            store_up: gauge("store_up", "1 while the store can be read")?,
            store_writable: gauge("store_writable", "1 while the last write was committed")?,
            lease_up: gauge("lease_up", "1 while the lease is renewed")?,
            presence_in_doubt: gauge("presence_in_doubt", "1 while the presence registry is not believed")?,
            registry,
        };
        metrics.bus_up.set(1);
        metrics.store_up.set(1);
        metrics.store_writable.set(1);
        Ok(metrics)
    }

    /// All of them in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(error = %error, "could not write the metrics");
        }
        String::from_utf8(text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_a_name_of_its_own_and_is_shown() {
        let metrics = Metrics::new().expect("names are unique");
        metrics.appended.inc();
        assert!(metrics.render().contains("trunkline_messages_stored_total 1"));
    }
}

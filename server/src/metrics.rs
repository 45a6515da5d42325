//! What is counted, for Prometheus. Names follow its conventions: base units, `_total` for counters.

use prometheus::{
    Encoder, Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use trunkline_protocol::{CloseCode, ErrorCode};

/// The version of the program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How a connection's last one can have ended, as the label `after`.
const AFTER: [&str; 11] = [
    "first",
    "lost",
    "moving",
    "slow",
    "hello_timeout",
    "silent",
    "incarnation",
    "unavailable",
    "too_many",
    "ended",
    "other",
];

/// Codes that a message can be refused with.
const REFUSED: [ErrorCode; 8] = [
    ErrorCode::Unauthorized,
    ErrorCode::UnknownConversation,
    ErrorCode::NotAMember,
    ErrorCode::KeyConflict,
    ErrorCode::RateLimited,
    ErrorCode::StoreUnavailable,
    ErrorCode::Busy,
    ErrorCode::MessageTooLong,
];

/// The label for the close code that a client says its last connection ended by. Few, whatever clients say.
#[must_use]
pub fn after(code: Option<u16>) -> &'static str {
    const LOST: u16 = 1006;
    let Some(code) = code else { return "first" };
    let known = CloseCode::ALL.into_iter().find(|known| known.as_u16() == code);
    match known {
        Some(CloseCode::Moving) => "moving",
        Some(CloseCode::SlowConsumer) => "slow",
        Some(CloseCode::HelloTimeout) => "hello_timeout",
        Some(CloseCode::Silent) => "silent",
        Some(CloseCode::NewIncarnation) => "incarnation",
        Some(CloseCode::Unavailable) => "unavailable",
        Some(CloseCode::TooManyConnections) => "too_many",
        Some(CloseCode::SessionEnded | CloseCode::BadProtocol) => "ended",
        None if code == LOST => "lost",
        None => "other",
    }
}

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
    /// From the taking in of a change to its hand-out, where it was read from the store instead of being told.
    pub follow_lag: Histogram,
    /// Since when everything in the store was handed out, at the time of the scrape.
    pub follow_age: Gauge,
    /// Live connections.
    pub connections: IntGauge,
    /// Users with one.
    pub users: IntGauge,
    /// Connections that said hello, by how their last one ended.
    pub opened: IntCounterVec,
    /// From a hello to its welcome.
    pub welcome_seconds: Histogram,
    /// Connections closed by this node, by reason.
    pub closed: IntCounterVec,
    /// Bytes that wait to be written to all connections, at the time of the scrape.
    pub queue_bytes: IntGauge,
    /// Bytes that wait for the slowest of them.
    pub queue_bytes_largest: IntGauge,
    /// Messages that wait for the store, at the time of the scrape.
    pub appends_waiting: IntGauge,
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
    /// Renewals of the lease that failed.
    pub lease_failures: IntCounter,
    /// Leases that the registry did not know any more when they were renewed.
    pub leases_lost: IntCounter,
    /// How often this process started over as a new incarnation.
    pub incarnations: IntCounter,
    /// How often the bus was found deaf and connected anew.
    pub bus_reconnects: IntCounter,
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
        let seconds = |name: &str, help: &str| -> Result<Gauge, prometheus::Error> {
            let gauge = Gauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let build = IntGaugeVec::new(Opts::new("build_info", "The version of the program"), &["version"])?;
        registry.register(Box::new(build.clone()))?;
        build.with_label_values(&[VERSION]).set(1);
        seconds("start_time_seconds", "When the node started")?.set(crate::clock::micros() as f64 / 1e6);
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
            follow_lag: histogram(
                "follow_lag_seconds",
                "From the taking in of a change to its hand-out, where it was read from the store",
                prometheus::exponential_buckets(0.05, 2.0, 10)?,
            )?,
            follow_age: seconds("follow_age_seconds", "Since when everything in the store was handed out")?,
            connections: gauge("connections", "Live connections")?,
            users: gauge("users", "Users with a live connection")?,
            opened: counters("connections_opened_total", "Hellos, by how the last connection ended", "after")?,
            welcome_seconds: histogram(
                "welcome_seconds",
                "From a hello to its welcome",
                prometheus::exponential_buckets(0.000_5, 2.0, 14)?,
            )?,
            queue_bytes: gauge("queue_bytes", "Bytes that wait to be written to all connections")?,
            queue_bytes_largest: gauge("queue_bytes_largest", "Bytes that wait for the slowest connection")?,
            appends_waiting: gauge("appends_waiting", "Messages that wait for the store")?,
            closed: counters("connections_closed_total", "Connections closed by this node, by reason", "reason")?,
            frames_received: counter("frames_received_total", "Frames that clients sent")?,
            frames_sent: counter("frames_sent_total", "Frames written to clients")?,
            writes_failed: counter("writes_failed_total", "Writes to clients that failed")?,
            canary_seconds: seconds("canary_seconds", "Time of the canary's last way through the bus")?,
            bus_up: gauge("bus_up", "1 while the bus can hear")?,
            store_up: gauge("store_up", "1 while the store can be read")?,
            store_writable: gauge("store_writable", "1 while the last write was committed")?,
            lease_up: gauge("lease_up", "1 while the lease is renewed")?,
            presence_in_doubt: gauge("presence_in_doubt", "1 while the presence registry is not believed")?,
            lease_failures: counter("lease_failures_total", "Renewals of the lease that failed")?,
            leases_lost: counter("leases_lost_total", "Leases that the registry did not know any more")?,
            incarnations: counter("incarnations_total", "How often the process started over as a new incarnation")?,
            bus_reconnects: counter("bus_reconnects_total", "How often the bus was deaf and connected anew")?,
            registry,
        };
        // What never happened is 0, and not absent.
        for code in CloseCode::ALL {
            metrics.closed.with_label_values(&[code.reason()]);
        }
        for after in AFTER {
            metrics.opened.with_label_values(&[after]);
        }
        for code in REFUSED {
            metrics.refused.with_label_values(&[code.as_str()]);
        }
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

    #[test]
    fn what_has_not_happened_yet_is_shown_as_zero() {
        let shown = Metrics::new().expect("names are unique").render();
        for line in [
            "trunkline_connections_closed_total{reason=\"reads too slowly\"} 0",
            "trunkline_connections_opened_total{after=\"lost\"} 0",
            "trunkline_messages_refused_total{code=\"store_unavailable\"} 0",
        ] {
            assert!(shown.contains(line), "{line} is not in\n{shown}");
        }
    }

    #[test]
    fn whatever_clients_say_there_are_few_reasons() {
        assert_eq!(
            (after(None), after(Some(1006)), after(Some(4001)), after(Some(7))),
            ("first", "lost", "slow", "other")
        );
        assert!((0..=u16::MAX).all(|code| AFTER.contains(&after(Some(code)))));
    }
}

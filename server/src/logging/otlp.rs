//! Spans for an OpenTelemetry collector: OTLP over HTTP, in portions, from a thread of its own. What can not be sent is
//! dropped; nothing waits for it.

use super::Sink;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;

/// How long one portion may take, and all that is left at the end.
const SEND_WITHIN: Duration = Duration::from_secs(2);

/// What has been begun, to be ended.
pub(super) struct Export(SdkTracerProvider);

/// Begins to send to the collector at this address, such as `http://127.0.0.1:4318`.
pub(super) fn begin(url: &str) -> anyhow::Result<(Export, Sink)> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", url.trim_end_matches('/')))
        .with_timeout(SEND_WITHIN)
        .build()?;
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name("trunkline").with_attribute(version).build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("trunkline"));
    // Ours alone, down to the commits of messages: what sends spans would else make spans of its own.
    let ours = Targets::new().with_target("trunkline_server", LevelFilter::DEBUG);
    Ok((Export(provider), layer.with_filter(ours).boxed()))
}

impl Export {
    /// Sends what is left, for a while.
    pub(super) fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(SEND_WITHIN) {
            tracing::debug!(error = %error, "the last spans were not sent");
        }
    }
}

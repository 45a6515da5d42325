//! Where logs and spans go: to standard error, and with the feature `otlp` to an OpenTelemetry collector as well.
//!
//! A log line is a sentence with dotted fields, and stands in the span of its request (`request.id`). A message is named
//! by `message.id` (conversation and seq, as in `12/41`) or by `message.key`, the key it was sent with; what it says,
//! tokens and cookies are never logged, at whatever level.

use crate::config::Config;
use anyhow::Context;
use std::io::IsTerminal;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

#[cfg(feature = "otlp")]
mod otlp;

/// A place for spans, of any kind.
type Sink = Box<dyn Layer<Registry> + Send + Sync>;

/// Sends on what is left when it is dropped.
#[must_use = "spans are sent as long as this lives"]
pub struct Logging {
    #[cfg(feature = "otlp")]
    export: Option<otlp::Export>,
}

/// Logs from now on.
///
/// # Errors
/// If the filter can not be read, or spans can not be sent where the configuration says.
pub fn start(config: &Config) -> anyhow::Result<Logging> {
    let filter = EnvFilter::try_new(&config.log)
        .with_context(|| format!("log: {:?} is not a filter; give info, debug or target=level", config.log))?;
    let lines = fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    let lines: Sink =
        if config.log_json { lines.json().with_filter(filter).boxed() } else { lines.with_filter(filter).boxed() };
    let mut sinks = vec![lines];
    let logging = export(config, &mut sinks)?;
    tracing_subscriber::registry().with(sinks).try_init().context("log: logging has begun already")?;
    Ok(logging)
}

#[cfg(feature = "otlp")]
fn export(config: &Config, sinks: &mut Vec<Sink>) -> anyhow::Result<Logging> {
    let Some(url) = &config.otlp else { return Ok(Logging { export: None }) };
    let (export, sink) = otlp::begin(url).context("otlp: spans can not be sent there")?;
    sinks.push(sink);
    Ok(Logging { export: Some(export) })
}

#[cfg(not(feature = "otlp"))]
fn export(config: &Config, _: &mut Vec<Sink>) -> anyhow::Result<Logging> {
    if config.otlp.is_some() {
        anyhow::bail!("otlp: this program was built without it; build it with --features embed,otlp");
    }
    Ok(Logging {})
}

#[cfg(feature = "otlp")]
impl Drop for Logging {
    fn drop(&mut self) {
        if let Some(export) = self.export.take() {
            export.end();
        }
    }
}

//! Starts a node.

use anyhow::Context;
use std::process::ExitCode;
use std::time::Duration;
use trunkline_server::config::{Config, Options, Task};
use trunkline_server::logging;
use trunkline_server::startup::{self, Server};

/// A batch of messages is many small pieces of memory at once, more than the usual allocator keeps at hand for a thread:
/// measured in docs/PERFORMANCE.md.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How long after it was told to stop the process lives at most. Supervisors commonly wait ten seconds before they kill.
const END_WITHIN: Duration = Duration::from_secs(9);
/// How long tasks and threads that are still at work are waited for in the end.
const LAST_WORK: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    match begin() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "before and after the logs this is how a program speaks")]
fn complain(error: &anyhow::Error) {
    eprintln!("trunkline: {error:#}");
}

fn begin() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("could not start")?;
    let ended = runtime.block_on(run());
    // Without a limit it would wait for a store that hangs.
    runtime.shutdown_timeout(LAST_WORK);
    ended
}

async fn run() -> anyhow::Result<()> {
    let (task, options) = Options::load()?;
    let config = Config::try_from(options)?;
    let _logging = logging::start(&config)?;
    let database = config.database.to_string();
    match task {
        Task::Serve => serve(config, &database).await,
        Task::Export { file } => {
            let rows = startup::export(&config, &file).await?;
            done(&format!("{database} was written to {}: {rows} rows.", file.display()))
        }
        Task::Import { file } => {
            let rows = startup::import(&config, &file).await?;
            done(&format!("{} was read into {database}: {rows} rows. Nodes can be started.", file.display()))
        }
        Task::Backup { file } => {
            startup::backup(&config, &file).await?;
            done(&format!("{database} was copied to {}.", file.display()))
        }
        Task::NewEpoch => {
            startup::begin_new_history(&config).await?;
            done(&format!("{database} has a new history. Nodes can be started."))
        }
    }
}

async fn serve(config: Config, database: &str) -> anyhow::Result<()> {
    let bus = config.bus.to_string();
    let routing = format!("{:?}", config.routing).to_lowercase();
    let public = config.public_url.as_ref().map(ToString::to_string);
    let server = Server::prepare(config).await?;
    let address = server.address()?;
    let durability = server.state().node.store.durability().as_str();
    tracing::info!(
        node.id = %server.state().node.id(), listen = %address, database, durability, bus, routing,
        "serving"
    );
    welcome(&public.unwrap_or_else(|| format!("http://{address}")), server.state()).await;
    let told = stop_signal()?;
    let stop = async move {
        told.await;
        end_for_certain();
    };
    server.serve(stop).await
}

/// Ends the process in time whatever hangs, such as the threads of a store that waits for its file. What they have in
/// hand was not acknowledged to anybody.
fn end_for_certain() {
    let end = || {
        std::thread::sleep(END_WITHIN);
        std::process::exit(0)
    };
    if let Err(error) = std::thread::Builder::new().name("end".into()).spawn(end) {
        tracing::warn!(error = %error, "could not set a limit to the time that stopping takes");
    }
}

/// Says where to go, for whoever started it by hand.
#[expect(clippy::print_stdout, reason = "this is what whoever started the program wants to read")]
async fn welcome(url: &str, state: &trunkline_server::web::state::AppState) {
    let next = match state.accounts.doors().await {
        Ok(doors) if doors.first => "Open it and make the first account: it will be the administrator's.",
        _ => "Open it and log in.",
    };
    println!("\n  Trunkline is at {url}\n  {next}\n  Stop it with Ctrl+C.\n");
}

#[expect(clippy::print_stdout, reason = "this is what whoever started the program wants to read")]
fn done(sentence: &str) -> anyhow::Result<()> {
    println!("{sentence}");
    Ok(())
}

/// Ends with SIGTERM or Ctrl+C.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("can not listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("can not listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

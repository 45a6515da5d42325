//! Programs that others have made to break servers, against ours: the Autobahn cases of the WebSocket protocol, and
//! Schemathesis, which draws requests from an OpenAPI document.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod autobahn;
mod schema;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Where `cargo xtask test` puts them.
fn programs() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    let programs = target.join("tools/python");
    assert!(programs.is_dir(), "this test needs Schemathesis and kosoku: `cargo xtask test input` brings them");
    programs
}

/// Runs a program in Python, with these programs at hand, for so long at most. What it prints is read, and what it
/// complains of is shown.
async fn python(program: &str, env: &[(&str, &str)], args: &[&str], limit: Duration) -> Output {
    let mut python = Command::new("python3");
    python
        .args(["-c", &format!("import signal\nsignal.alarm({})\n{program}", limit.as_secs())])
        .args(args)
        .envs(env.iter().copied())
        .env("PYTHONPATH", programs())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    tokio::task::spawn_blocking(move || python.output()).await.expect("a task").expect("Python")
}

//! Starts programs: in the foreground, in place of this one, or watched so that they end for certain.

#[cfg(not(unix))]
#[path = "elsewhere.rs"]
mod platform;
#[cfg(unix)]
#[path = "unix.rs"]
mod platform;
mod watch;

use std::process::{Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};

pub(crate) use platform::{is_root, kill_group, lead_group, notice_interrupts, terminate_group};
pub(crate) use watch::{Ended, watch};

/// Runs a program that speaks to the user itself, and waits for it.
///
/// # Errors
/// `complaint` when it fails; or that it could not be started.
pub(crate) fn run(command: &mut Command, complaint: &str) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("could not start {program}"))?;
    if !status.success() {
        bail!("{complaint} ({program} ended with {})", ending(status));
    }
    Ok(())
}

/// Becomes the program where the system can do that, and otherwise waits for it.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn replace(command: &mut Command) -> Result<ExitCode> {
    platform::replace(command)
}

/// How a program ended, in words.
pub(crate) fn ending(status: ExitStatus) -> String {
    status.code().map_or_else(|| status.to_string(), |code| format!("code {code}"))
}

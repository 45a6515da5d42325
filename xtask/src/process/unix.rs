//! What only Unix can do: become another program, and end a whole group of processes.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use signal_hook::consts::{SIGINT, SIGTERM};

/// Becomes the program; returns only when that fails.
pub(crate) fn replace(command: &mut Command) -> Result<ExitCode> {
    Err(command.exec().into())
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// From now on Ctrl-C and SIGTERM set the flag and end nothing by themselves.
///
/// # Errors
/// When the system refuses the handler.
pub(crate) fn notice_interrupts() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&flag)).context("could not handle Ctrl-C")?;
    }
    Ok(flag)
}

/// The child, and all that it starts, will be one group that can be ended as one.
pub(crate) fn lead_group(command: &mut Command) {
    command.process_group(0);
}

/// Asks the child's group to end, as Ctrl-C does.
pub(super) fn interrupt_group(child: &mut Child) {
    signal_group(child, Signal::INT);
}

/// Asks the child's group to end, as a supervisor does.
pub(crate) fn terminate_group(child: &mut Child) {
    signal_group(child, Signal::TERM);
}

/// Ends the child's group. A group with nobody left is fine.
pub(crate) fn kill_group(child: &mut Child) {
    signal_group(child, Signal::KILL);
}

fn signal_group(child: &Child, signal: Signal) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // The only failure is a group that has ended by itself.
        let _ = kill_process_group(group, signal);
    }
}

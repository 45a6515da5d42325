//! The same where there is no Unix: programs are waited for, and ended one by one.

use std::process::{Child, Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;

/// Waits for the program and passes its exit code on.
pub(crate) fn replace(command: &mut Command) -> Result<ExitCode> {
    let code = command.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Never: there is no apt either.
pub(crate) const fn is_root() -> bool {
    false
}

/// Ctrl-C ends this process and its children together; nothing needs to be noticed.
pub(crate) fn notice_interrupts() -> Result<Arc<AtomicBool>> {
    Ok(Arc::default())
}

/// There are no groups.
pub(crate) fn lead_group(_: &mut Command) {}

/// There is no gentler way than [`kill_group`].
pub(super) fn interrupt_group(child: &mut Child) {
    kill_group(child);
}

/// There is no gentler way than [`kill_group`].
pub(crate) fn terminate_group(child: &mut Child) {
    kill_group(child);
}

/// Ends the child.
pub(crate) fn kill_group(child: &mut Child) {
    // The only failure is a child that has ended by itself.
    let _ = child.kill();
}

//! `cargo fuzz`, which builds and runs the fuzzer.

use std::path::PathBuf;

use anyhow::Result;

use crate::process;
use crate::progress::note;
use crate::workspace::Workspace;

/// The crate, and the version that is known to do without a nightly toolchain when it is asked for no sanitizer.
const CRATE: &str = "cargo-fuzz";
const VERSION: &str = "0.13.2";

/// The program: in the target folder, installed there if need be.
///
/// # Errors
/// When it can not be compiled.
pub(crate) fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("tools");
    let program = folder.join("bin").join(CRATE);
    if !program.is_file() {
        note("Installing cargo-fuzz; this happens once.");
        let mut cargo = workspace.cargo();
        cargo.args(["install", "--quiet", "--locked", "--version", VERSION, "--root"]).arg(&folder).arg(CRATE);
        process::run(&mut cargo, "cargo could not install cargo-fuzz")?;
    }
    Ok(program)
}

//! Parts of the Rust toolchain that a fresh installation may lack.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::progress::note;
use crate::workspace::Workspace;

/// What the browser runs.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Adds a target, such as [`WASM_TARGET`], if this toolchain lacks it.
///
/// # Errors
/// When it is missing and rustup cannot add it, with what to do.
pub(crate) fn ensure_target(workspace: &Workspace, target: &str) -> Result<()> {
    if has_target(workspace, target)? {
        return Ok(());
    }
    note(&format!("Adding {target} to the toolchain."));
    if super::find(&["rustup"]).is_none() {
        bail!(
            "this Rust toolchain has no {target} target, and there is no rustup to add it. Install Rust \
             with rustup (https://rustup.rs), or the package of your system that brings this target"
        );
    }
    process::run(rustup(workspace).args(["target", "add", target]), &format!("rustup could not add {target}"))?;
    if !has_target(workspace, target)? {
        bail!("rustup added {target} to another toolchain than the one cargo uses here: look at `rustup show`");
    }
    Ok(())
}

/// Adds `rustfmt` and `clippy` if this toolchain lacks them.
///
/// # Errors
/// When one is missing and rustup cannot add it, with what to do.
pub(crate) fn ensure_components(workspace: &Workspace) -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let mut probe = workspace.cargo();
        probe.args([subcommand, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
        if probe.status().context("could not start cargo")?.success() {
            continue;
        }
        note(&format!("Adding {component} to the toolchain."));
        if super::find(&["rustup"]).is_none() {
            bail!(
                "this Rust toolchain has no {component}, and there is no rustup to add it: install it, then try again"
            );
        }
        process::run(
            rustup(workspace).args(["component", "add", component]),
            &format!("rustup could not add {component}"),
        )?;
    }
    Ok(())
}

fn rustup(workspace: &Workspace) -> Command {
    let mut command = Command::new("rustup");
    command.current_dir(&workspace.root);
    command
}

fn has_target(workspace: &Workspace, target: &str) -> Result<bool> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(&workspace.root)
        .output()
        .context("could not start rustc")?;
    let folder = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && Path::new(folder.trim()).is_dir())
}

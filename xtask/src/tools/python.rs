//! Schemathesis and kosoku (the Autobahn cases), which some tests run.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::system::{self, PIP};
use crate::process;
use crate::progress::note;
use crate::stamp::{Inputs, Stamp};
use crate::workspace::Workspace;

/// What to install: every package with its version, and the hashes of its files.
const LIST: &str = "xtask/python-tools.txt";
/// What the packages need at least.
const OLDEST: &str = "3.11";

/// Makes sure that the packages of the list are in the target folder, where the tests look.
///
/// # Errors
/// When Python is too old or has no pip, or a package can not be had or is another than the list says.
pub(crate) fn ensure(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("tools/python");
    let list = workspace.root.join(LIST);
    let stamp = Stamp::at(workspace.own().join("python.stamp"));
    let inputs = Inputs::default().text(&folder.to_string_lossy()).file(&list)?;
    if stamp.is_fresh(&inputs, &[&folder]) {
        return Ok(());
    }
    stamp.clear();
    note("Fetching Schemathesis and kosoku with pip; this happens once.");
    system::ensure(&[PIP])?;
    if !is_new_enough() {
        bail!("the tests with Schemathesis and kosoku need Python {OLDEST} or newer as python3");
    }
    fetch(&folder, &list).context("pip could not install what is named in xtask/python-tools.txt")?;
    stamp.set(&inputs)
}

fn is_new_enough() -> bool {
    let check = "import sys; sys.exit(sys.version_info < (3, 11))";
    let mut python = Command::new("python3");
    python.args(["-c", check]).stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn fetch(folder: &Path, list: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
        "--only-binary=:all:",
    ]);
    pip.args(["--require-hashes", "--no-deps", "--target"]).arg(folder).arg("--requirement").arg(list);
    process::run(&mut pip, "pip failed")
}

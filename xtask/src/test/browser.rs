//! Real browsers against real servers: builds the one binary, makes sure that Playwright and what it
//! drives are there, and lets it run. Its fixtures start all servers, on free ports, and stop them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::session::Session;
use super::tally::Tally;
use crate::pipeline::{self, Mode};
use crate::stamp::{Inputs, Stamp};
use crate::tools::system::{self, CHROMIUM, NGINX, NODE, NPM, POSTGRES, REDIS};
use crate::tools::{
    self,
    rust::{WASM_TARGET, ensure_target},
};

/// Runs the browser tests.
///
/// # Errors
/// When something they need is missing and cannot be installed; when the build fails or the run is stopped.
pub(super) fn e2e(session: &mut Session<'_>) -> Result<Tally> {
    let workspace = session.workspace;
    let folder = workspace.root.join("end2end");
    if !folder.join("package.json").is_file() {
        return Ok(Tally::default());
    }
    system::ensure(&[REDIS, POSTGRES, NGINX, CHROMIUM, NODE, NPM])?;
    ensure_target(workspace, WASM_TARGET)?;
    let mut build = Command::new(&session.own);
    if !session.run("Building the server with the site inside", build.arg("build"), &mut |_| {})? {
        return Ok(Tally::FAILURE);
    }
    if !install(session, &folder)? {
        return Ok(Tally::FAILURE);
    }
    let types = check(session, &folder)?;
    Ok([types, play(session, &folder)?].into_iter().sum())
}

/// Whether the tests' types fit: Playwright runs them without a look.
fn check(session: &mut Session<'_>, folder: &Path) -> Result<Tally> {
    let mut npm = program(folder, "npm")?;
    let checked = session.run("npm run check", npm.args(["run", "--silent", "check"]), &mut |_| {})?;
    Ok(if checked { Tally::SUCCESS } else { Tally::FAILURE })
}

/// Installs exactly what the lock file names, when it has changed since the last time.
fn install(session: &mut Session<'_>, folder: &Path) -> Result<bool> {
    let stamp = Stamp::at(session.workspace.own().join("npm.stamp"));
    let lock = folder.join("package-lock.json");
    let inputs = Inputs::default().text(&folder.to_string_lossy()).file(&lock)?;
    if stamp.is_fresh(&inputs, &[&folder.join("node_modules")]) {
        return Ok(true);
    }
    stamp.clear();
    let mut npm = program(folder, "npm")?;
    npm.args(["ci", "--no-audit", "--no-fund"]);
    // The tests use the system's browser.
    npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    let installed = session.run("npm ci", &mut npm, &mut |_| {})?;
    if installed {
        stamp.set(&inputs)?;
    }
    Ok(installed)
}

fn play(session: &mut Session<'_>, folder: &Path) -> Result<Tally> {
    let workspace = session.workspace;
    let report = workspace.own().join("playwright.json");
    if report.exists() {
        fs::remove_file(&report).with_context(|| format!("could not remove {}", report.display()))?;
    }
    let mut playwright = program(folder, "npx")?;
    playwright
        .args(["--no-install", "playwright", "test", "--reporter=list,json"])
        .args(session.args)
        .env("PLAYWRIGHT_JSON_OUTPUT_NAME", &report)
        .env("TRUNKLINE_BIN", pipeline::binary(workspace, Mode::Dev))
        .env("TRUNKLINE_XTASK", &session.own)
        .env("CHROMIUM_PATH", chromium()?);
    let succeeded = session.run("playwright test", &mut playwright, &mut |_| {})?;
    Ok(read(&report).unwrap_or_default().with_ending(succeeded))
}

fn read(report: &Path) -> Option<Tally> {
    let text = fs::read(report).ok()?;
    Tally::from_playwright(&serde_json::from_slice(&text).ok()?)
}

/// The browser the user names, or the system's.
fn chromium() -> Result<PathBuf> {
    match env::var_os("CHROMIUM_PATH").map(PathBuf::from).or_else(|| CHROMIUM.find()) {
        Some(path) if path.is_file() => Ok(path),
        Some(path) => bail!("CHROMIUM_PATH names {}, and there is no such file", path.display()),
        None => bail!("there is no Chromium: install it, or let CHROMIUM_PATH name one"),
    }
}

/// A program in this folder, which finds servers as well on its PATH.
fn program(folder: &Path, name: &str) -> Result<Command> {
    let path = tools::find(&[name]).with_context(|| format!("{name} was not found: install Node.js with npm"))?;
    let mut command = Command::new(path);
    command.current_dir(folder).env("PATH", env::join_paths(tools::folders())?);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_report_counts_as_one_failure_when_the_run_failed() {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report.json");
        assert_eq!(read(&report).unwrap_or_default().with_ending(false), Tally::FAILURE);
        fs::write(&report, r#"{"stats":{"expected":3,"unexpected":0,"flaky":0,"skipped":0},"errors":[]}"#).unwrap();
        assert_eq!(read(&report), Some(Tally { passed: 3, failed: 0, skipped: 0 }));
    }
}

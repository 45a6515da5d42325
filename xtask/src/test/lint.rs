//! Formatting, clippy, rustdoc and the list of licences.
//!
//! Package by package and target by target, never the workspace as a whole: there cargo would unite the
//! features of server and browser, a program that nobody runs.

use std::process::Command;

use anyhow::Result;

use super::session::Session;
use super::tally::Tally;
use crate::licences;
use crate::tools::rust::{WASM_TARGET, ensure_components, ensure_target};
use crate::workspace::{NAME, Workspace};

/// What uses `epoll` and `/proc`.
pub(super) const LINUX_ONLY: [&str; 1] = ["stress"];

/// A package as it ships.
struct Shipped<'a> {
    package: &'a str,
    features: Option<&'static str>,
    browser: bool,
}

impl Shipped<'_> {
    fn title(&self) -> String {
        let features = self.features.map(|features| format!(", {features}")).unwrap_or_default();
        let browser = if self.browser { ", browser" } else { "" };
        format!("{}{features}{browser}", self.package)
    }

    fn apply<'a>(&self, cargo: &'a mut Command) -> &'a mut Command {
        cargo.args(["--package", self.package]);
        if let Some(features) = self.features {
            cargo.args(["--features", features]);
        }
        if self.browser {
            cargo.args(["--target", WASM_TARGET]);
        }
        cargo
    }
}

/// Everything that ships, in every way it does, and the tools. A folder that is not there is left out.
fn shipped(workspace: &Workspace) -> Vec<Shipped<'_>> {
    [
        ("protocol", None, false),
        ("app", Some("ssr"), false),
        ("app", Some("hydrate"), true),
        ("frontend", None, true),
        ("server", None, false),
        ("server", Some("embed"), false),
        ("server", Some("otlp"), false),
        ("fuzz", None, false),
        ("sim", None, false),
        ("stress", None, false),
        ("xtask", None, false),
    ]
    .into_iter()
    .filter(|(folder, _, _)| cfg!(target_os = "linux") || !LINUX_ONLY.contains(folder))
    .filter_map(|(folder, features, browser)| {
        let package = &workspace.package_in(folder)?.name;
        Some(Shipped { package, features, browser })
    })
    .collect()
}

/// Whether everything is formatted.
///
/// # Errors
/// When rustfmt is missing, or the run is stopped.
pub(super) fn format(session: &mut Session<'_>) -> Result<Tally> {
    ensure_components(session.workspace)?;
    let mut cargo = session.workspace.cargo();
    count(session, "cargo fmt --check", cargo.args(["fmt", "--all", "--check"]))
}

/// Whether clippy has nothing to say.
///
/// # Errors
/// When clippy or the browser's target is missing, or the run is stopped.
pub(super) fn clippy(session: &mut Session<'_>) -> Result<Tally> {
    ensure_components(session.workspace)?;
    each(session, "clippy", |cargo, way| {
        let cargo = way.apply(cargo.arg("clippy"));
        // A browser's tests would need a browser; there are none.
        cargo.arg(if way.browser { "--lib" } else { "--all-targets" }).args(["--", "--deny", "warnings"]);
    })
}

/// Whether the documentation is complete and its links lead somewhere.
///
/// # Errors
/// When the browser's target is missing, or the run is stopped.
pub(super) fn rustdoc(session: &mut Session<'_>) -> Result<Tally> {
    each(session, "rustdoc", |cargo, way| {
        way.apply(cargo.args(["doc", "--no-deps"])).env("RUSTDOCFLAGS", "--deny warnings");
    })
}

/// Whether the list of licences is of what is compiled in now.
///
/// # Errors
/// When cargo does not describe the packages.
pub(super) fn licences(session: &mut Session<'_>) -> Result<Tally> {
    if licences::is_current(session.workspace)? {
        return Ok(Tally::SUCCESS);
    }
    session.remark("docs/THIRD-PARTY.md is out of date: `cargo xtask licences` writes it anew".to_owned());
    Ok(Tally::FAILURE)
}

fn each(session: &mut Session<'_>, tool: &str, set_up: impl Fn(&mut Command, &Shipped<'_>)) -> Result<Tally> {
    let workspace = session.workspace;
    ensure_target(workspace, WASM_TARGET)?;
    let mut tally = Tally::default();
    for way in shipped(workspace) {
        if way.features == Some("embed") && !has_site(session)? {
            tally += Tally::FAILURE;
            continue;
        }
        let mut cargo = workspace.cargo();
        set_up(&mut cargo, &way);
        tally += count(session, &format!("{tool}: {}", way.title()), &mut cargo)?;
    }
    Ok(tally)
}

/// Whether there is a site, which `embed` compiles into the server. Where there is none it is built: the tests in
/// browsers need it anyway.
fn has_site(session: &mut Session<'_>) -> Result<bool> {
    if session.workspace.site().join(format!("pkg/{NAME}.wasm")).is_file() {
        return Ok(true);
    }
    let mut build = Command::new(&session.own);
    session.run("Building the site that goes into the server", build.arg("build"), &mut |_| {})
}

fn count(session: &mut Session<'_>, title: &str, command: &mut Command) -> Result<Tally> {
    Ok(if session.run(title, command, &mut |_| {})? { Tally::SUCCESS } else { Tally::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_and_browser_features_are_never_united() {
        let workspace = Workspace::find().unwrap();
        let ways = shipped(&workspace);
        assert!(ways.iter().filter(|way| way.package == "trunkline-app").count() == 2);
        assert!(ways.iter().any(|way| way.features == Some("embed")), "whether there is a site or not");
        for way in ways {
            assert_eq!(
                way.browser,
                way.features == Some("hydrate") || way.package == "trunkline-frontend",
                "{}",
                way.title()
            );
        }
    }
}

//! The Rust tests: those that need nothing, the contracts that need a real Redis or PostgreSQL server, and bad input.
//!
//! Which is which shows in the names of the server's integration tests: what starts with `contract_` or
//! `cluster_` starts servers of its own, on free ports, and stops them; what starts with `input_` gives bad input.

use std::process::Command;

use anyhow::Result;

use super::lint::LINUX_ONLY;
use super::session::Session;
use super::tally::Tally;
use crate::pipeline::Mode;
use crate::sim::{Seeds, Simulation};
use crate::tools::system::{self, CADDY, NGINX, POSTGRES, PROMTOOL, REDIS, SYSTEMD};
use crate::tools::{python, valkey};
use crate::workspace::Package;

/// The feature that sends spans elsewhere, and its test, which without the feature is empty.
const OTLP: &str = "otlp";

fn needs_servers(test: &str) -> bool {
    test.starts_with("contract_") || test.starts_with("cluster_")
}

/// What gives bad input to everything that takes some.
fn gives_bad_input(test: &str) -> bool {
    test.starts_with("input_")
}

/// Everything that needs nothing but the toolchain.
///
/// # Errors
/// When the run is stopped, or cargo cannot be started.
pub(super) fn unit(session: &mut Session<'_>) -> Result<Tally> {
    let workspace = session.workspace;
    let mut tally = Tally::default();
    for (folder, features) in [("protocol", None), ("app", Some("ssr")), ("stress", None), ("xtask", None)] {
        if LINUX_ONLY.contains(&folder) && !cfg!(target_os = "linux") {
            continue;
        }
        let Some(package) = workspace.package_in(folder) else {
            continue;
        };
        let mut cargo = test(session, package);
        if let Some(features) = features {
            cargo.args(["--features", features]);
        }
        tally += count(session, &format!("cargo test: {}", package.name), &mut cargo)?;
    }
    let Some(server) = workspace.package_in("server") else {
        return Ok(tally);
    };
    let mut cargo = test(session, server);
    cargo.arg("--bins");
    if server.has_library {
        cargo.arg("--lib");
    }
    name(&mut cargo, server, |test| !needs_servers(test) && !gives_bad_input(test) && test != OTLP);
    tally += count(session, &format!("cargo test: {}", server.name), &mut cargo)?;
    if server.tests.iter().any(|test| test == OTLP) {
        let mut cargo = test(session, server);
        cargo.args(["--features", OTLP, "--test", OTLP]);
        tally += count(session, &format!("cargo test: {}, with {OTLP}", server.name), &mut cargo)?;
    }
    // cargo tests the examples in the documentation of libraries only, and not together with the rest.
    if server.has_library {
        let mut cargo = test(session, server);
        tally += count(session, &format!("cargo test --doc: {}", server.name), cargo.arg("--doc"))?;
    }
    Ok(tally)
}

/// Seeds that are run each time. A long night has others.
const SEEDS: u64 = 200;

/// The simulation: that it repeats itself, the scripts that once failed, and some hundred seeds.
///
/// # Errors
/// When the run is stopped, or cargo cannot be started.
pub(super) fn sim(session: &mut Session<'_>) -> Result<Tally> {
    let workspace = session.workspace;
    let Some(package) = workspace.package_in("sim") else {
        return Ok(Tally::default());
    };
    let mut cargo = test(session, package);
    let mut tally = count(session, &format!("cargo test: {}", package.name), &mut cargo)?;
    if session.is_filtered() {
        return Ok(tally);
    }
    let simulation = Simulation::new(workspace, Mode::Dev);
    if !session.run("Building the simulation", &mut simulation.build()?, &mut |_| {})? {
        return Ok([tally, Tally::FAILURE].into_iter().sum());
    }
    let mut seeds = Tally::default();
    let mut play = simulation.play(Seeds::Many { count: SEEDS, from: 0 });
    let succeeded = session.run(&format!("{SEEDS} seeds"), &mut play, &mut |line| seeds.read_sum(line))?;
    tally += seeds.with_ending(succeeded);
    Ok(tally)
}

/// The contracts of the seams, and nodes that work together.
///
/// # Errors
/// When there is no Redis, Valkey or PostgreSQL server and none can be installed; when the run is stopped.
pub(super) fn contract(session: &mut Session<'_>) -> Result<Tally> {
    let Some(server) = session.workspace.package_in("server") else {
        return Ok(Tally::default());
    };
    if !server.tests.iter().any(|test| needs_servers(test)) {
        return Ok(Tally::default());
    }
    system::ensure(&[REDIS, POSTGRES, PROMTOOL, NGINX, CADDY, SYSTEMD])?;
    valkey::ensure(session.workspace)?;
    let mut cargo = test(session, server);
    name(&mut cargo, server, needs_servers);
    count(session, &format!("cargo test: {}, with real servers", server.name), &mut cargo)
}

/// Bad input: the corpora of the fuzzer, the Autobahn cases, Schemathesis, and clients that keep to no protocol.
///
/// # Errors
/// When Schemathesis or kosoku can not be had; when the run is stopped.
pub(super) fn input(session: &mut Session<'_>) -> Result<Tally> {
    let workspace = session.workspace;
    let (Some(server), Some(fuzz)) = (workspace.package_in("server"), workspace.package_in("fuzz")) else {
        return Ok(Tally::default());
    };
    python::ensure(workspace)?;
    // Together with the server, so that all that both need is compiled once.
    let mut cargo = test(session, server);
    cargo.args(["--package", &fuzz.name]);
    name(&mut cargo, fuzz, |_| true);
    name(&mut cargo, server, gives_bad_input);
    count(session, "cargo test: bad input", &mut cargo)
}

fn test(session: &Session<'_>, package: &Package) -> Command {
    let mut cargo = session.workspace.cargo();
    cargo.args(["test", "--no-fail-fast", "--package", &package.name]);
    cargo
}

fn name(cargo: &mut Command, package: &Package, wanted: impl Fn(&str) -> bool) {
    for test in package.tests.iter().filter(|test| wanted(test)) {
        cargo.args(["--test", test]);
    }
}

fn count(session: &mut Session<'_>, title: &str, cargo: &mut Command) -> Result<Tally> {
    if session.is_filtered() {
        cargo.arg("--").args(session.args);
    }
    let mut tally = Tally::default();
    let succeeded = session.run(title, cargo, &mut |line| tally.read_libtest(line))?;
    Ok(tally.with_ending(succeeded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_test_file_says_what_it_needs() {
        assert!(needs_servers("contract_bus"));
        assert!(needs_servers("cluster_two_nodes"));
        assert!(!needs_servers("api"));
        assert!(gives_bad_input("input_raw") && !needs_servers("input_raw"));
    }
}

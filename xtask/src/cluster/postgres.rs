//! PostgreSQL for a cluster: it refuses to be run by root, so root runs it as somebody who may do nothing else.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::READY_WITHIN;
use super::service::Service;
use crate::process;

/// "nobody", on every Linux.
const NOBODY: &str = "65534";

/// Starts an empty server; returns it and the address of its database.
///
/// # Errors
/// When it is not installed, or does not start.
pub(super) fn start(folder: &Path, port: u16) -> Result<(Service, String)> {
    let programs = programs()?;
    let data = folder.join("postgres");
    std::fs::create_dir(&data).context("could not make the database's folder")?;
    if process::is_root() {
        process::run(Command::new("chown").arg(NOBODY).arg(&data), "could not give the database its folder")?;
    }
    let mut initdb = unprivileged(&programs.join("initdb"));
    initdb.args(["--username=trunkline", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]);
    initdb.arg("--pgdata").arg(&data).current_dir(&data).stdout(Stdio::null());
    process::run(&mut initdb, "could not make the database")?;
    let port = port.to_string();
    let mut postgres = unprivileged(&programs.join("postgres"));
    postgres.args(["-p", &port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
    postgres.arg("-D").arg(&data).current_dir(&data);
    let mut service = Service::start("postgres", &mut postgres, folder)?;
    // Its own word: the program that asks for it belongs to another package.
    let log = folder.join("postgres.log");
    service.wait(READY_WITHIN, || {
        std::fs::read_to_string(&log).is_ok_and(|said| said.contains("is ready to accept connections"))
    })?;
    Ok((service, format!("postgres://trunkline@127.0.0.1:{port}/postgres")))
}

fn unprivileged(program: &Path) -> Command {
    if !process::is_root() {
        return Command::new(program);
    }
    let (user, group) = (format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"));
    let mut command = Command::new("setpriv");
    command.args([&user, &group, "--clear-groups"]).arg(program);
    command
}

/// The folder of the newest version; Debian keeps it off everybody's PATH.
fn programs() -> Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    folders.extend(on_path.into_iter().flatten());
    match folders.into_iter().rev().find(|folder| folder.join("initdb").is_file()) {
        Some(folder) => Ok(folder),
        None => bail!("PostgreSQL's server is missing: install it (on Debian: `apt-get install postgresql`)"),
    }
}

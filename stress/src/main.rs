//! Trunkline's load generator: many logged-in users in one thread, over the real protocol, against running nodes.
//!
//! What it measures it also checks: every message is counted, and loss, doubles and disorder are found (the exit code
//! is 1 then). It needs Linux, for `epoll` and `/proc`.
//!
//! # Layout
//!
//! - [`cli`]: what can be asked for
//! - [`users`], [`http`]: accounts, logins and conversations, made through the nodes' own doors
//! - [`load`]: sending, receiving, measuring
//! - [`storm`]: losing a node, and coming back
//! - [`chaos`]: everything that can happen to a cluster, while people talk
//! - [`socket`], [`wire`], [`dialect`]: WebSocket and frames, cheaply; and what others say instead
//! - [`check`]: order, loss and doubles
//! - [`histogram`], [`processes`]: latencies; CPU time and memory of the servers

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks to its user")]

mod chaos;
mod check;
mod cli;
mod dialect;
mod histogram;
mod http;
mod load;
mod processes;
mod socket;
mod storm;
mod users;
mod wire;

use clap::Parser as _;
use cli::{Cli, Command, UsersOptions};
use std::process::ExitCode;
use users::Users;

fn main() -> ExitCode {
    match perform(&Cli::parse().command) {
        Ok((text, well)) => {
            println!("{text}");
            if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("stress: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What is to be printed, and whether all was well.
fn perform(command: &Command) -> anyhow::Result<(String, bool)> {
    match command {
        Command::Users(UsersOptions { users: file, node, count, group }) => {
            let mut users = if file.exists() { Users::load(file)? } else { Users::default() };
            users.grow(node, *count, *group)?;
            users.save(file)?;
            Ok((format!("{} users in {}", users.users.len(), file.display()), true))
        }
        Command::Load(options) => load::run(options),
        Command::Storm(options) => storm::run(options),
        Command::Chaos(options) => chaos::run(options),
    }
}

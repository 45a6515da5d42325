//! One run of the tests: what all parts share, and how they start programs.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::process::{self, Ended};
use crate::progress::{note, shown};
use crate::workspace::Workspace;

/// The longest a part may take, building included.
const PART_LIMIT: Duration = Duration::from_secs(30 * 60);

/// The user asked to stop: nothing more is started.
#[derive(Debug, thiserror::Error)]
#[error("stopped before the end; nothing is summed up")]
pub(super) struct Stopped;

/// What all parts share.
#[derive(Debug)]
pub(super) struct Session<'a> {
    /// The project under test.
    pub(super) workspace: &'a Workspace,
    /// What the user wants the test programs to be given.
    pub(super) args: &'a [String],
    /// Whether a skipped test is a failed one (`CI=true`).
    pub(super) strict: bool,
    /// This program, to be started again for a build that has a time limit.
    pub(super) own: PathBuf,
    interrupted: Arc<AtomicBool>,
    deadline: Instant,
    remarks: Vec<String>,
}

impl<'a> Session<'a> {
    /// Starts a run; from here on Ctrl-C ends it in an orderly way.
    ///
    /// # Errors
    /// When this program cannot find itself, or cannot handle Ctrl-C.
    pub(super) fn new(workspace: &'a Workspace, args: &'a [String]) -> Result<Self> {
        Ok(Self {
            workspace,
            args,
            strict: env::var("CI").is_ok_and(|ci| matches!(ci.as_str(), "true" | "1")),
            own: env::current_exe().context("could not find this program")?,
            interrupted: process::notice_interrupts()?,
            deadline: Instant::now() + PART_LIMIT,
            remarks: Vec::new(),
        })
    }

    /// A part begins: it gets all of the time.
    pub(super) fn begin(&mut self) {
        self.deadline = Instant::now() + PART_LIMIT;
        self.remarks.clear();
    }

    /// Something that belongs under the summary.
    pub(super) fn remark(&mut self, text: String) {
        note(&text);
        self.remarks.push(text);
    }

    /// What was remarked in this part.
    pub(super) fn take_remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }

    /// Whether the user asked for some tests only, so that none may be right.
    pub(super) const fn is_filtered(&self) -> bool {
        !self.args.is_empty()
    }

    /// Runs a program to its end and shows what it says. Returns whether it succeeded; when it did not,
    /// `title` is remarked.
    ///
    /// # Errors
    /// [`Stopped`]; a program that cannot be started; and time that was up, since then the rest of the
    /// part has none left either.
    pub(super) fn run(&mut self, title: &str, command: &mut Command, on_line: &mut dyn FnMut(&str)) -> Result<bool> {
        note(title);
        let started = Instant::now();
        match process::watch(command, self.deadline, &self.interrupted, on_line)? {
            Ended::Exited(status) if status.success() => {
                note(&format!("… {}", shown(started.elapsed())));
                Ok(true)
            }
            Ended::Exited(status) => {
                self.remark(format!("{title}: failed ({})", process::ending(status)));
                Ok(false)
            }
            Ended::TimedOut => {
                anyhow::bail!("{title}: stopped, since this part took longer than {}", shown(PART_LIMIT))
            }
            Ended::Interrupted => Err(Stopped.into()),
        }
    }
}

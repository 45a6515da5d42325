//! Watched programs: their output is read while it is shown, and they end, with all that they started, at
//! the latest when their time is up.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::platform;

/// How often deadline and interruption are looked at while nothing is printed.
const POLL: Duration = Duration::from_millis(50);
/// What a program may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(8);
/// What is read as one line at most.
const LINE: u64 = 64 * 1024;
/// Lines that may wait to be shown; a faster program waits.
const WAITING: usize = 1024;

/// How a watched program ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// By itself.
    Exited(ExitStatus),
    /// Its time was up.
    TimedOut,
    /// The user asked to stop.
    Interrupted,
}

/// Runs a program, shows its output, and gives every line of it to `on_line` as well. What it writes to
/// its error output is shown and not read.
///
/// Whatever it started and left behind is ended too.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn watch(
    command: &mut Command,
    deadline: Instant,
    interrupted: &AtomicBool,
    on_line: &mut dyn FnMut(&str),
) -> Result<Ended> {
    let mut show = |line: String| {
        println!("{line}");
        on_line(&line);
    };
    let mut watched = Watched::start(command, GRACE)?;
    let ended = watched.follow(deadline, interrupted, &mut show)?;
    watched.clear(&mut show);
    Ok(ended)
}

struct Watched {
    child: Child,
    lines: Receiver<String>,
    grace: Duration,
}

impl Watched {
    fn start(command: &mut Command, grace: Duration) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        platform::lead_group(command);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("could not start {program}"))?;
        let (sender, lines) = sync_channel(WAITING);
        if let Some(output) = child.stdout.take() {
            thread::spawn(move || read(output, &sender));
        }
        Ok(Self { child, lines, grace })
    }

    fn follow(&mut self, deadline: Instant, interrupted: &AtomicBool, show: &mut dyn FnMut(String)) -> Result<Ended> {
        loop {
            if let Some(status) = self.listen(show)? {
                return Ok(Ended::Exited(status));
            }
            if interrupted.load(Ordering::Relaxed) {
                self.end(show)?;
                return Ok(Ended::Interrupted);
            }
            if Instant::now() >= deadline {
                self.end(show)?;
                return Ok(Ended::TimedOut);
            }
        }
    }

    /// Waits a moment for a line and shows it. Returns the status once the program has ended.
    fn listen(&mut self, show: &mut dyn FnMut(String)) -> Result<Option<ExitStatus>> {
        match self.lines.recv_timeout(POLL) {
            Ok(line) => show(line),
            Err(RecvTimeoutError::Timeout) => {}
            // It closed its output and still runs.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(POLL),
        }
        self.child.try_wait().context("could not wait for a program")
    }

    /// Lets the program clean up, then ends it.
    fn end(&mut self, show: &mut dyn FnMut(String)) -> Result<()> {
        platform::interrupt_group(&mut self.child);
        let until = Instant::now() + self.grace;
        while Instant::now() < until {
            if self.listen(show)?.is_some() {
                return Ok(());
            }
        }
        platform::kill_group(&mut self.child);
        self.child.wait().context("could not wait for a program")?;
        Ok(())
    }

    /// Ends what the program left behind, and shows what is still in the pipe.
    fn clear(&mut self, show: &mut dyn FnMut(String)) {
        platform::kill_group(&mut self.child);
        // With the group gone the pipe ends; a process that left the group may hold it, and is not waited for.
        let until = Instant::now() + self.grace;
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            show(line);
        }
    }
}

fn read(output: impl Read, lines: &SyncSender<String>) {
    let mut output = BufReader::new(output);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        match output.by_ref().take(LINE).read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned();
        if lines.send(line).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(300);

    fn shell(script: &str, limit: Duration, grace: Duration, interrupted: bool) -> (Ended, Vec<String>, Duration) {
        let started = Instant::now();
        let mut lines = Vec::new();
        let mut show = |line| lines.push(line);
        let mut watched = Watched::start(Command::new("sh").args(["-c", script]), grace).unwrap();
        let ended = watched.follow(started + limit, &AtomicBool::new(interrupted), &mut show).unwrap();
        watched.clear(&mut show);
        (ended, lines, started.elapsed())
    }

    #[test]
    fn every_line_and_the_status_are_seen() {
        let (ended, lines, _) = shell("echo one; printf 'two\\r\\n'; printf three; exit 3", LONG, LONG, false);
        let Ended::Exited(status) = ended else { panic!("{ended:?}") };
        assert_eq!(status.code(), Some(3));
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[test]
    fn a_program_whose_time_is_up_may_clean_up_and_is_ended() {
        let script = "trap 'echo cleaned; exit' INT; echo begun; while :; do sleep 0.05; done";
        let (ended, lines, took) = shell(script, SHORT, LONG, false);
        assert!(matches!(ended, Ended::TimedOut), "{ended:?}");
        assert_eq!(lines, ["begun", "cleaned"]);
        assert!(took < LONG, "{took:?}");
    }

    #[test]
    fn one_that_ignores_the_request_is_ended_too() {
        let (ended, _, took) = shell("trap '' INT; sleep 600; sleep 600", SHORT, SHORT, false);
        assert!(matches!(ended, Ended::TimedOut), "{ended:?}");
        assert!(took < LONG, "{took:?}");
    }

    #[test]
    fn the_user_can_stop_it() {
        let (ended, _, _) = shell("sleep 600", LONG, SHORT, true);
        assert!(matches!(ended, Ended::Interrupted), "{ended:?}");
    }

    #[test]
    fn what_it_leaves_behind_is_ended_and_does_not_hold_us_up() {
        // The child that stays holds the pipe: as long as it lives, clearing waits for all of its grace.
        let (ended, _, took) = shell("sleep 600 & exit 0", LONG, LONG, false);
        assert!(matches!(ended, Ended::Exited(_)), "{ended:?}");
        assert!(took < LONG, "{took:?}");
    }
}

//! What the servers use: CPU time and memory of processes and all their children, from `/proc`.

use anyhow::{Context, Result};
use rustix::param::clock_ticks_per_second;
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};
use std::fs;
use std::str::FromStr;

/// A server that is watched, with all processes below it.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// What it is called in the report.
    pub(crate) name: String,
    /// Its process.
    pub(crate) pid: u32,
}

impl FromStr for Watched {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, pid) = text.split_once('=').ok_or("give name=pid, such as node-1=4711")?;
        let pid = pid.parse().map_err(|_| format!("{pid:?} is not a process id"))?;
        Ok(Self { name: name.to_owned(), pid })
    }
}

/// Memory in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Resident, what is shared counted in full.
    pub(crate) rss: u64,
    /// Resident, what is shared counted in shares.
    pub(crate) pss: u64,
}

impl Watched {
    /// CPU time in microseconds so far, user and system, to the clock tick (10 ms). What ended children have used
    /// counts too: it moves to their parent.
    ///
    /// # Errors
    /// If the process is gone.
    pub(crate) fn cpu_micros(&self) -> Result<u64> {
        let mut ticks = 0;
        for pid in tree(self.pid) {
            match fs::read_to_string(format!("/proc/{pid}/stat")) {
                Ok(stat) => ticks += ticks_of(&stat, pid == self.pid).context("/proc is not as expected")?,
                Err(error) if pid == self.pid => {
                    return Err(error).with_context(|| format!("{} (process {pid}) is gone", self.name));
                }
                // A child may end at any moment.
                Err(_) => {}
            }
        }
        Ok(ticks * 1_000_000 / clock_ticks_per_second())
    }

    /// Memory now.
    pub(crate) fn memory(&self) -> Memory {
        let mut memory = Memory::default();
        for pid in tree(self.pid) {
            let Ok(rollup) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
            memory.rss += kib(&rollup, "Rss:");
            memory.pss += kib(&rollup, "Pss:");
        }
        memory
    }
}

/// CPU time of this process so far, in microseconds.
///
/// # Errors
/// If `/proc` can not be read.
pub(crate) fn own_cpu_micros() -> Result<u64> {
    Watched { name: "stress".to_owned(), pid: std::process::id() }.cpu_micros()
}

/// Keeps this process on one core from now on, so that it takes nothing from the servers on the others.
///
/// # Errors
/// If there is no such core.
pub(crate) fn stay_on(core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).with_context(|| format!("can not run on core {core}"))
}

/// A process and everything below it.
fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut at = 0;
    while let Some(&pid) = found.get(at) {
        at += 1;
        let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
        for task in tasks.flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    found
}

/// User and system time of one line of `/proc/PID/stat`, with those of children that ended if asked for.
fn ticks_of(stat: &str, with_ended: bool) -> Option<u64> {
    // The name, in parentheses, may contain anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    // utime, stime, cutime and cstime are fields 14 to 17 of the line, the state behind the name being the third.
    let wanted = if with_ended { 11..15 } else { 11..13 };
    fields.get(wanted)?.iter().map(|field| field.parse::<u64>().ok()).sum()
}

fn kib(rollup: &str, name: &str) -> u64 {
    let line = rollup.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Whether a process is there.
pub(crate) fn is_there(pid: u32) -> bool {
    i32::try_from(pid).ok().and_then(Pid::from_raw).is_some() && fs::exists(format!("/proc/{pid}")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    #[test]
    fn times_are_found_behind_a_name_with_parentheses_in_it() {
        let stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 100 20 3 4 20 0 1 0 5";
        assert_eq!((ticks_of(stat, false), ticks_of(stat, true)), (Some(120), Some(127)));
    }

    #[test]
    fn the_work_of_children_counts() {
        let script = "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; echo done; read wait";
        let shell = format!("({script}); true");
        let mut child = Command::new("sh").args(["-c", &shell]).stdin(Stdio::piped()).spawn().unwrap();
        let watched = Watched { name: "sh".to_owned(), pid: child.id() };
        let start = Instant::now();
        while watched.cpu_micros().unwrap() < 50_000 {
            assert!(start.elapsed() < Duration::from_secs(30), "no work was seen");
            std::thread::yield_now();
        }
        assert!(watched.memory().pss > 0);
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(watched.cpu_micros().is_err());
    }

    #[test]
    fn a_process_is_named_with_its_id() {
        let watched: Watched = "node-1=4711".parse().unwrap();
        assert_eq!((watched.name.as_str(), watched.pid), ("node-1", 4711));
        assert!("node-1".parse::<Watched>().is_err() && "node=x".parse::<Watched>().is_err());
    }
}

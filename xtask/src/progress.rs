//! What the user sees: which step this is, of how many, and how long it took.

use std::time::{Duration, Instant};

/// A row of steps whose number is known.
#[derive(Debug)]
pub(crate) struct Progress {
    of: usize,
    done: usize,
}

impl Progress {
    /// Nothing done yet, of this many steps.
    pub(crate) const fn new(of: usize) -> Self {
        Self { of, done: 0 }
    }

    /// Announces a step, performs it, and says how long it took. The step may print below its title.
    ///
    /// # Errors
    /// Those of the step.
    pub(crate) fn step<T>(&mut self, title: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.announce(title);
        let started = Instant::now();
        let result = work()?;
        println!("      … {}", shown(started.elapsed()));
        Ok(result)
    }

    /// Announces a step that never returns.
    pub(crate) fn announce(&mut self, title: &str) {
        self.done += 1;
        println!("[{}/{}] {title}", self.done, self.of);
    }
}

/// A remark on the step under way.
pub(crate) fn note(text: &str) {
    println!("      {text}");
}

/// A length of time as people say it: `0.4 s`, `41 s`, `3 min 20 s`.
pub(crate) fn shown(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    let seconds = (time.as_millis() + 500) / 1000;
    match seconds {
        0..10 => format!("{}.{} s", tenths / 10, tenths % 10),
        10..120 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_exact_as_they_matter() {
        assert_eq!(shown(Duration::from_millis(340)), "0.3 s");
        assert_eq!(shown(Duration::from_millis(9_460)), "9.5 s");
        assert_eq!(shown(Duration::from_secs(41)), "41 s");
        assert_eq!(shown(Duration::from_secs(200)), "3 min 20 s");
    }
}

//! What was found, as Markdown.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Some runs' value of one figure.
#[derive(Clone, Debug, Default)]
pub(super) struct Figure(Vec<f64>);

impl Figure {
    /// One more run.
    pub(super) fn add(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    /// The one in the middle, of an even number the lower one.
    pub(super) fn median(&self) -> f64 {
        self.0.get(self.0.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
    }

    /// The largest one.
    pub(super) fn most(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    /// Median, and what the runs lay between.
    pub(super) fn show(&self, digits: usize) -> String {
        let (Some(least), Some(most)) = (self.0.first(), self.0.last()) else { return "–".to_owned() };
        let median = self.median();
        if self.0.len() == 1 {
            return format!("{median:.digits$}");
        }
        format!("**{median:.digits$}** ({least:.digits$} to {most:.digits$})")
    }
}

/// A table of these columns.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    text.push_str(&line(&head.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>()));
    text.push_str(&line(&vec!["---".to_owned(); head.len()]));
    rows.iter().for_each(|row| text.push_str(&line(row)));
    text
}

/// Puts text between the markers of this name in a document, in the place of what stood there.
///
/// # Errors
/// If the document has no such markers or can not be written.
pub(crate) fn replace(document: &Path, name: &str, text: &str) -> Result<()> {
    let before = fs::read_to_string(document).with_context(|| format!("could not read {}", document.display()))?;
    let after =
        between(&before, name, text).with_context(|| format!("{} has no place for {name}", document.display()))?;
    fs::write(document, after).with_context(|| format!("could not write {}", document.display()))
}

fn between(document: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{}\n{end}{after}", text.trim_end()))
}

/// The machine and the versions of what was measured.
pub(crate) fn machine(versions: &[(&str, String)]) -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':'));
        line.map_or_else(String::new, |(_, value)| value.trim().to_owned())
    };
    let (processor, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let cores = processor.lines().filter(|line| line.starts_with("processor")).count();
    let gib = value(&memory, "MemTotal").trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1024.0 / 1024.0;
    let kernel = read("/proc/sys/kernel/osrelease");
    let mut text = format!(
        "{cores} cores of {}, {gib:.0} GiB, Linux {}",
        value(&processor, "model name"),
        kernel.trim().split('-').next().unwrap_or_default()
    );
    for (name, version) in versions {
        // Into a `String` nothing can fail.
        let _ = write!(text, "; {name} {version}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_shows_its_median_and_its_spread() {
        let mut figure = Figure::default();
        assert_eq!(figure.show(1), "–");
        for value in [3.0, 1.0, 2.04] {
            figure.add(value);
        }
        assert_eq!(figure.show(1), "**2.0** (1.0 to 3.0)");
    }

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let document = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n";
        assert_eq!(between(document, "x", "new\n").unwrap(), "a\n<!-- x: begin -->\nnew\n<!-- x: end -->\nb\n");
        assert!(between(document, "y", "new").is_none());
    }
}

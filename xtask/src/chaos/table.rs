//! What was found, as Markdown: a table of fault and invariant, and what did not happen.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::Wanted;
use crate::bench::table;
use crate::progress::shown;

/// How many invariants there are.
const INVARIANTS: usize = 17;
/// The columns behind the invariants.
const FIGURES: [&str; 7] = ["acks", "deliveries", "doubled", "lost", "worst recovery", "slowest delivery", "rounds"];

/// The rows of one fault, on all databases and in all rounds.
#[derive(Debug, Default)]
struct Line<'a>(Vec<&'a Value>);

impl Line<'_> {
    fn sum(&self, name: &str) -> u64 {
        self.0.iter().filter_map(|row| row[name].as_u64()).sum()
    }

    fn most(&self, name: &str) -> String {
        let most = self.0.iter().filter_map(|row| row[name].as_u64()).max().unwrap_or_default();
        format!("{:.1} s", most as f64 / 1000.0)
    }

    /// Whether an invariant held in every round in which it was looked at.
    fn held(&self, invariant: usize) -> &'static str {
        let of = |row: &&Value| row["held"][invariant].as_str().map(str::to_owned).unwrap_or_default();
        let all: Vec<_> = self.0.iter().map(of).collect();
        match all {
            all if all.iter().any(|held| held == "no") => "**✗**",
            all if all.iter().any(|held| held == "yes") => "✓",
            _ => "·",
        }
    }

    fn cells(&self, fault: &str) -> Vec<String> {
        let mut cells = vec![fault.to_owned()];
        cells.extend((0..INVARIANTS).map(|invariant| self.held(invariant).to_owned()));
        cells.extend(["acks", "deliveries", "duplicates", "losses"].map(|name| self.sum(name).to_string()));
        cells.extend(["recovery", "slowest"].map(|name| self.most(name)));
        cells.push(self.0.len().to_string());
        cells
    }
}

/// The text between the document's markers.
pub(super) fn render(rows: &[Value], wanted: &Wanted) -> String {
    let (mut alone, mut pairs): (Vec<(String, Line<'_>)>, Line<'_>) = (Vec::new(), Line::default());
    let mut impossible: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut wrong = String::new();
    for row in rows {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        if row["impossible"].is_string() {
            impossible.entry((text("fault"), text("impossible"))).or_default().push(text("database"));
            continue;
        }
        for what in row["wrong"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let _ = writeln!(wrong, "- {}, {}: {what:.600}", text("database"), text("fault"));
        }
        if text("name").contains(" + ") {
            pairs.0.push(row);
        } else if let Some((_, line)) = alone.iter_mut().find(|(fault, _)| *fault == text("fault")) {
            line.0.push(row);
        } else {
            alone.push((text("fault"), Line(vec![row])));
        }
    }
    let numbers = (1..=INVARIANTS).map(|number| format!("I{number}"));
    let head: Vec<_> = [String::new()].into_iter().chain(numbers).chain(FIGURES.map(str::to_owned)).collect();
    let head: Vec<_> = head.iter().map(String::as_str).collect();
    let mut body: Vec<_> = alone.iter().map(|(fault, line)| line.cells(fault)).collect();
    if !pairs.0.is_empty() {
        body.push(pairs.cells(&format!("{} random pairs", pairs.0.len())));
    }
    let everything = Line(rows.iter().filter(|row| !row["impossible"].is_string()).collect());
    body.push(everything.cells("**all**"));
    let took = shown(Duration::from_millis(everything.sum("took")));
    let mut text = format!("`{}`: {took} in all. {}.\n\n", command(wanted), table::machine(&[]));
    text.push_str(&table::table(&head, &body));
    for ((fault, why), databases) in &impossible {
        let _ = writeln!(text, "\nNot possible with {}: {fault}, since {why}.", databases.join(" and "));
    }
    if !wrong.is_empty() {
        let _ = writeln!(text, "\nWrong:\n\n{wrong}");
    }
    text
}

/// What was typed.
fn command(wanted: &Wanted) -> String {
    let mut text = "cargo xtask chaos".to_owned();
    wanted.faults.iter().for_each(|fault| text.push_str(&format!(" --fault {fault}")));
    if wanted.pairs > 0 {
        text.push_str(&format!(" --pairs {}", wanted.pairs));
    }
    text.push_str(&format!(" --seed {}", wanted.seed));
    text.push_str(if wanted.brief { " --brief" } else { "" });
    text.push_str(if wanted.long { " --long" } else { "" });
    wanted.old.iter().for_each(|old| text.push_str(&format!(" --old {old}")));
    text
}

/// Puts it into the document.
///
/// # Errors
/// If there is no such document, or no place in it.
pub(super) fn write(document: &Path, text: &str) -> Result<()> {
    table::replace(document, "chaos", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::tests::wanted;
    use serde_json::json;

    fn row(fault: &str, held: &str, wrong: &[&str]) -> Value {
        json!({
            "fault": fault, "name": fault, "database": "SQLite", "impossible": null, "what": "", "wrong": wrong,
            "held": vec![held; INVARIANTS], "acks": 5, "deliveries": 10, "duplicates": 0, "losses": 1,
            "recovery": 1200, "slowest": 300, "took": 1,
        })
    }

    #[test]
    fn what_was_broken_once_is_broken_and_sums_are_over_all_rounds() {
        let rows =
            [row("a", "yes", &[]), row("a", "no", &["I1: gone"]), row("b", "unasked", &[]), row("a + b", "yes", &[])];
        let text = render(&rows, &wanted());
        let line = |begin: &str| text.lines().find(|line| line.starts_with(begin)).unwrap().to_owned();
        assert!(line("| a |").contains("**✗**") && line("| a |").ends_with("| 10 | 20 | 0 | 2 | 1.2 s | 0.3 s | 2 |"));
        assert!(line("| b |").contains("| · |") && line("| 1 random pairs |").contains("| ✓ |"));
        assert!(line("| **all** |").ends_with("| 20 | 40 | 0 | 4 | 1.2 s | 0.3 s | 4 |"));
        assert!(text.contains("`cargo xtask chaos --pairs 1 --seed 3`") && text.contains("- SQLite, a: I1: gone"));
    }

    #[test]
    fn what_did_not_happen_is_named_with_its_reason() {
        let rows =
            [json!({"fault": "loss", "name": "loss", "database": "SQLite", "impossible": "no root", "wrong": []})];
        let text = render(&rows, &wanted());
        assert!(text.contains("Not possible with SQLite: loss, since no root."), "{text}");
    }
}

//! Real processes under faults: the short form of `cargo xtask chaos`, a test for each fault on each database.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::session::Session;
use super::tally::Tally;
use crate::chaos;

/// Lets everything happen.
///
/// # Errors
/// When the run is stopped, or left nothing.
pub(super) fn chaos(session: &mut Session<'_>) -> Result<Tally> {
    if session.workspace.package_in("stress").is_none() {
        return Ok(Tally::default());
    }
    let report = chaos::report(session.workspace);
    if report.exists() {
        fs::remove_file(&report).with_context(|| format!("could not remove {}", report.display()))?;
    }
    let mut command = Command::new(&session.own);
    let succeeded = session.run("cargo xtask chaos --brief", command.args(["chaos", "--brief"]), &mut |_| {})?;
    let rows = fs::read(&report).ok().and_then(|text| serde_json::from_slice::<Vec<Value>>(&text).ok());
    let rows = rows.unwrap_or_default();
    for row in &rows {
        if let Some(why) = row["impossible"].as_str() {
            session.remark(format!("not possible: {} with {}, since {why}", said(row, "fault"), said(row, "database")));
        }
        for wrong in row["wrong"].as_array().into_iter().flatten().filter_map(Value::as_str).take(3) {
            session.remark(format!("{} with {}: {wrong:.300}", said(row, "fault"), said(row, "database")));
        }
    }
    Ok(tally(&rows).with_ending(succeeded))
}

fn said<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

/// Each row is a test. What this machine or the database can not do was no test: it is named, and nothing is said of it.
fn tally(rows: &[Value]) -> Tally {
    let mut tally = Tally::default();
    for row in rows.iter().filter(|row| row["impossible"].is_null()) {
        match row["wrong"].as_array().is_some_and(Vec::is_empty) {
            true => tally.passed += 1,
            false => tally.failed += 1,
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_fault_that_happened_is_a_test() {
        let rows = [
            json!({"fault": "a", "impossible": null, "wrong": []}),
            json!({"fault": "b", "impossible": null, "wrong": ["I1: gone"]}),
            json!({"fault": "c", "impossible": "no root", "wrong": []}),
        ];
        assert_eq!(tally(&rows), Tally { passed: 1, failed: 1, skipped: 0 });
    }
}

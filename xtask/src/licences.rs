//! The list of the crates that are compiled into the binary or the browser's bundle, by licence.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::tools::rust::WASM_TARGET;
use crate::workspace::Workspace;

/// What ships, and for which platform the list is made. Other systems differ in what links to them.
const SHIPPED: [(&str, &str); 2] = [("server", "x86_64-unknown-linux-gnu"), ("frontend", WASM_TARGET)];

const HEAD: &str = "# Third-party licences

The crates that are compiled into the binary or the browser's bundle, by licence as they state it. Their texts are in
the crates' own archives. The binary contains SQLite too, which is in the public domain, and jemalloc, which has the
BSD-2-Clause licence (in the archive of `tikv-jemalloc-sys`). `cargo xtask licences` writes this file.
";

/// Names of crates by licence.
type Licences = BTreeMap<String, BTreeSet<String>>;

/// Where the list is.
fn path(workspace: &Workspace) -> PathBuf {
    workspace.root.join("docs/THIRD-PARTY.md")
}

/// Writes the list anew.
///
/// # Errors
/// When cargo does not describe the packages, or the file can not be written.
pub(crate) fn write(workspace: &Workspace) -> Result<PathBuf> {
    let path = path(workspace);
    fs::write(&path, list(workspace)?).with_context(|| format!("could not write {}", path.display()))?;
    Ok(path)
}

/// Whether the list is what [`write()`] would write.
///
/// # Errors
/// When cargo does not describe the packages.
pub(crate) fn is_current(workspace: &Workspace) -> Result<bool> {
    let wanted = list(workspace)?;
    Ok(fs::read_to_string(path(workspace)).is_ok_and(|found| found == wanted))
}

fn list(workspace: &Workspace) -> Result<String> {
    let mut licences = Licences::new();
    for (folder, platform) in SHIPPED {
        let package = workspace.package_in(folder).with_context(|| format!("there is no package in {folder}"))?;
        let mut cargo = workspace.cargo();
        cargo.args(["metadata", "--format-version", "1", "--locked", "--all-features", "--filter-platform", platform]);
        let output = cargo.output().context("could not start cargo")?;
        if !output.status.success() {
            bail!("cargo did not describe the packages:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        let metadata = serde_json::from_slice(&output.stdout).context("cargo's description can not be read")?;
        collect(&metadata, &package.name, &mut licences).context("cargo's description is not as expected")?;
    }
    Ok(render(&licences))
}

/// Adds what `root` is compiled from, itself and the other members left out. What only builds or tests it is not in it.
fn collect(metadata: &Value, root: &str, licences: &mut Licences) -> Option<()> {
    let by_id = |list: &Value| -> Option<BTreeMap<String, Value>> {
        let entries = list.as_array()?.iter();
        entries.map(|entry| Some((entry["id"].as_str()?.to_owned(), entry.clone()))).collect()
    };
    let (packages, nodes) = (by_id(&metadata["packages"])?, by_id(&metadata["resolve"]["nodes"])?);
    let is_root = |package: &Value| package["name"] == root && package["source"].is_null();
    let mut waiting: Vec<&str> = packages.iter().filter(|(_, package)| is_root(package)).map(|(id, _)| &**id).collect();
    let mut seen: BTreeSet<&str> = waiting.iter().copied().collect();
    while let Some(id) = waiting.pop() {
        let package = packages.get(id)?;
        if !package["source"].is_null() {
            let stated = package["license"].as_str().unwrap_or("a licence of its own");
            // Cargo took a slash for "or" once.
            let licence = stated.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ");
            licences.entry(licence).or_default().insert(package["name"].as_str()?.to_owned());
        }
        for dependency in nodes.get(id)?["deps"].as_array()? {
            // Neither for building nor for tests.
            let is_compiled_in = dependency["dep_kinds"].as_array()?.iter().any(|kind| kind["kind"].is_null());
            let dependency = dependency["pkg"].as_str()?;
            if is_compiled_in && seen.insert(dependency) {
                waiting.push(dependency);
            }
        }
    }
    Some(())
}

/// The most frequent licence first.
fn render(licences: &Licences) -> String {
    let mut sorted: Vec<_> = licences.iter().collect();
    sorted.sort_by_key(|(licence, crates)| (usize::MAX - crates.len(), *licence));
    let mut text = HEAD.to_owned();
    for (licence, crates) in sorted {
        let crates: Vec<_> = crates.iter().map(|name| format!("`{name}`")).collect();
        // Writing to a string cannot fail.
        let _ = write!(text, "\n## {licence}\n\n{}\n", crates.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_compiled_in_is_listed() {
        let package = |id: &str, licence: Option<&str>| {
            let source = (id != "own" && id != "tool").then_some("registry");
            json!({"id": id, "name": id, "source": source, "license": licence})
        };
        let node = |id: &str, deps: &[(&str, Option<&str>)]| {
            let dependency = |&(pkg, kind): &(&str, Option<&str>)| json!({"pkg": pkg, "dep_kinds": [{"kind": kind}]});
            json!({"id": id, "deps": deps.iter().map(dependency).collect::<Vec<_>>()})
        };
        let metadata = json!({
            "packages": [
                package("own", Some("MIT")), package("tool", Some("MIT")), package("a", Some("MIT / Apache-2.0")),
                package("b", Some("MIT")), package("c", Some("MIT")), package("built", Some("Zlib")),
                package("odd", None), package("strange", Some("GPL-3.0")),
            ],
            "resolve": {"nodes": [
                node("own", &[("a", None), ("built", Some("build")), ("strange", Some("dev"))]),
                node("tool", &[("strange", None)]), node("a", &[("b", None), ("c", None)]), node("b", &[("odd", None)]),
                node("c", &[]), node("built", &[]), node("odd", &[]), node("strange", &[]),
            ]},
        });
        let mut licences = Licences::new();
        collect(&metadata, "own", &mut licences).unwrap();
        let text = render(&licences);
        let list = text.strip_prefix(HEAD).unwrap();
        assert_eq!(list, "\n## MIT\n\n`b`, `c`\n\n## MIT OR Apache-2.0\n\n`a`\n\n## a licence of its own\n\n`odd`\n");
    }
}

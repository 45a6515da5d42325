//! A server of an earlier revision, to share a cluster with today's: nodes are replaced one after the other, so for a
//! while two versions write to one database and speak over one Redis.
//!
//! Its dependencies are those of today's server and are not compiled again, as far as the versions are the same. What was
//! built is kept by its revision. It is put in its place when it is whole, so what a run leaves that was ended in
//! the middle is taken for no server.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::Wanted;
use super::sources::{self, Missing};
use crate::pipeline::SERVER;
use crate::process;
use crate::progress::note;
use crate::workspace::{NAME, Workspace};

/// The predecessor, if no other is named: 0.1.0 as it was before nodes gathered moves of cursors into bundles, so that
/// what the two write and tell each other really differs.
///
/// A database that was brought forward is refused by every server that does not know its schema, and this one
/// starts on today's. So it has to know the last of the steps in `server/src/store/{sqlite,postgres}/schema`: where a step is
/// added, name a revision that has it. A release names the one before it.
const EARLIER: &str = "75ed19857e30108911be776fce0fa823c2733204";
/// The fault that needs it, as `stress` names it.
const FAULT: &str = "old-and-new";

/// Whom today's server can share a cluster with.
#[derive(Debug)]
pub(super) enum Earlier {
    /// A server, by its binary.
    Server(PathBuf),
    /// Nobody, for this reason.
    Missing(Missing),
    /// Nobody, since nothing of what shall happen needs one.
    Unasked,
}

/// Whether anything needs it. Pairs of faults that were named do not: they do without what is not there.
pub(super) fn is_asked(wanted: &Wanted) -> bool {
    wanted.old.is_some() || wanted.faults.is_empty() || wanted.faults.iter().any(|fault| fault == FAULT)
}

/// Finds it, or builds it. What can not be had here is an error only if it was named.
///
/// # Errors
/// If there is no such revision as was named, or it does not build.
pub(super) fn server(workspace: &Workspace, wanted: &Wanted) -> Result<Earlier> {
    let commit = match &wanted.old {
        Some(revision) => sources::commit(&workspace.root, revision)?,
        None => EARLIER.to_owned(),
    };
    let folder = workspace.own().join("earlier").join(&commit);
    let kept = folder.join(NAME);
    if kept.is_file() {
        note("It was built before.");
        return Ok(Earlier::Server(kept));
    }
    let missing = if wanted.built { Some(Missing::Build) } else { sources::commit(&workspace.root, &commit).err() };
    match missing {
        None => build(workspace, &commit, &folder).map(|()| Earlier::Server(kept)),
        Some(missing) if wanted.old.is_none() => {
            note(&format!("Not possible here: {missing}."));
            Ok(Earlier::Missing(missing))
        }
        Some(missing) => Err(missing.into()),
    }
}

/// Leaves the binary in the folder, and nothing beside it.
fn build(workspace: &Workspace, commit: &str, folder: &Path) -> Result<()> {
    let (copy, target) = (folder.join("sources"), folder.join("target"));
    sources::unpack(&workspace.root, commit, &copy)?;
    let manifest = copy.join("Cargo.toml");
    hold_apart(workspace, commit, &manifest)?;
    // From today's folder, so that the compiler's flags are today's: cargo reads them where it is started, and in all
    // folders above, and would take those of a copy inside of this folder twice.
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--package", SERVER, "--bin", NAME]).arg("--manifest-path").arg(&manifest);
    // Only what comes of it goes elsewhere, or it would take the place of today's binary. A cargo that is older than
    // this setting (1.91) puts everything elsewhere, and compiles everything.
    cargo.arg("--target-dir").arg(&target).env("CARGO_BUILD_BUILD_DIR", &workspace.build);
    process::run(&mut cargo, &format!("the server of {commit} does not build"))?;
    let built = target.join("debug").join(NAME);
    fs::rename(&built, folder.join(NAME)).with_context(|| format!("could not move {}", built.display()))?;
    [copy, target].iter().try_for_each(|done| sources::clear(done))
}

/// Gives its packages a version of their own. Where two workspaces share a folder for builds, cargo tells their packages
/// apart by name, version and place in the workspace, which are the same in both; it would take one's library for the other's, and
/// even for fresh, since the files of the earlier one are older than what was built of today's.
fn hold_apart(workspace: &Workspace, commit: &str, manifest: &Path) -> Result<()> {
    let mark = format!("+{commit}");
    let text = fs::read_to_string(manifest).with_context(|| format!("could not read {}", manifest.display()))?;
    let text = marked(&text, &mark).with_context(|| format!("the packages of {commit} have no version in common"))?;
    fs::write(manifest, text).with_context(|| format!("could not write {}", manifest.display()))?;
    let mut cargo = workspace.cargo();
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]).arg("--manifest-path").arg(manifest);
    let output = cargo.output().context("could not start cargo")?;
    if !output.status.success() {
        bail!("cargo can not read {commit}:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    match unmarked(&serde_json::from_slice(&output.stdout)?, &mark) {
        Some(package) => bail!("the package {package} of {commit} could be taken for today's: its version is its own"),
        None => Ok(()),
    }
}

/// The manifest of a workspace with the mark behind the version that its packages share.
fn marked(manifest: &str, mark: &str) -> Option<String> {
    let at = manifest.find("[workspace.package]")?;
    let (before, table) = manifest.split_at(at);
    let (head, rest) = table.split_once("\nversion = \"")?;
    let (version, after) = rest.split_once('"')?;
    // Another table begins before that.
    if head.contains("\n[") {
        return None;
    }
    Some(format!("{before}{head}\nversion = \"{version}{mark}\"{after}"))
}

/// A package without the mark, in what cargo says of a workspace.
fn unmarked(metadata: &Value, mark: &str) -> Option<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut without = packages.filter(|package| !package["version"].as_str().is_some_and(|it| it.ends_with(mark)));
    without.next().map(|package| package["name"].as_str().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::tests::wanted;
    use serde_json::json;

    #[test]
    fn the_predecessor_is_named_in_full() {
        assert!(EARLIER.len() == 40 && EARLIER.bytes().all(|byte| byte.is_ascii_hexdigit()), "{EARLIER}");
    }

    #[test]
    fn only_what_needs_an_earlier_server_asks_for_one() {
        let of = |faults: &[&str], old: Option<&str>| {
            let faults = faults.iter().map(|&fault| fault.to_owned()).collect();
            is_asked(&Wanted { faults, old: old.map(str::to_owned), ..wanted() })
        };
        assert!(of(&[], None) && of(&["loss", FAULT], None) && of(&["loss"], Some("main")));
        assert!(!of(&["loss"], None));
    }

    #[test]
    fn packages_get_a_version_of_their_own() {
        let manifest = "[package]\nversion = \"9\"\n[workspace.package]\nedition = \"x\"\nversion = \"0.1.0\"\n[x]\n";
        let expected = manifest.replace("0.1.0", "0.1.0+ab");
        assert_eq!(marked(manifest, "+ab"), Some(expected));
        assert_eq!(marked("[workspace.package]\nedition = \"x\"\n[x]\nversion = \"1\"\n", "+ab"), None);
        assert_eq!(marked("[workspace]\n", "+ab"), None);
    }

    #[test]
    fn a_package_that_kept_its_version_is_found() {
        let of = |version| json!({"packages": [{"name": "a", "version": "1+ab"}, {"name": "b", "version": version}]});
        assert_eq!(unmarked(&of("1+ab"), "+ab"), None);
        assert_eq!(unmarked(&of("1"), "+ab"), Some("b".to_owned()));
    }
}

//! The copy of the sources that bugs are planted into.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::bug::Bug;
use crate::workspace::Workspace;

/// The package that is built.
const PACKAGE: &str = "trunkline-sim";
/// Its program.
const PROGRAM: &str = "sim";

/// See the module.
#[derive(Debug)]
pub(super) struct Copy<'a> {
    workspace: &'a Workspace,
    sources: PathBuf,
    target: PathBuf,
}

impl<'a> Copy<'a> {
    /// In the workspace's target folder.
    pub(super) fn new(workspace: &'a Workspace) -> Self {
        let folder = workspace.target.join("planted");
        Self { workspace, sources: folder.join("workspace"), target: folder.join("build") }
    }

    /// Makes it the same as the tracked files. What is the same already is left alone, so that cargo sees what changed.
    ///
    /// # Errors
    /// When this is no git repository, or something can not be written.
    pub(super) fn refresh(&self) -> Result<()> {
        let root = &self.workspace.root;
        let git =
            Command::new("git").current_dir(root).args(["ls-files", "-z"]).output().context("could not start git")?;
        if !git.status.success() {
            bail!("git does not know which files belong here:\n{}", String::from_utf8_lossy(&git.stderr));
        }
        let mut wanted = BTreeSet::new();
        for name in String::from_utf8(git.stdout).context("a file's name is not UTF-8")?.split_terminator('\0') {
            // Cargo reads the settings in the folders above too, and would take every compiler flag twice.
            if name.starts_with(".cargo/") && self.sources.starts_with(root) {
                continue;
            }
            let from = root.join(name);
            // Gone, but not committed yet.
            if from.is_file() {
                copy(&from, &self.sources.join(name))?;
                wanted.insert(self.sources.join(name));
            }
        }
        remove_others(&self.sources, &wanted)
    }

    /// Plants a bug.
    ///
    /// # Errors
    /// When the patch does not apply.
    pub(super) fn plant(&self, bug: &Bug) -> Result<()> {
        let applied = bug.apply(&self.sources).arg(&bug.patch).output().context("could not start git")?;
        if !applied.status.success() {
            bail!("{} does not apply any more:\n{}", bug.name, String::from_utf8_lossy(&applied.stderr));
        }
        Ok(())
    }

    /// Builds the simulation of it.
    pub(super) fn build(&self) -> Command {
        let mut cargo = self.workspace.cargo();
        cargo.current_dir(&self.sources).args(["build", "--quiet", "--package", PACKAGE]);
        // Nobody looks into it with a debugger, and it is built once for each bug.
        cargo.env("CARGO_TARGET_DIR", &self.target).env("CARGO_PROFILE_DEV_DEBUG", "none");
        cargo
    }

    /// What [`Copy::build`] makes.
    pub(super) fn program(&self) -> PathBuf {
        self.target.join("debug").join(PROGRAM).with_extension(std::env::consts::EXE_EXTENSION)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let new = fs::read(from).with_context(|| format!("could not read {}", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
    }
    fs::write(to, new).with_context(|| format!("could not write {}", to.display()))
}

fn remove_others(folder: &Path, wanted: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, wanted)?;
        } else if !wanted.contains(&path) {
            fs::remove_file(&path).with_context(|| format!("could not remove {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_is_not_written_again_and_what_is_not_wanted_goes() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to, other) = (folder.path().join("from"), folder.path().join("a/to"), folder.path().join("a/other"));
        fs::write(&from, "one").unwrap();
        copy(&from, &to).unwrap();
        let written = fs::metadata(&to).unwrap().modified().unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::metadata(&to).unwrap().modified().unwrap(), written);
        fs::write(&other, "planted").unwrap();
        remove_others(&folder.path().join("a"), &BTreeSet::from([to.clone()])).unwrap();
        assert!(to.is_file() && !other.exists());
    }
}

//! A planted bug: a unified diff with two lines before it, `Bug: what it is` and `Caught by: I1, I11`, and with a third,
//! `Seeds: 1500`, where it shows so seldom that the seeds of the others are too few.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::workspace::Workspace;

/// Where the patches are.
const FOLDER: &str = "sim/planted";

/// A patch and what it says of itself.
#[derive(Debug, Default)]
pub(super) struct Bug {
    /// Its file, without the ending.
    pub(super) name: String,
    /// What is wrong, in words.
    pub(super) what: String,
    /// The invariants that it breaks; any of them may catch it.
    pub(super) expected: Vec<u8>,
    /// How many seeds it has at least.
    pub(super) seeds: u64,
    /// The patch.
    pub(super) patch: PathBuf,
}

impl Bug {
    /// All of them by name, or those of these names.
    ///
    /// # Errors
    /// When one of these names is none, or a patch says nothing of itself.
    pub(super) fn all(workspace: &Workspace, names: &[String]) -> Result<Vec<Self>> {
        let folder = workspace.root.join(FOLDER);
        let files = fs::read_dir(&folder).with_context(|| format!("could not read {FOLDER}"))?;
        let mut patches = Vec::new();
        for file in files {
            let path = file?.path();
            if path.extension().is_some_and(|ending| ending == "patch") {
                patches.push(path);
            }
        }
        patches.sort();
        let bugs = patches.into_iter().map(Self::read).collect::<Result<Vec<_>>>()?;
        if let Some(unknown) = names.iter().find(|name| bugs.iter().all(|bug| bug.name != **name)) {
            bail!("there is no {unknown}.patch in {FOLDER}");
        }
        Ok(bugs.into_iter().filter(|bug| names.is_empty() || names.contains(&bug.name)).collect())
    }

    fn read(patch: PathBuf) -> Result<Self> {
        let text = fs::read_to_string(&patch).with_context(|| format!("could not read {}", patch.display()))?;
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (what, expected, seeds) =
            head(&text).with_context(|| format!("{name}.patch does not begin with what it is"))?;
        Ok(Self { name, what, expected, seeds, patch })
    }

    /// `git apply` for this patch in a folder, whatever repository that folder is in.
    pub(super) fn apply(&self, folder: &Path) -> Command {
        let mut git = Command::new("git");
        git.current_dir(folder).arg("apply").env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder));
        git
    }
}

fn head(text: &str) -> Option<(String, Vec<u8>, u64)> {
    let mut lines = text.lines();
    let what = lines.next()?.strip_prefix("Bug: ")?.trim();
    let by = lines.next()?.strip_prefix("Caught by: ")?;
    let expected: Option<Vec<u8>> = by.split(", ").map(|name| name.trim().strip_prefix('I')?.parse().ok()).collect();
    let seeds = match lines.next().and_then(|line| line.strip_prefix("Seeds: ")) {
        Some(seeds) => seeds.trim().parse().ok()?,
        None => 0,
    };
    Some((what.to_owned(), expected?, seeds))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many there have to be at least.
    const FEWEST: usize = 35;

    #[test]
    fn every_patch_applies_to_the_sources_as_they_are() {
        let workspace = Workspace::find().unwrap();
        let bugs = Bug::all(&workspace, &[]).unwrap();
        assert!(bugs.len() >= FEWEST, "{} planted bugs", bugs.len());
        for bug in bugs {
            let checked = bug.apply(&workspace.root).arg("--check").arg(&bug.patch).output().unwrap();
            assert!(checked.status.success(), "{}: {}", bug.name, String::from_utf8_lossy(&checked.stderr));
            let touched = bug.apply(&workspace.root).arg("--numstat").arg(&bug.patch).output().unwrap();
            let touched = String::from_utf8(touched.stdout).unwrap();
            let files: Vec<_> = touched.lines().filter_map(|line| line.rsplit('\t').next()).collect();
            assert!(!files.is_empty(), "{} changes nothing", bug.name);
            let shipped = |file: &&str| file.starts_with("server/src/") || file.starts_with("protocol/src/");
            assert!(files.iter().all(shipped), "{} changes what does not ship: {files:?}", bug.name);
        }
    }

    #[test]
    fn a_patch_says_what_it_is_and_what_it_breaks() {
        assert_eq!(head("Bug: none\nCaught by: I1, I11\n"), Some(("none".to_owned(), vec![1, 11], 0)));
        let seldom = "Bug: none\nCaught by: I1\nSeeds: 1500\n--- a/x\n";
        assert_eq!(head(seldom), Some(("none".to_owned(), vec![1], 1_500)));
        assert_eq!(head("Bug: none\nCaught by: I1\nSeeds: many\n"), None);
        assert_eq!(head("Bug: none\nCaught by: luck\n"), None);
        assert_eq!(head("--- a/x\n+++ b/x\n"), None);
    }
}

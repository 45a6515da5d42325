//! The sources of an earlier revision: what git's history holds of it, in a folder, and nothing left behind in the
//! repository. A work tree of git's own would be listed there for as long as nobody prunes it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;

/// Why there is no earlier server here, of which nobody is to blame.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Missing {
    /// An archive of the sources, for instance.
    #[error("an earlier server is built from git's history, and there is none here")]
    History,
    /// What was cloned ends before it.
    #[error("this clone is shallow and does not hold {0} to build it from (`git fetch --unshallow` brings it)")]
    Depth(String),
    /// The history is another one's, or the name is wrong.
    #[error("git knows no revision {0} here to build an earlier server from")]
    Revision(String),
    /// Nothing is to be built.
    #[error("no earlier server was built before, and --built builds none")]
    Build,
}

impl Missing {
    /// From what git says to whether the clone is shallow, if it says anything.
    fn of(revision: &str, shallow: Option<&str>) -> Self {
        match shallow {
            None => Self::History,
            Some("true") => Self::Depth(revision.to_owned()),
            Some(_) => Self::Revision(revision.to_owned()),
        }
    }
}

/// The full name of a revision, if the repository at this folder has its sources. Nobody else is asked for them: tests
/// change no clone, and do not wait for a network.
///
/// # Errors
/// If they are not.
pub(super) fn commit(root: &Path, revision: &str) -> Result<String, Missing> {
    let wanted = format!("{revision}^{{commit}}");
    ask(root, &["rev-parse", "--verify", "--quiet", &wanted])
        .ok_or_else(|| Missing::of(revision, ask(root, &["rev-parse", "--is-shallow-repository"]).as_deref()))
}

/// Git for the repository at this folder, also where a hook's environment names another one.
fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder).env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
    git
}

/// What git answers; nothing if it fails, or is not there.
fn ask(folder: &Path, question: &[&str]) -> Option<String> {
    let output = git(folder).args(question).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| answer.trim().to_owned())
}

/// Makes the folder what the revision holds.
///
/// # Errors
/// If git does not hold it, or it can not be written.
pub(super) fn unpack(root: &Path, commit: &str, folder: &Path) -> Result<()> {
    clear(folder)?;
    fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
    let archive = folder.with_extension("tar");
    let mut git = git(root);
    git.args(["archive", "--format", "tar", "--output"]).arg(&archive).arg(commit);
    process::run(&mut git, &format!("the sources of {commit} can not be had"))?;
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--file").arg(&archive).arg("--directory").arg(folder);
    process::run(&mut tar, &format!("the sources of {commit} can not be unpacked"))?;
    fs::remove_file(&archive).with_context(|| format!("could not remove {}", archive.display()))
}

/// Removes a folder, if it is there.
///
/// # Errors
/// If it can not be removed.
pub(super) fn clear(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).with_context(|| format!("could not remove {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn what_is_missing_is_said_in_a_sentence() {
        assert_eq!(Missing::of("abc", None), Missing::History);
        assert_eq!(Missing::of("abc", Some("true")), Missing::Depth("abc".to_owned()));
        assert_eq!(Missing::of("abc", Some("false")), Missing::Revision("abc".to_owned()));
        assert!(Missing::Depth("abc".to_owned()).to_string().contains("does not hold abc"));
    }

    /// A repository with two commits, each of which has another content of one file.
    fn repository(folder: &Path) -> PathBuf {
        let root = folder.join("repository");
        fs::create_dir(&root).unwrap();
        ask(&root, &["init", "--quiet"]).unwrap();
        for content in ["earlier", "today's"] {
            fs::write(root.join("file"), content).unwrap();
            ask(&root, &["add", "file"]).unwrap();
            let author = ["-c", "user.name=n", "-c", "user.email=e", "-c", "commit.gpgsign=false"];
            ask(&root, &[&author[..], &["commit", "--quiet", "--no-verify", "--message", content]].concat()).unwrap();
        }
        root
    }

    #[test]
    fn what_is_in_the_history_is_unpacked_and_nothing_else_stays_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = repository(folder.path());
        let earlier = commit(&root, "HEAD~1").unwrap();
        assert_eq!((earlier.len(), commit(&root, &earlier)), (40, Ok(earlier.clone())));
        let copy = folder.path().join("copy");
        fs::create_dir(&copy).unwrap();
        fs::write(copy.join("left"), "half").unwrap();
        unpack(&root, &earlier, &copy).unwrap();
        assert_eq!(fs::read_to_string(copy.join("file")).unwrap(), "earlier");
        assert_eq!(fs::read_dir(&copy).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_in_the_history_is_missed_for_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let root = repository(folder.path());
        let earlier = commit(&root, "HEAD~1").unwrap();
        let from = format!("file://{}", root.display());
        ask(folder.path(), &["clone", "--quiet", "--depth", "1", &from, "shallow"]).unwrap();
        let of = |name: &str| commit(&folder.path().join(name), &earlier).unwrap_err();
        assert_eq!(of("shallow"), Missing::Depth(earlier.clone()));
        assert_eq!(of("nowhere"), Missing::History);
        assert_eq!(commit(&root, "no-such"), Err(Missing::Revision("no-such".to_owned())));
    }

    #[test]
    fn a_folder_is_cleared_whether_it_is_there_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir_all(inner.join("deep")).unwrap();
        clear(&inner).unwrap();
        assert!(!inner.exists());
        clear(&inner).unwrap();
    }
}

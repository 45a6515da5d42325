//! Programs that this project does not build itself: looked for first, installed where that is possible,
//! and named where it is not.

pub(crate) mod fuzzer;
pub(crate) mod python;
pub(crate) mod rust;
pub(crate) mod system;
pub(crate) mod valkey;
pub(crate) mod wasm_opt;

use std::env;
use std::path::{Path, PathBuf};

/// Where servers are installed; not on everyone's PATH.
const SERVER_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The first of these programs that is there.
pub(crate) fn find(programs: &[&str]) -> Option<PathBuf> {
    programs.iter().find_map(|program| find_in(&folders(), program))
}

/// Everything on PATH, then the folders where servers are installed.
pub(crate) fn folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).filter(|folder| !folder.as_os_str().is_empty()).collect();
    for folder in SERVER_FOLDERS.map(PathBuf::from) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

fn find_in(folders: &[PathBuf], program: &str) -> Option<PathBuf> {
    let name = format!("{program}{}", env::consts::EXE_SUFFIX);
    folders.iter().map(|folder| folder.join(&name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folder_that_has_the_program_wins() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = format!("tool{}", env::consts::EXE_SUFFIX);
        std::fs::write(second.path().join(&name), "").unwrap();
        let folders = [first.path().to_owned(), second.path().to_owned()];
        assert_eq!(find_in(&folders, "tool"), Some(second.path().join(&name)));
        std::fs::write(first.path().join(&name), "").unwrap();
        assert_eq!(find_in(&folders, "tool"), Some(first.path().join(&name)));
        assert_eq!(find_in(&folders, "other"), None);
    }
}

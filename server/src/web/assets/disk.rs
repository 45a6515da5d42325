//! The site on disk, in the folder that `LEPTOS_SITE_ROOT` names, otherwise in `target/site`.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use super::Asset;

static ROOT: OnceLock<PathBuf> = OnceLock::new();

/// The file with this plain name; `None` when there is none. A file that exists and cannot be read is
/// logged.
pub(super) async fn load(name: &str) -> Option<Asset> {
    let root = ROOT.get_or_init(|| env::var_os("LEPTOS_SITE_ROOT").map_or_else(|| "target/site".into(), PathBuf::from));
    let path = root.join(name);
    let shown = path.display().to_string();
    match tokio::task::spawn_blocking(move || read(&path)).await {
        Ok(Ok(asset)) => asset,
        Ok(Err(error)) => {
            tracing::warn!(file = shown, %error, "a file of the site cannot be read");
            None
        }
        // The server is shutting down.
        Err(_) => None,
    }
}

/// Folders are no files.
fn read(path: &Path) -> io::Result<Option<Asset>> {
    let about = match fs::metadata(path) {
        Ok(about) if about.is_file() => about,
        Ok(_) => return Ok(None),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let written = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let compressed = path.extension().is_some_and(|extension| extension == "br");
    let form = if compressed { "-br" } else { "" };
    let content = fs::read(path)?;
    Ok(Some(Asset { tag: format!("{:x}-{written:x}{form}", content.len()), content: content.into() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_its_tag_follows_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.js");
        fs::write(&path, "one").unwrap();
        let first = read(&path).unwrap().unwrap();
        assert_eq!(first.content, "one");
        assert_eq!(read(&path).unwrap().unwrap().tag, first.tag);
        fs::write(&path, "other").unwrap();
        assert_ne!(read(&path).unwrap().unwrap().tag, first.tag);
    }

    #[test]
    fn the_two_forms_of_a_file_have_different_tags() {
        let folder = tempfile::tempdir().unwrap();
        let tag = |name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, "same").unwrap();
            read(&path).unwrap().unwrap().tag
        };
        assert!(!tag("a.js").ends_with("-br"));
        assert!(tag("a.js.br").ends_with("-br"));
    }

    #[test]
    fn folders_and_missing_files_are_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap().is_none());
        let file = folder.path().join("a");
        assert!(read(&file).unwrap().is_none());
        fs::write(&file, "").unwrap();
        assert!(read(&file.join("below")).unwrap().is_none());
    }
}

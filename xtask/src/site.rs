//! Assembles the built site in the layout that `cargo leptos` uses too: the bundle and the style sheet in
//! `pkg/`, and what is in `public/` at the root.
//!
//! The folder holds exactly what belongs there, so that nothing stale is embedded; and what is already
//! right is not written again, so that cargo sees no change where there is none. For a release, what
//! compresses well lies there a second time as `.br`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::css;
use crate::pipeline::Mode;
use crate::workspace::{NAME, Workspace};

/// What is worth compressing; the rest is compressed already, or tiny.
const COMPRESSED: [&str; 4] = ["wasm", "js", "css", "svg"];

/// Path in the site, and content.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// What assembling did.
#[derive(Debug)]
pub(crate) struct Report {
    /// Files in the site.
    pub(crate) files: usize,
    /// How many of them were written or removed.
    pub(crate) changed: usize,
    /// The size of the compressed WASM in bytes; only in a release.
    pub(crate) compressed_wasm: Option<usize>,
}

/// Makes the site of the bundle, `style/main.css` and `public/`.
///
/// # Errors
/// When a source cannot be read or the site cannot be written.
pub(crate) fn assemble(workspace: &Workspace, bundle: &Path, mode: Mode) -> Result<Report> {
    let site = workspace.site();
    let mut files = Files::new();
    let public = workspace.root.join("public");
    if public.join("pkg").exists() {
        bail!("public/pkg would be mixed with the browser bundle: give that folder another name");
    }
    collect(&public, Path::new(""), &mut files)?;
    collect(bundle, Path::new("pkg"), &mut files)?;
    let sheet = css::bundle(&workspace.root.join("style/main.css"))?;
    files.insert(format!("pkg/{NAME}.css").into(), sheet.into_bytes());

    let mut compressed_wasm = None;
    if mode == Mode::Release {
        let forms = compressed_forms(&files, &site)?;
        compressed_wasm = forms.get(Path::new(&format!("pkg/{NAME}.wasm.br"))).map(Vec::len);
        files.extend(forms);
    }
    let changed = mirror(&files, &site)?;
    Ok(Report { files: files.len(), changed, compressed_wasm })
}

/// Adds everything below `folder`, under `prefix`. A folder that does not exist holds nothing; files
/// whose name starts with a dot are the system's or the editor's.
fn collect(folder: &Path, prefix: &Path, files: &mut Files) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))? {
        let path = entry?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        let place = prefix.join(name);
        if path.is_dir() {
            collect(&path, &place, files)?;
        } else {
            files.insert(place, fs::read(&path).with_context(|| format!("could not read {}", path.display()))?);
        }
    }
    Ok(())
}

fn compressed_forms(files: &Files, site: &Path) -> Result<Files> {
    let mut forms = Files::new();
    for (place, content) in files {
        let Some(extension) = place.extension().and_then(|extension| extension.to_str()) else {
            continue;
        };
        if !COMPRESSED.contains(&extension) {
            continue;
        }
        let place = place.with_extension(format!("{extension}.br"));
        let form = match fs::read(site.join(&place)) {
            Ok(old) if decompressed(&old).is_some_and(|old| old == *content) => old,
            _ => compressed(content)?,
        };
        if form.len() < content.len() {
            forms.insert(place, form);
        }
    }
    Ok(forms)
}

/// Brotli at its best: quality 11, with the largest window every browser accepts.
fn compressed(content: &[u8]) -> Result<Vec<u8>> {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 64 * 1024, 11, 22);
    writer.write_all(content).context("could not compress")?;
    Ok(writer.into_inner())
}

fn decompressed(form: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    brotli::BrotliDecompress(&mut &*form, &mut content).ok()?;
    Some(content)
}

/// Makes `site` hold these files and no others. Returns how many had to be written or removed.
fn mirror(files: &Files, site: &Path) -> Result<usize> {
    let mut present = Files::new();
    collect(site, Path::new(""), &mut present)?;
    let mut changed = 0;
    for place in present.keys().filter(|place| !files.contains_key(*place)) {
        let path = site.join(place);
        fs::remove_file(&path).with_context(|| format!("could not remove {}", path.display()))?;
        changed += 1;
    }
    for (place, content) in files.iter().filter(|(place, content)| present.get(*place) != Some(*content)) {
        let path = site.join(place);
        let folder = path.parent().unwrap_or(site);
        // A folder that has become a file is in the way only if `public/` was rearranged by hand.
        fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
        fs::write(&path, content).with_context(|| format!("could not write {}", path.display()))?;
        changed += 1;
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter().map(|(place, content)| ((*place).into(), content.as_bytes().to_vec())).collect()
    }

    fn written(path: &Path) -> std::time::SystemTime {
        fs::metadata(path).unwrap().modified().unwrap()
    }

    #[test]
    fn the_mirror_holds_exactly_the_files_and_leaves_equal_ones_alone() {
        let site = tempfile::tempdir().unwrap();
        let first = files(&[("a.txt", "a"), ("pkg/b.js", "b"), ("pkg/old.js", "old")]);
        assert_eq!(mirror(&first, site.path()).unwrap(), 3);
        let before = written(&site.path().join("pkg/b.js"));

        let second = files(&[("a.txt", "other"), ("pkg/b.js", "b")]);
        assert_eq!(mirror(&second, site.path()).unwrap(), 2);
        assert_eq!(written(&site.path().join("pkg/b.js")), before);
        assert!(!site.path().join("pkg/old.js").exists());
        assert_eq!(mirror(&second, site.path()).unwrap(), 0);
    }

    #[test]
    fn what_compresses_gets_a_second_form_that_says_the_same() {
        let text = "trunkline ".repeat(100);
        let source = files(&[("a.css", &text), ("b.png", &text), ("tiny.js", "x")]);
        let forms = compressed_forms(&source, Path::new("nowhere")).unwrap();
        assert_eq!(forms.keys().collect::<Vec<_>>(), [Path::new("a.css.br")]);
        assert_eq!(decompressed(&forms[Path::new("a.css.br")]).unwrap(), text.as_bytes());
    }

    #[test]
    fn a_compressed_form_of_something_else_is_replaced() {
        let site = tempfile::tempdir().unwrap();
        fs::write(site.path().join("a.css.br"), compressed(b"old old old old old").unwrap()).unwrap();
        let text = "new ".repeat(100);
        let forms = compressed_forms(&files(&[("a.css", &text)]), site.path()).unwrap();
        assert_eq!(decompressed(&forms[Path::new("a.css.br")]).unwrap(), text.as_bytes());
    }

    #[test]
    fn hidden_files_are_not_published() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".secret"), "x").unwrap();
        fs::write(folder.path().join("shown"), "x").unwrap();
        let mut found = Files::new();
        collect(folder.path(), Path::new("p"), &mut found).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), [Path::new("p/shown")]);
    }
}

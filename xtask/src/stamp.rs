//! Stamps: proof that an output was made from exactly these inputs, so that it need not be made again.
//!
//! The hash is not cryptographic and not the same in every version of Rust. Both cost at most one step
//! done again.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The fingerprint of a set of inputs.
#[derive(Debug, Default)]
pub(crate) struct Inputs(DefaultHasher);

impl Inputs {
    /// Adds what a setting says.
    pub(crate) fn text(mut self, text: &str) -> Self {
        text.hash(&mut self.0);
        self
    }

    /// Adds what a file holds.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn file(mut self, path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("could not read {}", path.display()))?;
        bytes.hash(&mut self.0);
        Ok(self)
    }

    fn value(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

/// A file that holds the fingerprint of the inputs an output was made from.
#[derive(Debug)]
pub(crate) struct Stamp(PathBuf);

impl Stamp {
    /// The stamp in this file, which need not exist.
    pub(crate) const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Whether the inputs are those of the last time, and every output is there. Unreadable means no.
    pub(crate) fn is_fresh(&self, inputs: &Inputs, outputs: &[&Path]) -> bool {
        fs::read_to_string(&self.0).is_ok_and(|written| written == inputs.value())
            && outputs.iter().all(|output| output.exists())
    }

    /// Remembers the inputs. Call it only when the outputs are complete.
    ///
    /// # Errors
    /// When the stamp cannot be written.
    pub(crate) fn set(&self, inputs: &Inputs) -> Result<()> {
        if let Some(folder) = self.0.parent() {
            fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
        }
        fs::write(&self.0, inputs.value()).with_context(|| format!("could not write {}", self.0.display()))
    }

    /// Forgets the inputs: call it before the outputs are touched.
    pub(crate) fn clear(&self) {
        // That it does not exist is what is wanted; that it cannot be removed shows when it is set.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(file: &Path, setting: &str) -> Inputs {
        Inputs::default().text(setting).file(file).unwrap()
    }

    #[test]
    fn a_stamp_is_fresh_until_an_input_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        fs::write(&input, "one").unwrap();
        fs::write(&output, "made").unwrap();
        let stamp = Stamp::at(folder.path().join("deep/stamp"));

        assert!(!stamp.is_fresh(&inputs(&input, "a"), &[&output]));
        stamp.set(&inputs(&input, "a")).unwrap();
        assert!(stamp.is_fresh(&inputs(&input, "a"), &[&output]));
        assert!(!stamp.is_fresh(&inputs(&input, "b"), &[&output]));
        fs::write(&input, "two").unwrap();
        assert!(!stamp.is_fresh(&inputs(&input, "a"), &[&output]));
    }

    #[test]
    fn a_missing_output_or_a_cleared_stamp_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        fs::write(&input, "one").unwrap();
        let stamp = Stamp::at(folder.path().join("stamp"));
        stamp.set(&inputs(&input, "a")).unwrap();
        assert!(!stamp.is_fresh(&inputs(&input, "a"), &[&output]));
        fs::write(&output, "made").unwrap();
        assert!(stamp.is_fresh(&inputs(&input, "a"), &[&output]));
        stamp.clear();
        assert!(!stamp.is_fresh(&inputs(&input, "a"), &[&output]));
    }

    #[test]
    fn two_settings_do_not_run_into_one() {
        assert_ne!(Inputs::default().text("ab").text("c").value(), Inputs::default().text("a").text("bc").value());
    }
}

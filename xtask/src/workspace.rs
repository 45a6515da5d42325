//! Where things are, and which packages there are: asked from cargo, never guessed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The name of the server's binary, and of the site's files.
pub(crate) const NAME: &str = "trunkline";

/// This project on this machine.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder that holds the workspace's `Cargo.toml`; absolute.
    pub(crate) root: PathBuf,
    /// Where cargo builds; absolute.
    pub(crate) target: PathBuf,
    /// Where cargo keeps what is no result, such as compiled dependencies: the same folder, unless that is set; absolute.
    pub(crate) build: PathBuf,
    /// The members.
    pub(crate) packages: Vec<Package>,
}

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    /// Its name for cargo.
    pub(crate) name: String,
    /// Its folder; absolute.
    pub(crate) folder: PathBuf,
    /// Whether it has a library.
    pub(crate) has_library: bool,
    /// The names of its integration tests.
    pub(crate) tests: Vec<String>,
}

impl Workspace {
    /// Asks cargo for the workspace this command was built from.
    ///
    /// # Errors
    /// When cargo cannot be started, or refuses a manifest: its own words say which.
    pub(crate) fn find() -> Result<Self> {
        let own =
            env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = own.parent().context("this crate is in no workspace folder")?.to_owned();
        let output = cargo(&root)
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("could not start cargo")?;
        if !output.status.success() {
            bail!("cargo could not read this workspace:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        let metadata: Value =
            serde_json::from_slice(&output.stdout).context("cargo described this workspace in a form I cannot read")?;
        let target = metadata["target_directory"].as_str().context("cargo did not say where it builds")?;
        let build = metadata["build_directory"].as_str().unwrap_or(target);
        let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(Self {
            root,
            target: target.into(),
            build: build.into(),
            packages: packages.iter().filter_map(package).collect(),
        })
    }

    /// A `cargo` command in the workspace's folder.
    pub(crate) fn cargo(&self) -> Command {
        cargo(&self.root)
    }

    /// The built site: what the server embeds or serves from disk.
    ///
    /// Always under the workspace, wherever cargo builds, since that is where `cargo leptos` and the
    /// server look.
    pub(crate) fn site(&self) -> PathBuf {
        self.root.join("target/site")
    }

    /// A place for this tool's own files, which may be deleted at any time.
    pub(crate) fn own(&self) -> PathBuf {
        self.target.join("xtask")
    }

    /// The member in this folder of the workspace, if there is one.
    pub(crate) fn package_in(&self, folder: &str) -> Option<&Package> {
        let folder = self.root.join(folder);
        self.packages.iter().find(|package| package.folder == folder)
    }

    /// A path as the user would write it, relative to the workspace where it is inside.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// What cargo told this process about this process must not reach the crates it builds next: some of
/// them would be built again for it.
fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    for (name, _) in env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

fn package(value: &Value) -> Option<Package> {
    let manifest = Path::new(value["manifest_path"].as_str()?);
    let targets = value["targets"].as_array()?;
    let is = |target: &Value, kinds: &[&str]| {
        let kind = target["kind"].as_array().map(Vec::as_slice).unwrap_or_default();
        kind.iter().filter_map(Value::as_str).any(|kind| kinds.contains(&kind))
    };
    let mut tests: Vec<String> = targets
        .iter()
        .filter(|target| is(target, &["test"]))
        .filter_map(|target| target["name"].as_str().map(str::to_owned))
        .collect();
    tests.sort();
    Some(Package {
        name: value["name"].as_str()?.to_owned(),
        folder: manifest.parent()?.to_owned(),
        has_library: targets.iter().any(|target| is(target, &["lib", "rlib", "cdylib"])),
        tests,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_knows_its_members() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.package_in("protocol").unwrap().has_library);
        assert_eq!(workspace.package_in("xtask").unwrap().name, "xtask");
        assert!(workspace.package_in("nowhere").is_none());
    }

    #[test]
    fn integration_tests_are_listed_by_name() {
        let found = package(&serde_json::json!({
            "name": "n", "manifest_path": "/w/n/Cargo.toml",
            "targets": [
                {"name": "n", "kind": ["bin"]},
                {"name": "contract_store", "kind": ["test"]},
                {"name": "cluster_bus", "kind": ["test"]},
            ],
        }))
        .unwrap();
        assert_eq!(found.tests, ["cluster_bus", "contract_store"]);
        assert!(!found.has_library);
        assert_eq!(found.folder, Path::new("/w/n"));
    }
}

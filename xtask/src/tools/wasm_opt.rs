//! `wasm-opt`, which makes the browser's bundle smaller. A release can be built without it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::progress::note;
use crate::workspace::Workspace;

/// The npm package that brings the program, and the version known to understand what Rust emits.
const PACKAGE: &str = "binaryen@132.0.0";

/// The program: from PATH, from an earlier installation of ours, or installed now with npm into this
/// project's target folder. `None`, and a remark for the user, when it cannot be had.
pub(crate) fn find_or_install(workspace: &Workspace) -> Option<PathBuf> {
    let folder = workspace.target.join("tools");
    let own = folder.join("node_modules/.bin/wasm-opt");
    if let Some(found) = super::find(&["wasm-opt"]).or_else(|| own.is_file().then(|| own.clone())) {
        return Some(found);
    }
    let Some(npm) = super::find(&["npm"]) else {
        note("There is no wasm-opt, and no npm to install it: the bundle will be larger than it could be.");
        return None;
    };
    note("Installing wasm-opt with npm; this happens once.");
    // In a folder of its own npm would look for a project further up.
    let installed = std::fs::create_dir_all(&folder).is_ok()
        && Command::new(npm)
            .args([
                "install",
                "--no-save",
                "--no-audit",
                "--no-fund",
                "--fetch-retries=1",
                "--loglevel=error",
                "--prefix",
            ])
            .args([folder.as_os_str(), PACKAGE.as_ref()])
            .stdin(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
    if installed && own.is_file() {
        return Some(own);
    }
    note("npm could not install wasm-opt: the bundle will be larger than it could be.");
    None
}

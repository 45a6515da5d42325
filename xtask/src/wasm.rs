//! Makes what a browser can load of what cargo built: wasm-bindgen, and `wasm-opt` for a release.
//!
//! wasm-bindgen is used as a library. Its version, and the version the bundle was compiled against, both
//! come from the one lock file, so the two cannot disagree. The result is kept apart from the site, one
//! folder for each mode, and made again only when its inputs change.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::pipeline::Mode;
use crate::progress::note;
use crate::stamp::{Inputs, Stamp};
use crate::tools;
use crate::workspace::{NAME, Workspace};

/// Optimise for size, and the features that today's Rust emits by itself; every browser since 2022 has
/// them. The list stands in `Cargo.toml` too, for `cargo leptos`.
///
/// Inlining is off: it saves bytes and costs more of them after compression, which finds what stands there twice.
/// Measured on this bundle, after brotli: 353 KiB with `-Oz` alone, 322 without inlining, 316 with `-Os`.
const WASM_OPT: [&str; 10] = [
    "-Os",
    "--always-inline-max-function-size=0",
    "--one-caller-inline-max-function-size=0",
    "--flexible-inline-max-function-size=0",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Raise it when this file makes something else of the same inputs.
const RECIPE: &str = "2";

/// The browser's half, ready to be served.
#[derive(Debug)]
pub(crate) struct Bundle {
    /// Holds `trunkline.js`, `trunkline.wasm` and what they load, as they go into the site's `pkg/`.
    pub(crate) folder: PathBuf,
    /// Whether `wasm-opt` went over it.
    pub(crate) optimised: bool,
}

/// Makes the bundle of the module that cargo built.
///
/// # Errors
/// When wasm-bindgen refuses the module. A `wasm-opt` that is missing or fails is only noted.
pub(crate) fn bundle(workspace: &Workspace, source: &Path, mode: Mode) -> Result<Bundle> {
    let optimiser = match mode {
        Mode::Dev => None,
        Mode::Release => tools::wasm_opt::find_or_install(workspace),
    };
    let folder = workspace.own().join(format!("bundle-{}", mode.name()));
    let stamp = Stamp::at(workspace.own().join(format!("bundle-{}.stamp", mode.name())));
    let tool = optimiser.as_deref().map_or(OsStr::new("none"), Path::as_os_str).to_string_lossy();
    let inputs = Inputs::default().text(RECIPE).text(&WASM_OPT.join(" ")).text(&tool).file(source)?;
    let (script, module) = (folder.join(format!("{NAME}.js")), folder.join(format!("{NAME}.wasm")));

    if stamp.is_fresh(&inputs, &[&script, &module]) {
        return Ok(Bundle { folder, optimised: optimiser.is_some() });
    }
    stamp.clear();
    bind(source, &folder)?;
    if let Some(optimiser) = &optimiser {
        note("Running wasm-opt over the bundle.");
        if let Err(error) = optimise(optimiser, &module) {
            note(&format!("The bundle stays as it is, larger than it could be: {error:#}"));
            // Without a stamp it is tried again the next time.
            return Ok(Bundle { folder, optimised: false });
        }
    }
    stamp.set(&inputs)?;
    Ok(Bundle { folder, optimised: optimiser.is_some() })
}

fn bind(source: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("could not empty {}", folder.display()))?;
    }
    let mut bindgen = Bindgen::new();
    bindgen.input_path(source).out_name(NAME).typescript(false);
    bindgen.web(true)?.generate(folder).context("wasm-bindgen refused the bundle")?;
    // The name that `cargo leptos` gives it, and that Leptos writes into the page.
    let (given, wanted) = (folder.join(format!("{NAME}_bg.wasm")), folder.join(format!("{NAME}.wasm")));
    fs::rename(&given, &wanted).with_context(|| format!("could not rename {}", given.display()))
}

fn optimise(optimiser: &Path, module: &Path) -> Result<()> {
    let smaller = module.with_extension("wasm-opt");
    let output = Command::new(optimiser)
        .args(WASM_OPT)
        .arg(module)
        .arg("-o")
        .arg(&smaller)
        .output()
        .with_context(|| format!("could not start {}", optimiser.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("wasm-opt failed: {}", said.lines().next().unwrap_or("it did not say why"));
    }
    fs::rename(&smaller, module).with_context(|| format!("could not replace {}", module.display()))
}

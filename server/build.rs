//! Sees to it that a binary with the site inside has the latest site inside.

use std::env;
use std::path::Path;

/// Where the site is built, as seen from this package.
const SITE: &str = "../target/site";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_EMBED").is_none() {
        return;
    }
    println!("cargo::rerun-if-changed={SITE}");
    if !Path::new(SITE).join("pkg/trunkline.wasm").is_file() {
        println!(
            "cargo::error=the site that the feature `embed` puts into the binary is not built yet: run `cargo xtask build`"
        );
    }
}

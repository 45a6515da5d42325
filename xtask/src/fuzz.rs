//! Lets a fuzzer try each target, and keeps what it has found: inputs that break something are left in
//! `fuzz/engine/artifacts`, and those that reach new code are added to the corpus, the smallest ones that reach it all.
//!
//! The instrumentation is that of the stable compiler; sanitizers, which are not, would find little in code without
//! `unsafe`.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::progress::Progress;
use crate::tools::fuzzer;
use crate::workspace::Workspace;

/// Inputs longer than this take time and find nothing that shorter ones do not.
const LONGEST: u32 = 4_096;
/// Seconds after which one input counts as hung.
const HUNG: u32 = 10;

/// Tries the named targets, or all, each for so long.
///
/// # Errors
/// When there is no such target; when the fuzzer can not be had or built.
pub(crate) fn run(workspace: &Workspace, targets: &[String], seconds: u64) -> Result<ExitCode> {
    let folder = workspace.root.join("fuzz");
    let known = names(&folder.join("engine/fuzz_targets"))?;
    if let Some(unknown) = targets.iter().find(|target| !known.contains(target)) {
        bail!("there is no target {unknown}; there are {}", known.join(", "));
    }
    let chosen: Vec<_> = known.into_iter().filter(|name| targets.is_empty() || targets.contains(name)).collect();
    let program = fuzzer::ensure(workspace)?;
    // The same versions as everything else.
    fs::copy(workspace.root.join("Cargo.lock"), folder.join("engine/Cargo.lock")).context("no lock file")?;
    process::run(cargo_fuzz(workspace, &program, "build").arg("--release"), "the targets could not be built")?;
    let mut progress = Progress::new(chosen.len());
    let mut broken = Vec::new();
    for name in chosen {
        progress.announce(&format!("{name}, for {seconds} s"));
        let corpus = folder.join("corpus").join(&name);
        let found = workspace.own().join("fuzz").join(&name);
        fs::create_dir_all(&found).with_context(|| format!("could not make {}", found.display()))?;
        let mut fuzz = cargo_fuzz(workspace, &program, "run");
        fuzz.arg("--release").arg(&name).arg(&found).arg(&corpus).arg("--");
        fuzz.args([format!("-max_total_time={seconds}"), format!("-max_len={LONGEST}"), format!("-timeout={HUNG}")]);
        fuzz.args(["-print_final_stats=1", "-verbosity=0"]);
        if process::run(&mut fuzz, "an input broke it").is_err() {
            broken.push(name);
            continue;
        }
        let mut merge = cargo_fuzz(workspace, &program, "run");
        merge.arg("--release").arg(&name).arg(&corpus).arg(&found).args(["--", "-merge=1", "-verbosity=0"]);
        process::run(&mut merge, "what was found could not be merged into the corpus")?;
    }
    if broken.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("\nBroken: {}. The inputs are in fuzz/engine/artifacts.", broken.join(", "));
    Ok(ExitCode::FAILURE)
}

/// The targets, by name.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let mut names: Vec<_> =
        paths.iter().filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

/// `cargo fuzz` for the engine. Its flags for the compiler would hide those of `.cargo/config.toml`.
fn cargo_fuzz(workspace: &Workspace, program: &Path, task: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["fuzz", task, "--sanitizer", "none", "--fuzz-dir"]).arg(workspace.root.join("fuzz/engine"));
    command.arg("--target-dir").arg(workspace.target.join("fuzz"));
    command.current_dir(&workspace.root).env("RUSTFLAGS", "--cfg=erase_components");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_targets_and_they_are_found_by_name() {
        let workspace = Workspace::find().unwrap();
        let names = names(&workspace.root.join("fuzz/engine/fuzz_targets")).unwrap();
        assert!(names.contains(&"client".to_owned()) && names.contains(&"text".to_owned()), "{names:?}");
    }
}

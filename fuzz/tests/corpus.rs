//! Everything that the fuzzer has found so far, given to the same functions again.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use trunkline_fuzz::TARGETS;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn nothing_in_the_corpora_breaks_anything() {
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        let corpus = files(&corpora().join(name));
        assert!(corpus.len() >= 3, "the corpus of {name} has {} files", corpus.len());
        for file in &corpus {
            let data = fs::read(file).expect("a file");
            if catch_unwind(|| target(&data)).is_err() {
                broken.push(file.clone());
            }
        }
        println!("{name}: {} files", corpus.len());
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Files of each corpus that are changed blindly, how often each, and how many bytes of it at most.
const CHANGED: (usize, usize, usize) = (40, 50, 8);

#[test]
fn blind_changes_of_the_corpora_break_nothing_either() {
    // Any fixed sequence of numbers will do (xorshift, by Marsaglia): the same test every time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut number = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below.max(1) as u64).expect("a small number")
    };
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        let mut corpus = files(&corpora().join(name));
        corpus.sort();
        for file in corpus.iter().take(CHANGED.0) {
            let data = fs::read(file).expect("a file");
            for _ in 0..CHANGED.1 {
                let mut data = data.clone();
                for _ in 0..=number(CHANGED.2) {
                    let (at, byte) = (number(data.len() + 1), u8::try_from(number(256)).expect("a byte"));
                    match number(3) {
                        0 => data.insert(at, byte),
                        1 if at < data.len() => drop(data.drain(at..(at + number(4)).min(data.len()))),
                        _ if at < data.len() => data[at] = byte,
                        _ => {}
                    }
                }
                if catch_unwind(|| target(&data)).is_err() {
                    broken.push((name, data));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn the_golden_frames_are_read_by_the_targets_too() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/tests/golden");
    let frames = files(&golden);
    assert!(frames.len() > 20);
    for file in frames {
        let data = fs::read(&file).expect("a file");
        trunkline_fuzz::frames::client_frame(&data);
        trunkline_fuzz::frames::server_frame(&data);
        trunkline_fuzz::frames::kept_entry(&data);
    }
}

#[test]
fn each_corpus_has_a_target_and_each_target_a_program_for_the_fuzzer() {
    let name_of = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let found: BTreeSet<_> = files(&corpora()).into_iter().map(name_of).collect();
    assert_eq!(found, targets);
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine");
    let programs: BTreeSet<_> = files(&engine.join("fuzz_targets")).into_iter().map(name_of).collect();
    assert_eq!(programs, targets);
    let manifest = fs::read_to_string(engine.join("Cargo.toml")).expect("a manifest");
    for target in targets {
        assert!(manifest.contains(&format!("\nname = \"{target}\"\n")), "{target} is in no manifest");
    }
}

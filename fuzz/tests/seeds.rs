//! Every target over its seeds and over mutations of them, always the same: what fuzzing found stays found without
//! libFuzzer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use paramedic_fuzz::{TARGETS, Target};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Mutations of each target's seeds, over all of them.
const MUTATIONS: usize = 60;
/// Longest mutated input, in bytes: that of libFuzzer's own default.
const INPUT_BYTES_MAX: usize = 4_096;
/// Texts on which some reader turns.
const TELLING: [&[u8]; 20] = [
    b"\n",
    b"\n----\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b":",
    b"=",
    b"..",
    b"-1",
    b"18446744073709551615",
    b"\n\tat ",
    b"Caused by: ",
    b"null",
    "é".as_bytes(),
    b"password=",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let stem = |entry: fs::DirEntry| entry.path().file_stem().unwrap().to_str().unwrap().to_owned();
    fs::read_dir(folder).unwrap().map(|entry| stem(entry.unwrap())).collect()
}

fn seeds_of(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> =
        fs::read_dir(folder("seeds").join(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|file| (file.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(file).unwrap()))
        .collect()
}

#[test]
fn every_target_has_a_binary_and_seeds() {
    let names: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names.len(), TARGETS.len());
    assert_eq!(names_in(&folder("targets")), names);
    assert_eq!(names_in(&folder("seeds")), names);
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    for name in names {
        assert!(!seeds_of(&name).is_empty(), "{name} has no seed");
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"targets/{name}.rs\"\n")), "{name}");
        let binary = fs::read_to_string(folder("targets").join(format!("{name}.rs"))).unwrap();
        assert!(binary.contains(&format!("paramedic_fuzz::{name}(data)")), "{name}");
    }
}

#[test]
fn what_holds_of_the_seeds_holds_of_their_mutations() {
    std::thread::scope(|scope| {
        let running: Vec<_> = TARGETS.iter().map(|(name, body)| scope.spawn(|| try_target(name, *body))).collect();
        let failed: Vec<_> = running.into_iter().filter_map(|target| target.join().unwrap().err()).collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    });
}

/// The input on which it fails.
fn try_target(name: &str, body: Target) -> Result<(), String> {
    let seeds = seeds_of(name);
    let fails = |input: &[u8]| catch_unwind(AssertUnwindSafe(|| body(input))).is_err();
    for (seed, input) in &seeds {
        if fails(input) {
            return Err(format!("{name} fails on seeds/{name}/{seed}"));
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for number in 0..MUTATIONS {
        let (seed, input) = &seeds[number % seeds.len()];
        let (_, other) = &seeds[rng.random_range(0..seeds.len())];
        let input = mutated(input, other, &mut rng);
        if fails(&input) {
            let input = String::from_utf8_lossy(&input);
            return Err(format!("{name} fails on mutation {number}, of seeds/{name}/{seed}: {input:?}"));
        }
    }
    Ok(())
}

/// Changed in a few places, as fuzzing does it.
fn mutated(seed: &[u8], other: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut input = seed.to_vec();
    for _ in 0..rng.random_range(1..5) {
        let at = rng.random_range(0..=input.len());
        let end = rng.random_range(at..=input.len().min(at + 200));
        match rng.random_range(0..6) {
            0 => drop(input.drain(at..end)),
            1 => {
                let part = input[at..end].to_vec();
                drop(input.splice(at..at, part));
            }
            2 => {
                let from = rng.random_range(0..=other.len());
                let part = &other[from..other.len().min(from + 200)];
                drop(input.splice(at..end, part.iter().copied()));
            }
            3 => drop(input.splice(at..end, TELLING[rng.random_range(0..TELLING.len())].iter().copied())),
            4 => drop(input.splice(at..at, TELLING[rng.random_range(0..TELLING.len())].iter().copied())),
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << rng.random_range(0..8);
                }
            }
        }
    }
    input.truncate(INPUT_BYTES_MAX.max(seed.len()));
    input
}

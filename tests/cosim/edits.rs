//! Random edits of RTL that is split over includes, libraries and folders: with a warm cache `cosim` says what it says
//! with an empty one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::module::{answer, body, cosim, module};

/// SplitMix64: the same edits everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

const FOLDERS: [&str; 3] = ["a_lib", "b_lib", "c_top"];
const FACTORS: [&str; 4] = ["x * w", "x + w", "x - w", "w * x"];

/// Headers that the module reads, and one that nobody does.
const HEADERS: [&str; 4] = ["body.vh", "parts/product", "factor.svh", "unused.vh"];

fn content(header: &str, factor: &str) -> String {
    match header {
        "body.vh" => format!("`include \"factor.svh\"\n{}\n", body(&format!("chosen{}", wrong(factor)), ""))
            .replace(
                "wire signed [33:0] product",
                "wire signed [33:0] chosen;\n`include \"parts/product\"\nwire signed [33:0] product",
            ),
        "parts/product" => format!("// {factor}\nassign chosen = `FACTOR{};\n", wrong(factor)),
        "factor.svh" => format!("`define FACTOR ({factor})\n"),
        _ => format!("// {factor}\n"),
    }
}

/// What makes an edit one that the vectors see.
fn wrong(factor: &str) -> &'static str {
    if factor.contains('*') { "" } else { " + 34'sd3000" }
}

struct Tree(PathBuf);

impl Tree {
    fn path(&self, folder: &str, header: &str) -> PathBuf {
        self.0.join(folder).join(header)
    }

    fn new(root: &Path) -> Tree {
        let tree = Tree(root.join("tree"));
        for folder in FOLDERS {
            fs::create_dir_all(tree.path(folder, "parts")).unwrap();
            let text = match folder {
                "c_top" => module("`include \"body.vh\"\nlib_a u_a(); lib_b u_b();"),
                "a_lib" => "module lib_a; endmodule\n".to_string(),
                _ => "module lib_b; endmodule\n".to_string(),
            };
            fs::write(tree.path(folder, "source.v"), text).unwrap();
        }
        HEADERS.iter().for_each(|h| fs::write(tree.path("b_lib", h), content(h, FACTORS[0])).unwrap());
        tree
    }

    fn sources(&self) -> Vec<PathBuf> {
        FOLDERS.iter().map(|f| self.path(f, "source.v")).collect()
    }

    /// One edit, in words. What is wrong already is often put right.
    fn edit(&self, random: &mut Random, broken: bool) -> String {
        let folder = FOLDERS[[0, 0, 1, 1, 1, 2][random.below(6)]];
        let header = HEADERS[[0, 0, 1, 1, 2, 2, 3][random.below(7)]];
        let factor = FACTORS[[0, 1, 1, 2, 2, 2, 3][random.below(7)]];
        let path = self.path(folder, header);
        match if broken && random.below(10) < 8 {
            8
        } else {
            [0, 1, 2, 3, 4, 5, 6, 6, 7, 9, 10][random.below(11)]
        } {
            0 | 1 => "nothing".to_string(),
            2..=6 => {
                fs::write(&path, content(header, factor)).unwrap();
                format!("{folder}/{header} says {factor}")
            }
            10 => {
                let _ = fs::remove_file(&path);
                format!("{folder}/{header} removed")
            }
            7 => {
                let other = self.path(FOLDERS[random.below(3)], header);
                match (fs::read(&path), fs::read(&other)) {
                    (Ok(a), Ok(b)) => {
                        fs::write(&path, b).unwrap();
                        fs::write(&other, a).unwrap();
                        format!("{folder}/{header} exchanged with {}", other.display())
                    }
                    (Ok(_), Err(_)) => {
                        fs::rename(&path, &other).unwrap();
                        format!("{folder}/{header} moved to {}", other.display())
                    }
                    _ => "nothing".to_string(),
                }
            }
            8 => {
                // As it was at the beginning: everything right again.
                for h in HEADERS {
                    FOLDERS.iter().for_each(|f| drop(fs::remove_file(self.path(f, h))));
                    fs::write(self.path("b_lib", h), content(h, FACTORS[0])).unwrap();
                }
                "restored".to_string()
            }
            _ => {
                let source = self.path("c_top", "source.v");
                let text = module("`include \"body.vh\"\nlib_a u_a(); lib_b u_b();");
                let turned = text.replace("input wire v,", "input wire v/**/,");
                let now = fs::read_to_string(&source).unwrap();
                fs::write(&source, if now == text { turned } else { text }).unwrap();
                "a comment in the source".to_string()
            }
        }
    }

    /// Everything that can matter: equal trees have equal verdicts.
    fn state(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let names = HEADERS.iter().chain(&["source.v"]);
        let all = names.flat_map(|h| FOLDERS.iter().map(|f| self.path(f, h)));
        all.filter_map(|p| Some((p.clone(), fs::read(p).ok()?))).collect()
    }
}

/// `edits` trials; the cold verdict is asked for in a fresh, empty cache. A tree that is as an earlier one was has the
/// verdict that a clean compile gave then, unless `always_cold`.
fn trials(simulator: &str, edits: usize, seed: u64, always_cold: bool) {
    let root = tempfile::tempdir().unwrap();
    let (tree, warm, mut random) = (Tree::new(root.path()), root.path().join("warm"), Random(seed));
    let run = |cache: &Path| {
        let mut command = cosim(&tree.sources(), simulator, cache);
        let (status, text) = answer(command.args(["--format", "json"]));
        (status, text.contains("\"cached_build\": true"), text)
    };
    let (mut before, _, text) = run(&warm);
    assert_eq!(before, 0, "the module is right: {text}");
    let (mut changed, mut hits) = (0, 0);
    let mut known: BTreeMap<BTreeMap<PathBuf, Vec<u8>>, i32> = BTreeMap::new();
    let mut history = Vec::new();
    for trial in 0..edits {
        history.push(tree.edit(&mut random, before != 0));
        let (status, hit, text) = run(&warm);
        let state = tree.state();
        let clean = match known.get(&state).filter(|_| !always_cold) {
            Some(status) => *status,
            None => {
                let cold = tempfile::tempdir_in(root.path()).unwrap();
                let (clean, cached, _) = run(cold.path());
                assert!(!cached, "a fresh cache has nothing");
                known.insert(state, clean);
                clean
            }
        };
        assert_eq!(status, clean, "seed {seed}, edit {trial} in {simulator}: {history:#?}\n{text}");
        hits += usize::from(hit);
        changed += usize::from(clean != before);
        before = clean;
    }
    println!(
        "seed {seed}, {simulator}: {edits} edits, {changed} changed the verdict, {hits} found built, {} clean compiles, 0 differ",
        known.len()
    );
    assert!(hits * 10 >= edits && changed * 3 >= edits, "{hits} hits, {changed} changes of {edits}");
}

#[test]
fn a_warm_cache_says_what_an_empty_one_does() {
    trials("icarus", 30, 1, true);
    trials("verilator", 8, 2, false);
}

#[test]
#[ignore = "minutes in Icarus, an hour in Verilator"]
fn a_warm_cache_says_what_an_empty_one_does_500_times_in_icarus() {
    trials("icarus", 500, 3, true);
}

#[test]
#[ignore = "an hour or more"]
fn a_warm_cache_says_what_an_empty_one_does_500_times_in_verilator() {
    trials("verilator", 500, 4, false);
}

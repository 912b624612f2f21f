//! Damaged files through every command: no panic, nothing above ten seconds, memory below the stated limit, an exit
//! status with a meaning, nothing on the terminal that it would obey, nothing left of what failed.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::seeds::{self, Seed};
use crate::within;

const LIMIT: &str = "256M";
/// The limit, and the program itself with its threads.
const PEAK_KIB: u64 = (256 + 512) << 10;
const LONGEST: Duration = Duration::from_secs(10);

/// A sequence that a seed repeats.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }
}

const NUMBERS: [&str; 14] = [
    "0",
    "-1",
    "1",
    "255",
    "65535",
    "2147483648",
    "4294967295",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e400",
    "1073741824",
    "99999999999999999999999999999",
];
const TOKENS: [&str; 16] = [
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    ",",
    "=",
    "\n",
    "\u{1b}[31m",
    "\u{202e}",
    "null",
    "true",
    "\\u0000",
    "-",
    "..",
];

/// One to four changes: bytes, tokens, cuts, splices of another file, integers at the ends of their types.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len().max(1));
        match random.below(9) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 0xfe, 0xff][random.below(6)],
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..(at + random.below(16)).min(bytes.len()))),
            4 => {
                let copy = bytes[at..(at + random.below(64)).min(bytes.len())].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            5 => {
                let from = random.below(other.len().max(1));
                let piece = other[from..(from + random.below(64)).min(other.len())].to_vec();
                bytes.splice(at..at.min(bytes.len()), piece);
            }
            6 => {
                let digits = number_at(bytes, at);
                bytes.splice(digits, NUMBERS[random.below(NUMBERS.len())].bytes());
            }
            7 => drop(bytes.splice(at..at, TOKENS[random.below(TOKENS.len())].bytes())),
            _ => {
                // A varint, or eight bytes, of all ones.
                let ones = [&[0xff; 9][..], &[1]].concat();
                let end = (at + random.below(9)).min(bytes.len());
                bytes.splice(at..end, ones);
            }
        }
    }
}

/// The first run of digits from `at` on.
fn number_at(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let first = bytes[at..].iter().position(u8::is_ascii_digit).map_or(at, |n| at + n);
    let length = bytes[first..].iter().take_while(|b| b.is_ascii_digit()).count();
    first..first + length
}

/// What one case was.
struct Case {
    number: u64,
    command: Vec<String>,
    file: PathBuf,
    out: PathBuf,
}

fn prepare(seeds: &[Seed], run: u64, number: u64, folder: &Path) -> Case {
    let mut random = Random((run << 32 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    random.next();
    let seed = &seeds[random.below(seeds.len())];
    let other = fs::read(&seeds[random.below(seeds.len())].file).unwrap();
    let mut bytes = fs::read(&seed.file).unwrap();
    mutate(&mut bytes, &other, &mut random);
    let place = folder.join("case");
    let _ = fs::remove_dir_all(&place);
    let file = match &seed.folder {
        Some(whole) => {
            copy(whole, &place);
            place.join(seed.file.strip_prefix(whole).unwrap())
        }
        None => {
            fs::create_dir_all(&place).unwrap();
            place.join(seed.file.file_name().unwrap())
        }
    };
    fs::write(&file, bytes).unwrap();
    let out = folder.join("out");
    let _ = fs::remove_dir_all(&out);
    let words = &seed.commands[random.below(seed.commands.len())];
    let replaced = words.iter().map(|word| {
        let word = word.replace('@', &file.display().to_string());
        word.replace('%', &place.display().to_string()).replace('^', &out.display().to_string())
    });
    let json: &[&str] = if random.below(4) == 0 { &["--format", "json"] } else { &[] };
    let limit = ["--max-memory", LIMIT].iter().chain(json).map(|word| (*word).to_string());
    Case { number, command: limit.chain(replaced).collect(), file, out }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            drop(fs::copy(entry.path(), target))
        }
    }
}

/// What is wrong with how a case ended; `status` is `None` after a panic or a signal.
fn complaint(case: &Case, status: Option<u8>, said: &[u8], took: Duration) -> Option<String> {
    let text = String::from_utf8_lossy(said);
    let obeyed =
        |c: char| (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{202e}').contains(&c);
    let left = status == Some(2) && case.command.iter().any(|word| *word == case.out.display().to_string());
    let left = left && fs::read_dir(&case.out).is_ok_and(|mut entries| entries.next().is_some());
    let what = match status {
        None => "a panic or a signal",
        Some(3..) => "an exit status without a meaning",
        Some(2) if said.is_empty() => "no word about what is wrong",
        _ if took > LONGEST => "too long",
        _ if text.contains(obeyed) => "a character that a terminal obeys",
        _ if left => "something left behind",
        _ => return None,
    };
    let kept = std::env::temp_dir().join(format!("goldpath_mutant_{}", case.number));
    let _ = fs::copy(&case.file, &kept);
    let command = case.command.join(" ");
    Some(format!(
        "case {}: {what} ({took:?}): {command}\n  kept as {}\n  {text}",
        case.number,
        kept.display()
    ))
}

/// In this process, or as a child that finds no simulator.
fn play(case: &Case, as_child: bool) -> Option<String> {
    let began = Instant::now();
    if !as_child {
        let ended = catch_unwind(AssertUnwindSafe(|| within(&case.command)));
        let (status, said) = ended.unwrap_or_else(|_| (None, b"panicked".to_vec()));
        return complaint(case, status, &said, began.elapsed());
    }
    let output = Command::new(env!("CARGO_BIN_EXE_goldpath"))
        .args(&case.command)
        .env("PATH", "")
        .current_dir(crate::root())
        .output()
        .unwrap();
    let status = output.status.code().and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 101);
    let said = [output.stdout, output.stderr].concat();
    complaint(case, status, &said, began.elapsed())
}

/// The most memory this process ever held.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or("0");
    line.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0)
}

fn survive(run: u64, cases: u64, children: u64) {
    let folder = tempfile::tempdir().unwrap();
    let seeds = seeds::all(folder.path());
    println!("run {run}: {} seeds, {cases} cases", seeds.len());
    let mut complaints = Vec::new();
    let mut spawned = 0;
    for number in 0..cases {
        let case = prepare(&seeds, run, number, folder.path());
        let simulates = case.command.iter().any(|word| word == "cosim");
        // A simulator's process is no matter of ours here: children find none.
        let as_child = simulates || number.is_multiple_of(children);
        if simulates && !number.is_multiple_of(4) {
            continue;
        }
        spawned += u64::from(as_child);
        complaints.extend(play(&case, as_child));
        if number % 5000 == 4999 {
            println!(
                "{} cases, {spawned} as children, {} complaints, peak {} KiB",
                number + 1,
                complaints.len(),
                peak_kib()
            );
        }
    }
    println!("{cases} cases, {spawned} as children, peak {} KiB", peak_kib());
    assert!(
        complaints.is_empty(),
        "{} complaints\n{}",
        complaints.len(),
        complaints[..complaints.len().min(30)].join("\n")
    );
    assert!(peak_kib() < PEAK_KIB, "{} KiB", peak_kib());
}

#[test]
fn damaged_files_are_survived() {
    survive(1, 1500, 50);
}

/// `cargo test --test hostile -- --ignored --nocapture`; GOLDPATH_SEED and GOLDPATH_CASES choose another run.
#[test]
#[ignore = "takes many minutes"]
fn sixty_thousand_damaged_files_are_survived() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    survive(number("GOLDPATH_SEED", 7), number("GOLDPATH_CASES", 70_000), 500);
}

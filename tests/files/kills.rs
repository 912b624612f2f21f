//! Killed at any moment: the folder is the old one or the new one, and the next run leaves nothing hidden.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::Yard;
use super::jobs::{self, Job, Left};

const KILL: i32 = 9;

/// More names than any command changes.
const MOST_POINTS: usize = 400;

/// Where kills landed.
#[derive(Debug, Default)]
struct Landed {
    /// While a stage was there.
    staged: usize,
    /// Afterwards the target was the old one, or the new one.
    old: usize,
    new: usize,
    /// The run ended before the kill.
    late: usize,
}

/// A generator of moments; the same ones every time.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

fn killed_after(yard: &Yard, line: &str, wait: Duration) -> ExitStatus {
    let mut child = yard.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(wait);
    let _ = child.kill();
    child.wait().unwrap()
}

/// Judges what a kill left, then runs the job to its end.
fn judge(yard: &Yard, job: &Job, status: ExitStatus, [old, new]: &[Left; 2], landed: &mut Landed) {
    match status.signal() {
        Some(KILL) => landed.staged += usize::from(!yard.hidden().is_empty()),
        _ => landed.late += 1,
    }
    let left = yard.left();
    let trace = std::path::Path::new("../t.vcd");
    let folder = |left: &Left| {
        left.iter().filter(|(name, _)| *name != trace).map(|(n, b)| (n.clone(), b.clone())).collect::<Left>()
    };
    let is = |whole: &Left| {
        // A trace elsewhere is a name of its own: it may be missing, but never that of other results.
        folder(&left) == folder(whole) && (!left.contains_key(trace) || left.get(trace) == whole.get(trace))
    };
    assert!(is(old) || is(new), "{}: mixed: {:?}", job.name, left.keys().collect::<Vec<_>>());
    landed.old += usize::from(is(old));
    landed.new += usize::from(is(new));
    yard.done(&job.lines[1]);
    assert!(yard.left() == *new, "{}: the next run wrote something else", job.name);
    assert!(yard.hidden().is_empty(), "{}: {:?}", job.name, yard.hidden());
}

/// The old outcome is there, or nothing.
fn prepare(yard: &Yard, job: &Job, old: &Left) {
    yard.clear();
    if !old.is_empty() {
        yard.done(&job.lines[0]);
    }
}

/// How long a run takes, as the slowest of a few.
fn whole_run(yard: &Yard, line: &str) -> Duration {
    let once = || {
        let begun = Instant::now();
        yard.done(line);
        begun.elapsed()
    };
    (0..3).map(|_| once()).max().unwrap()
}

/// Kills spread over the whole of a run, from before its beginning to after its end.
fn kills_at_random(kills: u64) {
    let (mut staged, mut all) = (0, 0);
    for job in jobs::all() {
        let yard = jobs::yard();
        let outcomes = yard.outcomes(&job);
        let whole = whole_run(&yard, &job.lines[1]);
        let (mut landed, mut state) = (Landed::default(), 1);
        for kill in 0..kills {
            let [_, new] = &outcomes;
            let outcomes = if kill % 4 == 0 { [Left::new(), new.clone()] } else { outcomes.clone() };
            prepare(&yard, &job, &outcomes[0]);
            let wait = whole.mul_f64((random(&mut state) % 1000) as f64 / 950.0);
            let status = killed_after(&yard, &job.lines[1], wait);
            judge(&yard, &job, status, &outcomes, &mut landed);
        }
        println!("{}: {kills} kills over {whole:?}: {landed:?}", job.name);
        (staged, all) = (staged + landed.staged, all + kills);
    }
    println!("{staged} of {all} kills found a stage");
    assert!(
        staged > usize::try_from(all).unwrap() / 10,
        "too few kills landed in the middle: {staged} of {all}"
    );
}

/// A kill before and after every change of a name, with and without a folder to replace.
fn kills_at_each_name(every: usize, faults: &str) {
    for job in jobs::all() {
        let yard = jobs::yard();
        let outcomes = yard.outcomes(&job);
        for old in [outcomes[0].clone(), Left::new()] {
            let outcomes = [old, outcomes[1].clone()];
            let mut landed = Landed::default();
            for point in (1..MOST_POINTS).step_by(every) {
                prepare(&yard, &job, &outcomes[0]);
                let mut command = yard.command(&job.lines[1]);
                command.env("GOLDPATH_FAULT", format!("kill:{point}{faults}")).stdout(Stdio::null());
                let status = command.status().unwrap();
                if faults.contains("no-exchange") {
                    // In two steps there is a moment without the folder; the next run of any kind makes it good.
                    let other = yard.path("other");
                    yard.done(&job.lines[1].replace("--out out", "--out other").replace("t.vcd", "u.vcd"));
                    fs::remove_dir_all(other).unwrap();
                    let _ = fs::remove_file(yard.path("u.vcd"));
                }
                judge(&yard, &job, status, &outcomes, &mut landed);
                if status.signal() != Some(KILL) {
                    break;
                }
            }
            println!("{}{faults}: {landed:?}", job.name);
            assert!(landed.late == 1, "{}: the last point was not reached: {landed:?}", job.name);
            assert!(landed.old > 0 && landed.new > 1 || every > 1, "{}: {landed:?}", job.name);
        }
    }
}

#[test]
fn a_kill_at_each_change_of_a_name_leaves_old_or_new() {
    kills_at_each_name(1, "");
}

#[test]
fn a_kill_where_names_cannot_be_exchanged_is_made_good() {
    kills_at_each_name(3, ",no-exchange");
}

#[test]
fn kills_at_random_moments_leave_old_or_new() {
    kills_at_random(12);
}

#[test]
#[ignore = "minutes: 60 kills of each of five commands, and every name without an exchange"]
fn three_hundred_kills() {
    kills_at_random(60);
    kills_at_each_name(1, ",no-exchange");
}

/// A sweep goes on where it was killed: what is there is whole pieces, and all of the report or nothing.
fn sweep_killed(yard: &Yard, whole: &Left, status: ExitStatus, landed: &mut Landed) {
    match status.signal() {
        Some(KILL) => landed.staged += usize::from(!yard.hidden().is_empty()),
        _ => landed.late += 1,
    }
    let left = yard.left();
    for (name, bytes) in &left {
        assert_eq!(whole.get(name), Some(bytes), "{}", name.display());
    }
    let reports = left.keys().filter(|name| name.to_string_lossy().starts_with("report.")).count();
    assert!(reports == 0 || left == *whole, "a part of the report");
    if reports == 0 {
        landed.old += 1
    } else {
        landed.new += 1
    }
    yard.done(&jobs::sweep().lines[0]);
    assert!(yard.left() == *whole, "the sweep did not go on where it stopped");
    assert!(yard.hidden().is_empty(), "{:?}", yard.hidden());
    yard.clear();
}

fn sweeps_killed(kills: u64) {
    let (yard, job) = (jobs::yard(), jobs::sweep());
    let [whole, _] = yard.outcomes(&job);
    yard.clear();
    let begun = Instant::now();
    yard.done(&job.lines[0]);
    let (duration, mut landed, mut state) = (begun.elapsed(), Landed::default(), 5);
    yard.clear();
    for _ in 0..kills {
        let wait = duration.mul_f64((random(&mut state) % 1000) as f64 / 950.0);
        let status = killed_after(&yard, &job.lines[0], wait);
        sweep_killed(&yard, &whole, status, &mut landed);
    }
    println!("sweep: {kills} kills over {duration:?}: {landed:?}");
    assert!(landed.staged > 0 && landed.old > 0, "no kill landed: {landed:?}");
}

#[test]
fn a_sweep_that_is_killed_goes_on_whole() {
    sweeps_killed(12);
    let (yard, job) = (jobs::yard(), jobs::sweep());
    let [whole, _] = yard.outcomes(&job);
    let mut landed = Landed::default();
    for point in 1..MOST_POINTS {
        let mut command = yard.command(&job.lines[0]);
        let status =
            command.env("GOLDPATH_FAULT", format!("kill:{point}")).stdout(Stdio::null()).status().unwrap();
        sweep_killed(&yard, &whole, status, &mut landed);
        if status.signal() != Some(KILL) {
            break;
        }
    }
    println!("sweep, at each name: {landed:?}");
    assert!(landed.late == 1 && landed.old > 1 && landed.new > 1, "{landed:?}");
}

#[test]
#[ignore = "a minute: 60 kills of a sweep"]
fn sixty_kills_of_a_sweep() {
    sweeps_killed(60);
}

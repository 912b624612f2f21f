//! Two processes, one folder: the result is that of one of them, whole.

use std::process::Stdio;

use super::jobs::{self, Job};

/// Both at once, `count` times, over nothing, over the one's and over the other's results.
fn pairs(job: &Job, count: usize) {
    let yard = jobs::yard();
    let outcomes = yard.outcomes(job);
    let mut last = [0, 0];
    for _ in 0..count {
        let children = [0, 1].map(|which| {
            let mut command = yard.command(&job.lines[which]);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        });
        for child in children {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{}: {said}", job.name);
        }
        let left = yard.left();
        let whose = outcomes.iter().position(|whole| *whole == left);
        last[whose.unwrap_or_else(|| panic!("{}: mixed", job.name))] += 1;
        assert!(yard.hidden().is_empty(), "{}: {:?}", job.name, yard.hidden());
    }
    println!("{}: {count} pairs; the last was the one {} times, the other {}", job.name, last[0], last[1]);
}

#[test]
fn two_writers_never_mix() {
    for job in jobs::all() {
        pairs(&job, 12);
    }
}

#[test]
#[ignore = "a minute: 200 pairs with and without a trace, 60 of the other commands"]
fn two_hundred_pairs() {
    for job in jobs::all() {
        pairs(&job, if job.name.starts_with("run") { 200 } else { 60 });
    }
}

#[test]
fn two_sweeps_of_one_plan_share_their_folder() {
    let job = jobs::sweep();
    let yard = jobs::yard();
    let outcomes = yard.outcomes(&job);
    assert!(outcomes[0] == outcomes[1]);
    for _ in 0..6 {
        yard.clear();
        let children =
            [0, 1].map(|which| yard.command(&job.lines[which]).stdout(Stdio::null()).spawn().unwrap());
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        assert!(yard.left() == outcomes[0] && yard.hidden().is_empty(), "{:?}", yard.hidden());
    }
}

#[test]
fn two_sweeps_of_different_plans_do_not() {
    let (yard, job) = (jobs::yard(), jobs::sweep());
    let other = job.lines[0].replace("14..20", "15..21");
    for _ in 0..6 {
        yard.clear();
        let children = [&job.lines[0], &other]
            .map(|line| yard.command(line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let ends = children.map(|child| child.wait_with_output().unwrap());
        let codes = ends.iter().map(|end| end.status.code()).collect::<Vec<_>>();
        assert!(codes == [Some(0), Some(2)] || codes == [Some(2), Some(0)], "{codes:?}");
        let said = String::from_utf8_lossy(&ends[usize::from(codes[1] == Some(2))].stderr);
        assert!(said.contains("plan.json") && said.contains("--widths differs"), "{said}");
        assert!(yard.hidden().is_empty(), "{:?}", yard.hidden());
    }
}

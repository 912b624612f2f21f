//! Interrupted: nothing stays, and the process ends as the signal would have ended it.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::jobs;

/// Sends a signal once a stage is there, or soon after.
fn interrupt(signal: &str, number: i32) {
    let mut landed = 0;
    for (index, job) in jobs::all().into_iter().chain([jobs::sweep()]).enumerate() {
        let yard = jobs::yard();
        yard.operands("a.npy", "w.npy", 2, [100, 200, 16]);
        // Long enough that a signal finds it at work.
        let line = job.lines[0]
            .replace("20,40,8", "200,400,8")
            .replace("14..20", "8..32")
            .replace("x.npy", "@/tests/models/mlp_inputs.npy");
        let mut child = yard.command(&line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        for _ in 0..2000 {
            if !yard.hidden().is_empty() || child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(3 * index as u64));
        Command::new("kill").args([signal, &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(yard.hidden().is_empty(), "{}: {:?}", job.name, yard.hidden());
        if output.status.signal() == Some(number) {
            landed += 1;
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}", job.name);
            let names = std::fs::read_dir(yard.work()).unwrap().map(|entry| entry.unwrap().file_name());
            let left = names.filter(|name| name == "out" || name == "t.vcd").count();
            assert!(
                left == 0 || job.name == "sweep" || yard.path("out").exists(),
                "{}: a trace alone",
                job.name
            );
        } else {
            assert_eq!(output.status.code(), Some(0), "{}", job.name);
        }
    }
    println!("{signal}: {landed} of 6 ended by it");
    assert!(landed >= 2, "{signal}: only {landed} landed");
}

#[test]
fn a_terminal_interrupt_leaves_nothing() {
    interrupt("-INT", 2);
}

#[test]
fn a_termination_leaves_nothing() {
    interrupt("-TERM", 15);
}

#[test]
fn a_hangup_leaves_nothing_and_nohup_is_heeded() {
    interrupt("-HUP", 1);
    let (yard, job) = (jobs::yard(), jobs::all().swap_remove(0));
    let line = yard.command(&job.lines[0].replace("20,40,8", "100,200,8"));
    let mut nohup = Command::new("nohup");
    nohup.arg(line.get_program()).args(line.get_args()).current_dir(yard.work());
    let mut child = nohup.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    for _ in 0..2000 {
        if !yard.hidden().is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap();
    assert!(child.wait().unwrap().success(), "nohup was not heeded");
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_nothing_stays() {
    for job in jobs::all() {
        let yard = jobs::yard();
        yard.operands("a.npy", "w.npy", 2, [100, 200, 16]);
        let line = yard.command(&job.lines[0].replace("20,40,8", "100,200,8"));
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -f 1; exec \"$0\" \"$@\""]).arg(line.get_program()).args(line.get_args());
        let output = limited.current_dir(yard.work()).stdout(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{}: {:?} {said}", job.name, output.status);
        assert!(said.contains("File too large"), "{}: {said}", job.name);
        assert!(yard.hidden().is_empty() && !yard.path("out").exists(), "{}", job.name);
    }
}

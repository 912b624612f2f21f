//! Folders with any name that a file system takes: right answers in both simulators, and no shell reads them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use assert_cmd::cargo::cargo_bin_cmd;

use crate::module::{BUNDLE, answer, body, cosim, module, whole};

/// Each would do something in a shell, in make, or in a list of files.
fn hostile() -> Vec<OsString> {
    let names = ["a b", "$(touch pwned)", "`touch pwned`;touch pwned;'\"", "#%s%d&|<>*?", "-I\nübung=:,\\"];
    let mut names: Vec<OsString> = names.iter().map(OsString::from).collect();
    names.push(OsString::from_vec(b"\xff\xfe raw $HOME".to_vec()));
    names
}

fn copied(bundle: &Path) {
    fs::create_dir(bundle).unwrap();
    for entry in fs::read_dir(BUNDLE).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), bundle.join(entry.file_name())).unwrap();
    }
}

/// Every path of a run in one hostile folder; the module is split over an include, and reads a file by a relative name.
fn everything_in(name: &OsStr, simulator: &str) {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join(name);
    fs::create_dir(&folder).unwrap();
    let bundle = folder.join("bundle");
    copied(&bundle);
    symlink(std::path::absolute("hw_models").unwrap(), folder.join("hw_models")).unwrap();
    fs::create_dir(folder.join("temporary")).unwrap();
    let mut source = name.to_os_string();
    source.push(".v");
    let header = "in side.vh";
    let read = "reg [7:0] m [0:0]; initial $readmemh(\"mine.hex\", m);\n\
                reg [7:0] seen; always @(posedge clock) seen <= m[0];";
    fs::write(folder.join(header), body("(m[0] == 8'h5a) ? x * w : 34'sd0", read)).unwrap();
    fs::write(folder.join(&source), module("`include \"in side.vh\"")).unwrap();
    fs::write(folder.join("mine.hex"), "5a\n").unwrap();
    let run = |twin: bool| {
        let mut command = cosim(&[folder.join(&source)], simulator, &folder.join("cache"));
        if twin {
            command = cargo_bin_cmd!("goldpath");
            command
                .args(["cosim", "--simulator", simulator])
                .arg(&bundle)
                .env("GOLDPATH_CACHE", folder.join("cache"));
        } else {
            command.env_remove("GOLDPATH_CACHE").env("XDG_CACHE_HOME", &folder);
            let root = std::env::current_dir().unwrap();
            command.env("GOLDPATH_HW_MODELS", root.join("hw_models"));
        }
        command.current_dir(&folder).env("HOME", &folder).env("TMPDIR", folder.join("temporary"));
        command
    };
    let (status, text) = answer(&mut run(true));
    assert!(status == 0 && text.contains("PASS"), "{name:?}, twin, {simulator}: {status}\n{text}");
    // The bundle is named from the project's root in `cosim`: here it lies beside.
    symlink(std::path::absolute("tests").unwrap(), folder.join("tests")).unwrap();
    let (status, text) = answer(&mut run(false));
    assert!(status == 0 && text.contains("PASS"), "{name:?}, RTL, {simulator}: {status}\n{text}");
    let pwned = |folder: &Path| folder.join("pwned").exists();
    assert!(!pwned(&folder) && !pwned(root.path()) && !Path::new("pwned").exists(), "a shell read {name:?}");
}

#[test]
fn any_folder_name_is_right_in_icarus() {
    hostile().iter().for_each(|name| everything_in(name, "icarus"));
}

#[test]
fn any_folder_name_is_right_in_verilator() {
    // All of them in one: each build takes its time.
    let names = hostile();
    let all: Vec<u8> = names.iter().flat_map(|n| n.clone().into_vec()).filter(|b| *b != b'/').collect();
    everything_in(&OsString::from_vec(all), "verilator");
    everything_in(&names[0], "verilator");
}

#[test]
fn a_cache_without_a_home_is_private_and_goes() {
    let root = tempfile::tempdir().unwrap();
    let rtl = whole(root.path(), "");
    let temporary = root.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    let mut command = cosim(&[&rtl], "icarus", root.path());
    command
        .env_remove("GOLDPATH_CACHE")
        .env_remove("HOME")
        .env_remove("XDG_CACHE_HOME")
        .env("TMPDIR", &temporary);
    let (status, text) = answer(&mut command);
    assert_eq!(status, 0, "{text}");
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "it left something");
    // The name that it once had, laid out by somebody else, is not touched.
    let trap = root.path().join("trap");
    fs::create_dir(&trap).unwrap();
    symlink(&trap, temporary.join("goldpath-cache")).unwrap();
    assert_eq!(answer(&mut command).0, 0);
    assert_eq!(fs::read_dir(&trap).unwrap().count(), 0);
}

#[test]
fn a_cache_that_everybody_may_write_is_refused_and_a_home_is_closed() {
    let root = tempfile::tempdir().unwrap();
    let rtl = whole(root.path(), "");
    let open = root.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let (status, text) = answer(&mut cosim(&[&rtl], "icarus", &open));
    assert!(status == 2 && text.contains("everybody may write") && text.contains("GOLDPATH_CACHE"), "{text}");
    let home = root.path().join("home");
    fs::create_dir_all(home.join(".cache/goldpath")).unwrap();
    let mut command = cosim(&[&rtl], "icarus", root.path());
    command.env_remove("GOLDPATH_CACHE").env_remove("XDG_CACHE_HOME").env("HOME", &home);
    assert_eq!(answer(&mut command).0, 0);
    let mode = fs::metadata(home.join(".cache/goldpath")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}

//! What Chromium makes of a page: every chart has a size, every text its own place, nothing sticks out.
//!
//! The page itself has no script. A copy gets `measure.js`, which writes what it finds into the document, and
//! `--dump-dom` prints that.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use goldpath::report::{overflow_html, sweep_html};

use super::examples::{drawings, overflow, sweep};

const SECONDS: u64 = 60;

/// What the script found.
#[derive(Debug)]
struct Measured {
    charts: usize,
    texts: usize,
    shapes: usize,
    width: u32,
    paper: String,
    complaints: Vec<String>,
}

/// Prints a page's document as the browser has it; kills a browser that hangs.
fn dump(page: &Path, profile: &Path, width: u32, dark: bool) -> String {
    let mut browser = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-sync",
        ])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"])
        .arg(format!("--blink-settings=preferredColorScheme={}", if dark { 0 } else { 1 }))
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--window-size={width},2000"))
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromium is installed: run `make setup`, or apt-get install chromium");
    let mut stdout = browser.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let started = Instant::now();
    while browser.try_wait().unwrap().is_none() {
        if started.elapsed() > Duration::from_secs(SECONDS) {
            browser.kill().unwrap();
            browser.wait().unwrap();
            panic!("chromium has not ended in {SECONDS} s");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    reader.join().unwrap().unwrap()
}

fn measure(page: &str, width: u32, dark: bool) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("page.html");
    // The page forbids every script, ours included.
    let policy = "<meta http-equiv=\"Content-Security-Policy\"";
    let from = page.find(policy).expect("the page forbids scripts");
    let end = from + page[from..].find('\n').unwrap();
    let script = format!("<script>\n{}</script>\n</body>", include_str!("measure.js"));
    let text = format!("{}{}", &page[..from], &page[end..]).replacen("</body>", &script, 1);
    std::fs::write(&copy, text).unwrap();
    let document = dump(&copy, &folder.path().join("profile"), width, dark);
    let measured = document
        .split_once("<pre id=\"measured\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"))
        .unwrap_or_else(|| panic!("the script has not run: {document:.300}"))
        .0;
    let mut lines = measured.lines();
    let head: Vec<&str> = lines.next().unwrap().split(' ').collect();
    Measured {
        charts: head[0].parse().unwrap(),
        texts: head[1].parse().unwrap(),
        shapes: head[2].parse().unwrap(),
        width: head[3].parse().unwrap(),
        paper: head[4].to_string(),
        complaints: lines.filter(|line| !line.is_empty()).map(str::to_string).collect(),
    }
}

/// Lays a page out wide and narrow, light and dark.
fn lays_out(page: &str) {
    let drawn = page.matches("<svg class=\"chart\"").count();
    let mut papers = Vec::new();
    for (width, dark) in [(1300, false), (700, true)] {
        let measured = measure(page, width, dark);
        assert!(measured.complaints.is_empty(), "at {width} pixels:\n{}", measured.complaints.join("\n"));
        assert_eq!((measured.width, measured.charts), (width, drawn));
        assert!(measured.texts > 5 * drawn && measured.shapes > 5 * drawn, "{measured:?}");
        println!("{width} px: {} charts, {} texts, {} shapes", drawn, measured.texts, measured.shapes);
        papers.push(measured.paper);
    }
    assert_ne!(papers[0], papers[1], "dark is dark");
}

#[test]
fn an_overflow_page_is_laid_out() {
    lays_out(&overflow_html(&overflow(), &drawings()).unwrap());
}

#[test]
fn a_sweep_page_is_laid_out() {
    lays_out(&sweep_html(&sweep()).unwrap());
}

/// The trained network, by the commands themselves: twice, for the same bytes.
#[test]
fn pages_of_the_commands_are_laid_out() {
    let folder = tempfile::tempdir().unwrap();
    let common = ["--input", "tests/models/cnn_inputs.npy", "--labels", "tests/models/labels.npy", "--quiet"];
    let subject = ["tests/models/cnn_s8_qoperator.onnx", "--design", "hw_models/os16x16_s8_acc16sat"];
    for command in ["overflow", "sweep"] {
        let pages = ["first", "second"].map(|name| {
            let out = folder.path().join(format!("{command}-{name}"));
            let mut goldpath = assert_cmd::Command::cargo_bin("goldpath").unwrap();
            goldpath.arg(command).args(subject).args(common).arg("--out").arg(&out).assert().success();
            std::fs::read_to_string(out.join("report.html")).unwrap()
        });
        assert_eq!(pages[0], pages[1]);
        super::markup::elements(&pages[0]).unwrap();
        std::fs::write(format!("{}/{command}.html", env!("CARGO_TARGET_TMPDIR")), &pages[0]).unwrap();
        let measured = measure(&pages[0], 700, false);
        assert!(measured.complaints.is_empty(), "{command}:\n{}", measured.complaints.join("\n"));
        println!("{command}: {} charts, {} texts", measured.charts, measured.texts);
    }
}

/// The measuring must be able to fail.
#[test]
fn planted_faults_are_measured() {
    let page = sweep_html(&sweep()).unwrap();
    let text = page.find("<text").unwrap();
    let planted = "<text x=\"300\" y=\"100\">over</text><text x=\"302\" y=\"101\">each other</text>\
                   <text x=\"630\" y=\"20\">sticks out</text><path class=\"none\" d=\"M1 1h9\"/>";
    let planted = format!("{}{planted}{}", &page[..text], &page[text..])
        .replacen("<h2>", "<svg class=\"chart\" aria-label=\"empty\" width=\"0\" height=\"0\"></svg><h2>", 1)
        .replacen("<h1>", "<h1 style=\"white-space: nowrap; width: 2000px\">", 1);
    let complaints = measure(&planted, 1000, false).complaints.join("\n");
    for fault in [
        "over lies on each other",
        "sticks out sticks out",
        "an unseen none",
        "empty: is",
        "empty: nothing",
        "wide in a window",
    ] {
        assert!(complaints.contains(fault), "{fault:?} is not in\n{complaints}");
    }
}

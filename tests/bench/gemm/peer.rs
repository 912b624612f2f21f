//! The Python child: ONNX Runtime and NumPy. It computes what it is told, and says how much processor time it took.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use ndarray::Array2;
use serde_json::{Value, json};

use super::operands::{Draw, Operands};

pub struct Peer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    folder: PathBuf,
    pub versions: String,
}

/// What `make bench` set up, or this machine's.
pub fn python() -> String {
    std::env::var("BENCH_PYTHON").unwrap_or_else(|_| "python3".to_string())
}

impl Peer {
    /// Starts it. What is missing is said: the benchmark goes on without.
    pub fn start(folder: &Path) -> Result<Peer, String> {
        let python = python();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/gemm/peer.py");
        let mut child = Command::new(&python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("{python}: {e}"))?;
        let (to, from) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let (folder, from) = (folder.to_path_buf(), BufReader::new(from));
        let mut peer = Peer { child, to, from, folder, versions: String::new() };
        let reply = peer.ask(&json!({"do": "versions"}))?;
        peer.versions = reply["versions"].as_str().unwrap_or_default().to_string();
        Ok(peer)
    }

    fn ask(&mut self, request: &Value) -> Result<Value, String> {
        writeln!(self.to, "{request}").map_err(|e| format!("the Python child is gone: {e}"))?;
        let mut line = String::new();
        self.from.read_line(&mut line).map_err(|e| e.to_string())?;
        let reply: Value = serde_json::from_str(&line).map_err(|_| {
            "numpy, onnx and onnxruntime are needed: tests/bench/requirements.txt".to_string()
        })?;
        match reply["error"].as_str() {
            Some(error) => Err(error.to_string()),
            None => Ok(reply),
        }
    }

    /// Hands the operands over as files.
    pub fn operands(&mut self, draw: Draw, operands: &Operands) {
        let save = |name: &str, table: &Array2<i64>, signed: bool| {
            let path = self.folder.join(name);
            let written = if signed {
                ndarray_npy::write_npy(&path, &table.mapv(|v| v as i8))
            } else {
                ndarray_npy::write_npy(&path, &table.mapv(|v| v as u8))
            };
            written.expect("room under target");
        };
        save("a.npy", &operands.a, draw.signed_activations());
        save("w.npy", &operands.w, true);
    }

    /// A contestant on the operands last handed over; its result, and how long it took once.
    pub fn make(&mut self, name: &str) -> Result<(Array2<i32>, f64), String> {
        let path = |file: &str| self.folder.join(file).to_string_lossy().into_owned();
        let out = path("out.npy");
        let request = json!({"do": "make", "name": name, "a": path("a.npy"), "w": path("w.npy"), "out": out});
        let reply = self.ask(&request)?;
        let result = ndarray_npy::read_npy(&out).map_err(|e| e.to_string())?;
        Ok((result, reply["seconds"].as_f64().unwrap_or(f64::NAN)))
    }

    /// Seconds of `repeats` runs.
    pub fn time(&mut self, name: &str, repeats: usize) -> f64 {
        let reply = self.ask(&json!({"do": "time", "name": name, "repeats": repeats}));
        reply.expect("it ran before")["seconds"].as_f64().expect("a number")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Its input ends with us, and so does it; a zombie is left behind only when that fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

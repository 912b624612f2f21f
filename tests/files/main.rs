//! Folders that are written whole or not at all: foreign files, kills, signals, and two writers at once.

mod foreign;
mod jobs;
mod kills;
mod pairs;
mod shown;
mod signals;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use goldpath::wave::npy_int64;
use ndarray::Array2;

/// A folder for everything of one test: `work` to write in, `cache` and `temp` of its own.
struct Yard {
    root: tempfile::TempDir,
}

impl Yard {
    fn new() -> Yard {
        let yard = Yard { root: tempfile::tempdir().unwrap() };
        ["work", "cache", "temp"]
            .iter()
            .for_each(|name| fs::create_dir(yard.root.path().join(name)).unwrap());
        yard
    }

    fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.work().join(name)
    }

    /// Starts in `work` unless told otherwise; paths of the repository are to be absolute.
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_goldpath"));
        command.args(line.split_whitespace().map(|word| word.replace('@', env!("CARGO_MANIFEST_DIR"))));
        command.current_dir(self.work()).env("RAYON_NUM_THREADS", "1");
        command.env("GOLDPATH_CACHE", self.root.path().join("cache"));
        command.env("TMPDIR", self.root.path().join("temp"));
        command
    }

    fn done(&self, line: &str) {
        succeeded(&self.command(line).output().unwrap());
    }

    /// What it says when it cannot: exit status 2.
    fn refused(&self, line: &str) -> String {
        refusal(&self.command(line).output().unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Operands of a product, all of one value.
    fn operands(&self, activations: &str, weights: &str, value: i64, [m, k, n]: [usize; 3]) {
        let matrix =
            |rows, columns, value| npy_int64(Array2::from_elem((rows, columns), value).view().into_dyn());
        fs::write(self.path(activations), matrix(m, k, value)).unwrap();
        fs::write(self.path(weights), matrix(k, n, 3)).unwrap();
    }

    /// Parameters of a design that shifts.
    fn parameters(&self, name: &str) {
        let mut zip = zip::ZipWriter::new(fs::File::create(self.path(name)).unwrap());
        zip.start_file("shift.npy", zip::write::SimpleFileOptions::default()).unwrap();
        let shift = npy_int64(
            ndarray::Array1::from_vec(vec![7_i64]).into_shape_with_order(()).unwrap().view().into_dyn(),
        );
        std::io::Write::write_all(&mut zip, &shift).unwrap();
        zip.finish().unwrap();
    }

    /// Whatever is hidden, anywhere.
    fn hidden(&self) -> Vec<PathBuf> {
        let all = tree(self.root.path());
        all.into_keys().filter(|path| is_hidden(path)).collect()
    }
}

fn is_hidden(path: &Path) -> bool {
    path.iter().any(|part| part.to_string_lossy().starts_with('.'))
}

fn succeeded(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

fn refusal(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}{}", String::from_utf8_lossy(&output.stdout));
    said
}

/// Every entry below a folder and its bytes; folders and links have none.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let bytes = if kind.is_file() { fs::read(&path).unwrap_or_default() } else { Vec::new() };
            if kind.is_dir() {
                open.push(path.clone());
            }
            found.insert(path.strip_prefix(folder).unwrap().to_path_buf(), bytes);
        }
    }
    found
}

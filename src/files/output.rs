//! A folder that appears whole or not at all, and takes the place of an earlier one in one step.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind};
use std::path::{Path, PathBuf};

use super::index::{Hashing, INDEX, Index};
use super::pending::PendingFile;
use super::place::{MadeFolders, Target};
use super::snapshot::Snapshot;
use super::stage::{self, FORWARD, NEW, OLD, Stage};
use super::{exchange, interrupt, lock, typed};
use crate::error::{Error, Kind, Place, Result};

/// Refuses a folder (where it is, and as the user calls it) that is not wholly ours.
type Check = Box<dyn Fn(&Path, &Path) -> Result<()>>;

/// A file beside the folder that appears only together with it.
pub type TraceFile = PendingFile;

/// A folder being written. Dropped before [`OutputFolder::commit`], it leaves nothing behind.
pub struct OutputFolder {
    target: Target,
    /// The file without which the folder is not ours.
    index: &'static str,
    /// Whose results, when the index is to be written.
    command: Option<&'static str>,
    check: Check,
    inputs: Vec<PathBuf>,
    /// What was there, and found to be ours.
    checked: Option<Snapshot>,
    stage: Stage,
    /// A mount point: the stage is inside.
    around: bool,
    trace: Option<TraceFile>,
    /// SHA-256 of files, by name, as far as it is known.
    hashes: BTreeMap<String, String>,
    _made: MadeFolders,
}

/// Writes files into an [`OutputFolder`].
pub struct FolderWriter {
    folder: PathBuf,
    shown: PathBuf,
}

impl FolderWriter {
    /// Writes one file piece by piece, and returns its SHA-256.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<Hashing<File>>) -> io::Result<()>,
    ) -> Result<String> {
        let written = File::create(self.folder.join(name)).and_then(|file| {
            let mut file = BufWriter::new(Hashing::new(file));
            write(&mut file)?;
            Ok(file.into_inner().map_err(io::IntoInnerError::into_error)?.sha256())
        });
        written.map_err(|e| Error::io(&self.shown.join(name), "write", e))
    }
}

/// What a user may want to know about a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The current folder was replaced: whoever stands in it stands in one that is gone.
    pub current: bool,
}

impl OutputFolder {
    /// Prepares the results of `command` for `target`, which must not be there, be empty, or hold nothing but what that
    /// command wrote. Nothing of it is touched yet.
    ///
    /// # Errors
    /// The target is something else, holds one of the `inputs`, or nothing can be written beside it.
    pub fn results(target: &Path, command: &'static str, inputs: &[&Path]) -> Result<OutputFolder> {
        let check = move |folder: &Path, shown: &Path| Index::check(folder, shown, command);
        let mut folder = OutputFolder::create(target, INDEX, Box::new(check), inputs)?;
        folder.command = Some(command);
        Ok(folder)
    }

    /// The same for a folder with an index of its own.
    ///
    /// # Errors
    /// As [`OutputFolder::results`].
    pub fn create(
        target: &Path,
        index: &'static str,
        check: Check,
        inputs: &[&Path],
    ) -> Result<OutputFolder> {
        let target = Target::of(target)?;
        if target.real.exists() && !target.real.is_dir() {
            return Err(Error::new(Kind::Io, "is a file, not a folder").at(Place::File(target.shown)));
        }
        let inputs: Vec<PathBuf> = inputs.iter().map(|input| input.to_path_buf()).collect();
        target.refuse_inputs(&inputs, "--out")?;
        let fail = |e| Error::io(&target.shown, "write this folder", e);
        let made = MadeFolders::make(target.parent()).map_err(fail)?;
        stage::sweep(target.parent());
        let mut around = target.is_mount_point();
        if around {
            stage::sweep(&target.real);
        }
        let checked = look(&target, &check)?;
        let inside = || Stage::of(&target.real, &stage::Target::Around(OsStr::new(index)));
        let name = target.real.file_name().unwrap_or_default();
        let stage = if around { inside() } else { Stage::of(target.parent(), &stage::Target::Beside(name)) };
        let stage = match stage {
            // A folder of ours in one that is not.
            Err(e)
                if [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem].contains(&e.kind())
                    && target.real.exists() =>
            {
                around = true;
                inside()
            }
            other => other,
        };
        let stage = stage.map_err(fail)?;
        fs::create_dir(stage.path().join(NEW)).map_err(fail)?;
        typed::stands_for(&stage.path().join(NEW), &target.shown);
        Ok(OutputFolder {
            target,
            index,
            command: None,
            check,
            inputs,
            checked,
            stage,
            around,
            trace: None,
            hashes: BTreeMap::new(),
            _made: made,
        })
    }

    /// The folder to write in.
    pub fn folder(&self) -> PathBuf {
        self.stage.path().join(NEW)
    }

    /// Writes one file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let written = fs::write(self.folder().join(name), bytes);
        written.map_err(|e| Error::io(&self.target.shown.join(name), "write", e))
    }

    /// For who writes its files from another thread.
    pub fn writer(&self) -> FolderWriter {
        FolderWriter { folder: self.folder(), shown: self.target.shown.clone() }
    }

    /// What files held when they were written, by name: they need not be read again.
    pub fn hashed(&mut self, hashes: BTreeMap<String, String>) {
        self.hashes.extend(hashes);
    }

    /// Where to write a file so that it appears as `path` together with the folder, in it or elsewhere.
    ///
    /// # Errors
    /// `path` is an input, the folder itself or in a folder inside it, or cannot be written.
    pub fn trace(&mut self, path: &Path) -> Result<PathBuf> {
        let trace = Target::of(path)?;
        trace.refuse_inputs(&self.inputs, "--trace")?;
        if trace.parent() == self.target.real {
            let staged = self.folder().join(trace.real.file_name().unwrap_or_default());
            typed::stands_for(&staged, path);
            return Ok(staged);
        }
        if trace.real.starts_with(&self.target.real) || self.target.real.starts_with(&trace.real) {
            return Err(Error::new(
                Kind::Usage,
                "is --out, or in a folder inside it, and would be replaced with it",
            )
            .at(Place::Option(format!("--trace {}", path.display())))
            .help("write the trace into --out itself, or outside"));
        }
        Ok(self.trace.insert(TraceFile::of(trace)?).path())
    }

    /// Puts the folder in its place, and the trace elsewhere in its own.
    ///
    /// # Errors
    /// What is there is not (any more) wholly ours, or cannot be replaced; everything is then as it was.
    pub fn commit(self) -> Result<Committed> {
        if let Some(command) = self.command {
            let text = Index::of(&self.folder(), command, &self.hashes).and_then(|index| index.text());
            let written = text.and_then(|text| fs::write(self.folder().join(INDEX), text));
            written.map_err(|e| self.fail(e))?;
        }
        self.publish(false)
    }

    /// The same, and every file that is there and has no successor stays. The folder is theirs as much as ours: nothing
    /// but files with the same content may be replaced.
    ///
    /// # Errors
    /// As [`OutputFolder::commit`].
    pub fn commit_among(self) -> Result<Committed> {
        self.publish(true)
    }

    fn fail(&self, e: io::Error) -> Error {
        Error::io(&self.target.shown, "put the results here", e)
    }

    fn publish(self, among: bool) -> Result<Committed> {
        let _locks = self.lock()?;
        let now = self.look_again()?;
        let current = now.is_some() && std::env::current_dir().is_ok_and(|folder| folder == self.target.real);
        if among && !self.around && now.is_some() {
            link_rest(&self.target.real, &self.folder()).map_err(|e| self.fail(e))?;
        }
        if let (Some(_), Ok(facts)) = (&now, fs::metadata(&self.target.real)) {
            fs::set_permissions(self.folder(), facts.permissions()).map_err(|e| self.fail(e))?;
        }
        // A signal waits from here on: all or nothing.
        let registry = interrupt::registry();
        let had_trace = match &self.trace {
            None => false,
            // Better no trace for a moment than one beside results that are not its own.
            Some(trace) => trace.put_aside().map_err(|e| Error::io(&trace.target().shown, "write", e))?,
        };
        let exchanged = match (self.around, &now) {
            (true, _) => self.move_files(now.as_ref(), among),
            (false, Some(now)) => self.exchange(now),
            (false, None) => {
                exchange::rename_new(&self.folder(), &self.target.real).map_err(|e| self.fail(e))
            }
        };
        let done = exchanged.and_then(|()| match &self.trace {
            None => Ok(()),
            Some(trace) => trace.put_in_place().map_err(|e| Error::io(&trace.target().shown, "write", e)),
        });
        if let (true, Err(_), Some(trace)) = (had_trace, &done, &self.trace) {
            // The first error is the one to be told.
            let _ = trace.put_back();
        }
        drop(registry);
        done.map(|()| Committed { current: current && !self.around })
    }

    /// Locks on both folders whose entries will change, always in the same order.
    fn lock(&self) -> Result<Vec<Option<File>>> {
        let own = if self.around { self.target.real.as_path() } else { self.target.parent() };
        let mut folders: Vec<&Path> = vec![own];
        folders.extend(self.trace.as_ref().map(|trace| trace.target().parent()));
        folders.sort_unstable();
        folders.dedup();
        folders.into_iter().map(lock::folder).collect()
    }

    /// What is there now, which must be ours still: another process may have put its own results here.
    fn look_again(&self) -> Result<Option<Snapshot>> {
        let now = match Snapshot::of(&self.target.real) {
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            other => Some(other.map_err(|e| self.fail(e))?),
        };
        if now.is_some() && now != self.checked {
            return look(&self.target, &self.check);
        }
        Ok(now)
    }

    fn exchange(&self, checked: &Snapshot) -> Result<()> {
        let aside = self.stage.path().join(OLD);
        let replaced = exchange::swap(&self.folder(), &self.target.real, &aside).map_err(|e| self.fail(e))?;
        if Snapshot::of(&replaced).is_ok_and(|found| found == *checked) {
            return Ok(());
        }
        // Something was written there at the last moment: it is not ours to remove.
        exchange::swap(&replaced, &self.target.real, &self.stage.path().join("back"))
            .map_err(|e| self.fail(e))?;
        Err(self.changed())
    }

    fn changed(&self) -> Error {
        Error::new(Kind::Io, "was changed by another program while it was replaced")
            .at(Place::File(self.target.shown.clone()))
    }

    /// In a mount point: out and in, file by file.
    fn move_files(&self, checked: Option<&Snapshot>, among: bool) -> Result<()> {
        let (new, old, index) = (self.folder(), self.stage.path().join(OLD), OsStr::new(self.index));
        let into_place = || -> io::Result<()> {
            if among {
                let mut names: Vec<_> =
                    fs::read_dir(&new)?.flatten().map(|entry| entry.file_name()).collect();
                names.sort();
                return names.iter().try_for_each(|name| {
                    exchange::rename_over(&new.join(name), &self.target.real.join(name))
                });
            }
            fs::create_dir(&old)?;
            exchange::move_all(&self.target.real, &old, index, true)?;
            if checked.is_some_and(|checked| Snapshot::of(&old).is_ok_and(|found| found != *checked)) {
                return Err(io::Error::other("another program changed it meanwhile"));
            }
            File::create(self.stage.path().join(FORWARD))?;
            exchange::move_all(&new, &self.target.real, index, false)
        };
        into_place().map_err(|e| {
            if !self.stage.path().join(FORWARD).exists() && old.exists() {
                let _ = exchange::move_all(&old, &self.target.real, index, false);
            }
            self.fail(e)
        })
    }
}

/// How often another process may exchange the folder while it is looked at.
const MOST_LOOKS: usize = 1000;

/// What is there, if it is wholly ours. Nobody is locked out, so an index may be of one folder and a file of the next:
/// what was said of a folder that changed meanwhile is not believed.
fn look(target: &Target, check: &Check) -> Result<Option<Snapshot>> {
    let snapshot = || match Snapshot::of(&target.real) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        other => other.map(Some).map_err(|e| Error::io(&target.shown, "read this folder", e)),
    };
    let mut last = Ok(None);
    for _ in 0..MOST_LOOKS {
        let Some(before) = snapshot()? else { return Ok(None) };
        let said = check(&target.real, &target.shown);
        let same = snapshot()?.is_some_and(|after| after == before);
        last = said.map(|()| Some(before));
        if same {
            break;
        }
    }
    last
}

/// Every file below `from` that is not in `to` gets a second name there, or a copy where names are single.
fn link_rest(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (old, new) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            fs::create_dir(&new)
                .or_else(|e| if e.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(e) })?;
            link_rest(&old, &new)?;
        } else if !new.exists() {
            fs::hard_link(&old, &new).or_else(|_| fs::copy(&old, &new).map(drop))?;
        }
    }
    Ok(())
}

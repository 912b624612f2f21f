//! Where a path as typed really leads, before anything is written there.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::interrupt;
use crate::error::{Error, Kind, Place, Result};

/// A path as typed and the absolute one, free of links, that it stands for.
#[derive(Debug, Clone)]
pub struct Target {
    pub shown: PathBuf,
    pub real: PathBuf,
}

impl Target {
    /// Follows links and `..`; the end of the path need not be there yet.
    ///
    /// # Errors
    /// An empty path, the root folder, a link to nothing, `..` behind what is not there.
    pub fn of(path: &Path) -> Result<Target> {
        let refuse =
            |message: &str| Err(Error::new(Kind::Usage, message).at(Place::File(path.to_path_buf())));
        if path.as_os_str().is_empty() {
            return Err(Error::new(Kind::Usage, "the path of an output is empty").help("give it a name"));
        }
        let absolute = std::path::absolute(path).map_err(|e| Error::io(path, "find this place", e))?;
        let mut there = absolute.as_path();
        let real = loop {
            match fs::canonicalize(there) {
                Ok(real) => break real,
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(Error::io(path, "write here", e)),
            }
            if there.is_symlink() {
                return refuse("is a link to nothing");
            }
            match there.parent() {
                Some(parent) => there = parent,
                None => return refuse("is nowhere"),
            }
        };
        let rest = absolute.strip_prefix(there).unwrap_or(Path::new(""));
        if rest.components().any(|part| part == Component::ParentDir) {
            return refuse("leads out of a folder that is not there");
        }
        let real = if rest == Path::new("") { real } else { real.join(rest) };
        if real.file_name().is_none() {
            return refuse("is the root folder, which is never replaced");
        }
        Ok(Target { shown: path.to_path_buf(), real })
    }

    /// The folder around it.
    pub fn parent(&self) -> &Path {
        self.real.parent().unwrap_or(&self.real)
    }

    /// Whether it is a mount point, whose name cannot be exchanged.
    pub fn is_mount_point(&self) -> bool {
        use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
        let device = |path: &Path| fs::metadata(path).map(|facts| facts.dev()).ok();
        let root = statx(CWD, &self.real, AtFlags::empty(), StatxFlags::BASIC_STATS)
            .is_ok_and(|facts| facts.stx_attributes.contains(StatxAttributes::MOUNT_ROOT));
        root || (self.real.exists() && device(&self.real) != device(self.parent()))
    }

    /// Refuses to write over what is read.
    ///
    /// # Errors
    /// An input is this file or lies in this folder.
    pub fn refuse_inputs(&self, inputs: &[PathBuf], option: &str) -> Result<()> {
        let number = |path: &Path| fs::metadata(path).map(|facts| (facts.dev(), facts.ino())).ok();
        let own = number(&self.real);
        let is_hit = |input: &&PathBuf| {
            let inside = fs::canonicalize(input).is_ok_and(|real| real.starts_with(&self.real));
            inside || (own.is_some() && number(input) == own)
        };
        let Some(input) = inputs.iter().find(is_hit) else { return Ok(()) };
        let message = format!("would take the place of the input {}", input.display());
        Err(Error::new(Kind::Usage, message)
            .at(Place::File(self.shown.clone()))
            .help(format!("give {option} another place")))
    }
}

/// Refuses a folder that is, or holds, something that is read; then removes what dead processes left beside it, also when
/// nothing will be written.
///
/// # Errors
/// Names the input; or the path is no place for a folder.
pub fn prepare(out: &Path, inputs: &[PathBuf]) -> Result<()> {
    let target = Target::of(out)?;
    target.refuse_inputs(inputs, "--out")?;
    super::sweep(target.parent());
    super::sweep(&target.real);
    Ok(())
}

/// Folders that were made on the way to a target; those that are still empty go when this is dropped.
pub struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// Makes `folder` and what is missing above it.
    pub fn make(folder: &Path) -> std::io::Result<MadeFolders> {
        let missing: Vec<PathBuf> =
            folder.ancestors().take_while(|path| !path.exists()).map(Path::to_path_buf).collect();
        let mut registry = interrupt::registry();
        let mut made = MadeFolders(Vec::new());
        for path in missing.into_iter().rev() {
            match fs::create_dir(&path) {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => {
                    drop(registry);
                    return Err(e);
                }
                Ok(()) => {
                    registry.add_empty(&path);
                    made.0.push(path);
                }
            }
        }
        Ok(made)
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        let mut registry = interrupt::registry();
        for path in self.0.iter().rev() {
            // One that holds something by now stays.
            let _ = fs::remove_dir(path);
            registry.remove_empty(path);
        }
    }
}

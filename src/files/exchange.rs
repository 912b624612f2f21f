//! Changes of names: the few calls on which everything else stands.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::fault;

/// Whether a file system, or a kernel, does not know the flags of renameat2.
fn is_unknown(error: Errno) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP].contains(&error)
}

/// Gives a file or folder a name that nothing has.
///
/// # Errors
/// `AlreadyExists` when something has it.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    fault::point();
    let done = match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(e) if is_unknown(e) && to.symlink_metadata().is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(e) if is_unknown(e) => fs::rename(from, to),
        other => other.map_err(io::Error::from),
    };
    fault::point();
    done
}

/// Gives a file a name, whoever has it.
pub fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    fault::point();
    let done = fs::rename(from, to);
    fault::point();
    done
}

/// `new` takes the place of the folder `target`, which afterwards is what is returned: in one step where the file
/// system can, else in two by way of `aside`.
pub fn swap(new: &Path, target: &Path, aside: &Path) -> io::Result<PathBuf> {
    fault::point();
    let exchanged = if fault::no_exchange() {
        Err(Errno::INVAL)
    } else {
        renameat_with(CWD, new, CWD, target, RenameFlags::EXCHANGE)
    };
    fault::point();
    match exchanged {
        Ok(()) => Ok(new.to_path_buf()),
        Err(e) if is_unknown(e) => {
            rename_new(target, aside)?;
            rename_new(new, target).inspect_err(|_| drop(rename_new(aside, target)))?;
            Ok(aside.to_path_buf())
        }
        Err(e) => Err(e.into()),
    }
}

/// Moves every file of `from` into `to`, the index last, or first; what is a stage stays.
pub fn move_all(from: &Path, to: &Path, index: &OsStr, index_first: bool) -> io::Result<()> {
    let names = fs::read_dir(from)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    let mut names: Vec<_> = names.into_iter().filter(|name| !super::stage::is_stage(name)).collect();
    names.sort_by_key(|name| (name == index) != index_first);
    names.iter().try_for_each(|name| rename_new(&from.join(name), &to.join(name)))
}

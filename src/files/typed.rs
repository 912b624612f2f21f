//! Staged paths in the user's words: an error never names a hidden folder that nobody typed.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Place};

/// Staged path, and the path that it will be; later ones may be staged inside earlier ones.
static STAGED: Mutex<Vec<(PathBuf, PathBuf)>> = Mutex::new(Vec::new());

/// What is written at `staged` will be at `shown`, as the user typed it.
pub(super) fn stands_for(staged: &Path, shown: &Path) {
    let mut all = STAGED.lock().unwrap_or_else(PoisonError::into_inner);
    all.push((staged.to_path_buf(), shown.to_path_buf()));
}

/// The same error with every staged path, where it happened or in its words, as the user typed it.
pub fn as_typed(mut error: Error) -> Error {
    let all = STAGED.lock().unwrap_or_else(PoisonError::into_inner);
    for (staged, shown) in all.iter().rev() {
        match &mut error.place {
            Place::File(path) | Place::Line { path, .. } | Place::Node { path, .. } => {
                if let Ok(rest) = path.strip_prefix(staged) {
                    *path = if rest == Path::new("") { shown.clone() } else { shown.join(rest) };
                }
            }
            Place::Nowhere | Place::Signal(_) | Place::Option(_) => {}
        }
        let (staged, shown) = (staged.to_string_lossy(), shown.to_string_lossy());
        for text in [Some(&mut error.message), error.help.as_mut()].into_iter().flatten() {
            if text.contains(&*staged) {
                *text = text.replace(&*staged, &shown);
            }
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn paths_inside_staged_ones_are_shown_as_typed() {
        stands_for(Path::new("a/.goldpath-0123456789ab/new"), Path::new("./out"));
        stands_for(
            Path::new("a/.goldpath-0123456789ab/new/.goldpath-9/t.vcd"),
            Path::new("a/.goldpath-0123456789ab/new/t.vcd"),
        );
        let said = |path: &str| {
            let error = Error::new(Kind::Io, format!("cannot write {path}")).in_file(Path::new(path));
            as_typed(error).to_string()
        };
        assert_eq!(said("a/.goldpath-0123456789ab/new/x.hex"), "./out/x.hex: cannot write ./out/x.hex");
        assert_eq!(said("a/.goldpath-0123456789ab/new"), "./out: cannot write ./out");
        assert_eq!(
            said("a/.goldpath-0123456789ab/new/.goldpath-9/t.vcd"),
            "./out/t.vcd: cannot write ./out/t.vcd"
        );
        assert_eq!(said("b/x.hex"), "b/x.hex: cannot write b/x.hex");
    }
}

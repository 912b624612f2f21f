//! Where a bundle's design lies, and which files its twin is made of.

use std::path::{Path, PathBuf};

use crate::design::identifier;
use crate::error::{Error, Kind, Place, Result};

/// The folder of a design by name, or its file: `chosen` itself, or in it, else in `$GOLDPATH_HW_MODELS`, else in `hw_models` of the current folder
/// or of a folder above it. What lies in the bundle, or beside it, is not looked at: a bundle may be a stranger's.
///
/// # Errors
/// The name is no identifier, or there is no such design.
pub fn find_design(name: &str, bundle: &Path, chosen: Option<&Path>) -> Result<PathBuf> {
    if let Some(fault) = identifier::fault_in_testbench(name) {
        return Err(Error::new(Kind::Malformed, format!("the design {name:?} {fault}"))
            .in_file(&bundle.join("manifest.json")));
    }
    let variable = std::env::var_os("GOLDPATH_HW_MODELS").filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(chosen) = chosen.filter(|chosen| chosen.is_file() || is_design(chosen)) {
        let is_named = chosen.is_file() && chosen.file_name().is_some_and(|name| name == "design.toml");
        let parent = chosen.parent().filter(|parent| is_named && is_design(parent));
        return Ok(parent.unwrap_or(chosen).to_path_buf());
    }
    if let Some(root) = chosen.map(Path::to_path_buf).or(variable) {
        let folder = root.join(name);
        return if is_design(&folder) { Ok(folder) } else { Err(not_found(name, Some(&root))) };
    }
    let here = std::env::current_dir().map_err(|e| Error::io(Path::new("."), "find this folder", e))?;
    let bundle = std::fs::canonicalize(bundle).map_err(|e| Error::io(bundle, "find this folder", e))?;
    let (inside, outside): (Vec<&Path>, Vec<&Path>) = here.ancestors().partition(|a| a.starts_with(&bundle));
    let folder = |above: &Path| above.join("hw_models").join(name);
    if let Some(found) = outside.iter().map(|a| folder(a)).find(|f| is_design(f)) {
        return Ok(found);
    }
    let error = not_found(name, None);
    match inside.iter().map(|a| folder(a)).find(|f| is_design(f)) {
        Some(own) => Err(error.help(format!(
            "{} came with the bundle and is not used unasked: --hw-models trusts it",
            own.display()
        ))),
        None => Err(error),
    }
}

/// Every design in sight: in `$GOLDPATH_HW_MODELS`, else in the first `hw_models` of the current folder or of one above it;
/// by name, none where there is no such folder.
pub fn designs_in_sight() -> Vec<PathBuf> {
    let variable = std::env::var_os("GOLDPATH_HW_MODELS").filter(|v| !v.is_empty()).map(PathBuf::from);
    let above = || {
        let here = std::env::current_dir().ok()?;
        here.ancestors().map(|above| above.join("hw_models")).find(|folder| folder.is_dir())
    };
    let Some(root) = variable.or_else(above) else { return Vec::new() };
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|folder| is_design(folder)).collect();
    found.sort();
    found
}

fn is_design(folder: &Path) -> bool {
    folder.join("design.toml").is_file()
}

fn not_found(name: &str, root: Option<&Path>) -> Error {
    let place = root.map_or(Place::Option("--hw-models".to_string()), |r| Place::File(r.to_path_buf()));
    Error::new(Kind::Io, format!("the design {name:?} of this bundle is not to be found"))
        .at(place)
        .help(format!(
            "--hw-models takes its design.toml, or the folder that holds {name}/design.toml, as does GOLDPATH_HW_MODELS; or run in \
             the folder that holds hw_models"
        ))
}

/// The twin's sources in order: `rtl/files.f`, one path a line, relative to the design's folder. All lie in the folder
/// that holds the designs.
pub(super) fn twin_files(design: &Path) -> Result<Vec<PathBuf>> {
    let list = design.join("rtl/files.f");
    let text = std::fs::read_to_string(&list).map_err(|e| {
        Error::io(&list, "read the twin's list of files", e)
            .help("this design has no twin: give --rtl FILE… --top NAME")
    })?;
    let real = |path: &Path| std::fs::canonicalize(path).map_err(|e| Error::io(path, "read this source", e));
    let folder = real(design)?;
    let root = folder.parent().unwrap_or(&folder);
    let mut files = Vec::new();
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with("//") || line.starts_with('#') {
            continue;
        }
        let file = design.join(line);
        if Path::new(line).is_absolute() || !real(&file)?.starts_with(root) {
            return Err(Error::new(Kind::Malformed, format!("{line:?} leads out of {}", root.display()))
                .at(Place::Line { path: list, line: index + 1, column: 1 })
                .help("a twin's files lie in the folder that holds the designs; check others with --rtl and --top"));
        }
        files.push(file);
    }
    if files.is_empty() {
        return Err(Error::new(Kind::Malformed, "lists no files").in_file(&list));
    }
    Ok(files)
}

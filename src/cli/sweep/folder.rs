//! The folder of a sweep: plan.json, one file per piece, and the report when all are there.
//!
//! A piece appears whole or not at all; the report's three files appear at once. Several sweeps of one plan may work in
//! one folder: what changes names holds a lock, and two writers of one piece write the same bytes. A folder that holds
//! anything else, or another plan, is refused.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ask::{by_key, combinations};
use super::pieces::{self, Content, Piece};
use crate::error::{Error, Kind, Place, Result, shown_json};
use crate::explore::answer::{Plan, Point, Variant};
use crate::explore::{self, Sweep};
use crate::files::{Committed, OutputFolder, Workshop};
use crate::limits::{MAX_JSON_BYTES, read_all};
use crate::vectors::sha256;

const PLAN: &str = "plan.json";
const PIECES: &str = "pieces";
const REPORT: [&str; 3] = ["report.html", "report.json", "report.txt"];

/// More than any sweep counts of one thing; so many pieces' counts still add up in 64 bits.
const MOST_COUNTED: u64 = 1 << 44;

/// A piece's file: whose it is, and what it holds.
#[derive(Serialize, Deserialize)]
struct Stamped {
    /// SHA-256 of plan.json.
    plan: String,
    piece: Content,
}

/// An open sweep.
pub struct Folder<'a> {
    path: PathBuf,
    plan: &'a Plan,
    stamp: String,
    /// Where it writes, from the first piece on.
    workshop: OnceCell<Workshop>,
}

impl<'a> Folder<'a> {
    /// Opens or begins a sweep; nothing is written yet.
    ///
    /// # Errors
    /// The folder holds a sweep with another plan.
    pub fn open(path: &Path, plan: &'a Plan) -> Result<Folder<'a>> {
        if path.exists() && !path.is_dir() {
            return Err(Error::new(Kind::Io, "is a file, not a folder").at(Place::File(path.to_path_buf())));
        }
        let stamp = sha256(&json(plan)?);
        let folder = Folder { path: path.to_path_buf(), plan, stamp, workshop: OnceCell::new() };
        refuse_foreign(path, path, plan)?;
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, piece: Piece) -> PathBuf {
        self.path.join(PIECES).join(pieces::file(self.plan, piece))
    }

    /// A piece, if it is there.
    ///
    /// # Errors
    /// A file that is not this piece of this sweep.
    pub fn read(&self, piece: Piece) -> Result<Option<Content>> {
        let path = self.file(piece);
        if !path.exists() {
            return Ok(None);
        }
        let stamped: Stamped =
            read_json(&path, "is no piece of a sweep as this build of goldpath writes it")?;
        let refused = |message: &str| {
            Err(Error::new(Kind::Malformed, message)
                .at(Place::File(path.clone()))
                .help("remove it, or give another --out"))
        };
        if stamped.plan != self.stamp {
            return refused("was made by a sweep with another design, model, input or option");
        }
        match (&stamped.piece, piece.point) {
            (Content::Layers(_), None) | (Content::Point(_), Some(_)) => Ok(Some(stamped.piece)),
            _ => refused("is another piece than its name says"),
        }
    }

    /// Writes a piece; it appears whole or not at all.
    pub fn write(&self, piece: Piece, content: &Content) -> Result<()> {
        #[derive(Serialize)]
        struct Borrowed<'b> {
            plan: &'b str,
            piece: &'b Content,
        }
        let name = Path::new(PIECES).join(pieces::file(self.plan, piece));
        self.begin()?.put(&name, &json(&Borrowed { plan: &self.stamp, piece: content })?)
    }

    /// Makes the folder and its plan, unless they are there, and a place to write in.
    fn begin(&self) -> Result<&Workshop> {
        if let Some(open) = self.workshop.get() {
            return Ok(open);
        }
        let workshop = Workshop::open(&self.path)?;
        let plan = json(self.plan)?;
        // Another sweep may have begun here since this one looked.
        workshop.begin(&[PIECES], &|folder| refuse_foreign(folder, &self.path, self.plan), (PLAN, &plan))?;
        Ok(self.workshop.get_or_init(|| workshop))
    }

    /// Puts the pieces together and writes the report.
    ///
    /// # Errors
    /// A piece that is not there; a report that was changed by hand.
    pub fn report(&self) -> Result<(Sweep, Committed)> {
        let mut missing = Vec::new();
        let mut variants: Vec<Variant> = Vec::new();
        let settings = combinations(self.plan);
        for piece in pieces::all(self.plan) {
            let Some(content) = self.read(piece)? else {
                missing.push(pieces::file(self.plan, piece));
                continue;
            };
            match content {
                Content::Layers(layers) => {
                    let settings = settings.get(piece.variant).map(|s| by_key(s)).unwrap_or_default();
                    variants.push(Variant { settings, layers, points: Vec::new() });
                }
                Content::Point(result) => {
                    let named = pieces::candidate(self.plan, piece);
                    let point = named.map(|(width, mode)| Point { width, mode: mode.to_owned(), result });
                    if let Some(variant) = variants.last_mut() {
                        variant.points.extend(point);
                    }
                }
            }
        }
        if let Some(first) = missing.first() {
            return Err(self.incomplete(missing.len(), first));
        }
        let sweep = explore::assemble(self.plan.clone(), variants);
        let page = crate::report::sweep_html(&sweep)?;
        let texts = [
            page.into_bytes(),
            pretty(&sweep)?,
            crate::error::shown_lines(&explore::text(&sweep)).into_owned().into_bytes(),
        ];
        let committed = self.put_report(&texts)?;
        Ok((sweep, committed))
    }

    /// The three files at once, unless they are there.
    fn put_report(&self, texts: &[Vec<u8>; 3]) -> Result<Committed> {
        let mut missing = false;
        for (name, text) in REPORT.iter().zip(texts) {
            let path = self.path.join(name);
            match std::fs::read(&path) {
                Ok(there) if there == *text => {}
                Ok(_) => {
                    let message = "is not what this goldpath makes of the pieces here: it was changed, or another \
                                   build of goldpath wrote it";
                    return Err(Error::new(Kind::Usage, message).at(Place::File(path)).help(
                        "move the three reports elsewhere, and this one is made of the pieces; or give another --out",
                    ));
                }
                Err(_) => missing = true,
            }
        }
        if !missing {
            return Ok(Committed { current: false });
        }
        let plan = self.plan.clone();
        let check = move |folder: &Path, shown: &Path| refuse_foreign(folder, shown, &plan);
        let folder = OutputFolder::create(&self.path, PLAN, Box::new(check), &[])?;
        for (name, text) in REPORT.iter().zip(texts) {
            folder.write(name, text)?;
        }
        folder.commit_among()
    }

    /// # Errors
    /// A piece that neither this folder nor a shard has, or that is damaged: nothing is written then.
    pub fn refuse_incomplete(&self, shards: &[PathBuf]) -> Result<()> {
        let shards: Vec<Folder<'_>> =
            shards.iter().map(|shard| Folder::open(shard, self.plan)).collect::<Result<_>>()?;
        let is_missing = |piece: &Piece| {
            !self.file(*piece).exists() && !shards.iter().any(|shard| shard.file(*piece).exists())
        };
        let missing: Vec<Piece> = pieces::all(self.plan).into_iter().filter(is_missing).collect();
        for shard in &shards {
            for piece in pieces::all(self.plan) {
                shard.read(piece)?;
            }
        }
        match missing.first() {
            None => Ok(()),
            Some(first) => Err(self.incomplete(missing.len(), &pieces::file(self.plan, *first))),
        }
    }

    fn incomplete(&self, count: usize, first: &str) -> Error {
        Error::new(Kind::Usage, format!("{count} pieces are missing, {first} is the first"))
            .at(Place::File(self.path.join(PIECES)))
            .help("run the shards that have not ended")
    }

    /// Takes over every piece of another folder of the same sweep.
    ///
    /// # Errors
    /// Another sweep, or a piece that differs from one that is here.
    pub fn take_over(&self, shard: &Path) -> Result<()> {
        let from = Folder::open(shard, self.plan)?;
        for piece in pieces::all(self.plan) {
            let Some(content) = from.read(piece)? else { continue };
            let Some(own) = self.read(piece)? else {
                self.write(piece, &content)?;
                continue;
            };
            if json(&own)? != json(&content)? {
                let message = "differs from the same piece of another shard";
                return Err(Error::new(Kind::Malformed, message).at(Place::File(from.file(piece))));
            }
        }
        Ok(())
    }
}

/// The plan of a folder.
pub fn read_plan(folder: &Path) -> Result<Plan> {
    let path = folder.join(PLAN);
    let plan = read_json(&path, "is no plan of a sweep")?;
    pieces::check(&plan).map_err(|e| e.in_file(&path).help("remove it, or sweep anew"))?;
    Ok(plan)
}

fn read_json<T: DeserializeOwned>(path: &Path, what: &str) -> Result<T> {
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let bytes = read_all(file, path, MAX_JSON_BYTES, "read")?;
    let refused = |e: serde_json::Error| {
        Error::new(Kind::Malformed, what).because(e).at(Place::File(path.to_path_buf())).help("remove it")
    };
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(refused)?;
    if let Some(count) = impossible_count(&value) {
        let message = format!("{what}: nothing was counted {count} times");
        return Err(Error::new(Kind::Malformed, message).in_file(path).help("remove it"));
    }
    serde_json::from_slice(&bytes).map_err(refused)
}

/// A count that no sweep reaches, and that would overflow the sums of a report.
fn impossible_count(value: &serde_json::Value) -> Option<u64> {
    match value {
        serde_json::Value::Number(number) => number.as_u64().filter(|count| *count > MOST_COUNTED),
        serde_json::Value::Array(items) => items.iter().find_map(impossible_count),
        serde_json::Value::Object(entries) => entries.values().find_map(impossible_count),
        _ => None,
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    let text = serde_json::to_string(value)
        .map_err(|e| Error::new(Kind::Io, "cannot write a piece as JSON").because(e))?;
    Ok((shown_json(&text).into_owned() + "\n").into_bytes())
}

fn pretty(value: &impl Serialize) -> Result<Vec<u8>> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(Kind::Io, "cannot write report.json").because(e))?;
    Ok((shown_json(&text).into_owned() + "\n").into_bytes())
}

/// Refuses a folder that holds anything but this sweep: where it is, and as the user calls it.
fn refuse_foreign(folder: &Path, shown: &Path, plan: &Plan) -> Result<()> {
    let refuse = |name: &Path, message: &str| {
        Err(Error::new(Kind::Usage, message).at(Place::File(shown.join(name))).help("give another --out"))
    };
    let names = names(folder, shown)?;
    if names.is_empty() {
        return Ok(());
    }
    if !folder.join(PLAN).is_file() {
        return refuse(&names[0], "is not of a sweep: there is no plan.json beside it");
    }
    if let Some(what) = difference(plan, &read_plan(folder).map_err(|e| e.at(Place::File(shown.join(PLAN))))?)
    {
        let message = format!("holds another sweep: {what} differs");
        return Err(Error::new(Kind::Usage, message)
            .at(Place::File(shown.join(PLAN)))
            .help("give another --out, or remove that folder"));
    }
    let is_plain = |name: &Path| folder.join(name).symlink_metadata().is_ok_and(|facts| facts.is_file());
    for name in names {
        let known = name == Path::new(PLAN) || REPORT.iter().any(|own| name == Path::new(own));
        let pieces =
            name == Path::new(PIECES) && folder.join(PIECES).symlink_metadata().is_ok_and(|f| f.is_dir());
        let ours = pieces || (known && is_plain(&name));
        if !ours {
            return refuse(&name, "is not of this sweep");
        }
    }
    if folder.join(PIECES).is_dir() {
        let known: BTreeSet<String> =
            pieces::all(plan).into_iter().map(|piece| pieces::file(plan, piece)).collect();
        for name in self::names(&folder.join(PIECES), &shown.join(PIECES))? {
            let path = Path::new(PIECES).join(&name);
            if !name.to_str().is_some_and(|name| known.contains(name)) || !is_plain(&path) {
                return refuse(&path, "is no piece of this sweep");
            }
        }
    }
    Ok(())
}

/// What is in a folder, by name; nothing where there is none.
fn names(folder: &Path, shown: &Path) -> Result<Vec<PathBuf>> {
    let fail = |e| Error::io(shown, "read this folder", e);
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(fail)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(fail)?.file_name();
        if !crate::files::is_stage(&name) {
            names.push(PathBuf::from(name));
        }
    }
    names.sort();
    Ok(names)
}

/// The first thing in which two plans differ.
fn difference(a: &Plan, b: &Plan) -> Option<&'static str> {
    let parts = [
        ("the goldpath that made it", a.schema == b.schema && a.generator == b.generator),
        ("the model", a.model == b.model),
        ("the input", a.input == b.input && a.tensors == b.tensors && a.images == b.images),
        ("the labels", a.labels == b.labels),
        ("the design", a.design == b.design),
        ("--widths", a.widths == b.widths),
        ("--modes", a.modes == b.modes),
        ("--vary", a.axes == b.axes),
        ("--cost", a.synthesis == b.synthesis),
    ];
    parts.into_iter().find(|(_, same)| !same).map(|(what, _)| what)
}

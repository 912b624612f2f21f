//! The program that a bundle is a trace of, out of its own files; and whether goldpath makes the same bundle of it.
//!
//! `beats_in.hex` has every code that the schedule feeds, `channels.hex` every parameter; the design says which beat is
//! whose. What is read is simulated anew ([`Rewritten`]): only a bundle that comes out as it is, to the last byte, is
//! spoken of.

use std::path::Path;
use std::sync::Arc;

use super::bundle::header;
use super::channels;
use super::data_files::{DATA_FILES, Layouts};
use super::data_writer::{DataWriter, Finished};
use super::hex_file::sha256;
use super::hex_reader::HexReader;
use super::manifest::Manifest;
use super::{Layout, beats};
use crate::design::{Design, LoadKind};
use crate::error::{Error, Kind, Place, Result};
use crate::limits::{bytes, check_room};
use crate::lower::{Gather, Program, Shape, Tile, check_extents};
use crate::neighbours::Factor;
use crate::post::Per;
use crate::trace::{Chunk, SignalTable, Sink};

/// The program of a bundle of `design`.
///
/// # Errors
/// A file is missing, damaged, or not what a bundle of this design holds; one beat contradicts another; the product
/// would not fit in memory.
pub fn program(bundle: &Path, manifest: &Manifest, design: &Arc<Design>) -> Result<Program> {
    let layouts = manifest.layouts().map_err(|e| in_manifest(bundle, e))?;
    refuse_other_layouts(bundle, &layouts, design)?;
    let shape = shape(manifest).map_err(|e| in_manifest(bundle, e))?;
    let empty = Program {
        design: Arc::clone(design),
        shape,
        activations: vec![],
        weights: vec![],
        gather: Gather::Matrix,
        parameters: Arc::default(),
    };
    refuse_other_counts(&empty, manifest).map_err(|e| in_manifest(bundle, e))?;
    let mut parameters = parameters(bundle, &empty, manifest, &layouts.channels)?;
    let (activations, weights) = match design.value_parameter() {
        None => codes(bundle, &empty, manifest, &layouts.beats_in)?,
        Some(index) => {
            parameters[index] = values(bundle, &empty, manifest, &layouts.beats_in)?;
            (vec![0], vec![0; shape.channels()])
        }
    };
    Program::listed(Arc::clone(design), shape, &activations, weights, &parameters)
        .map_err(|e| e.help("write the bundle again with `goldpath vectors`"))
}

fn in_manifest(bundle: &Path, error: Error) -> Error {
    Error { place: Place::File(bundle.join("manifest.json")), ..error }
}

/// Refuses beats or parameters that lie elsewhere than the design's.
fn refuse_other_layouts(bundle: &Path, layouts: &Layouts, design: &Design) -> Result<()> {
    let per: Vec<Per> = channels::parameters(design).map(|(_, p)| p.per).collect();
    let what = match () {
        () if layouts.beats_in != beats::input_layout(design) => "beats (beats_in)",
        () if layouts.channels != channels::layout(design) || layouts.per != per => "parameters",
        () if layouts.columns != design.array.records() => "columns",
        () => return Ok(()),
    };
    let message = format!("describes other {what} than a bundle of {} has", design.name);
    Err(in_manifest(bundle, Error::new(Kind::Malformed, message))
        .help("write the bundle again with `goldpath vectors`"))
}

fn shape(manifest: &Manifest) -> Result<Shape> {
    let entry = manifest.shape;
    let shape = Shape { images: entry.images, groups: entry.groups, m: entry.m, k: entry.k, n: entry.n };
    if shape.groups == 0 {
        return Err(Error::new(Kind::Value, "groups = 0: there is nothing to compute"));
    }
    check_extents(shape)?;
    Ok(shape)
}

/// What is allocated follows from counts that the files' lengths bear out.
fn refuse_other_counts(program: &Program, manifest: &Manifest) -> Result<()> {
    let of_tile = program.tile_beats() + loads(program);
    let beats = program.tile_count().checked_mul(of_tile);
    let records = program.shape.groups * program.records_per_group();
    for (file, count) in [("beats_in.hex", beats), ("channels.hex", Some(records))] {
        let told = manifest.records(file);
        if count.and_then(|count| u64::try_from(count).ok()) != Some(told) {
            let wanted = count.map_or("more than can be counted".to_string(), |count| count.to_string());
            let message =
                format!("gives {file} {told} records, but its shape makes {wanted} of them on this design");
            return Err(
                Error::new(Kind::Malformed, message).help("write the bundle again with `goldpath vectors`")
            );
        }
    }
    Ok(())
}

/// Records of a tile that load operands.
fn loads(program: &Program) -> usize {
    program.design.time().travel.map_or(0, |travel| travel.edges)
}

/// One entry per design parameter, of length 1 or the channels of all groups.
fn parameters(
    bundle: &Path,
    program: &Program,
    manifest: &Manifest,
    layout: &Layout,
) -> Result<Vec<Vec<i64>>> {
    let records = manifest.records("channels.hex");
    let mut reader = HexReader::open(&bundle.join("channels.hex"), layout, records)?;
    let mut found: Vec<Vec<i64>> = vec![vec![]; program.design.parameters.len()];
    let (mut values, padded) = (Vec::new(), program.records_per_group());
    for (at, parameter) in channels::parameters(&program.design) {
        let count = if parameter.per == Per::Layer { 1 } else { program.shape.channels() };
        found[at].resize(count, 0);
    }
    for index in 0..program.shape.groups * padded {
        let channel = program.map().recorded(index);
        reader.record(&mut values)?;
        for ((at, parameter), value) in channels::parameters(&program.design).zip(&values) {
            let found = &mut found[at];
            let (name, min, max) = (&parameter.name, parameter.min, parameter.max);
            match parameter.per {
                Per::Layer if index > 0 && found[0] != *value => {
                    let message =
                        format!("{name} is one for the layer, and {value} here, {} before", found[0]);
                    return Err(reader.fault_in_record(message));
                }
                Per::Layer if index > 0 => continue,
                Per::Layer | Per::Channel => {}
            }
            let Some(place) = (if parameter.per == Per::Layer { Some(0) } else { channel }) else { continue };
            if !(min..=max).contains(value) {
                let message = format!("{name} is {value}, which the design limits to {min}..{max}");
                return Err(reader.fault_in_record(message));
            }
            found[place] = *value;
        }
    }
    Ok(found)
}

/// What comes in at a requantizer alone, channel by channel.
fn values(bundle: &Path, program: &Program, manifest: &Manifest, layout: &Layout) -> Result<Vec<i64>> {
    let (path, records) = (bundle.join("beats_in.hex"), manifest.records("beats_in.hex"));
    let mut reader = HexReader::open(&path, layout, records)?;
    let (mut found, mut record) = (Vec::new(), Vec::new());
    for tile in (0..program.tile_count()).map(|index| program.tile(index)) {
        reader.record(&mut record)?;
        if usize::try_from(record[0]) != Ok(program.record_of(tile)) {
            let message = format!("is of channel {}, not of {}", record[0], program.record_of(tile));
            return Err(reader.fault_in_record(message));
        }
        found.push(record[1]);
    }
    Ok(found)
}

/// Codes of a program, each where some beat feeds it.
struct Codes {
    values: Vec<i32>,
    known: Vec<bool>,
}

impl Codes {
    fn new(count: usize) -> Codes {
        Codes { values: vec![0; count], known: vec![false; count] }
    }

    /// The code that an earlier beat fed, if it was another one.
    fn put(&mut self, at: usize, value: i64) -> Option<i32> {
        // A code's format has at most 16 bits.
        let value = i32::try_from(value).unwrap_or_default();
        if self.known[at] && self.values[at] != value {
            return Some(self.values[at]);
        }
        (self.known[at], self.values[at]) = (true, value);
        None
    }
}

/// Activations `[images][groups][m][k]` and weights `[groups][k][n]`.
fn codes(
    bundle: &Path,
    program: &Program,
    manifest: &Manifest,
    layout: &Layout,
) -> Result<(Vec<i32>, Vec<i32>)> {
    let (path, records) = (bundle.join("beats_in.hex"), manifest.records("beats_in.hex"));
    let mut reader = HexReader::open(&path, layout, records)?;
    let Shape { images, groups, m, k, n } = program.shape;
    // Each code, whether it is known, and once more in the program.
    let room = bytes(&[images, groups, m, k], 9).saturating_add(bytes(&[groups, k, n], 5));
    check_room(room, || format!("the operands of {}", bundle.display()))?;
    let (mut activations, mut weights) = (Codes::new(images * groups * m * k), Codes::new(groups * k * n));
    let mut values = Vec::new();
    let mut order = Order { beats: program.tile_beats(), loads: loads(program), fed: 0, loaded: 0 };
    for _ in 0..records {
        reader.record(&mut values)?;
        let Some((tile, met)) = order.next(program, &values) else {
            let (beat, tile) = (order.fed % order.beats, order.fed / order.beats);
            let message = format!("is no beat {beat} of tile {tile}: {}", told(program, &values));
            return Err(reader.fault_in_record(message));
        };
        let codes = values.split_off(flags(&program.design));
        for Met { operand, line, term, at } in met {
            let value = codes[at];
            let (what, named, place, before) = match operand {
                Factor::Activation => {
                    let row = (tile.image * groups + tile.group) * m + line;
                    ("activation", "row", line, activations.put(row * k + term, value))
                }
                Factor::Weight => {
                    let at = (tile.group * k + term) * n + line;
                    ("weight", "channel", line, weights.put(at, value))
                }
            };
            if let Some(before) = before {
                return Err(contradiction(&reader, what, named, place, term, [before.into(), value]));
            }
        }
    }
    Ok((activations.values, weights.values))
}

/// Values of a record in front of its codes.
fn flags(design: &Design) -> usize {
    let fields = beats::input_layout(design).fields;
    fields.iter().take_while(|field| field.name != "activation").count()
}

/// A record's flags and channel, in words.
fn told(program: &Program, values: &[i64]) -> String {
    match loads(program) {
        0 => {
            let channel = values[flags(&program.design) - 1];
            format!("first {}, last {}, channel {channel}", values[0], values[1])
        }
        _ => format!("load {}, channel {}", values[0], values[flags(&program.design) - 1]),
    }
}

/// A code of a record: whose, of which position (of an image) or channel (of a group) and which product, and its place in the record.
struct Met {
    operand: Factor,
    line: usize,
    term: usize,
    at: usize,
}

/// How far the records of a bundle are.
struct Order {
    beats: usize,
    loads: usize,
    fed: usize,
    loaded: usize,
}

impl Order {
    /// The tile of the next record, and every code that matters; `None` when its flags or its channel are another one's.
    fn next(&mut self, program: &Program, values: &[i64]) -> Option<(Tile, Vec<Met>)> {
        let array = &program.design.array;
        let is_load = self.loads > 0 && values[0] != 0;
        let (done, each) = if is_load { (&mut self.loaded, self.loads) } else { (&mut self.fed, self.beats) };
        if *done / each >= program.tile_count() {
            return None;
        }
        let (tile, index) = (program.tile(*done / each), *done % each);
        let channel = |step: usize| i64::try_from(program.record_of(tile) + step).unwrap_or(-1);
        let mut wanted = match (self.loads > 0, is_load) {
            (false, _) => {
                let banks = program.map().banks();
                vec![i64::from(index < banks), i64::from(index + banks >= self.beats)]
            }
            (true, is_load) => vec![i64::from(is_load)],
        };
        if is_load {
            wanted.resize(flags(&program.design), 0);
        } else {
            if program.design.memory.is_some() {
                let visits = program.map().visits;
                wanted.extend([tile.visit > 0, tile.visit + 1 == visits].map(i64::from));
                wanted.extend((self.loads > 0).then_some(i64::try_from(index).unwrap_or(-1)));
            }
            wanted.push(channel(if self.loads > 0 { index * usize::from(array.is_turned()) } else { 0 }));
        }
        if values[..wanted.len()] != wanted {
            return None;
        }
        *done += 1;
        Some((tile, met(program, tile, is_load, index)))
    }
}

/// The codes of a record of a tile: its beat `index`, or its load's.
fn met(program: &Program, tile: Tile, is_load: bool, index: usize) -> Vec<Met> {
    let array = &program.design.array;
    let (lanes, map) = (array.lanes, program.map());
    // Places of the two operands in a record.
    let [activations, weights] = array.port_shapes().map(|shape| shape.iter().product::<usize>());
    let mut all = Vec::new();
    let mut meet = |operand: Factor, line: usize, beat: usize, lane: usize, at: usize| {
        let (line, from) = match operand {
            Factor::Activation => (map.position(tile, line), 0),
            Factor::Weight => (map.channel(tile, line), activations),
        };
        let term = program.k_of(map.step_of(tile.visit, beat), lane);
        if let Some((term, line)) = term.zip(line) {
            all.push(Met { operand, line, term, at: from + at });
        }
    };
    let turned = array.is_turned();
    let (passing, staying) =
        if turned { (Factor::Weight, Factor::Activation) } else { (Factor::Activation, Factor::Weight) };
    match array.load {
        None => {
            let row = |at: usize| map.fed_row(at / lanes, index);
            (0..activations).for_each(|at| meet(Factor::Activation, row(at), index, at % lanes, at));
            (0..weights).for_each(|at| meet(Factor::Weight, at / lanes, index, at % lanes, at));
        }
        Some(_) if !is_load => {
            (0..array.rows * lanes).for_each(|at| meet(passing, index, at / lanes, at % lanes, at));
        }
        Some(load) => {
            let width = array.columns * lanes;
            let rows = match load.kind {
                LoadKind::AtOnce => 0..array.rows,
                LoadKind::Row => index..index + 1,
                LoadKind::Shift => array.rows - 1 - index..array.rows - index,
            };
            for (place, row) in rows.enumerate() {
                (0..width).for_each(|at| meet(staying, at / lanes, row, at % lanes, place * width + at));
            }
        }
    }
    all
}

fn contradiction(
    reader: &HexReader<'_>,
    what: &str,
    line: &str,
    at: usize,
    k: usize,
    [before, now]: [i64; 2],
) -> Error {
    reader.fault_in_record(format!(
        "feeds the {what} {now} to {line} {at}, k {k}, where it was {before} before"
    ))
}

/// The data files that a program makes, written nowhere: a sink to be held against a bundle.
pub struct Rewritten<'a> {
    program: &'a Program,
    data: DataWriter,
    finished: Option<Finished>,
}

impl<'a> Rewritten<'a> {
    /// For one simulation of `program`.
    pub fn new(program: &'a Program) -> Rewritten<'a> {
        Rewritten { program, data: DataWriter::new(None), finished: None }
    }

    /// Refuses a bundle of which a data file has other bytes by its manifest.
    ///
    /// # Errors
    /// The file.
    pub fn refuse_others(&self, bundle: &Path, manifest: &Manifest) -> Result<()> {
        let Some(finished) = &self.finished else {
            return Err(Error::new(Kind::Value, "the trace did not end"));
        };
        let names = DATA_FILES.iter().map(|name| format!("{name}.hex"));
        let data = names.zip(finished.written.iter().map(|written| written.sha256.clone()));
        let header = sha256(header(&finished.layouts, finished.cycles, &finished.written).as_bytes());
        let all = data.chain([("header.hex".to_string(), header)]);
        let differs =
            |(name, hash): &(String, String)| manifest.files.get(name).is_none_or(|f| f.sha256 != *hash);
        let other = all.into_iter().find(differs);
        match other {
            None => Ok(()),
            Some((name, _)) => {
                let message = "is not what goldpath makes of the beats and parameters of this bundle";
                Err(Error::new(Kind::Malformed, message)
                    .in_file(&bundle.join(name))
                    .help("write the bundle again with `goldpath vectors`"))
            }
        }
    }
}

impl Sink for Rewritten<'_> {
    fn begin(&mut self, table: &SignalTable) -> Result<()> {
        self.data.begin(&self.program.design, table)
    }

    fn chunk(&mut self, chunk: &Chunk) -> Result<()> {
        self.data.chunk(chunk)
    }

    fn finish(&mut self) -> Result<()> {
        self.finished = Some(self.data.finish(self.program)?);
        Ok(())
    }
}

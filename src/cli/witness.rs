//! `goldpath vectors --witness`: one claim of `goldpath overflow` as a bundle that shows it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{DesignArgs, VectorsArgs};
use super::vectors::{changed_keys, gaps, gaps_entry, hashes, report, strength};
use super::{Console, Status, design_file, output};
use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use crate::limits::{MAX_JSON_BYTES, read_text};
use crate::overflow::{Register, Witness, WitnessFile};
use crate::simulate;
use crate::vectors::{BundleWriter, Found, Provenance};

pub fn run(args: &VectorsArgs, name: &str, console: &Console) -> Result<Status> {
    let (path, id) = split(name)?;
    let inputs = output::inputs(Some(&args.design.design), &[Some(&path)]);
    let place = BundleWriter::place(&args.out, &output::borrowed(&inputs))?;
    let file = read(&path)?;
    let witness = file.find(id).map_err(|e| e.in_file(&path))?;
    let (chosen, design) = design(&args.design, &file, &path)?;
    let program = witness.program(&design).map_err(|e| e.in_file(&path))?;
    let provenance = provenance(witness, &path, &chosen, &design)?;
    let mut writer = BundleWriter::within(place, program.clone());
    let gaps = gaps(args);
    let mut register = Register::of(witness, &program, gaps);
    let options = simulate::Options { counts: true, gaps, ..Default::default() };
    let run = match &mut register {
        Some(register) => simulate::run(&program, options, &mut [&mut writer, register]),
        None => simulate::run(&program, options, &mut [&mut writer]),
    }?;
    witness.check(&program, &run, register.as_ref()).map_err(|e| e.in_file(&path))?;
    let events = run.outcome.counts.as_ref().map_or_else(Vec::new, |c| c.nodes.clone());
    let strength = strength(args, &program, &run.outcome);
    let gaps = gaps_entry(gaps, &program);
    let found = Found { events: Some(&events), strength: strength.as_ref(), gaps: gaps.as_ref() };
    output::note(console, writer.publish(&provenance, found)?);
    report(args, console, &program, &provenance, run.cycles, found)?;
    Ok(Status::Done)
}

/// `file#id`; a path may have a `#` of its own.
fn split(name: &str) -> Result<(PathBuf, &str)> {
    let cuts = name.match_indices('#').map(|(at, _)| (Path::new(&name[..at]), &name[at + 1..]));
    let cuts: Vec<_> = cuts.collect();
    let there = cuts.iter().find(|(path, _)| path.is_file()).or(cuts.first());
    let wanted = "expected FILE#ID, for example out/witness.json#conv1/first";
    let (path, id) = there.filter(|(_, id)| !id.is_empty()).ok_or_else(|| {
        Error::new(Kind::Usage, format!("{name:?} names no witness"))
            .at(Place::Option("--witness".to_string()))
            .help(wanted)
    })?;
    Ok((path.to_path_buf(), id))
}

fn read(path: &Path) -> Result<WitnessFile> {
    let file = std::fs::File::open(path).map_err(|e| {
        Error::io(path, "read the witnesses", e).help("give the witness.json that `goldpath overflow` wrote")
    })?;
    let text = read_text(file, path, MAX_JSON_BYTES, "read the witnesses")?;
    let file: WitnessFile = serde_json::from_str(&text)
        .map_err(|e| Error::new(Kind::Malformed, "is no file of witnesses").in_file(path).because(e))?;
    if file.schema != 1 {
        let message = format!("witness schema {} is not 1", file.schema);
        return Err(Error::new(Kind::Unsupported, message).in_file(path));
    }
    Ok(file)
}

/// The design that the claims are about: overridden as it was there unless the command line says how.
fn design(args: &DesignArgs, file: &WitnessFile, path: &Path) -> Result<(DesignArgs, Arc<Design>)> {
    let mut args = args.clone();
    let is_own = args.overrides.set.is_empty() && !file.design.overrides.is_empty();
    if is_own {
        args.overrides.set =
            file.design.overrides.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    }
    let design = match design_file::load(&args) {
        Err(error) if is_own => return Err(does_not_take(&args, file, path, &error)),
        loaded => loaded?,
    };
    if design.hash != file.design.sha256 {
        let message =
            format!("its witnesses are of design {}, which is not this {}", file.design.name, design.name);
        return Err(Error::new(Kind::Value, message)
            .in_file(path)
            .help(format!("the design's hash must be {}", file.design.sha256)));
    }
    Ok((args, Arc::new(design)))
}

/// The overrides that the witness was found with, which nobody typed here.
fn does_not_take(args: &DesignArgs, file: &WitnessFile, path: &Path, error: &Error) -> Error {
    let set: Vec<String> = args.overrides.set.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let message = format!(
        "its witnesses are of design {} with --set {}, and this design does not take that: {}",
        file.design.name,
        set.join(" "),
        error.message
    );
    Error::new(Kind::Value, message).in_file(path).help(
        "without --set, the design is overridden as the witness says: name the design that `overflow` ran on",
    )
}

fn provenance(witness: &Witness, path: &Path, args: &DesignArgs, design: &Design) -> Result<Provenance> {
    let image = witness.place.image;
    Ok(Provenance {
        source: "witness".to_string(),
        inputs: hashes([("witness", path)].into_iter())?,
        layer: Some(witness.layer.clone()),
        images: Some([image, image + 1]),
        overrides: changed_keys(args, design),
        claim: Some(format!("{}: {}", witness.id, witness.claim)),
        ..Provenance::default()
    })
}

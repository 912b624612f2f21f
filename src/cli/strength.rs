//! `goldpath strength`: what bundles can tell apart together: neighbours of their design, or mutants of RTL (`mutants`).

mod mutants;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::args::StrengthArgs;
use super::cosim::{WrittenWith, written_with};
use super::vectors::gaps_entry;
use super::{Console, Status};
use crate::design::Design;
use crate::error::{Error, Kind, Place, Result};
use crate::report::{Scored, together_text};
use crate::simulate::{self, Gaps, Options, Timing};
use crate::strength::{Judge, Together, Told, together};
use crate::vectors::cosim::refuse_changed;
use crate::vectors::read_back::{self, Rewritten};
use crate::vectors::{Manifest, manifest};

pub fn run(args: &StrengthArgs, console: &Console) -> Result<Status> {
    match &args.rtl.rtl {
        Some(files) => mutants::run(args, files, console),
        None => neighbours(args, console),
    }
}

/// A bundle whose design is known.
struct Bundle<'a> {
    folder: &'a Path,
    manifest: Manifest,
    design: Arc<Design>,
}

/// Which neighbours of the one design the bundles tell apart.
fn neighbours(args: &StrengthArgs, console: &Console) -> Result<Status> {
    let mut bundles = Vec::new();
    for folder in &args.bundles {
        let manifest = manifest::read(folder)?;
        let WrittenWith { design, .. } = written_with(folder, &manifest, args.hw_models.as_deref())?;
        bundles.push(Bundle { folder, manifest, design: Arc::new(design) });
    }
    refuse_other_designs(&bundles)?;
    let told = bundles.iter().map(|bundle| judged(bundle, console)).collect::<Result<Vec<_>>>()?;
    let Some(first) = bundles.first() else {
        return Err(Error::new(Kind::Usage, "no bundle is given").at(Place::Option("BUNDLE".into())));
    };
    let bar = console.phase("what is missed: proving what no input tells apart".to_string());
    let both = together(&first.design, &told);
    bar.finish_and_clear();
    for (bundle, score) in bundles.iter().zip(&both.each) {
        if bundle.manifest.strength.as_ref().is_some_and(|told| told != score) {
            console.note(&format!(
                "note: the manifest of {} counts otherwise: {} wrote it, this is {}",
                bundle.folder.display(),
                bundle.manifest.generator,
                manifest::generator()
            ));
        }
    }
    if console.is_json() {
        console.answer_json(&as_json(&bundles, &both))?;
    } else {
        let names: Vec<String> = args.bundles.iter().map(|folder| folder.display().to_string()).collect();
        let scored =
            Scored { design: &first.design.name, bundles: &names, together: &both.each, all: &both.all };
        console.answer(&together_text(&scored, &both.smallest, both.none_fewer))?;
    }
    Ok(Status::Done)
}

fn refuse_other_designs(bundles: &[Bundle<'_>]) -> Result<()> {
    let differs = |pair: &&[Bundle<'_>]| pair[0].design.hash != pair[1].design.hash;
    let Some([one, other]) = bundles.windows(2).find(differs) else { return Ok(()) };
    let named = |bundle: &Bundle<'_>| {
        let set: Vec<String> = bundle
            .manifest
            .source
            .overrides
            .iter()
            .map(|(key, value)| format!(" --set {key}={value}"))
            .collect();
        format!("{}{}", bundle.design.name, set.concat())
    };
    let message = format!(
        "is a bundle of {}, but {} is one of {}: bundles of one design are scored together",
        named(other),
        one.folder.display(),
        named(one)
    );
    Err(Error::new(Kind::Usage, message)
        .at(Place::File(other.folder.to_path_buf()))
        .help("ask for each design by itself"))
}

/// What the bundle's program tells apart, once goldpath has made the same bundle of it again.
fn judged(bundle: &Bundle<'_>, console: &Console) -> Result<Told> {
    let program = read_back::program(bundle.folder, &bundle.manifest, &bundle.design)?;
    refuse_changed(bundle.folder, &bundle.manifest)?;
    let gaps = bundle.manifest.gaps.as_ref().map_or(Gaps::none(), |gaps| Gaps::mixed(gaps.seed));
    if bundle.manifest.gaps != gaps_entry(gaps, &program) {
        return Err(Error::new(Kind::Malformed, "gives gaps that no seed makes")
            .in_file(&bundle.folder.join("manifest.json"))
            .help("write the bundle again with `goldpath vectors`"));
    }
    let cycles = Timing::with(&program, gaps).total_cycles();
    if cycles != bundle.manifest.cycles {
        let message = format!("gives {} cycles, but its shape takes {cycles}", bundle.manifest.cycles);
        return Err(Error::new(Kind::Malformed, message)
            .in_file(&bundle.folder.join("manifest.json"))
            .help("write the bundle again with `goldpath vectors`"));
    }
    let bar = console.progress(cycles, "cycles");
    let advance = |cycle| bar.set_position(cycle);
    let mut rewritten = Rewritten::new(&program);
    let options = Options { counts: false, progress: Some(&advance), gaps };
    let run = simulate::run(&program, options, &mut [&mut rewritten]);
    bar.finish_and_clear();
    let outcome = run?.outcome;
    rewritten.refuse_others(bundle.folder, &bundle.manifest)?;
    Ok(Told::of(&program, &Judge::with(&program, Cow::Owned(outcome))))
}

fn as_json(bundles: &[Bundle<'_>], both: &Together) -> Value {
    let each = bundles.iter().zip(&both.each).map(|(bundle, score)| {
        json!({
            "bundle": bundle.folder, "source": bundle.manifest.source.source, "cycles": bundle.manifest.cycles,
            "strength": score,
        })
    });
    let folders: Vec<PathBuf> = both.smallest.iter().map(|at| bundles[*at].folder.to_path_buf()).collect();
    let design =
        bundles.first().map(|bundle| json!({ "name": bundle.design.name, "sha256": bundle.design.hash }));
    json!({
        "design": design, "bundles": each.collect::<Vec<_>>(), "strength": both.all, "smallest": folders,
        "none_fewer": both.none_fewer,
    })
}

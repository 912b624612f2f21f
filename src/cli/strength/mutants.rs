//! `goldpath strength --rtl`: how many mutants of RTL bundles notice.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::args::StrengthArgs;
use crate::cli::{Console, Status, cosim as twins};
use crate::error::{Error, Kind, Place, Result};
use crate::vectors::cosim;
use crate::vectors::cosim::mutants::{self, Campaign, Fate, Mutant, Plan, Proof, Subject};
use crate::vectors::manifest;

/// `rtl`: the files of `--rtl`; none for the design's twin.
pub fn run(args: &StrengthArgs, rtl: &[PathBuf], console: &Console) -> Result<Status> {
    let subject = subject(args, rtl)?;
    let plan = Plan {
        count: usize::try_from(args.rtl.mutants).unwrap_or(usize::MAX),
        seed: args.rtl.seed,
        processes: std::thread::available_parallelism().map_or(1, usize::from),
        cycles: args.rtl.prove_cycles,
        proof_seconds: args.rtl.prove_timeout,
        timeout: args.rtl.timeout.map(Duration::from_secs),
    };
    let bar = console.phase("mutants".to_string());
    let campaign = mutants::run(&subject, &args.bundles, &plan, &|what| bar.set_message(what.to_string()));
    bar.finish_and_clear();
    let campaign = campaign?;
    campaign.notes.iter().for_each(|note| console.note(&format!("note: {note}")));
    if console.is_json() {
        console.answer_json(&as_json(&args.bundles, &plan, &campaign))?;
    } else {
        console.answer(&as_text(&args.bundles, &plan, &campaign))?;
    }
    let enough = args.rtl.min_killed.is_none_or(|least| campaign.percent() >= least);
    Ok(if enough { Status::Done } else { Status::Different })
}

/// The twin of the first bundle's design, or the user's RTL; every bundle is looked at before anything is built.
fn subject(args: &StrengthArgs, files: &[PathBuf]) -> Result<Subject> {
    let given = &args.rtl;
    let usage = |message: &str, option: &str| {
        Err(Error::new(Kind::Usage, message).at(Place::Option(option.to_string())))
    };
    let of = |bundle: &Path| {
        if files.is_empty() {
            let (folder, design) = twins::bundled_design(bundle, args.hw_models.as_deref())?;
            return Subject::twin(bundle, &folder, &design, &design);
        }
        let Some(top) = &given.top else {
            return usage("--rtl with files needs the name of its top module", "--top");
        };
        let layouts = manifest::read(bundle)?.layouts()?;
        let wiring = cosim::user_wiring(&layouts, top, &given.port, &given.param)?;
        let subject = Subject::user(bundle, files.to_vec(), given.incdir.clone(), wiring)?;
        // Other people's RTL may be checked where its design is not at hand.
        let written = twins::written_with(bundle, &manifest::read(bundle)?, args.hw_models.as_deref());
        Ok(written.map_or(subject.clone(), |with| subject.fed_as(&with.design)))
    };
    if files.is_empty() {
        let described = !given.port.is_empty() || !given.param.is_empty() || !given.incdir.is_empty();
        if described || given.top.is_some() {
            return usage(
                "--top, --port, --param and --incdir describe files, which --rtl does not name",
                "--rtl",
            );
        }
    } else if args.hw_models.is_some() {
        return usage(
            "--hw-models is where a twin's design lies; --rtl FILE is taken as it is",
            "--hw-models",
        );
    }
    let mut subjects = args.bundles.iter().map(|bundle| of(bundle)).collect::<Result<Vec<_>>>()?;
    if subjects.windows(2).any(|two| !two[0].is_same(&two[1])) {
        return usage(
            "the bundles are of different designs: one circuit is held against all of them",
            "BUNDLE",
        );
    }
    subjects.pop().ok_or_else(|| Error::new(Kind::Usage, "no bundle is given"))
}

fn as_json(bundles: &[PathBuf], plan: &Plan, campaign: &Campaign) -> Value {
    let (always, bounded) = campaign.equivalent();
    json!({
        "bundles": bundles, "seed": plan.seed, "mutants": campaign.mutants.len(), "killed": campaign.killed(),
        "equivalent": always, "equivalent_within_bound": bounded, "bound_cycles": plan.cycles,
        "survived": campaign.survivors().count(), "killed_percent": campaign.percent(), "notes": campaign.notes,
        "each": campaign.mutants,
    })
}

fn as_text(bundles: &[PathBuf], plan: &Plan, campaign: &Campaign) -> String {
    let (always, bounded) = campaign.equivalent();
    let (killed, survived) = (campaign.killed(), campaign.survivors().count());
    let mut text = format!(
        "{} mutants of the RTL: {killed} killed, {} equivalent, {survived} survived: {} killed of those not proved equivalent\n",
        campaign.mutants.len(),
        always + bounded,
        percent_words(campaign, killed, survived),
    );
    if always + bounded > 0 {
        text.push_str(&format!(
            "equivalent, whatever a host sends that keeps to the protocol: {always} for ever, {bounded} up to {} cycles after reset\n",
            plan.cycles
        ));
    }
    for (index, bundle) in bundles.iter().enumerate() {
        let first = |m: &&Mutant| matches!(m.fate, Fate::Killed { bundle, .. } if bundle == index);
        let count = campaign.mutants.iter().filter(first).count();
        let more = if index == 0 { "" } else { " more" };
        text.push_str(&format!("  {}: killed {count}{more}\n", bundle.display()));
    }
    if survived > 0 {
        text.push_str("survived:\n");
        campaign.survivors().for_each(|m| text.push_str(&format!("  {}\n", line(m))));
    }
    let within = |m: &&Mutant| matches!(&m.fate, Fate::Equivalent { proof } if *proof != Proof::Always);
    if bounded > 0 {
        text.push_str(&format!("equivalent up to {} cycles only:\n", plan.cycles));
        campaign.mutants.iter().filter(within).for_each(|m| text.push_str(&format!("  {}\n", line(m))));
    }
    text
}

/// Never 100 % while something survives.
fn percent_words(campaign: &Campaign, killed: usize, survived: usize) -> String {
    match (killed, survived) {
        (0, 0) => "none".to_string(),
        (_, 0) => "100 %".to_string(),
        _ => format!("{:.1} %", (campaign.percent() * 10.0).floor() / 10.0),
    }
}

/// `rtl/mac.v:33: input value[6] of round (module rounding_shift): stuck at 1`
fn line(mutant: &Mutant) -> String {
    let place = mutant
        .source
        .as_ref()
        .map_or("(no source line)".to_string(), |s| format!("{}:{}", s.file.display(), s.line));
    format!("{place}: {} (in {}, mutant {})", mutant.what, mutant.module, mutant.number)
}

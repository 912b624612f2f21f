//! `goldpath sweep`: accumulator widths and overflow rules of a model on a design.
//!
//! The work is a list of pieces (`pieces`), each a file in the folder: one per variant of the design for its layers,
//! and one per variant, width and mode for the whole network. A piece depends on the plan alone. So a sweep that was
//! killed goes on where it stopped, shards do pieces of their own, and the report is made of the pieces' files.

pub mod args;
mod ask;
mod folder;
mod merge;
mod pieces;
mod synthesis;

use std::path::Path;

use super::{Console, Status, output};
use crate::error::Result;
use crate::explore::answer::Outcome;
use crate::explore::{self, Exact, Sweep};
use crate::files::{self, Committed};
use args::{CostBy, Shard, SweepArgs, SweepCommand};
use ask::{Ask, Variant};
use folder::Folder;
use pieces::{Content, Piece};

pub fn run(args: &SweepArgs, console: &Console) -> Result<Status> {
    if let Some(SweepCommand::Merge(args)) = &args.command {
        return merge::run(args, console);
    }
    prepare(args)?;
    let ask = Ask::new(args, console)?;
    let folder = Folder::open(ask.out, &ask.plan)?;
    let all = pieces::all(&ask.plan);
    let shard = args.shard.unwrap_or(Shard { index: 1, count: 1 });
    let mine: Vec<Piece> = all.iter().copied().skip(shard.index - 1).step_by(shard.count).collect();
    let mut missing = Vec::new();
    for piece in &mine {
        if folder.read(*piece)?.is_none() {
            missing.push(*piece);
        }
    }
    if missing.len() < mine.len() {
        console.note(&format!(
            "note: {} of {} pieces are there already",
            mine.len() - missing.len(),
            mine.len()
        ));
    }
    let bar = console.progress(missing.len() as u64, "pieces");
    let done = do_pieces(&ask, &folder, &missing, &|| bar.inc(1));
    bar.finish_and_clear();
    done?;
    if shard.count > 1 {
        return console
            .answer(&format!(
                "{}: shard {}/{}, {} of {} pieces; put them together with `goldpath sweep merge`\n",
                folder.path().display(),
                shard.index,
                shard.count,
                mine.len(),
                all.len()
            ))
            .map(|()| Status::Done);
    }
    report(folder.report()?, folder.path(), console)
}

fn report((sweep, committed): (Sweep, Committed), out: &Path, console: &Console) -> Result<Status> {
    output::note(console, committed);
    if console.is_json() {
        console.answer_json(&sweep)?
    } else {
        console.answer(&explore::text(&sweep))?;
        console.answer(&output::page(&crate::report::sweep_lead(&sweep), out))?;
    }
    Ok(Status::Done)
}

/// No file that is read may lie where the sweep writes; what killed sweeps left there goes.
fn prepare(args: &SweepArgs) -> Result<()> {
    let Some(out) = &args.out else { return Ok(()) };
    let read = [&args.model, &args.input, &args.tensors, &args.labels].map(Option::as_ref);
    files::prepare(out, &output::inputs(args.design.as_deref(), &read))
}

/// Computes pieces, variant by variant, and writes each as soon as it is known.
fn do_pieces(ask: &Ask<'_>, folder: &Folder<'_>, missing: &[Piece], advance: &dyn Fn()) -> Result<()> {
    for (index, variant) in ask.variants.iter().enumerate() {
        let pieces: Vec<&Piece> = missing.iter().filter(|piece| piece.variant == index).collect();
        if pieces.is_empty() {
            continue;
        }
        let exact = match &variant.candidates {
            Err(refused) => Err(refused.clone()),
            Ok(candidates) => match Exact::new(&ask.network, &ask.x, &candidates.reference) {
                // Without variants there is no report to say it in.
                Err(error) if ask.plan.axes.is_empty() => return Err(error),
                Err(error) => Err(error.to_string()),
                Ok(exact) => Ok(exact),
            },
        };
        for piece in pieces {
            let content = match &exact {
                Err(words) => Content::refused(*piece, words),
                Ok(exact) => compute(ask, variant, exact, *piece)?,
            };
            folder.write(*piece, &content)?;
            advance();
        }
    }
    Ok(())
}

fn compute(ask: &Ask<'_>, variant: &Variant, exact: &Exact<'_>, piece: Piece) -> Result<Content> {
    let (Ok(candidates), labels) = (&variant.candidates, ask.labels.as_deref()) else {
        return Ok(Content::refused(piece, ""));
    };
    let Some((width, mode)) = pieces::candidate(&ask.plan, piece) else {
        return Ok(Content::Layers(Outcome::Done(explore::layers(exact, candidates, labels)?)));
    };
    let candidate = candidates.at(width, mode)?;
    let mut result = explore::point(exact, candidate, labels)?;
    if let (CostBy::Yosys, Outcome::Done(result), Outcome::Done(design)) =
        (ask.cost, &mut result, &candidate.design)
    {
        match ask.twin()?.cells(design, &variant.overrides(&ask.set, width, mode))? {
            Ok(cells) => result.cost.synthesis = Some(cells),
            Err(why) => result.not_synthesised = Some(why),
        }
    }
    Ok(Content::Point(result))
}

//! `goldpath check`: the complete design, its picture, its nodes, its cycles, and what is doubtful about it.
//!
//! The text answer is itself a design file: everything that is not TOML is a comment, so it loads back to the
//! same design.

use std::fmt::Write as _;

use std::sync::Arc;

use super::args::CheckArgs;
use super::bounds::LayersProved;
use super::{Console, Status, bounds, design_file};
use crate::design::{Cycles, Design, Lint, Row, Start};
use crate::error::{Error, Kind, Place, Result};
use crate::lower::check_depth;
use crate::num::{Exact, exact};
use crate::report::percent;

pub fn run(args: &CheckArgs, console: &Console) -> Result<Status> {
    let design = Arc::new(design_file::load(&args.design)?);
    let proved = bounds::prove(&args.bounds, &design, console)?;
    let shape = args.shape.map(|shape| shape.map(|extent| extent as u64));
    let k = args.k.or(shape.map(|[_, k, _]| k));
    let answer = Answer::new(&design, shape, k, proved);
    if console.is_json() {
        console.answer_json(&answer.json()?)?;
    } else {
        console.answer(&answer.text())?;
    }
    Ok(if args.deny_lints && !answer.lints.is_empty() { Status::Different } else { Status::Done })
}

/// More products than the design can add: nothing of them runs.
fn too_deep(design: &Design, k: u64) -> Option<Lint> {
    let refused = check_depth(design, k).err()?;
    let key = match &refused.place {
        Place::Signal(key) => key.clone(),
        _ => "array".to_owned(),
    };
    let help = refused.help.unwrap_or_default();
    Some(Lint { name: "too-deep", key, message: refused.message, help })
}

struct Answer<'a> {
    design: &'a Design,
    shape: Option<[u64; 3]>,
    k: Option<u64>,
    cycles: Option<Cycles>,
    rows: Vec<Row>,
    lints: Vec<Lint>,
    /// With weights or a model only.
    bounds: Option<LayersProved>,
}

impl<'a> Answer<'a> {
    fn new(
        design: &'a Design,
        shape: Option<[u64; 3]>,
        k: Option<u64>,
        bounds: Option<LayersProved>,
    ) -> Self {
        let mut lints = design.lints(k);
        lints.extend(k.and_then(|k| too_deep(design, k)));
        lints.extend(bounds.iter().flat_map(|bounds| bounds.lints(design)));
        Answer {
            design,
            shape,
            k,
            cycles: shape.map(|[m, k, n]| design.cycles(m, k, n)),
            rows: design.rows(),
            lints,
            bounds,
        }
    }

    fn text(&self) -> String {
        let mut notes = format!("design {}\nsha256 {}\n\n", self.design.name, self.design.hash);
        notes.push_str(&self.design.schematic());
        notes.push('\n');
        notes.push_str(&node_table(&self.rows));
        if self.design.is_post_only() {
            let delay = self.design.time().output_delay();
            let _ = writeln!(notes, "\nlatency: {delay} cycles from in.value to out.data, one value a cycle");
            let _ = writeln!(notes, "cycles of N values: {}", self.design.cycle_formula());
            if let (Some([m, _, n]), Some(cycles)) = (self.shape, self.cycles) {
                let _ =
                    writeln!(notes, "  {} values: {} cycles", u128::from(m) * u128::from(n), cycles.total);
            }
        } else {
            self.sums(&mut notes);
        }
        for step in self.design.post.iter().filter(|step| step.wire().is_some()) {
            let (id, latency) = (&step.id, step.latency);
            let _ = writeln!(notes, "  {latency} cycles less where {id} does not run: bypass = \"wire\"");
        }
        if let Some(bounds) = &self.bounds {
            let _ = write!(notes, "\n{}", bounds.text());
        }
        let _ = writeln!(notes, "\nlints: {}", self.lints.len());
        for lint in &self.lints {
            let _ = writeln!(notes, "warning[{}] {}: {}", lint.name, lint.key, lint.message);
            let _ = writeln!(notes, "  help: {}", lint.help);
        }
        let mut text: String =
            notes.lines().map(|line| format!("# {line}").trim_end().to_string() + "\n").collect();
        text.push('\n');
        text + &self.design.to_toml()
    }

    /// How long products take, what sums start from, and what they need.
    fn sums(&self, notes: &mut String) {
        let _ = write!(notes, "\ncycles of Y[M,N] = A[M,K] * W[K,N]: {}\n", self.design.cycle_formula());
        notes.push_str(
            "  from the first beat to the last output, and what must pass before the next product\n",
        );
        if let Some(most) = self.design.most_products() {
            let why = match self.design.order.max_k {
                Some(k) if k == most => "order.max_k",
                _ => "a column's products; nothing adds the sums of two loads",
            };
            let _ = writeln!(notes, "  K of at most {most}: {why}");
        }
        if let (Some([m, k, n]), Some(cycles)) = (self.shape, self.cycles) {
            let _ = writeln!(notes, "  M, K, N = {m}, {k}, {n}: {}", cycle_words(&cycles));
        }
        let _ = writeln!(notes, "\naccumulator: {}", self.depth_words());
        let _ = writeln!(notes, "start:       {}", start_words(self.design));
        let _ = writeln!(
            notes,
            "zero point:  {}",
            self.design.zero_point_cost().replace('\n', "\n             ")
        );
    }

    fn depth_words(&self) -> String {
        let register = self.design.accumulator.register;
        let mut words = match self.design.largest_safe_k() {
            Some(k) => format!("{register} holds every sum of up to K = {k} products, whatever their values"),
            None => format!("{register} holds every sum, whatever K is"),
        };
        if let Some(k) = self.k {
            let (low, high) = self.design.sum_interval(k);
            let _ = write!(words, "; K = {k} reaches {low}..{high}");
        }
        words + " (no bias counted)"
    }

    fn json(&self) -> Result<serde_json::Value> {
        let toml = self.design.to_toml();
        let design: serde_json::Value = toml::from_str(&toml).map_err(|e| {
            Error::new(Kind::Malformed, "the expanded design cannot be shown as JSON").because(e)
        })?;
        let cycles = self.cycles.map(|c| {
            serde_json::json!({
                "tiles": number(c.tiles), "period": number(c.period), "total": number(c.total),
                "products": number(c.products), "multiplier_slots": number(c.slots),
            })
        });
        let lints: Vec<_> = self
            .lints
            .iter()
            .map(
                |l| serde_json::json!({ "name": l.name, "key": l.key, "message": l.message, "help": l.help }),
            )
            .collect();
        let mut answer = serde_json::json!({
            "name": self.design.name,
            "hash": self.design.hash,
            "design": design,
            "schematic": self.design.schematic(),
            "nodes": self.rows,
            "cycle_formula": self.design.cycle_formula(),
            "shape": self.shape,
            "cycles": cycles,
            "largest_safe_k": self.design.largest_safe_k(),
            "zero_point": self.design.zero_point_cost(),
            "lints": lints,
        });
        if let Some(bounds) = &self.bounds {
            answer["bounds"] = serde_json::to_value(bounds)
                .map_err(|e| Error::new(Kind::Malformed, "the bounds cannot be shown as JSON").because(e))?;
        }
        exact::in_json(&mut answer);
        Ok(answer)
    }
}

/// What an accumulation starts from, and the cycle that it costs.
fn start_words(design: &Design) -> &'static str {
    match design.accumulator.start {
        Start::Bias if design.array.sums_travel() => {
            "bias: what enters the columns at the top, with every vector"
        }
        Start::Zero | Start::Overwrite if design.array.sums_travel() => {
            "0 enters the columns at the top; no sum stays that would have to be cleared"
        }
        Start::Zero => {
            "zero: a cycle of its own clears the register for every tile; \"overwrite\" gives the same values without it \
             (goldpath explain accumulator.start)"
        }
        Start::Overwrite => {
            "overwrite: the first product replaces what the register holds, without the cycle that \"zero\" takes \
             (goldpath explain accumulator.start)"
        }
        Start::Value => "value: what comes in",
        Start::Bias => "bias: the first product is added to the fitted bias, without a cycle of its own",
    }
}

/// In the form of every exact integer.
fn number(value: u128) -> serde_json::Value {
    i128::try_from(value).map_or_else(|_| value.to_string().into(), |value| serde_json::json!(Exact(value)))
}

fn cycle_words(cycles: &Cycles) -> String {
    let percent = percent(cycles.products, cycles.slots, 1);
    format!(
        "{} cycles ({} tiles, {} cycles each), {} products, {percent:.1} % of the multipliers' cycles",
        cycles.total, cycles.tiles, cycles.period, cycles.products
    )
}

fn node_table(rows: &[Row]) -> String {
    let heads = ["node", "does", "format", "overflow", "rounding", "registers"];
    let lines: Vec<[String; 6]> = rows
        .iter()
        .map(|row| {
            [
                row.node.clone(),
                row.does.clone(),
                row.format.clone().unwrap_or("fused".into()),
                row.overflow.to_string(),
                row.rounding.unwrap_or("").to_string(),
                row.latency_cycles.to_string(),
            ]
        })
        .collect();
    let width =
        |column: usize| lines.iter().map(|l| l[column].len()).chain([heads[column].len()]).max().unwrap_or(0);
    let show = |cells: &[&str]| {
        let padded: Vec<String> =
            cells.iter().enumerate().map(|(c, cell)| format!("{cell:<w$}", w = width(c))).collect();
        padded.join("  ").trim_end().to_string() + "\n"
    };
    let mut text = show(&heads);
    for line in &lines {
        text.push_str(&show(&line.each_ref().map(String::as_str)));
    }
    text
}

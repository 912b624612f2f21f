//! The input that makes a bound true: one bit less, and the accumulator overflows.

use std::sync::Arc;

use super::layer::{Kind, LayerBounds, Proof};
use super::terms::{Channels, Ends, Terms, Weights, Word, Work, beats, has_lossy_levels, on_channels};
use super::{Inputs, Range};
use crate::design::Design;
use crate::lower::{Gather, Program, Shape};
use crate::num::Format;
use crate::post::{self, bind};

/// An input that overflows an accumulator that is one bit narrower than a bound asks for.
///
/// In a register of `width` bits, of the design's signedness and step rule, everything before `beat` fits; the value
/// that enters at `beat` does not. In one of the bound's own width, nothing does not fit (what only bounds the final
/// sum: the wrapped sum is exact, and one bit narrower it is not).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The bound it belongs to.
    pub kind: Kind,
    /// Output channel, counted over all groups.
    pub channel: usize,
    /// One bit less than the bound asks for; the widest there is when no width is enough.
    pub width: u32,
    /// Activation codes per scheduled k.
    pub activations: Vec<i64>,
    /// Weight codes per scheduled k: the layer's own for bounds on exact weights, otherwise those of the class that
    /// the bound is about.
    pub weights: Vec<i64>,
    /// The first beat at which a value does not fit; `None`: the start value itself does not.
    pub beat: Option<usize>,
    /// It lies above the format rather than below it.
    pub high: bool,
    /// The value: what enters the accumulator at `beat`.
    pub value: i128,
}

impl Witness {
    /// The witness alone, one output on `design` (that of the layer, or the layer's with another accumulator).
    pub fn program(&self, layer: &Program, design: Arc<Design>) -> Program {
        let codes = |values: &[i64]| values.iter().map(|v| i32::try_from(*v).unwrap_or_default()).collect();
        let parameters = 0..layer.parameters.len();
        let bound = |index| bind(post::Operand::Parameter(index), &layer.parameters, self.channel);
        Program {
            design,
            shape: Shape { images: 1, groups: 1, m: 1, k: layer.shape.k, n: 1 },
            activations: codes(&self.activations),
            weights: codes(&self.weights),
            gather: Gather::Matrix,
            parameters: Arc::new(parameters.map(|index| vec![bound(index)]).collect()),
        }
    }
}

impl LayerBounds<'_> {
    /// The input that achieves a channel's bound, or `None`: nothing is narrower than one bit, the bound proves
    /// nothing, a reduction level before the accumulator wraps, or no input of the class reaches it (a norm's bound is
    /// sometimes a bit too wide).
    pub fn witness(&self, kind: Kind, channel: usize) -> Option<Witness> {
        let bound = self.bounds(kind).get(channel)?;
        if bound.proof == Proof::Nothing {
            return None;
        }
        let register = self.program.design.accumulator.register;
        let widest = if register.is_signed() { 64 } else { 63 };
        let width = bound.width.map_or(widest, |width| width - 1);
        let narrow = Format::new(width, register.is_signed())?;
        let search = Search { bounds: self, kind, channel, narrow };
        let own = self.own_weights(channel);
        match kind {
            Kind::DataType => search.any_weights(),
            Kind::Prefix => search.prefix(&own),
            Kind::FinalSum => search.sum(&own),
            Kind::A2qPlus if bound.proof == Proof::FinalSum => search.sum(&own),
            Kind::A2qPlus => search.prefix(&own),
            // The bound knows the weights' magnitudes only: all of one sign are the worst.
            Kind::A2q => search
                .prefix(&own)
                .or_else(|| search.prefix(&self.one_sign(channel, -1)?))
                .or_else(|| search.prefix(&self.one_sign(channel, 1)?)),
        }
    }

    /// Codes of a channel per scheduled k.
    fn own_weights(&self, channel: usize) -> Vec<i64> {
        let shape = self.program.shape;
        let (group, n) = (channel / shape.n, channel % shape.n);
        (0..shape.k).map(|k| i64::from(self.program.weight(group, k, n))).collect()
    }

    /// A channel's weights with all signs alike, where the format holds such codes.
    fn one_sign(&self, channel: usize, sign: i64) -> Option<Vec<i64>> {
        let weight = &self.program.design.weight;
        let offset = weight.offset.map_or(0, |o| bind(o, &self.program.parameters, channel));
        let code = |own: i64| weight.code((weight.value(own) + offset).abs() * sign - offset);
        self.own_weights(channel).into_iter().map(code).collect()
    }
}

/// One channel against one register.
struct Search<'a> {
    bounds: &'a LayerBounds<'a>,
    kind: Kind,
    channel: usize,
    narrow: Format,
}

impl Search<'_> {
    fn rails(&self) -> Range {
        let (low, high) = self.bounds.program.design.accumulator.step_rule().rails(self.narrow);
        (i128::from(low), i128::from(high))
    }

    /// Range of every beat of the channel, of each of its accumulators; `None` when a level makes it one that is only known to
    /// hold every value.
    fn beats(&self, inputs: &Inputs, weights: Weights<'_>) -> Option<Vec<Vec<Range>>> {
        let program = self.bounds.program;
        let work = Collect { levels: has_lossy_levels(program) };
        on_channels(program, inputs, weights, &Channels::one(program, self.channel), &work)
    }

    /// The first value of any input that leaves the register: (beat, on the high side, value). Up to there both
    /// extreme inputs have stayed inside, and so has every other.
    fn first_exit(&self, beats: &[Vec<Range>]) -> Option<(Option<usize>, bool, i128)> {
        let (least, most) = self.rails();
        let start = i128::from(self.bounds.program.bias(self.channel));
        let mut sums = vec![(start, start); self.bounds.program.design.partial_sums()];
        let nothing = [vec![(0, 0)]];
        let before = nothing.iter().map(|terms| (None, terms));
        for (beat, terms) in before.chain(beats.iter().enumerate().map(|(beat, terms)| (Some(beat), terms))) {
            for ((low, high), term) in sums.iter_mut().zip(terms) {
                (*low, *high) = (*low + term.0, *high + term.1);
                if *high > most {
                    return Some((beat, true, *high));
                }
                if *low < least {
                    return Some((beat, false, *low));
                }
            }
        }
        None
    }

    fn prefix(&self, weights: &[i64]) -> Option<Witness> {
        let beats = self.beats(self.bounds.inputs, Weights::Column(weights))?;
        let (beat, high, value) = self.first_exit(&beats)?;
        let activations = self.extreme(weights, high);
        Some(self.witness(activations, weights.to_vec(), (beat, high, value)))
    }

    /// The input whose exact sum leaves the register, and where it first does so on its way.
    fn sum(&self, weights: &[i64]) -> Option<Witness> {
        let beats = self.beats(self.bounds.inputs, Weights::Column(weights))?;
        let (least, most) = self.rails();
        let start = i128::from(self.bounds.program.bias(self.channel));
        let mut sums = vec![(start, start); self.bounds.program.design.partial_sums()];
        for terms in &beats {
            sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum = (sum.0 + term.0, sum.1 + term.1));
        }
        let side = match (sums.iter().any(|sum| sum.1 > most), sums.iter().any(|sum| sum.0 < least)) {
            (true, _) => true,
            (false, true) => false,
            (false, false) => return None,
        };
        let end = |term: &Range| if side { (term.1, term.1) } else { (term.0, term.0) };
        let path: Vec<Vec<Range>> = beats.iter().map(|terms| terms.iter().map(end).collect()).collect();
        let exit = self.first_exit(&path)?;
        Some(self.witness(self.extreme(weights, side), weights.to_vec(), exit))
    }

    /// Both operands at the corner whose product is the most extreme.
    fn any_weights(&self) -> Option<Witness> {
        let program = self.bounds.program;
        let beats = self.beats(&Inputs::Format, Weights::Format)?;
        let (beat, high, value) = self.first_exit(&beats)?;
        let (x, weight) = (program.design.activation.format, &program.design.weight);
        let w = weight.ends();
        let corners = [(x.min(), w.0), (x.min(), w.1), (x.max(), w.0), (x.max(), w.1)];
        let offset = |o: Option<post::Operand>| o.map_or(0, |o| bind(o, &program.parameters, self.channel));
        let (a, b) = (offset(program.design.activation.offset), offset(program.design.weight.offset));
        let product = |corner: &&(i64, i64)| i128::from(corner.0 + a) * i128::from(corner.1 + b);
        let corner =
            if high { corners.iter().max_by_key(product) } else { corners.iter().min_by_key(product) };
        let (x, w) = corner.copied().and_then(|(x, w)| Some((x, weight.code(w)?)))?;
        let k = program.shape.k;
        Some(self.witness(vec![x; k], vec![w; k], (beat, high, value)))
    }

    /// The activation codes at which every product is largest, or smallest.
    fn extreme(&self, weights: &[i64], high: bool) -> Vec<i64> {
        let program = self.bounds.program;
        let offset = program.design.weight.offset.map_or(0, |o| bind(o, &program.parameters, self.channel));
        let group = self.channel / program.shape.n;
        let value = |code: i64| program.design.weight.value(code);
        let code = |(k, w): (usize, &i64)| {
            let (low_code, high_code) = self.bounds.inputs.codes(program, group, k);
            if (value(*w) + offset > 0) == high { high_code } else { low_code }
        };
        weights.iter().enumerate().map(code).collect()
    }

    fn witness(
        &self,
        activations: Vec<i64>,
        weights: Vec<i64>,
        (beat, high, value): (Option<usize>, bool, i128),
    ) -> Witness {
        Witness {
            kind: self.kind,
            channel: self.channel,
            width: self.narrow.width(),
            activations,
            weights,
            beat,
            high,
            value,
        }
    }
}

struct Collect {
    levels: bool,
}

impl Work for Collect {
    type Out = Option<Vec<Vec<Range>>>;

    fn run<T: Word>(&self, terms: &Terms<'_>, _: &Channels) -> Self::Out {
        let mut ranges = vec![Vec::new(); terms.program.beats()];
        let known = beats(terms, self.levels, &mut |beat: usize, _: usize, term: &Ends<T>| {
            ranges[beat].push(term.range(0));
        });
        (!known.is_loose(0)).then_some(ranges)
    }
}

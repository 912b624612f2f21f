//! `goldpath layers`: the integer layers of a model, what each needs, and which designs in sight run it.

mod answer;
mod fit;
mod meet;

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;

use super::args::LayersArgs;
use super::{Console, Status, model};
use crate::bounds::{Exact, range_of_codes, width_of_codes};
use crate::error::{Result, spelt};
use crate::network::{Computed, Geometry, Input, Layer, Mac, MacState, Network, Node, Qdq};
use crate::vectors::cosim;
use answer::{Answer, Codes, DesignSeen, LayerSeen, Unknown};
use fit::Sight;
use meet::Met;

pub fn run(args: &LayersArgs, console: &Console) -> Result<Status> {
    let network = model::read_followed(&args.model, Qdq::Fused)?.network;
    let paths = if args.design.is_empty() { cosim::designs_in_sight() } else { args.design.clone() };
    let mut sights = Vec::with_capacity(paths.len());
    for path in &paths {
        match Sight::new(path, &args.overrides) {
            // Nor is one that multiplies nothing.
            Ok(sight) if args.design.is_empty() && sight.design.is_post_only() => {}
            Ok(sight) => sights.push((path, sight)),
            // A design that was not named is no part of the question.
            Err(error) if args.design.is_empty() => {
                console.note(&format!("note: {}: not tried: {}", path.display(), error.message));
            }
            Err(error) => return Err(error),
        }
    }
    let answer = answer(args, &network, &sights, console)?;
    if console.is_json() {
        console.answer_json(&answer)?;
    } else {
        console.answer(&answer.text())?;
    }
    Ok(Status::Done)
}

/// The JSON Schema of the answer.
pub fn json_schema() -> schemars::Schema {
    schemars::schema_for!(Answer)
}

fn answer(
    args: &LayersArgs,
    network: &Network,
    sights: &[(&PathBuf, Sight<'_>)],
    console: &Console,
) -> Result<Answer> {
    let (met, refused) = meet::meet(network)?;
    let macs = network.macs();
    let computed = network.computed_layers();
    let nodes: BTreeMap<&str, &Node> =
        network.nodes.iter().rev().map(|node| (node.name.as_str(), node)).collect();
    let layers: Vec<(&Mac, &Met)> = macs.iter().filter_map(|mac| Some((mac, met.get(&mac.name)?))).collect();
    let bar = console.progress(layers.len() as u64, "layers");
    let seen = |(mac, met): &(&Mac, &Met)| {
        let computed = computed.get(mac.name.as_str()).copied().unwrap_or_default();
        let designs = sights.iter().map(|(_, sight)| sight.fit(&met.layer, &met.x, computed)).collect();
        bar.inc(1);
        let node = nodes.get(mac.name.as_str()).copied();
        LayerSeen { designs, ..facts(mac, met, computed, node, images(network)) }
    };
    let layers = layers.par_iter().map(seen).collect();
    bar.finish_and_clear();
    let design = |(path, sight): &(&PathBuf, Sight<'_>)| DesignSeen {
        name: sight.design.name.clone(),
        sha256: sight.design.hash.clone(),
        path: path.display().to_string(),
    };
    let model = args.model.file_name().map_or_else(String::new, |name| spelt(&name.to_string_lossy()));
    let unknown = refused.into_iter().map(|(name, why)| Unknown { name, reason: why.message });
    Ok(Answer {
        schema: answer::SCHEMA,
        model,
        designs: sights.iter().map(design).collect(),
        layers,
        unknown: unknown.collect(),
        open_inputs: network.inputs.iter().filter(|input| is_open(input)).map(extents).collect(),
        opaque: network.opaque(&|_| false),
        behind_opaque: network.behind_opaque(&|_| false),
        macs,
    })
}

/// Whether more than the batch is left open.
fn is_open(input: &Input) -> bool {
    input.dims.as_ref().is_none_or(|dims| dims.iter().skip(1).any(Option::is_none))
}

/// `x [?, 3, 48, ?]`
fn extents(input: &Input) -> String {
    let name = spelt(&input.name);
    let Some(dims) = &input.dims else { return format!("{name} [...]") };
    let each = |extent: &Option<usize>| extent.map_or_else(|| "?".to_owned(), |extent| extent.to_string());
    format!("{name} [{}]", dims.iter().map(each).collect::<Vec<_>>().join(", "))
}

/// Images of the input that shapes are known for.
fn images(network: &Network) -> u64 {
    let batch = network.inputs.first().and_then(|input| *input.dims.as_ref()?.first()?);
    batch.map_or(1, |batch| batch.max(1) as u64)
}

fn facts(mac: &Mac, met: &Met, computed: Computed, node: Option<&Node>, images: u64) -> LayerSeen {
    let Met { layer, shapes, .. } = met;
    let carrier = &layer.input_carrier;
    let has_scale = mac.state != MacState::Products && layer.output.is_some();
    let range = range_of_codes(layer).filter(|_| !computed.any());
    let output = layer.output.map(|output| Codes {
        tensor: Some(layer.output_name.clone()),
        dtype: output.dtype.name().to_owned(),
        shape: shapes.as_ref().map(|shapes| shapes.output.clone()),
        scale: Some([output.scale; 2]),
        zero_point: Some([output.zero_point; 2]),
    });
    LayerSeen {
        name: mac.name.clone(),
        kind: node.map_or_else(|| mac.kind.clone(), |node| node.kind.clone()),
        state: mac.state,
        input: Codes {
            tensor: Some(layer.input.clone()),
            dtype: carrier.dtype.name().to_owned(),
            shape: shapes.as_ref().map(|shapes| shapes.input.clone()),
            scale: has_scale.then_some([carrier.scale; 2]),
            zero_point: (!computed.input_zero_point).then_some([carrier.zero_point; 2]),
        },
        weights: Codes {
            tensor: None,
            dtype: layer.weights.dtype.name().to_owned(),
            shape: Some(layer.weights.codes.shape().to_vec()),
            scale: if has_scale { ends(&layer.weights.scales, f32::total_cmp) } else { None },
            zero_point: match computed.weight_zero_points {
                true => None,
                false => ends(&layer.weights.zero_points, i32::cmp),
            },
        },
        output,
        bias: layer.bias.as_ref().filter(|_| !computed.bias).and_then(|bias| ends(bias, i32::cmp)),
        computed: computed.any().then(|| computed.words()),
        k: layer.k(),
        channels: layer.channels(),
        groups: groups(layer),
        macs_per_image: shapes.as_ref().map(|shapes| shapes.macs / images),
        low: range.map(|range| Exact(range.0)),
        high: range.map(|range| Exact(range.1)),
        accumulator_bits: width_of_codes(layer).filter(|_| !computed.any()),
        designs: Vec::new(),
    }
}

fn groups(layer: &Layer) -> usize {
    match layer.geometry {
        Geometry::Matrix => 1,
        Geometry::Convolution { groups, .. } => groups,
    }
}

/// The smallest and the largest.
fn ends<T: Copy>(values: &[T], order: impl Fn(&T, &T) -> std::cmp::Ordering) -> Option<[T; 2]> {
    let least = values.iter().copied().min_by(|a, b| order(a, b))?;
    let most = values.iter().copied().max_by(|a, b| order(a, b))?;
    Some([least, most])
}

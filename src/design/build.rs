//! From the file's shape to a design's [`Parts`]: every limit, every derived format, every contradiction.

use std::collections::BTreeSet;

use super::context::Context;
use super::file::{self, At};
use super::names::Names;
use super::preset::Choice;
use super::{Accumulator, AccumulatorOverflow, Array, Coding, KernelAxis, LaneMap, Parts};
use super::{
    Operand, Order, Recode, Start, exponent, identifier, memory, packing, pes, product, reduce, steps,
};
use crate::error::Result;
use crate::num::{Format, product_format};
use crate::post::{Parameter, Per, product_range};

const MAX_SUM_WIDTH: u32 = 32;

/// Everything but the twin's values and the hash, which need the canonical text.
pub(super) fn parts(file: &file::File, choice: Option<&Choice>, context: &Context<'_>) -> Result<Parts> {
    header(file, context)?;
    let mut array = pes::array(&file.array, context)?;
    let mut names = Names::new(&file.parameters).alone(array.is_post_only());
    pes::banks(&file.accumulator, &mut array, context)?;
    let activation = operand(&file.operands.activation, "operands.activation", &mut names, context)?;
    let weight = operand(&file.operands.weight, "operands.weight", &mut names, context)?;
    product::multiplier(&file.product, &file.operands.weight, &weight, context)?;
    let product = product_interval(&activation, &weight, names.parameters());
    let exact = product_fits(&activation, &weight, file, context)?;
    let mut accumulator = accumulator(&file.accumulator, &mut names, context)?;
    if array.is_post_only() {
        (accumulator.start, accumulator.bias) = (Start::Value, Some(names.value(accumulator.format)));
    }
    let dsp = packing::dsp(
        file,
        &packing::Around {
            operands: [&activation, &weight],
            product,
            accumulator: &accumulator,
            start: accumulator
                .bias
                .map_or((0, 0), |bias| names.interval(crate::post::Operand::Parameter(bias))),
            array: &array,
            most: array.column_products().or(limit(file)),
        },
        context,
    )?;
    names.with_exponent(exponent::field(file, &weight, context)?);
    let operands = [&activation, &weight];
    let (product_steps, product) =
        product::steps(file, operands, (exact, product), &accumulator, &mut names, context)?;
    let [reduce, after] = reduce::reduce(file, (&array, &accumulator), product, context)?;
    let memory = memory::memory(file, &array, &accumulator, context)?;
    let [store_steps, load_steps] = memory::steps(file, &accumulator, (memory, &array), &mut names, context)?;
    let summed = after.last().map_or(accumulator, |level| accumulator.behind(level));
    let post = steps::build(&file.post, "post", (&summed, memory), choice, &mut names, context)?;
    let mut elsewhere = BTreeSet::new();
    for other in &file.others {
        let mut names = Names::new(&file.parameters).alone(array.is_post_only());
        steps::build(&other.steps, &other.key, (&summed, memory), None, &mut names, context)?;
        elsewhere.extend(names.declarations().chain(other.names.iter().cloned()));
    }
    let exponent = names.exponent_bits();
    let parameters = names.finish(&elsewhere, context)?;
    Ok(Parts {
        name: file.name.to_string(),
        activation,
        weight,
        operand_latency: context.latency(&file.operands.latency, "operands.latency")?,
        product_steps,
        exponent,
        dsp,
        product_latency: context.latency(&file.product.latency, "product.latency")?,
        reduce,
        after,
        accumulator,
        order: order(&file.order, &array, context)?,
        array,
        memory,
        store_steps,
        load_steps,
        post,
        drained: if memory.is_some() { 0 } else { context.drained.count },
        parameters,
        bias_in: super::BiasIn::Design,
        twin: file.twin.parameters.iter().map(|(k, v)| (k.clone(), (**v).clone())).collect(),
        twin_values: Default::default(),
        hash: String::new(),
    })
}

fn header(file: &file::File, context: &Context<'_>) -> Result<()> {
    if *file.schema != 1 {
        let what = format!("is {}, but this goldpath reads schema 1", *file.schema);
        return Err(context.wrong(&file.schema.span(), "schema", what));
    }
    let is_plain = identifier::is_plain(&file.name);
    if let Some(fault) = identifier::fault_in_testbench(&file.name).or((!is_plain).then(|| "has a $".into()))
    {
        let what = format!("is {:?}: it {fault}", *file.name);
        return Err(context.wrong(&file.name.span(), "name", what));
    }
    Ok(())
}

fn operand(
    file: &At<file::Operand>,
    key: &str,
    names: &mut Names<'_>,
    context: &Context<'_>,
) -> Result<Operand> {
    let width = context.integer(&file.width, &format!("{key}.width"), 1..=16)?;
    let format = Format::new(width, file.signed).expect("at most 16 bits");
    let recode = recode(file, format, key, context)?;
    let format_key = format!("{key}.format");
    let Some(offset) = &file.offset else {
        context.idle(&file.format, &format_key, "there is no offset")?;
        let plain = Operand { format, offset: None, sum: format, recode, coding: Coding::Integer };
        return product::coded(file, plain, key, context);
    };
    let offset_key = format!("{key}.offset");
    if let Some(at) = file.coding.as_ref().filter(|coding| ***coding == file::Coding::PowerOfTwo) {
        let what = "is \"power_of_two\", which leaves no place for an offset";
        return Err(context.wrong(&at.span(), &format!("{key}.coding"), what));
    }
    let Some(sum) = &file.format else {
        let what = format!("needs `{format_key}`, the format of code + offset");
        return Err(context.wrong(&offset.span(), &offset_key, what));
    };
    let operand = names.operand(offset, &offset_key, None, context)?;
    let (low, high) = names.interval(operand);
    let (low, high) = (i128::from(format.min()) + low, i128::from(format.max()) + high);
    if sum.0.width() > MAX_SUM_WIDTH || !sum.0.contains(low) || !sum.0.contains(high) {
        let need = Format::holding(low, high).map_or("more than 64 bits".into(), |f| f.to_string());
        let what = format!("is {}, but {format} + offset is {low}..{high}, which needs {need}", sum.0);
        return Err(context.wrong(&sum.span(), &format_key, what));
    }
    if names.parameters().get(index_of(operand)).is_some_and(|p| p.per == Per::Channel)
        && key == "operands.activation"
    {
        let what = "differs per channel, but an activation serves every channel: per = \"layer\"";
        return Err(context.wrong(&offset.span(), &offset_key, what));
    }
    Ok(Operand { format, offset: Some(operand), sum: sum.0, recode, coding: Coding::Integer })
}

fn index_of(operand: crate::post::Operand) -> usize {
    match operand {
        crate::post::Operand::Parameter(index) => index,
        crate::post::Operand::Constant(_) | crate::post::Operand::Exponent { .. } => usize::MAX,
    }
}

fn recode(file: &file::Operand, format: Format, key: &str, context: &Context<'_>) -> Result<Option<Recode>> {
    let Some(recode) = &file.recode else { return Ok(None) };
    if **recode == file::Recode::MinusZeroPoint {
        let what = match (key, &file.offset) {
            ("operands.weight", None) if file.signed => return Ok(Some(Recode::MinusZeroPoint)),
            ("operands.weight", None) => "needs a signed operand",
            ("operands.weight", Some(_)) => "leaves nothing for an offset",
            _ => "is for weights: activations meet their zero point in the offset or in the bias",
        };
        return Err(context.wrong(&recode.span(), &format!("{key}.recode"), what));
    }
    if format != Format::signed(8).expect("8 bits") {
        let what = format!("needs a signed operand of 8 bits, and this one is {format}");
        return Err(context.wrong(&recode.span(), &format!("{key}.recode"), what));
    }
    Ok(Some(Recode::Minus128))
}

/// R2: the exact product has a format; only two unsigned sums of 32 bits have none.
fn product_fits(
    activation: &Operand,
    weight: &Operand,
    file: &file::File,
    context: &Context<'_>,
) -> Result<Format> {
    product_format(activation.sum, weight.sum).ok_or_else(|| {
        let what = format!(
            "is {}, but the product {} * {} needs more than the 63 bits of the widest unsigned format",
            weight.sum, activation.sum, weight.sum
        );
        let weight = &file.operands.weight;
        let span = weight.format.as_ref().map_or_else(|| weight.span(), At::span);
        context.wrong(&span, "operands.weight.format", what)
    })
}

/// The product's interval from the operands' codes and offsets.
pub(super) fn product_interval(
    activation: &Operand,
    weight: &Operand,
    parameters: &[Parameter],
) -> (i128, i128) {
    product_range(activation.interval(parameters), weight.interval(parameters))
}

fn accumulator(
    file: &file::Accumulator,
    names: &mut Names<'_>,
    context: &Context<'_>,
) -> Result<Accumulator> {
    let limit = if file.signed { 64 } else { 63 };
    let width = context.integer(&file.width, "accumulator.width", 1..=limit)?;
    let format = Format::new(width, file.signed).expect("inside the limit");
    let overflow = AccumulatorOverflow::from(*file.overflow);
    let key = "accumulator.register_width";
    let register = match (&file.register_width, overflow) {
        (Some(at), AccumulatorOverflow::SaturateOutput) => {
            let register = context.integer(at, key, i64::from(width)..=limit)?;
            Format::new(register, file.signed).expect("inside the limit")
        }
        (None, AccumulatorOverflow::SaturateOutput) => {
            let what = "is \"saturate_output\", which needs `accumulator.register_width`";
            return Err(context.wrong(&file.overflow.span(), "accumulator.overflow", what));
        }
        (at, _) => {
            context.idle(at, key, "only overflow = \"saturate_output\" has a register of another width")?;
            format
        }
    };
    let start = Start::from(*file.start);
    let bias = match start {
        Start::Bias => Some(names.bias(register, &file.start.span(), context)?),
        Start::Zero | Start::Overwrite | Start::Value => None,
    };
    Ok(Accumulator { format, register, overflow, start, bias })
}

fn order(file: &file::Order, array: &Array, context: &Context<'_>) -> Result<Order> {
    let mut kernel = [KernelAxis::Kh, KernelAxis::Kw, KernelAxis::Cin];
    if let Some(axes) = &file.kernel {
        let given: Vec<KernelAxis> = axes.iter().map(|a| KernelAxis::from(*a)).collect();
        let all = kernel.iter().all(|axis| given.contains(axis));
        kernel = match <[KernelAxis; 3]>::try_from(given) {
            Ok(given) if all => given,
            _ => return Err(context.wrong(&axes.span(), "order.kernel", "does not name each axis once")),
        };
    }
    if array.lanes == 1 {
        context.idle(&file.lane_map, "order.lane_map", "array.lanes is 1")?;
    }
    let lane_map = file.lane_map.as_ref().map_or(LaneMap::Adjacent, |m| LaneMap::from(**m));
    let mut down_first = false;
    if let Some(loops) = &file.loops {
        use file::Loop::{K, M, N};
        down_first = match loops.as_slice() {
            [M, N, K] => false,
            [N, M, K] => true,
            _ => {
                let what = "is another nest: goldpath walks tiles m, n, then all of k, or n, m, then k";
                return Err(context.wrong(&loops.span(), "order.loops", what));
            }
        };
    }
    let max_k = file.max_k.as_ref().map(|at| context.integer(at, "order.max_k", 1..=1 << 30)).transpose()?;
    Ok(Order { kernel, lane_map, down_first, max_k: max_k.map(|k| k as usize) })
}

/// The most products of one sum, as the file says.
fn limit(file: &file::File) -> Option<usize> {
    let tile = file.order.tile_k.as_ref().filter(|_| file.memory.is_some());
    tile.or(file.order.max_k.as_ref()).and_then(|at| usize::try_from(**at).ok()).filter(|k| *k > 0)
}

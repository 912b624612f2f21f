//! `goldpath identify`: which requantisation schemes explain outputs of accumulators.

use std::path::Path;

use super::args::IdentifyArgs;
use super::feeds::Given;
use super::model::{self, Model};
use super::{Console, Status};
use crate::error::{Error, Kind, Place, Result, shown};
use crate::functional::graph;
use crate::functional::operators::{Framework, LayerRule};
use crate::identify::{Answer, Factors, Question, Samples, Scale, identify};
use crate::import::npy::read_npy;
use crate::network::{DType, Geometry, Layer, Tensor};
use crate::num::{Format, exact};
use crate::report::identify_text;

pub fn run(args: &IdentifyArgs, console: &Console) -> Result<Status> {
    let question = match (&args.acc, &args.model, &args.layer) {
        (Some(acc), _, _) => of_files(args, acc)?,
        (None, Some(model), Some(layer)) => of_layer(args, model, layer, console)?,
        // clap asks for one of the two.
        _ => return Err(Error::new(Kind::Usage, "give --acc, or --model, --layer and --input or --tensors")),
    };
    let bar = console.phase("trying schemes".to_owned());
    let answer = identify(&question);
    bar.finish_and_clear();
    let answer = answer?;
    say(&answer, console)?;
    Ok(if answer.classes.is_empty() { Status::Different } else { Status::Done })
}

fn say(answer: &Answer, console: &Console) -> Result<()> {
    if !console.is_json() {
        return console.answer(&identify_text(answer));
    }
    let mut value = serde_json::to_value(answer)
        .map_err(|e| Error::new(Kind::Io, "cannot write the answer as JSON").because(e))?;
    exact::in_json(&mut value);
    console.answer_json(&value)
}

/// Integers of a file, with their shape and type.
struct Integers<'p> {
    path: &'p Path,
    values: Vec<i64>,
    shape: Vec<usize>,
    dtype: DType,
}

impl<'p> Integers<'p> {
    fn read(path: &'p Path) -> Result<Integers<'p>> {
        let tensor = read_npy(path)?;
        Integers::of(path, &tensor)
    }

    fn of(path: &'p Path, tensor: &Tensor) -> Result<Integers<'p>> {
        let dtype = tensor.dtype();
        if !dtype.is_integer() {
            let message = format!("integers are needed, not {dtype}");
            return Err(Error::new(Kind::Value, message)
                .in_file(path)
                .help("quantise them first, or save the codes"));
        }
        if tensor.is_empty() {
            let message = format!("an array of shape {:?} holds no sample", tensor.shape());
            return Err(Error::new(Kind::Value, message)
                .in_file(path)
                .help("give at least one accumulator and its output"));
        }
        let values = tensor.to_i64().map_err(|e| e.in_file(path))?;
        Ok(Integers { path, values: values.into_iter().collect(), shape: tensor.shape().to_vec(), dtype })
    }

    /// Every value lies inside.
    fn inside(&self, format: Format, option: &str) -> Result<()> {
        let outside = |(_, value): &(usize, &i64)| !format.contains(i128::from(**value));
        let Some((at, value)) = self.values.iter().enumerate().find(outside) else { return Ok(()) };
        let message = format!("sample {at} is {value}, outside {format}");
        let help = format!("give --{option} with a format that holds it");
        Err(Error::new(Kind::Value, message).in_file(self.path).help(help))
    }

    /// The shape of the other file.
    fn as_long_as(&self, shape: &[usize], what: &str) -> Result<()> {
        if self.shape == shape {
            return Ok(());
        }
        let message = format!("outputs of shape {:?} do not belong to {what} of shape {shape:?}", self.shape);
        Err(Error::new(Kind::Value, message)
            .in_file(self.path)
            .help("give one output for each, in the same order"))
    }
}

fn of_files(args: &IdentifyArgs, acc: &Path) -> Result<Question> {
    let (acc, out) = (Integers::read(acc)?, Integers::read(&args.out)?);
    out.as_long_as(&acc.shape, "accumulators")?;
    let fits = |format: &Format| acc.values.iter().all(|value| format.contains(i128::from(*value)));
    let usual = [32, 48].into_iter().filter_map(Format::signed).find(fits);
    let input = args.acc_format.or(usual).or(Format::signed(64)).expect("64 bits");
    acc.inside(input, "acc-format")?;
    let output = match args.out_format {
        Some(format) => format,
        None => output_format(&out)?,
    };
    out.inside(output, "out-format")?;
    let bounds = (args.low.unwrap_or(output.min()), args.high.unwrap_or(output.max()));
    let bound = |value: i64, option: &str| option_inside(value, output, option);
    bound(bounds.0, "--low")?;
    bound(bounds.1, "--high")?;
    args.zero_point.map_or(Ok(()), |zero| bound(zero, "--zero-point"))?;
    if bounds.0 > bounds.1 {
        let message = format!("{} is more than --high {}", bounds.0, bounds.1);
        return Err(Error::new(Kind::Usage, message).at(option("--low")).help("exchange the two"));
    }
    let scale = scale(args)?;
    let given = [lengths(&scale)].into_iter().max().unwrap_or(1);
    let axis = channel_axis(args, &acc)?;
    let of_axis = axis.map_or(1, |axis| acc.shape[axis]);
    let channel_count = if args.per_channel || given > 1 { of_axis } else { 1 };
    if given > 1 && given != channel_count {
        let message = format!("{given} numbers for {channel_count} channels of shape {:?}", acc.shape);
        let help = "give one number, or one for each channel; --channel-axis says which axis that is";
        return Err(Error::new(Kind::Usage, message).at(option(given_option(args))).help(help));
    }
    let channels = channels(&acc.shape, axis, channel_count);
    let samples = Samples { accumulators: acc.values, outputs: out.values, channels, channel_count };
    Ok(Question { samples, input, output, bounds, zero_point: args.zero_point, scale })
}

fn option(name: &str) -> Place {
    Place::Option(name.to_owned())
}

fn option_inside(value: i64, output: Format, name: &str) -> Result<()> {
    if output.contains(i128::from(value)) {
        return Ok(());
    }
    let message = format!("{value} lies outside the outputs' {output}");
    Err(Error::new(Kind::Usage, message)
        .at(option(name))
        .help("--out-format says which format the outputs have"))
}

/// The format of the file's type; one of 64 bits is what NumPy makes of anything.
fn output_format(out: &Integers<'_>) -> Result<Format> {
    out.dtype.format().filter(|format| format.width() <= 32).ok_or_else(|| {
        let message = format!("the outputs are {}, which no scheme makes", out.dtype);
        Error::new(Kind::Value, message)
            .in_file(out.path)
            .help("say what they are: --out-format s8, u8, s16, ...")
    })
}

/// Which axis the channels are on; none where the array has no axes.
fn channel_axis(args: &IdentifyArgs, acc: &Integers<'_>) -> Result<Option<usize>> {
    let axes = acc.shape.len();
    match args.channel_axis {
        Some(axis) if axis >= axes => {
            let message = format!("accumulators of shape {:?} have no axis {axis}", acc.shape);
            Err(Error::new(Kind::Usage, message).at(option("--channel-axis")).help("the first axis is 0"))
        }
        Some(axis) => Ok(Some(axis)),
        None => Ok(axes.checked_sub(1)),
    }
}

/// The channel of every element, in C order.
fn channels(shape: &[usize], axis: Option<usize>, channel_count: usize) -> Vec<usize> {
    let elements = shape.iter().product();
    match axis {
        Some(axis) if channel_count > 1 => {
            let inner: usize = shape[axis + 1..].iter().product();
            (0..elements).map(|at| at / inner.max(1) % shape[axis].max(1)).collect()
        }
        _ => vec![0; elements],
    }
}

fn lengths(scale: &Scale) -> usize {
    match scale {
        Scale::Unknown => 1,
        Scale::Factors(factors) => factors.len(),
        Scale::Numbers { multipliers, shifts } => {
            let of = |list: &Option<Vec<i64>>| list.as_ref().map_or(1, Vec::len);
            of(multipliers).max(of(shifts))
        }
    }
}

/// The option to blame for a list.
fn given_option(args: &IdentifyArgs) -> &'static str {
    match (&args.scale, &args.multiplier) {
        (Some(_), _) => "--scale",
        (None, Some(_)) => "--multiplier",
        (None, None) => "--shift",
    }
}

/// What is given of the numbers.
fn scale(args: &IdentifyArgs) -> Result<Scale> {
    if let Some(text) = &args.scale {
        let (values, place) = scales(text)?;
        if let Some(at) = values.iter().position(|scale| !scale.is_finite() || *scale <= 0.0) {
            let message = format!("scale {at} is {}", values[at]);
            return Err(Error::new(Kind::Value, message).at(place).help("a scale is finite and above 0"));
        }
        // Most schemes hold it in float32.
        if let Some(at) = values.iter().position(|scale| !(*scale as f32).is_normal()) {
            let message = format!("scale {at} is {:e}, beyond what float32 holds", values[at]);
            return Err(Error::new(Kind::Value, message)
                .at(place)
                .help("a scale is the input's times the weights', divided by the output's"));
        }
        return Ok(Scale::Factors(values.into_iter().map(Factors::whole).collect()));
    }
    let integers = |text: &Option<String>, name: &str| {
        let parse = |part: &str| {
            let wrong =
                || Error::new(Kind::Usage, format!("{} is no integer of 64 bits", shown(part.trim())));
            let help = "give an integer, or a list of integers with commas";
            part.trim().parse::<i64>().map_err(|_| wrong().at(option(name)).help(help))
        };
        text.as_ref().map(|text| text.split(',').map(parse).collect::<Result<Vec<_>>>()).transpose()
    };
    let multipliers = integers(&args.multiplier, "--multiplier")?;
    let shifts = integers(&args.shift, "--shift")?;
    if multipliers.is_none() && shifts.is_none() {
        return Ok(Scale::Unknown);
    }
    let far = shifts.iter().flatten().find(|shift| !(-64..=127).contains(*shift));
    if let Some(shift) = far {
        let message = format!("{shift} is beyond every scheme");
        return Err(Error::new(Kind::Usage, message).at(option("--shift")).help("shifts are -64 to 127"));
    }
    Ok(Scale::Numbers { multipliers, shifts })
}

/// Numbers as typed, or those of a file.
fn scales(text: &str) -> Result<(Vec<f64>, Place)> {
    if Path::new(text).extension().is_some_and(|extension| extension == "npy") {
        let path = Path::new(text);
        let tensor = read_npy(path)?;
        let Tensor::F32(values) = &tensor else {
            let message = format!("scales are float32, not {}", tensor.dtype());
            return Err(Error::new(Kind::Value, message).in_file(path).help("save them as float32"));
        };
        if values.ndim() > 1 || values.is_empty() {
            let message = format!("scales of shape [] or [channels] are needed, not {:?}", tensor.shape());
            return Err(Error::new(Kind::Value, message)
                .in_file(path)
                .help("flatten them: one for each channel"));
        }
        return Ok((values.iter().map(|value| f64::from(*value)).collect(), Place::File(path.to_path_buf())));
    }
    let parse = |part: &str| {
        let wrong = || Error::new(Kind::Usage, format!("{} is no number", shown(part.trim())));
        let help = "give a number, a list of numbers with commas, or a .npy of float32";
        part.trim().parse::<f64>().map_err(|_| wrong().at(option("--scale")).help(help))
    };
    Ok((text.split(',').map(parse).collect::<Result<_>>()?, option("--scale")))
}

/// The accumulators of a layer when the model runs, and the layer's own numbers.
fn of_layer(args: &IdentifyArgs, model: &Path, name: &str, console: &Console) -> Result<Question> {
    let Model { network, .. } = model::read_followed(model, model::form(args.qdq, None)?)?;
    let given = Given { input: args.input.as_deref(), tensors: args.tensors.as_deref() };
    let mut x = given.read(&network, console)?;
    if let Some(images) = &args.images {
        x = graph::take_images(&network, &x, images.clone())?;
    }
    let (layer, codes) = graph::layer(&network, name, &x, &Framework)?;
    if layer.has_wide_codes() {
        let message =
            format!("layer {} multiplies codes of 16 bits: its sums may need more than 32", shown(name));
        return Err(Error::new(Kind::Unsupported, message)
            .in_file(model)
            .help("give its accumulators with --acc"));
    }
    // The sums alone, of the layer's own rule.
    let alone = Layer { output: None, output_name: "sums".to_owned(), ..layer.clone() };
    let sums = Integers::of(model, &Framework.run(&alone, &codes)?)?;
    let out = Integers::read(&args.out)?;
    out.as_long_as(&sums.shape, "the layer's sums")?;
    let output = output_format(&out)?;
    if let Some(carrier) = layer.output.filter(|carrier| carrier.dtype != out.dtype) {
        let message = format!("holds {}, but layer {} writes {}", out.dtype, shown(name), carrier.dtype);
        return Err(Error::new(Kind::Value, message)
            .in_file(out.path)
            .help("give the tensor that the layer writes"));
    }
    let channel_count = if layer.weights.scales.len() > 1 { layer.channels() } else { 1 };
    let axis = match layer.geometry {
        Geometry::Matrix => sums.shape.len().checked_sub(1),
        Geometry::Convolution { .. } => Some(1),
    };
    let channels = channels(&sums.shape, axis, channel_count);
    let is_plain = layer.weights.scales.len() == 1 && layer.bias.is_none();
    let factors = |output: f32| {
        let of = |channel| {
            Factors::of_scales([layer.input_carrier.scale, layer.weight_scale(channel), output], is_plain)
        };
        (0..channel_count).map(of).collect()
    };
    Ok(Question {
        input: Format::signed(32).expect("32 bits"),
        output,
        bounds: match layer.output {
            Some(_) => (i64::from(layer.low), i64::from(layer.high)),
            None => (output.min(), output.max()),
        },
        zero_point: layer.output.map(|output| i64::from(output.zero_point)),
        scale: layer.output.map_or(Scale::Unknown, |output| Scale::Factors(factors(output.scale))),
        samples: Samples { accumulators: sums.values, outputs: out.values, channels, channel_count },
    })
}

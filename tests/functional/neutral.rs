//! A design as the oracle takes it: numbers and names, read off the fields.

use goldpath::design::{AccumulatorOverflow, Coding, Dataflow, Design, LaneMap, Mirror};
use goldpath::num::{Format, Overflow, Rounding};
use goldpath::post::{self, Op, Operand, Precision};

use super::oracle::machine::{Entry, Level, Machine, Memory, More, Number, Step};

fn entry(format: Format, rule: &str) -> Entry {
    Entry::new(format.width(), format.is_signed(), rule)
}

pub fn rule(overflow: Overflow) -> &'static str {
    match overflow {
        Overflow::Wrap => "wrap",
        Overflow::Saturate => "saturate",
        Overflow::SaturateSymmetric => "saturate_symmetric",
    }
}

pub fn accumulator_rule(overflow: AccumulatorOverflow) -> &'static str {
    match overflow {
        AccumulatorOverflow::Wrap => "wrap",
        AccumulatorOverflow::Saturate => "saturate",
        AccumulatorOverflow::SaturateSymmetric => "saturate_symmetric",
        AccumulatorOverflow::SaturateOutput => "saturate_output",
    }
}

fn rounding(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::Floor => "floor",
        Rounding::Ceil => "ceil",
        Rounding::Trunc => "trunc",
        Rounding::Away => "away",
        Rounding::HalfUp => "half_up",
        Rounding::HalfDown => "half_down",
        Rounding::HalfAway => "half_away",
        Rounding::HalfZero => "half_zero",
        Rounding::HalfEven => "half_even",
        Rounding::HalfOdd => "half_odd",
    }
}

/// Steps in the oracle's words.
fn steps(all: &[post::Step], number: &dyn Fn(Operand) -> Number) -> Vec<Step> {
    all.iter().map(|step| of_step(step, number)).collect()
}

fn of_step(step: &post::Step, number: &dyn Fn(Operand) -> Number) -> Step {
    let mut more = More { value: steps(&step.value_steps, number), ..More::default() };
    more.bit = step.when.map(|when| (number(when.bit), when.is));
    let (op, numbers, mode) = match &step.op {
        Op::Add(v) => ("add", vec![*v], None),
        Op::Subtract(v) => ("subtract", vec![*v], None),
        Op::Multiply(v) => ("multiply", vec![*v], None),
        Op::Max(v) => ("max", vec![*v], None),
        Op::Min(v) => ("min", vec![*v], None),
        Op::ShiftLeft(v) => ("shift_left", vec![*v], None),
        Op::ShiftRight(v, mode, adder) => {
            more.adder = adder.map(|adder| entry(adder, "wrap"));
            ("shift_right", vec![*v], Some(*mode))
        }
        Op::Clamp { low, high } => ("clamp", vec![*low, *high], None),
        Op::Fit => ("fit", vec![], None),
        Op::Float(float, mode) => {
            more.double = float.precision == Precision::F64;
            more.floats = float.ops.iter().map(|op| (op.name(), op.operands().len())).collect();
            ("float", float.ops.iter().flat_map(|op| op.operands()).collect(), Some(*mode))
        }
        Op::Lut(table) => {
            more.table = (table.first.into(), table.values.iter().map(|value| (*value).into()).collect());
            more.sides = [table.below.into(), table.above.into()];
            ("lut", vec![], None)
        }
        Op::Thresholds { values, offset } => {
            ("thresholds", values.iter().chain([offset]).copied().collect(), None)
        }
        Op::Branch { negative, otherwise } => {
            more.arms = [negative, otherwise].map(|arm| steps(arm, number));
            ("branch", vec![], None)
        }
    };
    Step {
        op,
        numbers: numbers.into_iter().map(number).collect(),
        rounding: mode.map_or("", rounding),
        entry: step.format.map(|format| entry(format, rule(step.overflow))),
        more,
    }
}

/// `parameters` has one entry per parameter of the design: one value, or one per channel.
pub fn machine(design: &Design, parameters: &[Vec<i64>]) -> Machine {
    let number = |operand: Operand| match operand {
        Operand::Exponent { .. } => unreachable!("no design here reads exponents"),
        Operand::Constant(value) => Number(vec![value]),
        Operand::Parameter(index) => Number(parameters[index].clone()),
    };
    let offset = |operand: Option<Operand>| operand.map_or(Number(vec![0]), number);
    let level = |level: &goldpath::design::Level| Level {
        group: level.group,
        stride: level.stride,
        entry: entry(level.format, rule(level.overflow)),
    };
    let accumulator = &design.accumulator;
    let clamped = accumulator.overflow == AccumulatorOverflow::SaturateOutput;
    let step_rule = if clamped { "wrap" } else { accumulator_rule(accumulator.overflow) };
    // Where operands stay, a tile is all that passes them.
    let (rows, columns) = match design.array.dataflow {
        Dataflow::WeightStationary => (usize::MAX, design.array.columns),
        Dataflow::InputStationary => (design.array.columns, usize::MAX),
        _ => (design.array.rows * design.array.banks, design.array.columns),
    };
    Machine {
        rows,
        columns,
        lanes: design.array.lanes,
        strided: design.order.lane_map == LaneMap::Strided,
        down_first: design.order.down_first,
        reversed: reversed(design),
        activation_offset: offset(design.activation.offset),
        weight_offset: offset(design.weight.offset),
        powers: (design.weight.coding == Coding::PowerOfTwo)
            .then(|| (design.weight.format.width(), design.weight.format.is_signed())),
        product: steps(&design.product_steps, &number),
        levels: design.reduce.iter().map(level).collect(),
        after: design.after.iter().map(level).collect(),
        register: entry(accumulator.register, step_rule),
        clamp: clamped.then(|| entry(accumulator.format, "saturate")),
        bias: accumulator.bias.map(|index| Number(parameters[index].clone())),
        memory: design.memory.map(|memory| Memory {
            // Where sums travel, a column's rows are a visit.
            beats: match design.array.dataflow {
                Dataflow::WeightStationary | Dataflow::InputStationary => Some(design.array.rows),
                _ => memory.tile_k.map(|k| k / design.array.lanes),
            },
            entry: entry(memory.format, rule(memory.overflow)),
            store: steps(&design.store_steps, &number),
            load: steps(&design.load_steps, &number),
        }),
        post: steps(&design.post, &number),
    }
}

/// Which of a tile's rows and columns PEs count from the other end.
pub fn reversed(design: &Design) -> [bool; 2] {
    match (design.array.mirror, design.array.dataflow) {
        (Mirror::None, _) => [false, false],
        (Mirror::Columns, Dataflow::InputStationary) | (Mirror::Rows, _) => [true, false],
        (Mirror::Columns, _) => [false, true],
    }
}

//! A post-processing program as a whole, and what it makes of a value. It asks for no MAC in front of it.

use super::{NodeRange, Operand, Parameter, Range, Role, Step, Stepped, bind};
use crate::num::{Flags, Format};

/// What turns a finished accumulator into an output (R8).
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    /// Of what goes in.
    pub input: Format,
    /// What the layer brings; operands refer to it by index.
    pub parameters: &'a [Parameter],
    /// In the order in which they run; may be empty.
    pub steps: &'a [Step],
}

impl<'a> Program<'a> {
    /// Of what comes out: that of the last step that has a format.
    pub fn output(self) -> Format {
        self.steps.iter().rev().find_map(|step| step.format).unwrap_or(self.input)
    }

    /// Of what enters a step; `None` behind one that is fused with it (R8).
    pub fn entering(self, step: usize) -> Option<Format> {
        self.steps[..step].last().map_or(Some(self.input), |before| before.format)
    }

    /// What formats and limits prove about each step when what goes in lies in a range.
    pub fn ranges(self, mut entering: Range) -> Vec<NodeRange> {
        let of_step = |step: &Step| {
            let range = step.range(entering, self.parameters);
            entering = range.fitted;
            range
        };
        self.steps.iter().map(of_step).collect()
    }

    /// What a parameter is to the first step that reads it.
    pub fn role(self, parameter: usize) -> Option<Role> {
        let mut roles = self.steps.iter().flat_map(Step::roles);
        roles.find(|(_, operand)| *operand == Operand::Parameter(parameter)).map(|(role, _)| role)
    }

    /// The program of one output channel. `numbers` has one entry per parameter, of length 1 or one value per channel.
    pub fn channel(self, numbers: &'a [Vec<i64>], channel: usize) -> Channel<'a> {
        Channel { steps: self.steps, numbers, channel }
    }
}

/// Steps with the numbers of one output channel.
#[derive(Debug, Clone, Copy)]
pub struct Channel<'a> {
    /// In the order in which they run.
    pub steps: &'a [Step],
    /// One entry per parameter, of length 1 or one value per channel.
    pub numbers: &'a [Vec<i64>],
    /// Which of the values.
    pub channel: usize,
}

impl<'a> Channel<'a> {
    /// The number that an operand stands for.
    pub fn bind(self, operand: Operand) -> i64 {
        bind(operand, self.numbers, self.channel)
    }

    /// What one step makes of what enters it.
    pub fn apply(self, step: usize, entering: i128) -> Stepped {
        self.steps[step].apply(entering, self.numbers, self.channel)
    }

    /// `x` through some of the steps: what enters the first of them, to what leaves the last.
    pub fn through(self, steps: std::ops::Range<usize>, x: i128) -> i128 {
        self.steps[steps].iter().fold(x, |x, step| step.apply(x, self.numbers, self.channel).value)
    }

    /// What `x`, in front of a step, leaves behind the last.
    pub fn from(self, step: usize, x: i128) -> i128 {
        self.through(step..self.steps.len(), x)
    }

    /// Step by step: what enters, and what it becomes.
    pub fn walk(self, x: i128) -> impl Iterator<Item = (i128, Stepped)> {
        self.steps.iter().scan(x, move |x, step| {
            let entering = *x;
            let stepped = step.apply(entering, self.numbers, self.channel);
            *x = stepped.value;
            Some((entering, stepped))
        })
    }

    /// The output that a finished accumulator becomes. `event` is called with the index of every step whose exact result
    /// lay outside its format (R6).
    pub fn run(self, accumulator: i64, mut event: impl FnMut(usize, Flags)) -> i64 {
        let mut x = i128::from(accumulator);
        for (index, (_, stepped)) in self.walk(x).enumerate() {
            if stepped.flags.any() {
                event(index, stepped.flags);
            }
            x = stepped.value;
        }
        // Every program ends in a format.
        x as i64
    }

    /// The same when nobody counts events.
    ///
    /// ```
    /// use goldpath::num::{Format, Overflow, Rounding};
    /// use goldpath::post::{Op, Operand::Constant, Program, Step};
    /// let (s8, s32) = (Format::signed(8), Format::signed(32));
    /// let step = |op, format| Step::new("post", op, format, Overflow::Saturate, 0);
    /// let steps = [
    ///     step(Op::ShiftRight(Constant(2), Rounding::HalfUp, None), s32),
    ///     step(Op::Add(Constant(10)), s32),
    ///     step(Op::Fit, s8),
    /// ];
    /// let program = Program { input: s32.unwrap(), parameters: &[], steps: &steps };
    /// assert_eq!(program.output(), s8.unwrap());
    /// assert_eq!(program.channel(&[], 0).output(-6), 9); // −1.5 → −1, + 10
    /// assert_eq!(program.channel(&[], 0).output(1000), 127);
    /// ```
    pub fn output(self, accumulator: i64) -> i64 {
        self.run(accumulator, |_, _| {})
    }
}

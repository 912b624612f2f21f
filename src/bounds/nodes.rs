//! Every fitting node of a layer in the design as it is: what can enter it, what can leave it.

use super::Range;
use super::accumulator::Reached;
use crate::design::Node;
use crate::lower::Program;
use crate::num::{Fit, Overflow};

/// What is proved about one node, channel by channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeBounds {
    /// Which node.
    pub node: Node,
    /// Its id: `reduce.0`, `accumulator`, `post.1`, …
    pub id: String,
    /// Its format, and how values enter it; `None` for a post step that is fused with its shift.
    pub fit: Option<Fit>,
    /// One entry per output channel, counted over all groups.
    pub channels: Vec<Proved>,
}

/// What is proved about one node of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proved {
    /// Every value that enters the node, unfitted, over all beats and groups.
    pub entering: Range,
    /// Every value that leaves it; of the accumulator, after its last beat.
    pub leaving: Range,
    /// Some input reaches the low end of `entering`, and some input the high end. Otherwise a node before this one
    /// wraps, and the range is only known to hold every value.
    pub achieved: bool,
    /// Values above the format are not excluded.
    pub high: bool,
    /// Values below it are not excluded.
    pub low: bool,
}

impl Proved {
    /// The node's overflow rule provably never acts.
    pub fn always_fits(&self) -> bool {
        !self.high && !self.low
    }
}

/// A value's range on its way through the nodes, and whether both ends are reached.
#[derive(Clone, Copy)]
struct Flow {
    range: Range,
    reached: bool,
}

/// Every fitting node, in datapath order.
pub(super) fn nodes(program: &Program, reached: &[Reached]) -> Vec<NodeBounds> {
    let design = &program.design;
    let mut flows = vec![Flow { range: (0, 0), reached: true }; reached.len()];
    let nodes = design.fitting_nodes().into_iter().map(|(node, id)| {
        let fit = design.fit_of(node);
        let channels = flows.iter_mut().zip(reached).enumerate().map(|(n, (flow, reached))| {
            let into = match node {
                Node::Product(step) => {
                    let (range, reached) = reached.products[step];
                    Flow { range, reached }
                }
                Node::Reduce(level) => {
                    Flow { range: reached.levels[level].0, reached: reached.levels[level].1 }
                }
                Node::AccumulatorStart => start(program.bias(n)),
                Node::Accumulator => Flow { range: reached.entering, reached: reached.entering_reached },
                Node::AccumulatorOutput => *flow,
                Node::After(level) => {
                    let (range, reached) = reached.after[level];
                    Flow { range, reached }
                }
                Node::Store(step) => Flow { range: reached.words[0][step], reached: false },
                Node::Load(step) => Flow { range: reached.words[1][step], reached: false },
                // Visits may hold each other's ends back.
                Node::Memory => {
                    Flow { range: reached.memory.map_or((0, 0), |(range, _)| range), reached: false }
                }
                Node::Post(step) => {
                    let step = &design.post[step];
                    let range = step.range_of(flow.range, &program.parameters, n);
                    Flow { range, reached: flow.reached && step.op.is_monotone() }
                }
            };
            let out = match node {
                Node::AccumulatorStart => start(program.start(n)),
                Node::Accumulator => Flow { range: reached.held, reached: reached.held_reached },
                Node::Memory => {
                    Flow { range: reached.memory.map_or((0, 0), |(_, held)| held), reached: false }
                }
                _ => fitted(into, fit),
            };
            *flow = out;
            let rails = fit.map(Fit::rails);
            Proved {
                entering: into.range,
                leaving: out.range,
                achieved: into.reached,
                high: rails.is_some_and(|(_, high)| into.range.1 > i128::from(high)),
                low: rails.is_some_and(|(low, _)| into.range.0 < i128::from(low)),
            }
        });
        let channels = channels.collect();
        NodeBounds { node, id, fit, channels }
    });
    nodes.collect()
}

/// A start value is what it is.
fn start(value: i64) -> Flow {
    Flow { range: (value.into(), value.into()), reached: true }
}

fn fitted(flow: Flow, fit: Option<Fit>) -> Flow {
    let Some(fit) = fit else { return flow };
    let reached = flow.reached && (fit.overflow != Overflow::Wrap || fit.holds(flow.range));
    Flow { range: fit.image(flow.range), reached }
}

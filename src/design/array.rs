//! The PEs: how many, how they are wired, and what follows from that. Whoever asks for one of these things asks for it by
//! name, and not for the dataflow.

use schemars::JsonSchema;

/// How operands reach the PEs and results leave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dataflow {
    /// One MAC; rows = columns = 1.
    Sequential,
    /// A dot product of `lanes` terms a beat in each of C columns, which read the same activations; rows = 1.
    Tree,
    /// R × C accumulators that stay while operands travel right and down; results drain down the columns.
    OutputStationary,
    /// R × C weights that stay, R · lanes products of K by C channels, while activations travel right and sums down.
    WeightStationary,
    /// The same with the operands exchanged: activations stay, a column is an output position, and weights travel.
    InputStationary,
    /// None: a requantizer alone, whose values come in; rows = columns = lanes = 1.
    PostOnly,
}

/// Who delays lane n of a skewed array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skew {
    /// The stimulus is skewed, and so are the sums of an array in which they travel.
    Host,
    /// Triangular registers inside the array.
    Internal,
}

/// Where the register of a travelling sum is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SumRegister {
    /// Behind every PE's adder.
    After,
    /// In front of it: the last adder drives the port.
    Before,
}

/// How operands that stay come to their PEs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoadKind {
    /// One addressed row an edge.
    Row,
    /// Down the columns, one row an edge, the last row first.
    Shift,
    /// All at once.
    #[serde(rename = "instant")]
    AtOnce,
}

/// When PEs take what was loaded beside what they use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// Each with the first vector that needs it.
    Wave,
    /// All at once, when nothing is under way.
    Global,
}

/// How a tile's stationary operands are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Row by row, shifted, or at once.
    pub kind: LoadKind,
    /// With a second buffer, loads hide behind the vectors before: when PEs switch. `None`: one buffer.
    pub switch: Option<Switch>,
    /// Whether registers of sums are set to 0 while a row is loaded.
    pub clears_sums: bool,
}

/// How sums that stay in a grid of PEs leave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainOrder {
    /// Row after row, down or up the columns.
    Rows,
    /// Column after column, along the rows.
    Columns,
    /// Anti-diagonal after anti-diagonal: of every row, the PE that has just finished.
    Diagonal,
    /// Every PE by itself, when it has finished.
    Parallel,
}

/// The way out of a grid in which sums stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// Which PEs leave together.
    pub order: DrainOrder,
    /// Of rows and columns: the first one leaves first; otherwise the last one does.
    pub first: bool,
    /// Of rows and columns: sums are taken over into registers of their own behind their last beat, and leave through these
    /// while the next tile is under way. Otherwise accumulators move, when the host says so.
    pub capture: bool,
    /// Registers between the PEs and the requantizers.
    pub latency: u32,
}

impl Drain {
    /// What an array does whose file does not say: accumulators move down, when the host says so.
    pub const ROWS: Drain = Drain { order: DrainOrder::Rows, first: false, capture: false, latency: 0 };

    /// Whether sums leave through each other's places, one after the other.
    pub fn is_chain(&self) -> bool {
        matches!(self.order, DrainOrder::Rows | DrainOrder::Columns)
    }

    /// Of a grid of so many rows and columns: places of a chain.
    pub fn chain(&self, [rows, columns]: [usize; 2]) -> Option<usize> {
        match self.order {
            DrainOrder::Rows => Some(rows),
            DrainOrder::Columns => Some(columns),
            DrainOrder::Diagonal | DrainOrder::Parallel => None,
        }
    }
}

/// Which PEs are numbered against the order of their outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mirror {
    /// None.
    None,
    /// Output c of a row is PE columns − 1 − c.
    Columns,
    /// Output r of a column is PE rows − 1 − r.
    Rows,
}

impl Mirror {
    /// As the file spells it.
    pub fn name(self) -> &'static str {
        match self {
            Mirror::None => "none",
            Mirror::Columns => "columns",
            Mirror::Rows => "rows",
        }
    }
}

/// Extents and wires of the PEs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Array {
    /// Which kind it is.
    pub dataflow: Dataflow,
    /// PEs down: output positions where sums stay, products of an output where they travel.
    pub rows: usize,
    /// PEs across, one output channel each; one output position each where activations stay.
    pub columns: usize,
    /// Multipliers of one PE.
    pub lanes: usize,
    /// Registers per PE step of the activation. 0 = broadcast.
    pub hop_activation: u32,
    /// Registers per PE step of the weight.
    pub hop_weight: u32,
    /// Registers per row step of a sum that travels.
    pub hop_sum: u32,
    /// Who delays the operands of the outer rows and columns.
    pub skew: Skew,
    /// The way out of a grid in which sums stay.
    pub drain: Option<Drain>,
    /// Which output a PE works on: the one that its own number says, or the one at the other end.
    pub mirror: Mirror,
    /// Of sums that travel.
    pub sum_register: SumRegister,
    /// Of operands that stay; `None` where sums do.
    pub load: Option<Load>,
    /// Accumulators of one MAC, which its beats use in turn: an output each, of neighbouring positions.
    pub banks: usize,
    /// Registers in an accumulator's loop; its bank comes again after as many beats or more.
    pub loop_latency: u32,
    /// Whether a clear reaches the accumulators from the port at once, and not in its turn behind the products.
    pub clears_at_once: bool,
}

impl Array {
    /// Whether PEs stand in rows and columns, each with its own operands.
    pub fn is_grid(&self) -> bool {
        !matches!(self.dataflow, Dataflow::Sequential | Dataflow::Tree | Dataflow::PostOnly)
    }

    /// Whether there is none: a requantizer alone.
    pub fn is_post_only(&self) -> bool {
        self.dataflow == Dataflow::PostOnly
    }

    /// Whether sums travel from row to row, past operands that stay; otherwise sums stay.
    pub fn sums_travel(&self) -> bool {
        self.load.is_some()
    }

    /// Whether activations stay and weights travel: vectors are channels, columns output positions.
    pub fn is_turned(&self) -> bool {
        self.dataflow == Dataflow::InputStationary
    }

    /// Whether results leave through the accumulators, when the host says so, and tiles do not overlap; otherwise an output's
    /// last beat finishes it, and output follows on output.
    pub fn drains(&self) -> bool {
        self.drain.is_some_and(|drain| drain.is_chain() && !drain.capture)
    }

    /// Values that leave side by side, each with its own post steps: one of every column, of every row, or of every PE.
    pub fn exits(&self) -> usize {
        self.exit_shape().iter().product()
    }

    /// Their shape.
    pub fn exit_shape(&self) -> Vec<usize> {
        match self.drain.map(|drain| drain.order) {
            None | Some(DrainOrder::Rows) => self.column_shape(),
            Some(DrainOrder::Columns | DrainOrder::Diagonal) => self.row_shape(),
            Some(DrainOrder::Parallel) => self.pe_shape(),
        }
    }

    /// Whether each of them has a valid bit of its own, as it leaves in a cycle of its own; otherwise one serves all.
    pub fn leaves_apart(&self) -> bool {
        let hops = self.hop_right() + self.hop_down() > 0;
        let drain = self.drain.is_some_and(|drain| !drain.is_chain()) && hops;
        (drain || self.leaves_skewed()) && self.exits() > 1
    }

    /// Values of a tile that leave at each of them, where sums stay.
    pub fn leaving(&self) -> usize {
        self.rows * self.columns * self.banks / self.exits()
    }

    /// The PE whose sum leaves exit `exit` as so many-th of its tile, where sums stay; of a MAC with banks, bank and column.
    pub fn left_by(&self, exit: usize, nth: usize) -> [usize; 2] {
        let Some(drain) = self.drain else { return [nth, exit] };
        let from = |extent: usize| if drain.first { nth } else { extent - 1 - nth };
        match drain.order {
            DrainOrder::Rows => [from(self.rows), exit],
            DrainOrder::Columns => [exit, from(self.columns)],
            DrainOrder::Diagonal => [exit, nth],
            DrainOrder::Parallel => [exit / self.columns, exit % self.columns],
        }
    }

    /// The exit by which a PE's sum leaves, where sums stay.
    pub fn exit(&self, [row, column]: [usize; 2]) -> usize {
        match self.drain.map(|drain| drain.order) {
            None | Some(DrainOrder::Rows) => column,
            Some(DrainOrder::Columns | DrainOrder::Diagonal) => row,
            Some(DrainOrder::Parallel) => row * self.columns + column,
        }
    }

    /// Products of an output that there is room for: those of a column past which its sum travels.
    pub fn column_products(&self) -> Option<usize> {
        self.sums_travel().then_some(self.rows * self.lanes)
    }

    /// Registers per column step of what travels right.
    pub fn hop_right(&self) -> u32 {
        if self.is_turned() { self.hop_weight } else { self.hop_activation }
    }

    /// Registers per row step of what travels down.
    pub fn hop_down(&self) -> u32 {
        if self.sums_travel() { self.hop_sum } else { self.hop_weight }
    }

    /// Whether the stimulus is skewed: row i has its own control bits.
    pub fn host_skews(&self) -> bool {
        self.is_grid() && self.skew == Skew::Host
    }

    /// Whether every column's sums leave in their own cycle, with a valid bit of their own.
    pub fn leaves_skewed(&self) -> bool {
        self.sums_travel() && self.skew == Skew::Host && self.hop_right() > 0 && self.columns > 1
    }

    /// Parameter records that stand side by side: one per column where columns are channels.
    pub fn records(&self) -> usize {
        if self.is_turned() { 1 } else { self.columns }
    }

    /// Records from one column to the next.
    pub fn record_step(&self) -> usize {
        usize::from(!self.is_turned())
    }

    /// The inverse of [`Array::left_by`]: as which of its exit's values a PE's sum leaves.
    pub fn nth(&self, [row, column]: [usize; 2]) -> usize {
        let Some(drain) = self.drain else { return row };
        let from = |at: usize, extent: usize| if drain.first { at } else { extent - 1 - at };
        match drain.order {
            DrainOrder::Rows => from(row, self.rows),
            DrainOrder::Columns => from(column, self.columns),
            DrainOrder::Diagonal => column,
            DrainOrder::Parallel => 0,
        }
    }

    /// Whether what leaves side by side is no row of a tile.
    pub fn leaves_otherwise(&self) -> bool {
        self.drain.is_some_and(|drain| drain.order != DrainOrder::Rows)
    }

    /// Shape of what every row has one of: `[rows]`, or `[]` where there are no rows.
    pub fn row_shape(&self) -> Vec<usize> {
        self.is_grid().then_some(self.rows).into_iter().collect()
    }

    /// Shape of what every column has one of: `[columns]`, or `[]` where there is one PE.
    pub fn column_shape(&self) -> Vec<usize> {
        (self.is_grid() || self.columns > 1).then_some(self.columns).into_iter().collect()
    }

    /// Shape of a signal that every PE has: `[rows, columns]`, `[columns]` of a tree, or `[]` where there is one.
    pub fn pe_shape(&self) -> Vec<usize> {
        [self.row_shape(), self.column_shape()].concat()
    }

    /// Shape of the activation's registers and control bits: `[rows, columns]`, or `[]` where all columns share them.
    pub fn shared_shape(&self) -> Vec<usize> {
        if self.is_grid() { self.pe_shape() } else { vec![] }
    }

    /// Shapes of the activation's and the weight's port: rows are fed from the left, columns from above, and operands that
    /// stay are loaded a row of PEs or all PEs at a time.
    pub fn port_shapes(&self) -> [Vec<usize>; 2] {
        let above = match self.load {
            Some(Load { kind: LoadKind::AtOnce, .. }) => self.pe_shape(),
            _ => self.column_shape(),
        };
        let [left, above] = [self.row_shape(), above].map(|shape| self.with_lanes(shape));
        if self.is_turned() { [above, left] } else { [left, above] }
    }

    /// A shape with the axis of the lanes behind it, which one lane has not.
    pub fn with_lanes(&self, shape: Vec<usize>) -> Vec<usize> {
        shape.into_iter().chain((self.lanes > 1).then_some(self.lanes)).collect()
    }
}

impl SumRegister {
    /// As the file spells it.
    pub const fn name(self) -> &'static str {
        match self {
            SumRegister::After => "after",
            SumRegister::Before => "before",
        }
    }
}

impl DrainOrder {
    /// As the file spells it.
    pub const fn name(self) -> &'static str {
        match self {
            DrainOrder::Rows => "rows",
            DrainOrder::Columns => "columns",
            DrainOrder::Diagonal => "diagonal",
            DrainOrder::Parallel => "parallel",
        }
    }
}

impl Drain {
    /// How sums leave, in words.
    pub const fn words(self) -> &'static str {
        match (self.order, self.first) {
            (DrainOrder::Rows, false) => "by row, last row first",
            (DrainOrder::Rows, true) => "by row, first row first",
            (DrainOrder::Columns, false) => "by column, last column first",
            (DrainOrder::Columns, true) => "by column, first column first",
            (DrainOrder::Diagonal, _) => "by anti-diagonal, each row's PE as it finishes",
            (DrainOrder::Parallel, _) => "every PE as it finishes",
        }
    }

    /// Which row or column of a chain leaves first, as the file spells it.
    pub const fn exit_name(self) -> Option<&'static str> {
        match (self.order, self.first) {
            (DrainOrder::Rows, false) => Some("last_row"),
            (DrainOrder::Rows, true) => Some("first_row"),
            (DrainOrder::Columns, false) => Some("last_column"),
            (DrainOrder::Columns, true) => Some("first_column"),
            (DrainOrder::Diagonal | DrainOrder::Parallel, _) => None,
        }
    }
}

impl LoadKind {
    /// As the file spells it.
    pub const fn name(self) -> &'static str {
        match self {
            LoadKind::Row => "row",
            LoadKind::Shift => "shift",
            LoadKind::AtOnce => "instant",
        }
    }
}

impl Switch {
    /// As the file spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Switch::Wave => "wave",
            Switch::Global => "global",
        }
    }
}

//! All accumulator widths at once: how narrow may it be, what happens when it is narrower, and what that saves.

pub mod answer;

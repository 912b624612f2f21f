//! Bundles against the Verilog twins, in both simulators.
//!
//! Builds are kept in goldpath's cache folder, so each twin is compiled once per simulator.

mod twins;

//! Edits of the wires between PEs, and of the order in which products meet.

use super::{Class, Fault, Hardware, Mirrored, Neighbours, Shifted, Site, other_latencies};
use crate::design::{Array, Drain, LaneMap, Skew, SumRegister};

/// Sets one number of an array.
type Set = fn(&mut Array, u32);

pub(super) fn neighbours(hardware: &Hardware) -> Neighbours<'_> {
    if hardware.design.is_post_only() {
        return Box::new(std::iter::empty());
    }
    let array = &hardware.design.array;
    let site = move |key| Site { hardware, key, node: "array", class: Class::Time };
    let travels = array.is_grid();
    let stays = |what: bool| travels && !what;
    let turned = array.is_turned();
    let hops: [(&str, u32, bool, Set); 3] = [
        ("activation", array.hop_activation, stays(turned), |array, hop| array.hop_activation = hop),
        ("weight", array.hop_weight, stays(array.sums_travel() && !turned), |array, hop| {
            array.hop_weight = hop
        }),
        ("sum", array.hop_sum, array.sums_travel(), |array, hop| array.hop_sum = hop),
    ];
    let hops = hops.into_iter().filter(|(.., travels, _)| *travels).flat_map(move |(name, hop, _, set)| {
        // Between two rows a sum has a register.
        let others = other_latencies(hop).filter(move |other| name != "sum" || *other > 0);
        others.map(move |other| {
            let what = format!("hop of the {name} {other} for {hop}");
            site("array.hop.*").edit(&what, |design| set(&mut design.parts.array, other))
        })
    });
    let skewed = travels && array.hop_right() + array.hop_down() > 0;
    let skew = skewed.then(|| {
        let other = if array.skew == Skew::Host { Skew::Internal } else { Skew::Host };
        let what = format!("skew {} for {}", other.name(), array.skew.name());
        site("array.skew").edit(&what, |design| design.parts.array.skew = other)
    });
    let drains = array.drain.into_iter().flat_map(move |drain| {
        other_latencies(drain.latency).map(move |other| {
            let what = format!("drain latency {other} for {}", drain.latency);
            let other = Drain { latency: other, ..drain };
            site("array.drain.latency").edit(&what, |design| design.parts.array.drain = Some(other))
        })
    });
    let loops = (1..=array.banks as u32)
        .filter(move |other| *other != array.loop_latency)
        .filter(move |other| other_latencies(array.loop_latency).any(|near| near == *other));
    let loops = loops.map(move |other| {
        let what = format!("latency {other} for {}", array.loop_latency);
        let site = Site { node: "accumulator", ..site("accumulator.latency") };
        site.edit(&what, |design| design.parts.array.loop_latency = other)
    });
    let register = array.sums_travel().then(|| {
        let own = array.sum_register;
        let other = if own == SumRegister::After { SumRegister::Before } else { SumRegister::After };
        let what = format!("sum_register {} for {}", other.name(), own.name());
        site("array.sum_register").edit(&what, |design| design.parts.array.sum_register = other)
    });
    let all: [Neighbours<'_>; 6] = [
        Box::new(hops),
        Box::new(skew.into_iter().chain(register)),
        Box::new(drains),
        Box::new(loops),
        orders(hardware),
        loads(hardware),
    ];
    Box::new(all.into_iter().flatten())
}

fn orders(hardware: &Hardware) -> Neighbours<'_> {
    let array = &hardware.design.array;
    let site = move |key, node| Site { hardware, key, node, class: Class::Order };
    // Rows of PEs are positions, or the steps of a sum that travels; columns are channels, or positions.
    let rows = if array.sums_travel() { Mirrored::Beats } else { Mirrored::Rows };
    let columns = if array.is_turned() { Mirrored::Rows } else { Mirrored::Columns };
    let beats = if array.sums_travel() { 1 } else { usize::MAX };
    let mirrored = [
        (array.rows, "array.rows", "array", "rows in the opposite order", Fault::Mirrored(rows)),
        (
            array.banks,
            "accumulator.banks",
            "accumulator",
            "banks in the opposite order",
            Fault::Mirrored(Mirrored::Rows),
        ),
        (array.columns, "array.columns", "array", "columns in the opposite order", Fault::Mirrored(columns)),
        (
            array.lanes,
            "array.lanes",
            "array",
            "lanes in the opposite order",
            Fault::Mirrored(Mirrored::Lanes),
        ),
        (array.lanes, "array.lanes", "array", "lanes of the activation crossed", Fault::CrossedLanes),
        (beats, "order.kernel.*", "order", "beats in the opposite order", Fault::Mirrored(Mirrored::Beats)),
    ];
    let mirrored = mirrored
        .into_iter()
        .filter(|(extent, ..)| *extent > 1)
        .map(move |(_, key, node, what, fault)| site(key, node).fault(what, fault));
    let lane_map = hardware.design.order.lane_map;
    let strided = (array.lanes > 1).then(|| {
        let other = if lane_map == LaneMap::Adjacent { LaneMap::Strided } else { LaneMap::Adjacent };
        let what = format!("lane_map {} for {}", other.name(), lane_map.name());
        site("order.lane_map", "order").edit(&what, |design| design.parts.order.lane_map = other)
    });
    Box::new(mirrored.chain(strided))
}

/// How operands that stay come to their PEs.
fn loads(hardware: &Hardware) -> Neighbours<'_> {
    let array = &hardware.design.array;
    let site = move |key| Site { hardware, key, node: "array.load", class: Class::Order };
    let crossed = array
        .load
        .filter(|_| array.rows > 1)
        .map(move |_| site("array.load.kind").fault("rows loaded in the opposite order", Fault::CrossedRows));
    let switches = array.load.and_then(|load| load.switch).into_iter().flat_map(move |_| {
        let faults = [("one vector early", Shifted::Early), ("one vector late", Shifted::Late)];
        faults.map(|(when, by)| {
            site("array.load.switch").fault(&format!("operands switch {when}"), Fault::Switch(by))
        })
    });
    Box::new(crossed.into_iter().chain(switches))
}

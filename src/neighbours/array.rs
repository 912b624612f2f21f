//! Edits of the wires between PEs, and of the order in which products meet.

use super::{Class, Fault, Hardware, Mirrored, Neighbours, Site, other_latencies};
use crate::design::{LaneMap, Skew};

pub(super) fn neighbours(hardware: &Hardware) -> Neighbours<'_> {
    let array = &hardware.design.array;
    let site = move |key, class| Site { hardware, key, node: "array", class };
    let travels = array.is_grid();
    let hops = other_latencies(array.hop_activation).filter(move |_| travels).map(move |other| {
        let what = format!("hop of the activation {other} for {}", array.hop_activation);
        site("array.hop.*", Class::Time).edit(&what, |design| design.array.hop_activation = other)
    });
    let weight_hops = other_latencies(array.hop_weight).filter(move |_| travels).map(move |other| {
        let what = format!("hop of the weight {other} for {}", array.hop_weight);
        site("array.hop.*", Class::Time).edit(&what, |design| design.array.hop_weight = other)
    });
    let skewed = travels && array.hop_activation + array.hop_weight > 0;
    let skew = skewed.then(|| {
        let other = if array.skew == Skew::Host { Skew::Internal } else { Skew::Host };
        let what = format!("skew {} for {}", other.name(), array.skew.name());
        site("array.skew", Class::Time).edit(&what, |design| design.array.skew = other)
    });
    let drains = other_latencies(array.drain_latency).filter(move |_| travels).map(move |other| {
        let what = format!("drain latency {other} for {}", array.drain_latency);
        site("array.drain.latency", Class::Time).edit(&what, |design| design.array.drain_latency = other)
    });
    let all: [Neighbours<'_>; 5] = [
        Box::new(hops),
        Box::new(weight_hops),
        Box::new(skew.into_iter()),
        Box::new(drains),
        orders(hardware),
    ];
    Box::new(all.into_iter().flatten())
}

fn orders(hardware: &Hardware) -> Neighbours<'_> {
    let array = &hardware.design.array;
    let site = move |key, node| Site { hardware, key, node, class: Class::Order };
    let mirrored = [
        (array.rows, "array.rows", "array", "rows in the opposite order", Fault::Mirrored(Mirrored::Rows)),
        (
            array.columns,
            "array.columns",
            "array",
            "columns in the opposite order",
            Fault::Mirrored(Mirrored::Columns),
        ),
        (
            array.lanes,
            "array.lanes",
            "array",
            "lanes in the opposite order",
            Fault::Mirrored(Mirrored::Lanes),
        ),
        (array.lanes, "array.lanes", "array", "lanes of the activation crossed", Fault::CrossedLanes),
        (
            usize::MAX,
            "order.kernel.*",
            "order",
            "beats in the opposite order",
            Fault::Mirrored(Mirrored::Beats),
        ),
    ];
    let mirrored = mirrored
        .into_iter()
        .filter(|(extent, ..)| *extent > 1)
        .map(move |(_, key, node, what, fault)| site(key, node).fault(what, fault));
    let lane_map = hardware.design.order.lane_map;
    let strided = (array.lanes > 1).then(|| {
        let other = if lane_map == LaneMap::Adjacent { LaneMap::Strided } else { LaneMap::Adjacent };
        let what = format!("lane_map {} for {}", other.name(), lane_map.name());
        site("order.lane_map", "order").edit(&what, |design| design.order.lane_map = other)
    });
    Box::new(mirrored.chain(strided))
}

//! R7 as a table that can be read: the snapshot is the specification.

use goldpath::num::{Rounding, shift_right};

#[test]
fn rounding_table() {
    let mut table = String::from(" v/4 ");
    for rounding in Rounding::ALL {
        table += &format!("{:>10}", rounding.name());
    }
    for value in -11..=11i128 {
        table += &format!("\n{:>5.2}", value as f64 / 4.0);
        for rounding in Rounding::ALL {
            table += &format!("{:>10}", shift_right(value, 2, rounding));
        }
    }
    insta::assert_snapshot!(table);
}

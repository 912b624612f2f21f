//! Names that end up in Verilog: designs, parameters of twins, and what users type for `--top` and `--port`.

/// Reserved words of IEEE 1800-2017, which has those of every Verilog in it, in the alphabet's order.
const RESERVED: &str = "\
accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind bins \
binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const \
constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge \
else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule \
endpackage endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually expect \
export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global highz0 \
highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input inside \
instance int integer interconnect interface intersect join join_any join_none large let liblist library local \
localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor \
noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive priority program \
property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase \
randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1 \
s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled signed small \
soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1 sync_accept_on \
sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand \
trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var vectored virtual void \
wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor";

/// Names that every generated testbench (`tb.sv`) declares for itself.
pub const OF_TESTBENCH: &str = "\
DEPTH LAYOUT MAGIC QUIET_CYCLES beats_in beats_out by_beats channels clk compare_beat compare_cycle compare_mode \
compared cycle done drain_beats drive drive_parameters dut errors expected fail finish_if_full given have header \
held_channel load load_beats_in load_beats_out load_channels load_expected load_stimulus loaded max_errors mismatch \
nonce not_loaded rst since_output stimulus tb values vec waited want want_beat";

/// Longest name that is taken: what reports and file systems can carry.
const LONGEST: usize = 128;

/// Letters, digits and `_` (as for parameters), not beginning with a digit.
pub fn is_plain(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Why Verilog or SystemVerilog cannot take this as a name; `None` when it can. `$` may stand after the first letter.
///
/// ```
/// use goldpath::design::identifier::fault;
/// assert_eq!(fault("mac_s8$a"), None);
/// assert!(fault("../evil").is_some() && fault("endmodule").unwrap().contains("reserved"));
/// ```
pub fn fault(name: &str) -> Option<String> {
    if !is_plain(&name.replace('$', "_")) || name.starts_with('$') {
        return Some(
            "is no Verilog identifier (letters, digits, _ and $, beginning with a letter or _)".into(),
        );
    }
    if name.len() > LONGEST {
        return Some(format!("is longer than {LONGEST} characters"));
    }
    let reserved = RESERVED.split(' ').any(|word| word == name);
    reserved.then(|| "is a reserved word of (System)Verilog".to_string())
}

/// The same for names that the generated testbench must declare or instantiate beside its own.
pub fn fault_in_testbench(name: &str) -> Option<String> {
    let own = || OF_TESTBENCH.split(' ').any(|own| own == name || own == name.trim_start_matches("next_"));
    fault(name).or_else(|| own().then(|| "is a name that the generated testbench has for itself".to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_are_sorted_and_refused() {
        let words: Vec<&str> = RESERVED.split(' ').collect();
        assert!(words.is_sorted() && words.len() == 248, "{}", words.len());
        assert!(words.iter().all(|word| fault(word).is_some()));
        let fine = ["top", "my_mac", "_x1", "A$B", "modules", "wires", "Module"];
        assert!(fine.iter().all(|name| fault(name).is_none()));
        let wrong = ["", "1a", "$a", "a b", "a.b", "../a", "a;b", "é", "a\n", "\\esc ", "-x"];
        assert!(wrong.iter().all(|name| fault(name).is_some()));
        assert!(fault_in_testbench("tb").is_some() && fault_in_testbench("DEPTH").is_some());
    }
}

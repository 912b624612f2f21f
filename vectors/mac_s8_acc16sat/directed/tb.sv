// Self-checking testbench of mac_s8_acc16sat, written by goldpath. Runs in Icarus Verilog 11 and Verilator 5.006.
//
//   +VEC=<folder>     the bundle (default: the current folder)
//   +COMPARE=beats    compare only the sequence of valid outputs, for RTL with another latency
//   +MAXERR=<n>       mismatches to print before giving up (default 10)
//   +WAVES            write waves.vcd
//
//   +NONCE=<word>     repeated at the end of the RESULT line: whoever chose it knows that the line is this one's
//
// Ends with exactly one line `RESULT PASS n=<compared> values=<values in them>` (n cycles, or with +COMPARE=beats
// transactions), or with `RESULT FAIL reason=vectors-not-loaded|mismatch|timeout` and $fatal. Exit codes alone prove
// nothing.
//
// Cycle n is the clock period that ends with rising edge n; edge 0 is the first with rst inactive. Inputs are
// driven at the falling edge with blocking assignments, outputs are sampled just before the rising edge.
`timescale 1ns / 1ns

module tb;
  `include "design.vh"

  // Room of the memories, in cycles, transactions and parameter records. A bundle that needs more says so.
  parameter DEPTH = 16384;

  localparam [31:0] MAGIC = 32'h47505631;
  // Identifies the layout of the records: a bundle of another design is refused.
  localparam [31:0] LAYOUT = 32'h3a30efa6;
  // Cycles without an output after which +COMPARE=beats gives up, and that must stay silent at the end.
  localparam integer QUIET_CYCLES = 1024;

  reg [31:0] header [0:12];
  reg [35:0] stimulus [0:DEPTH*1-1];
  reg [71:0] expected [0:DEPTH*1-1];
  reg [35:0] beats_in [0:DEPTH*1-1];
  reg [7:0] beats_out [0:DEPTH*1-1];
  reg [59:0] channels [0:DEPTH*1-1];

  reg clk = 1'b0;
  reg rst = 1'b1;
  reg [0:0] in_valid = 1'b0;
  reg [0:0] in_first = 1'b0;
  reg [0:0] in_last = 1'b0;
  reg [7:0] in_activation = 8'b0;
  reg [7:0] in_weight = 8'b0;
  reg [31:0] param_bias = 32'b0;
  reg [3:0] param_shift = 4'b0;
  reg [7:0] param_zero_point = 8'b0;
  reg [7:0] param_low = 8'b0;
  reg [7:0] param_high = 8'b0;
  wire [7:0] pe_a;
  wire [7:0] pe_w;
  wire [0:0] pe_valid;
  wire [0:0] pe_first;
  wire [0:0] pe_last;
  wire [15:0] pe_acc;
  wire [0:0] pe_done;
  wire [15:0] post_0;
  wire [0:0] post_0_valid;
  wire [7:0] post_2;
  wire [0:0] post_2_valid;
  wire [0:0] out_valid;
  wire [7:0] out_data;

  mac_s8_acc16sat #(
    .ACC_WIDTH(ACC_WIDTH),
    .ACT_WIDTH(ACT_WIDTH),
    .WGT_WIDTH(WGT_WIDTH)
  ) dut (
    .clk(clk),
    .rst(rst),
    .in_valid(in_valid),
    .in_first(in_first),
    .in_last(in_last),
    .in_activation(in_activation),
    .in_weight(in_weight),
    .param_bias(param_bias),
    .param_shift(param_shift),
    .param_zero_point(param_zero_point),
    .param_low(param_low),
    .param_high(param_high),
    .pe_a(pe_a),
    .pe_w(pe_w),
    .pe_valid(pe_valid),
    .pe_first(pe_first),
    .pe_last(pe_last),
    .pe_acc(pe_acc),
    .pe_done(pe_done),
    .post_0(post_0),
    .post_0_valid(post_0_valid),
    .post_2(post_2),
    .post_2_valid(post_2_valid),
    .out_valid(out_valid),
    .out_data(out_data)
  );

  always #5 clk = ~clk;

  string vec;
  string compare_mode;
  string nonce;
  integer max_errors;
  integer errors = 0;
  integer compared = 0;
  // Single values in what was compared.
  reg [63:0] values = 64'd0;
  reg by_beats = 1'b0;
  reg loaded = 1'b0;
  reg done = 1'b0;

  task fail(input string reason, input string detail);
    if (!done) begin
      done = 1'b1;
      $display("RESULT FAIL reason=%0s %0s%0s", reason, detail, nonce);
      $fflush;
      $fatal(1, "goldpath testbench: %0s", reason);
    end
  endtask

  task not_loaded(input string file, input string why);
    fail("vectors-not-loaded", {"file=", file, " why=", why});
  endtask

  task finish_if_full;
    if (errors >= max_errors) fail("mismatch", $sformatf("mismatches=%0d", errors));
  endtask

  // Size, then content, then sum: a missing, shortened or changed file is never simulated.
  task load_stimulus;
    integer fd, i, c, seek, size, lines;
    reg [31:0] sum, want_size, weight;
    reg [63:0] word;
    begin
      lines = header[3];
      fd = $fopen({vec, "/stimulus.hex"}, "r");
      if (fd == 0) not_loaded("stimulus.hex", "missing");
      else begin
        // The seek's answer is used: Verilator 5.006 drops a call whose result nobody reads.
        seek = $fseek(fd, 0, 2);
        size = $ftell(fd);
        $fclose(fd);
        want_size = lines * 10;
        if (lines < 0 || lines > DEPTH * 1) not_loaded("stimulus.hex", "larger-than-DEPTH");
        else if (seek != 0 || size !== want_size) not_loaded("stimulus.hex", "length");
        else begin
          if (lines > 0) $readmemh({vec, "/stimulus.hex"}, stimulus, 0, lines - 1);
          sum = 32'd0;
          weight = 32'd1;
          for (i = 0; i < lines; i = i + 1) begin
            word = stimulus[i];
            for (c = 0; c < 2; c = c + 1) begin
              sum = sum + word[32*c +: 32] * weight;
              weight = weight + 32'd2;
            end
          end
          if (sum !== header[4]) not_loaded("stimulus.hex", "sum");
        end
      end
    end
  endtask

  // Size, then content, then sum: a missing, shortened or changed file is never simulated.
  task load_expected;
    integer fd, i, c, seek, size, lines;
    reg [31:0] sum, want_size, weight;
    reg [95:0] word;
    begin
      lines = header[5];
      fd = $fopen({vec, "/expected.hex"}, "r");
      if (fd == 0) not_loaded("expected.hex", "missing");
      else begin
        // The seek's answer is used: Verilator 5.006 drops a call whose result nobody reads.
        seek = $fseek(fd, 0, 2);
        size = $ftell(fd);
        $fclose(fd);
        want_size = lines * 19;
        if (lines < 0 || lines > DEPTH * 1) not_loaded("expected.hex", "larger-than-DEPTH");
        else if (seek != 0 || size !== want_size) not_loaded("expected.hex", "length");
        else begin
          if (lines > 0) $readmemh({vec, "/expected.hex"}, expected, 0, lines - 1);
          sum = 32'd0;
          weight = 32'd1;
          for (i = 0; i < lines; i = i + 1) begin
            word = expected[i];
            for (c = 0; c < 3; c = c + 1) begin
              sum = sum + word[32*c +: 32] * weight;
              weight = weight + 32'd2;
            end
          end
          if (sum !== header[6]) not_loaded("expected.hex", "sum");
        end
      end
    end
  endtask

  // Size, then content, then sum: a missing, shortened or changed file is never simulated.
  task load_beats_in;
    integer fd, i, c, seek, size, lines;
    reg [31:0] sum, want_size, weight;
    reg [63:0] word;
    begin
      lines = header[7];
      fd = $fopen({vec, "/beats_in.hex"}, "r");
      if (fd == 0) not_loaded("beats_in.hex", "missing");
      else begin
        // The seek's answer is used: Verilator 5.006 drops a call whose result nobody reads.
        seek = $fseek(fd, 0, 2);
        size = $ftell(fd);
        $fclose(fd);
        want_size = lines * 10;
        if (lines < 0 || lines > DEPTH * 1) not_loaded("beats_in.hex", "larger-than-DEPTH");
        else if (seek != 0 || size !== want_size) not_loaded("beats_in.hex", "length");
        else begin
          if (lines > 0) $readmemh({vec, "/beats_in.hex"}, beats_in, 0, lines - 1);
          sum = 32'd0;
          weight = 32'd1;
          for (i = 0; i < lines; i = i + 1) begin
            word = beats_in[i];
            for (c = 0; c < 2; c = c + 1) begin
              sum = sum + word[32*c +: 32] * weight;
              weight = weight + 32'd2;
            end
          end
          if (sum !== header[8]) not_loaded("beats_in.hex", "sum");
        end
      end
    end
  endtask

  // Size, then content, then sum: a missing, shortened or changed file is never simulated.
  task load_beats_out;
    integer fd, i, c, seek, size, lines;
    reg [31:0] sum, want_size, weight;
    reg [31:0] word;
    begin
      lines = header[9];
      fd = $fopen({vec, "/beats_out.hex"}, "r");
      if (fd == 0) not_loaded("beats_out.hex", "missing");
      else begin
        // The seek's answer is used: Verilator 5.006 drops a call whose result nobody reads.
        seek = $fseek(fd, 0, 2);
        size = $ftell(fd);
        $fclose(fd);
        want_size = lines * 3;
        if (lines < 0 || lines > DEPTH * 1) not_loaded("beats_out.hex", "larger-than-DEPTH");
        else if (seek != 0 || size !== want_size) not_loaded("beats_out.hex", "length");
        else begin
          if (lines > 0) $readmemh({vec, "/beats_out.hex"}, beats_out, 0, lines - 1);
          sum = 32'd0;
          weight = 32'd1;
          for (i = 0; i < lines; i = i + 1) begin
            word = beats_out[i];
            for (c = 0; c < 1; c = c + 1) begin
              sum = sum + word[32*c +: 32] * weight;
              weight = weight + 32'd2;
            end
          end
          if (sum !== header[10]) not_loaded("beats_out.hex", "sum");
        end
      end
    end
  endtask

  // Size, then content, then sum: a missing, shortened or changed file is never simulated.
  task load_channels;
    integer fd, i, c, seek, size, lines;
    reg [31:0] sum, want_size, weight;
    reg [63:0] word;
    begin
      lines = header[11];
      fd = $fopen({vec, "/channels.hex"}, "r");
      if (fd == 0) not_loaded("channels.hex", "missing");
      else begin
        // The seek's answer is used: Verilator 5.006 drops a call whose result nobody reads.
        seek = $fseek(fd, 0, 2);
        size = $ftell(fd);
        $fclose(fd);
        want_size = lines * 16;
        if (lines < 0 || lines > DEPTH * 1) not_loaded("channels.hex", "larger-than-DEPTH");
        else if (seek != 0 || size !== want_size) not_loaded("channels.hex", "length");
        else begin
          if (lines > 0) $readmemh({vec, "/channels.hex"}, channels, 0, lines - 1);
          sum = 32'd0;
          weight = 32'd1;
          for (i = 0; i < lines; i = i + 1) begin
            word = channels[i];
            for (c = 0; c < 2; c = c + 1) begin
              sum = sum + word[32*c +: 32] * weight;
              weight = weight + 32'd2;
            end
          end
          if (sum !== header[12]) not_loaded("channels.hex", "sum");
        end
      end
    end
  endtask

  task load;
    integer fd, i, seek, size;
    begin
      for (i = 0; i < 13; i = i + 1) header[i] = 32'd0;
      fd = $fopen({vec, "/header.hex"}, "r");
      if (fd == 0) not_loaded("header.hex", "missing");
      else begin
        seek = $fseek(fd, 0, 2);
        size = $ftell(fd);
        $fclose(fd);
        if (seek != 0 || size != 117) not_loaded("header.hex", "length");
      end
      if (!done) begin
        $readmemh({vec, "/header.hex"}, header, 0, 12);
        if (header[0] !== MAGIC) not_loaded("header.hex", "magic");
        else if (header[1] !== LAYOUT) not_loaded("header.hex", "layout-of-another-design");
        else if (header[2] == 0 || header[3] !== header[2] * 1
                 || header[5] !== header[2] * 1)
          not_loaded("header.hex", "count");
      end
      if (!done) load_stimulus;
      if (!done) load_expected;
      if (!done) load_beats_in;
      if (!done) load_beats_out;
      if (!done) load_channels;
      loaded = !done;
    end
  endtask

  task mismatch(input integer n, input string signal, input string want_text, input string got_text);
    begin
      if (errors < max_errors)
        $display("MISMATCH n=%0d t=%0d sig=%0s exp=%0s got=%0s", n, $time, signal, want_text, got_text);
      errors = errors + 1;
    end
  endtask

  // The parameters of all columns, from the records that begin at `channel`. They are gathered beside the ports
  // and then assigned whole: Verilator 5.006 does not see that a variable part select in a timed process changes
  // what combinational logic reads.
  integer held_channel = -1;
  reg [31:0] next_param_bias = 32'b0;
  reg [3:0] next_param_shift = 4'b0;
  reg [7:0] next_param_zero_point = 8'b0;
  reg [7:0] next_param_low = 8'b0;
  reg [7:0] next_param_high = 8'b0;
  task drive_parameters(input integer channel);
    integer j;
    reg [59:0] of_channel;
    if (channel != held_channel) begin
      held_channel = channel;
      for (j = 0; j < 1; j = j + 1) begin
        of_channel = {channels[(channel + j) * 1 + 0]};
        if (j == 0) next_param_bias = of_channel[31:0];
        if (j == 0) next_param_shift = of_channel[35:32];
        if (j == 0) next_param_zero_point = of_channel[43:36];
        if (j == 0) next_param_low = of_channel[51:44];
        if (j == 0) next_param_high = of_channel[59:52];
      end
      param_bias = next_param_bias;
      param_shift = next_param_shift;
      param_zero_point = next_param_zero_point;
      param_low = next_param_low;
      param_high = next_param_high;
    end
  endtask

  reg [35:0] given;
  task drive(input integer n);
    begin
      given = {stimulus[n * 1 + 0]};
      in_valid = given[0:0];
      in_first = given[1:1];
      in_last = given[2:2];
      in_activation = given[10:3];
      in_weight = given[18:11];
      drive_parameters(given[34:19]);
    end
  endtask

  reg [71:0] want, have;
  task compare_cycle(input integer n);
    integer i;
    begin
      want = {expected[n * 1 + 0]};
      // What is not connected is not compared: it is taken from `want`.
      have = want;
      have[7:0] = pe_a;
      have[15:8] = pe_w;
      have[16:16] = pe_valid;
      have[17:17] = pe_first;
      have[18:18] = pe_last;
      have[34:19] = pe_acc;
      have[35:35] = pe_done;
      have[51:36] = post_0;
      have[52:52] = post_0_valid;
      have[60:53] = post_2;
      have[61:61] = post_2_valid;
      have[62:62] = out_valid;
      have[70:63] = out_data;
      compared = compared + 1;
      values = values + 13;
      // One comparison of the whole cycle; which signal it was is asked only when it differs.
      if (have !== want) begin
        for (i = 0; i < 1; i = i + 1)
          if (have[0 + i * 8 +: 8] !== want[0 + i * 8 +: 8])
            mismatch(n, $sformatf("pe.a"),
                     $sformatf("%h", want[0 + i * 8 +: 8]),
                     $sformatf("%h", have[0 + i * 8 +: 8]));
        for (i = 0; i < 1; i = i + 1)
          if (have[8 + i * 8 +: 8] !== want[8 + i * 8 +: 8])
            mismatch(n, $sformatf("pe.w"),
                     $sformatf("%h", want[8 + i * 8 +: 8]),
                     $sformatf("%h", have[8 + i * 8 +: 8]));
        for (i = 0; i < 1; i = i + 1)
          if (have[16 + i * 1 +: 1] !== want[16 + i * 1 +: 1])
            mismatch(n, $sformatf("pe.valid"),
                     $sformatf("%h", want[16 + i * 1 +: 1]),
                     $sformatf("%h", have[16 + i * 1 +: 1]));
        for (i = 0; i < 1; i = i + 1)
          if (have[17 + i * 1 +: 1] !== want[17 + i * 1 +: 1])
            mismatch(n, $sformatf("pe.first"),
                     $sformatf("%h", want[17 + i * 1 +: 1]),
                     $sformatf("%h", have[17 + i * 1 +: 1]));
        for (i = 0; i < 1; i = i + 1)
          if (have[18 + i * 1 +: 1] !== want[18 + i * 1 +: 1])
            mismatch(n, $sformatf("pe.last"),
                     $sformatf("%h", want[18 + i * 1 +: 1]),
                     $sformatf("%h", have[18 + i * 1 +: 1]));
        for (i = 0; i < 1; i = i + 1)
          if (have[19 + i * 16 +: 16] !== want[19 + i * 16 +: 16])
            mismatch(n, $sformatf("pe.acc"),
                     $sformatf("%h", want[19 + i * 16 +: 16]),
                     $sformatf("%h", have[19 + i * 16 +: 16]));
        for (i = 0; i < 1; i = i + 1)
          if (have[35 + i * 1 +: 1] !== want[35 + i * 1 +: 1])
            mismatch(n, $sformatf("pe.done"),
                     $sformatf("%h", want[35 + i * 1 +: 1]),
                     $sformatf("%h", have[35 + i * 1 +: 1]));
        for (i = 0; i < 1; i = i + 1)
          if (have[36 + i * 16 +: 16] !== want[36 + i * 16 +: 16])
            mismatch(n, $sformatf("post.0"),
                     $sformatf("%h", want[36 + i * 16 +: 16]),
                     $sformatf("%h", have[36 + i * 16 +: 16]));
        for (i = 0; i < 1; i = i + 1)
          if (have[52 + i * 1 +: 1] !== want[52 + i * 1 +: 1])
            mismatch(n, $sformatf("post.0.valid"),
                     $sformatf("%h", want[52 + i * 1 +: 1]),
                     $sformatf("%h", have[52 + i * 1 +: 1]));
        for (i = 0; i < 1; i = i + 1)
          if (have[53 + i * 8 +: 8] !== want[53 + i * 8 +: 8])
            mismatch(n, $sformatf("post.2"),
                     $sformatf("%h", want[53 + i * 8 +: 8]),
                     $sformatf("%h", have[53 + i * 8 +: 8]));
        for (i = 0; i < 1; i = i + 1)
          if (have[61 + i * 1 +: 1] !== want[61 + i * 1 +: 1])
            mismatch(n, $sformatf("post.2.valid"),
                     $sformatf("%h", want[61 + i * 1 +: 1]),
                     $sformatf("%h", have[61 + i * 1 +: 1]));
        for (i = 0; i < 1; i = i + 1)
          if (have[62 + i * 1 +: 1] !== want[62 + i * 1 +: 1])
            mismatch(n, $sformatf("out.valid"),
                     $sformatf("%h", want[62 + i * 1 +: 1]),
                     $sformatf("%h", have[62 + i * 1 +: 1]));
        for (i = 0; i < 1; i = i + 1)
          if (have[63 + i * 8 +: 8] !== want[63 + i * 8 +: 8])
            mismatch(n, $sformatf("out.data"),
                     $sformatf("%h", want[63 + i * 8 +: 8]),
                     $sformatf("%h", have[63 + i * 8 +: 8]));
        finish_if_full;
      end
    end
  endtask

  integer since_output = 0;
  reg [7:0] want_beat;
  // Transaction `compared` against the output of this cycle, if there is one; an unknown valid is a mismatch.
  task compare_beat;
    integer i;
    begin
      since_output = since_output + 1;
      if (out_valid !== 1'b0) begin
        since_output = 0;
        if (out_valid !== 1'b1 || compared * 1 >= header[9])
          mismatch(compared, "out.valid", "0", $sformatf("%b", out_valid));
        else begin
          want_beat = {beats_out[compared * 1 + 0]};
          for (i = 0; i < 1; i = i + 1)
            if (out_data[i * 8 +: 8] !== want_beat[i * 8 +: 8])
              mismatch(compared, $sformatf("out.data"),
                       $sformatf("%h", want_beat[i * 8 +: 8]),
                       $sformatf("%h", out_data[i * 8 +: 8]));
          compared = compared + 1;
          values = values + 1;
        end
        finish_if_full;
      end
    end
  endtask

  // After the stimulus: wait for what is still inside, then for silence.
  task drain_beats;
    begin
      since_output = 0;
      while (!done && since_output < QUIET_CYCLES) begin
        @(negedge clk);
        #4 compare_beat;
      end
      if (!done && compared * 1 < header[9])
        fail("timeout", $sformatf("outputs=%0d of=%0d", compared, header[9] / 1));
    end
  endtask

  integer cycle;
  initial begin
    if (!$value$plusargs("VEC=%s", vec)) vec = ".";
    if (!$value$plusargs("MAXERR=%d", max_errors)) max_errors = 10;
    if (max_errors < 1) max_errors = 1;
    if (!$value$plusargs("COMPARE=%s", compare_mode)) compare_mode = "cycles";
    if ($value$plusargs("NONCE=%s", nonce)) nonce = {" nonce=", nonce};
    else nonce = "";
    by_beats = compare_mode == "beats";
    if ($test$plusargs("WAVES")) begin
      $dumpfile("waves.vcd");
      $dumpvars(0, tb);
    end
    load;
    if (!done) begin
      repeat (2) @(posedge clk);
      for (cycle = 0; cycle < header[2] && !done; cycle = cycle + 1) begin
        @(negedge clk);
        rst = 1'b0;
        drive(cycle);
        #4 if (by_beats) compare_beat;
        else compare_cycle(cycle);
      end
      if (by_beats && !done) drain_beats;
      if (!done && errors > 0) fail("mismatch", $sformatf("mismatches=%0d", errors));
      if (!done) begin
        done = 1'b1;
        $display("RESULT PASS n=%0d values=%0d%0s", compared, values, nonce);
        $fflush;
        $finish;
      end
    end
  end

  // A simulation that does not end is a failure with a name. Outputs may keep +COMPARE=beats alive only so long.
  integer waited = 0;
  always @(posedge clk) if (loaded) begin
    waited = waited + 1;
    if (waited > header[2] * 2 + 4 * QUIET_CYCLES) fail("timeout", $sformatf("cycles=%0d", waited));
  end
endmodule

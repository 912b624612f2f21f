// Self-checking testbench of {{ module }}, written by goldpath. Runs in Icarus Verilog 11 and Verilator 5.006.
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

  localparam [31:0] MAGIC = 32'h{{ magic }};
  // Identifies the layout of the records: a bundle of another design is refused.
  localparam [31:0] LAYOUT = 32'h{{ layout }};
  // Cycles without an output after which +COMPARE=beats gives up, and that must stay silent at the end.
  localparam integer QUIET_CYCLES = {{ quiet_cycles }};

  reg [31:0] header [0:{{ header_words - 1 }}];
{%- for f in files %}
  reg [{{ f.word_bits - 1 }}:0] {{ f.name }} [0:DEPTH*{{ f.words }}-1];
{%- endfor %}

  reg clk = 1'b0;
  reg rst = 1'b1;
{%- for i in inputs %}
  reg [{{ i.bits - 1 }}:0] {{ i.port }} = {{ i.bits }}'b0;
{%- endfor %}
{%- for p in parameters %}
  reg [{{ p.bits - 1 }}:0] {{ p.port }} = {{ p.bits }}'b0;
{%- endfor %}
{%- for c in checks %}{% if c.connected %}
  wire [{{ c.bits - 1 }}:0] {{ c.port }};
{%- endif %}{% endfor %}

  {{ module }}{% if generics %} #(
{%- for g in generics %}
    .{{ g[0] }}({{ g[1] }}){{ "," if not loop.last }}
{%- endfor %}
  ){% endif %} dut (
{%- for c in connections %}
    .{{ c.theirs }}({{ c.ours }}){{ "," if not loop.last }}
{%- endfor %}
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
{% for f in files %}
  // Size, then content, then sum: a missing, shortened or changed file is never simulated.
  task load_{{ f.name }};
    integer fd, i, c, seek, size, lines;
    reg [31:0] sum, want_size, weight;
    reg [{{ f.chunks * 32 - 1 }}:0] word;
    begin
      lines = header[{{ f.header_at }}];
      fd = $fopen({vec, "/{{ f.file }}"}, "r");
      if (fd == 0) not_loaded("{{ f.file }}", "missing");
      else begin
        // The seek's answer is used: Verilator 5.006 drops a call whose result nobody reads.
        seek = $fseek(fd, 0, 2);
        size = $ftell(fd);
        $fclose(fd);
        want_size = lines * {{ f.digits + 1 }};
        if (lines < 0 || lines > DEPTH * {{ f.words }}) not_loaded("{{ f.file }}", "larger-than-DEPTH");
        else if (seek != 0 || size !== want_size) not_loaded("{{ f.file }}", "length");
        else begin
          if (lines > 0) $readmemh({vec, "/{{ f.file }}"}, {{ f.name }}, 0, lines - 1);
          sum = 32'd0;
          weight = 32'd1;
          for (i = 0; i < lines; i = i + 1) begin
            word = {{ f.name }}[i];
            for (c = 0; c < {{ f.chunks }}; c = c + 1) begin
              sum = sum + word[32*c +: 32] * weight;
              weight = weight + 32'd2;
            end
          end
          if (sum !== header[{{ f.header_at + 1 }}]) not_loaded("{{ f.file }}", "sum");
        end
      end
    end
  endtask
{% endfor %}
  task load;
    integer fd, i, seek, size;
    begin
      for (i = 0; i < {{ header_words }}; i = i + 1) header[i] = 32'd0;
      fd = $fopen({vec, "/header.hex"}, "r");
      if (fd == 0) not_loaded("header.hex", "missing");
      else begin
        seek = $fseek(fd, 0, 2);
        size = $ftell(fd);
        $fclose(fd);
        if (seek != 0 || size != {{ header_words * 9 }}) not_loaded("header.hex", "length");
      end
      if (!done) begin
        $readmemh({vec, "/header.hex"}, header, 0, {{ header_words - 1 }});
        if (header[0] !== MAGIC) not_loaded("header.hex", "magic");
        else if (header[1] !== LAYOUT) not_loaded("header.hex", "layout-of-another-design");
        else if (header[2] == 0 || header[{{ files[0].header_at }}] !== header[2] * {{ files[0].words }}
                 || header[{{ files[1].header_at }}] !== header[2] * {{ files[1].words }})
          not_loaded("header.hex", "count");
      end
{%- for f in files %}
      if (!done) load_{{ f.name }};
{%- endfor %}
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
{% if parameters %}
  // The parameters of all columns, from the records that begin at `channel`. They are gathered beside the ports
  // and then assigned whole: Verilator 5.006 does not see that a variable part select in a timed process changes
  // what combinational logic reads.
  integer held_channel = -1;
{%- for p in parameters %}
  reg [{{ p.bits - 1 }}:0] next_{{ p.port }} = {{ p.bits }}'b0;
{%- endfor %}
  task drive_parameters(input integer channel);
    integer j;
    reg [{{ files[4].words * files[4].word_bits - 1 }}:0] of_channel;
    if (channel != held_channel) begin
      held_channel = channel;
      for (j = 0; j < {{ columns }}; j = j + 1) begin
        of_channel = { {%- for w in range(files[4].words) | reverse %}channels[(channel + j) * {{ files[4].words }} + {{ w }}]{{ ", " if not loop.last }}{% endfor -%} };
{%- for p in parameters %}
{%- if p.instances > 1 %}
        next_{{ p.port }}[j * {{ p.width }} +: {{ p.width }}] = of_channel[{{ p.offset + p.width - 1 }}:{{ p.offset }}];
{%- else %}
        if (j == 0) next_{{ p.port }} = of_channel[{{ p.offset + p.width - 1 }}:{{ p.offset }}];
{%- endif %}
{%- endfor %}
      end
{%- for p in parameters %}
      {{ p.port }} = next_{{ p.port }};
{%- endfor %}
    end
  endtask
{% endif %}
  reg [{{ files[0].words * files[0].word_bits - 1 }}:0] given;
  task drive(input integer n);
    begin
      given = { {%- for w in range(files[0].words) | reverse %}stimulus[n * {{ files[0].words }} + {{ w }}]{{ ", " if not loop.last }}{% endfor -%} };
{%- for i in inputs %}
      {{ i.port }} = given[{{ i.offset + i.bits - 1 }}:{{ i.offset }}];
{%- endfor %}
{%- if parameters %}
      drive_parameters({{ "given[" ~ (channel.offset + channel.bits - 1) ~ ":" ~ channel.offset ~ "]" if channel else "0" }});
{%- endif %}
    end
  endtask

  reg [{{ files[1].words * files[1].word_bits - 1 }}:0] want, have;
  task compare_cycle(input integer n);
    integer i;
    begin
      want = { {%- for w in range(files[1].words) | reverse %}expected[n * {{ files[1].words }} + {{ w }}]{{ ", " if not loop.last }}{% endfor -%} };
      // What is not connected is not compared: it is taken from `want`.
      have = want;
{%- for c in checks %}{% if c.connected %}
      have[{{ c.offset + c.bits - 1 }}:{{ c.offset }}] = {{ c.port }};
{%- endif %}{% endfor %}
{%- if gates %}
      // This module is not goldpath's: its out.data is compared only where an output is expected.
{%- endif %}
{%- for gate in gates %}
      if (want[{{ gate.valid }}] === 1'b1) values = values + {{ gate.instances }};
      else
        have[{{ gate.offset + gate.bits - 1 }}:{{ gate.offset }}] = want[{{ gate.offset + gate.bits - 1 }}:{{ gate.offset }}];
{%- endfor %}
      compared = compared + 1;
      values = values + {{ values_per_cycle }};
      // One comparison of the whole cycle; which signal it was is asked only when it differs.
      if (have !== want) begin
{%- for c in checks %}{% if c.connected %}
        for (i = 0; i < {{ c.instances }}; i = i + 1)
          if (have[{{ c.offset }} + i * {{ c.width }} +: {{ c.width }}] !== want[{{ c.offset }} + i * {{ c.width }} +: {{ c.width }}])
            mismatch(n, $sformatf("{{ c.label }}"{{ c.indices }}),
                     $sformatf("%h", want[{{ c.offset }} + i * {{ c.width }} +: {{ c.width }}]),
                     $sformatf("%h", have[{{ c.offset }} + i * {{ c.width }} +: {{ c.width }}]));
{%- endif %}{% endfor %}
        finish_if_full;
      end
    end
  endtask
{% if beats %}
  integer since_output = 0;
  reg [{{ files[3].words * files[3].word_bits - 1 }}:0] want_beat;
  // Transaction `compared` against the output of this cycle, if there is one; an unknown valid is a mismatch.
  task compare_beat;
    integer i;
    begin
      since_output = since_output + 1;
      if ({{ beats.valid }} !== 1'b0) begin
        since_output = 0;
        if ({{ beats.valid }} !== 1'b1 || compared * {{ files[3].words }} >= header[{{ files[3].header_at }}])
          mismatch(compared, "out.valid", "0", $sformatf("%b", {{ beats.valid }}));
        else begin
          want_beat = { {%- for w in range(files[3].words) | reverse %}beats_out[compared * {{ files[3].words }} + {{ w }}]{{ ", " if not loop.last }}{% endfor -%} };
          for (i = 0; i < {{ beats.instances }}; i = i + 1)
            if ({{ beats.data }}[i * {{ beats.width }} +: {{ beats.width }}] !== want_beat[i * {{ beats.width }} +: {{ beats.width }}])
              mismatch(compared, $sformatf("{{ beats.label }}"{{ beats.indices }}),
                       $sformatf("%h", want_beat[i * {{ beats.width }} +: {{ beats.width }}]),
                       $sformatf("%h", {{ beats.data }}[i * {{ beats.width }} +: {{ beats.width }}]));
          compared = compared + 1;
          values = values + {{ beats.instances }};
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
      if (!done && compared * {{ files[3].words }} < header[{{ files[3].header_at }}])
        fail("timeout", $sformatf("outputs=%0d of=%0d", compared, header[{{ files[3].header_at }}] / {{ files[3].words }}));
    end
  endtask
{% endif %}
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
{%- if beats %}
        #4 if (by_beats) compare_beat;
        else compare_cycle(cycle);
{%- else %}
        #4 compare_cycle(cycle);
{%- endif %}
      end
{%- if beats %}
      if (by_beats && !done) drain_beats;
{%- endif %}
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

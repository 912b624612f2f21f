// Drives the peer from memory and says how long it took.
//   driver STIMULUS PARAMETERS OUTPUTS TILES BEATS REPEATS
// STIMULUS: per tile and beat 16 activations and 16 weights; PARAMETERS: per tile 16 s32 biases, 16 shifts and
// zero point, low, high, each a byte; OUTPUTS: per tile 16 rows of 16 outputs, in the order in which they leave.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <vector>

#include "Vos16x16_s8_acc16sat.h"
#include "verilated.h"

static std::vector<char> load(const char* path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

int main(int, char** argv) {
    const auto stimulus = load(argv[1]), parameters = load(argv[2]);
    const long tiles = atol(argv[4]), beats = atol(argv[5]), repeats = atol(argv[6]);
    const long record = 16 * 4 + 16 + 3, drain = beats + 1 + 30, period = drain + 16 + 1;
    if (long(stimulus.size()) != tiles * beats * 32 || long(parameters.size()) != tiles * record) return 2;
    std::vector<char> outputs;
    outputs.reserve(tiles * 256);

    VerilatedContext context;
    Vos16x16_s8_acc16sat top(&context);
    auto edge = [&] {
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
    };
    top.rst = 1;
    edge();
    edge();
    top.rst = 0;

    // Processor time, as for the others.
    const clock_t begin = clock();
    for (long repeat = 0; repeat < repeats; repeat++) {
        outputs.clear();
        for (long tile = 0; tile < tiles; tile++) {
            const char* p = &parameters[tile * record];
            memcpy(&top.param_bias, p, 64);
            uint64_t shifts = 0;
            for (int j = 0; j < 16; j++) shifts |= uint64_t(p[64 + j] & 15) << (4 * j);
            top.param_shift = shifts;
            top.param_zero_point = p[80];
            top.param_low = p[81];
            top.param_high = p[82];
            for (long cycle = 0; cycle < period; cycle++) {
                const bool valid = cycle < beats;
                top.in_valid = valid;
                top.in_first = cycle == 0;
                top.in_drain = cycle >= drain && cycle < drain + 16;
                if (valid) {
                    const char* beat = &stimulus[(tile * beats + cycle) * 32];
                    memcpy(&top.in_activation, beat, 16);
                    memcpy(&top.in_weight, beat + 16, 16);
                } else {
                    memset(&top.in_activation, 0, 16);
                    memset(&top.in_weight, 0, 16);
                }
                top.clk = 0;
                top.eval();
                if (top.out_valid) {
                    const char* row = reinterpret_cast<const char*>(&top.out_data);
                    outputs.insert(outputs.end(), row, row + 16);
                }
                top.clk = 1;
                top.eval();
            }
        }
    }
    const double seconds = double(clock() - begin) / CLOCKS_PER_SEC;
    std::ofstream(argv[3], std::ios::binary).write(outputs.data(), outputs.size());
    printf("%ld %.9f\n", repeats * tiles * period, seconds);
    top.final();
    return 0;
}

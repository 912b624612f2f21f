// Runs mutants of a circuit under one testbench, written by goldpath for Verilator.
//
//   sim <processes> <seconds> <mutant> <mutant> … +VEC=<folder> …
//
// The vectors are loaded once; every mutant then goes on from there in a process of its own, with the registers that
// the simulation began with, and may take so many seconds of the processor. What it says is written, when it has ended,
// behind a line `MUTANT <number> <status as wait gives it> <bytes>`.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "Vtb.h"
#include "verilated.h"

static const off_t kMostBytes = 1 << 16;

static void limit(int what, rlim_t most) {
  const struct rlimit both = {most, most};
  setrlimit(what, &both);
}

// Never returns.
static void simulate(VerilatedContext& context, Vtb& tb, unsigned mutant, int said, rlim_t seconds) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, seconds);
  dup2(said, STDOUT_FILENO);
  dup2(said, STDERR_FILENO);
  tb.gp_mutant = mutant;
  while (!context.gotFinish()) {
    tb.eval();
    if (!tb.eventsPending()) break;
    context.time(tb.nextTimeSlot());
  }
  fflush(nullptr);
  _exit(0);
}

static void report(unsigned mutant, int status, int said) {
  off_t bytes = lseek(said, 0, SEEK_END);
  if (bytes < 0) bytes = 0;
  if (bytes > kMostBytes) bytes = kMostBytes;
  std::vector<char> text(bytes);
  const ssize_t got = pread(said, text.data(), bytes, 0);
  close(said);
  printf("MUTANT %u %d %zd\n", mutant, status, got < 0 ? 0 : got);
  if (got > 0) fwrite(text.data(), 1, got, stdout);
  printf("\n");
  fflush(stdout);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const size_t processes = strtoul(argv[1], nullptr, 10);
  const rlim_t seconds = strtoul(argv[2], nullptr, 10);
  std::vector<unsigned> waiting;
  for (int i = argc - 1; i > 2; --i)
    if (argv[i][0] != '+') waiting.push_back(strtoul(argv[i], nullptr, 10));
  VerilatedContext context;
  context.commandArgs(argc, argv);
  Vtb tb{&context};
  tb.gp_mutant = 0;
  tb.eval();
  std::map<pid_t, std::pair<unsigned, int>> running;
  while (!waiting.empty() || !running.empty()) {
    if (!waiting.empty() && running.size() < processes) {
      const unsigned mutant = waiting.back();
      waiting.pop_back();
      const int said = memfd_create("said", MFD_CLOEXEC);
      fflush(nullptr);
      const pid_t child = said < 0 ? -1 : fork();
      if (child < 0) {
        perror("fork");
        return 1;
      }
      if (child == 0) simulate(context, tb, mutant, said, seconds);
      running[child] = {mutant, said};
      continue;
    }
    int status = 0;
    const pid_t ended = wait(&status);
    const auto found = running.find(ended);
    if (found == running.end()) return 1;
    report(found->second.first, status, found->second.second);
    running.erase(found);
  }
  return 0;
}

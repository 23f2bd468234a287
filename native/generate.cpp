#include "generate.h"

#include "denormals.h"
#include "isa.h"

namespace vecgrad {
namespace {

template <class T>
void read_results(double* out, const void* arena, const int32_t* at, int64_t count, double factor) {
  const T* x = static_cast<const T*>(arena);
  for (int64_t i = 0; i < count; i++) out[i] = double(x[at[i]]) * factor;
}

}  // namespace

Generated generate(const Program& program, void* arena, int32_t* ints, Random& random,
                   const Generation& generation, int32_t* choices, int32_t* lengths, size_t count) {
  // Once for all runs: switching takes as long as some instructions.
  const FlushDenormals flush;
  // Weights are computed in double, whatever the program's type.
  const Kernels<double>& kernels = *kernels_for<double>(program.isa());
  const auto read = program.is_float32() ? read_results<float> : read_results<double>;
  const int64_t n = generation.choices;
  const double factor = 1 / generation.temperature;
  std::vector<double> weights(static_cast<size_t>(n));
  double* const w = weights.data();
  for (size_t sequence = 0; sequence < count; sequence++) {
    ints[generation.slot] = generation.start;
    int32_t level = 0;
    for (bool is_over = false; !is_over && level < program.levels(); level++) {
      Span span{0, generation.instructions};
      if (!generation.is_prefix) span = program.span(level, generation.instructions);
      const RunFault fault = program.run(arena, ints, generation.is_prefix ? 0 : level, level + 1,
                                         span.begin, span.end);
      if (fault.instruction >= 0) return {fault};
      read(w, arena, generation.results.data() + level * n, n, factor);
      kernels.softmax(w, n, w, n, 1, n, n, 0);
      const int64_t choice = random.choose(w, static_cast<size_t>(n));
      if (choice < 0) return {{}, true};
      choices[level] = int32_t(choice);
      is_over = choice == generation.stop;
      if (!is_over && level + 1 < program.levels())
        ints[generation.slot + level + 1] = int32_t(choice);
    }
    lengths[sequence] = level;
    choices += program.levels();
  }
  return {};
}

}  // namespace vecgrad

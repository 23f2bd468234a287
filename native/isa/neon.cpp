// The kernels compiled for neon: this unit, and no other, has that instruction set's compiler
// flags. No C++ standard header may come in here: one of its inline functions, compiled for a newer
// processor, could win at link time and crash an older one (test/native/check-symbols.sh).
#include "isa/neon.h"

namespace vecgrad::neon {
#define VECGRAD_ISA_NAME "neon"
namespace f32 {
#include "kernels/kernels.inl"
}
namespace f64 {
#include "kernels/kernels.inl"
}
}  // namespace vecgrad::neon

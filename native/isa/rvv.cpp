// The kernels compiled for rvv: this unit, and no other, has that instruction set's compiler
// flags. No C++ standard header may come in here: one of its inline functions, compiled for a newer
// processor, could win at link time and crash an older one (test/native/check-symbols.sh).
#include "isa/rvv.h"

namespace vecgrad::rvv {
#define VECGRAD_ISA_NAME "rvv"
namespace f32 {
#include "kernels/kernels.inl"
}
namespace f64 {
#include "kernels/kernels.inl"
}
}  // namespace vecgrad::rvv

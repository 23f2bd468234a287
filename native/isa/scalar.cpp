// The kernels compiled for one number at a time, with every automatic vectorisation off.
// No C++ standard header may come in here: one of its inline functions, compiled for a newer
// processor, could win at link time and crash an older one (test/native/check-symbols.sh).
#include "isa/scalar.h"

namespace vecgrad::scalar {
#define VECGRAD_ISA_NAME "scalar"
namespace f32 {
#include "kernels/kernels.inl"
}
namespace f64 {
#include "kernels/kernels.inl"
}
}  // namespace vecgrad::scalar

// The tables of kernels that the units native/isa/<name>.cpp of this build define.
#pragma once

#include "kernels/kernels.h"

namespace vecgrad {

#define ISA(isa)                        \
  namespace isa::f32 {                  \
  extern const Kernels<float> kernels;  \
  }                                     \
  namespace isa::f64 {                  \
  extern const Kernels<double> kernels; \
  }
#include "isa/compiled.def"
#undef ISA

}  // namespace vecgrad

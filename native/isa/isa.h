// Which instruction sets this build knows, which of them this machine can run, and their kernels.
#pragma once

#include <vector>

#include "kernels/kernels.h"

namespace vecgrad {

struct IsaInfo {
  const char* name;  // lower case, as in native/isa/<name>.cpp
  bool compiled;     // its unit is part of this build
  bool available;    // compiled, and the processor and the operating system allow it
};

// Every instruction set of this architecture, best first; "scalar" is last and always available.
const std::vector<IsaInfo>& isa_list();

// The name of the best available one.
const char* best_isa();

// The kernels of one instruction set, nullptr naming the best available one; returns nullptr for a
// name that is unknown or not available. T is float or double.
template <class T>
const Kernels<T>* kernels_for(const char* isa_name);

}  // namespace vecgrad

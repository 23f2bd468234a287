// Calls a kernel on arrays whose element type is known only when JavaScript gives them.
#pragma once

#include <span>
#include <string>

#include "isa/isa.h"
#include "kernels/kernels.h"
#include "node/elements.h"
#include "node/reader.h"

namespace vecgrad {

// Calls `run(kernels)` with the kernels of an instruction set (empty: the best one) for the element
// type of `x`.
template <class AnyFloats, class Run>
Napi::Value with_kernels(const Arguments& in, const AnyFloats& x, const std::string& isa,
                         const Run& run) {
  const auto use = [&]<class T>(const Kernels<T>* kernels) {
    if (!kernels)
      return in.fail_with("isa is not the name of an instruction set that this machine has");
    return run(*kernels);
  };
  const char* const name = isa.empty() ? nullptr : isa.c_str();
  return x.index() == 0 ? use(kernels_for<double>(name)) : use(kernels_for<float>(name));
}

// The numbers of an array whose type has been compared with that of others.
template <class T>
T* data_as(const Floats& x) {
  return std::get<std::span<T>>(x).data();
}
template <class T>
const T* data_as(const ConstFloats& x) {
  return std::get<std::span<const T>>(x).data();
}

}  // namespace vecgrad

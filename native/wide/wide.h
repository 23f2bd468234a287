// Kernels that spread large calls over threads.
#pragma once

#include "kernels/kernels.h"

namespace vecgrad {

// The kernels of the same instruction set as `narrow`, which give the same bits, but spread calls
// that are large enough over the threads that the calling thread may use (ThreadLimit). Small calls
// take about a nanosecond longer.
template <class T>
const Kernels<T>* wide_kernels(const Kernels<T>* narrow);

}  // namespace vecgrad

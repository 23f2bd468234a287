// The cost of kernels, and of loops that are none: see costs.def.
#pragma once

namespace vecgrad::costs {

#define COST(name, picoseconds) constexpr double name = picoseconds;
#include "wide/costs.def"
#undef COST

// A loop over single numbers, dropping a number, and a word of scalar bytecode, on average over a
// network whose products are nests.
constexpr double plain_loop = 700, dropout = 1500, scalar_word = 1000;

}  // namespace vecgrad::costs

// What instructions cost: an estimate, by which work is spread over threads.
#pragma once

#include "vm/instruction.h"

namespace vecgrad {

// Picoseconds of one call of an instruction in float32, by its extents; wide/costs.def has the
// figures.
double cost_of_call(Op op, double rows, double cols, double inner);

}  // namespace vecgrad

// What instructions cost: an estimate, by which work is spread over threads.
#pragma once

#include "vm/decoded.h"
#include "vm/validate.h"

namespace vecgrad {

// Picoseconds of one call of an instruction in float32, by its largest extents; wide/costs.def has
// the figures.
double cost_of_call(const Instruction& in, const Extents& extents);

}  // namespace vecgrad

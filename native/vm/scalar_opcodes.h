// The opcodes of scalar bytecode, for whoever writes or runs it.
#pragma once

#include <cstdint>

namespace vecgrad {

enum class ScalarOp : uint32_t {
#define SCALAR(name, operands) name,
#include "vm/scalar_bytecode.def"
#undef SCALAR
};

}  // namespace vecgrad

// How a call is told that examples run together: the property `rows` (series.def).
#pragma once

#include <cstdint>
#include <span>

#include "node/memory.h"
#include "node/reader.h"
#include "run/pieces.h"

namespace vecgrad {

struct RowsRequest {
  bool is_given = false;
  PieceRows rows;
  Floats numbers;
  std::span<int32_t> ints;

  // Whether it fits a program of which a run executes the instructions [0, end); its arrays have
  // been filled.
  bool fits(const Program& program, int32_t end);
};

// series_calls.cpp, which reads all objects of series.def
void read_optional_rows(Reader& in, const char* name, RowsRequest& to);

}  // namespace vecgrad

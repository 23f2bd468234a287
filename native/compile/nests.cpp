// Finds nests of records: see nests.h.
#include "compile/nests.h"

#include <algorithm>
namespace vecgrad {
namespace {

// The least number of records that a nest repays: it takes the words of four, and jumps.
constexpr size_t least_records = 12;

// Of sum, a and b: how far the slots of a record lie behind those of another.
using Strides = std::array<int64_t, 3>;

Strides between(const FmaRecord& from, const FmaRecord& to) {
  return {int64_t(to.sum) - from.sum, int64_t(to.a) - from.a, int64_t(to.b) - from.b};
}

// How many records from `at` on are equally spaced.
size_t row_length(std::span<const FmaRecord> records, size_t at) {
  if (at + 1 >= records.size()) return records.size() - at;
  const Strides strides = between(records[at], records[at + 1]);
  size_t end = at + 2;
  while (end < records.size() && between(records[end - 1], records[end]) == strides) end++;
  return end - at;
}

// Whether the `length` records from `row` on lie as those from `at` on do, `outer` behind them.
bool repeats(std::span<const FmaRecord> records, size_t at, size_t row, size_t length,
             const Strides& outer) {
  if (row + length > records.size()) return false;
  for (size_t i = 0; i < length; i++)
    if (between(records[at + i], records[row + i]) != outer) return false;
  return true;
}

bool fits(const Strides& strides) {
  return std::all_of(strides.begin(), strides.end(), [](int64_t stride) {
    return stride >= -scalar_stride_bias && stride < scalar_stride_bias;
  });
}

// The longest nest that begins at `at`; where there is none, records up to where one may begin.
FmaStretch stretch_at(std::span<const FmaRecord> records, size_t at) {
  const size_t length = row_length(records, at);
  // Any two records are equally spaced: a longer row from the second one on is what counts.
  if (length == 2 && row_length(records, at + 1) > 2) return {false, at, 1, {}};
  const Strides inner = length > 1 ? between(records[at], records[at + 1]) : Strides{};
  size_t rows = 1;
  Strides outer{};
  if (at + length < records.size()) {
    outer = between(records[at], records[at + length]);
    while (repeats(records, at, at + rows * length, length,
                   {outer[0] * int64_t(rows), outer[1] * int64_t(rows), outer[2] * int64_t(rows)}))
      rows++;
  }
  if (rows == 1) outer = {};
  const size_t count = rows * length;
  const auto& [sum, a, b] = records[at];
  const auto word = [](int64_t stride) { return uint32_t(stride + scalar_stride_bias); };
  const std::array<uint32_t, nest_words> nest{
      uint32_t(rows), uint32_t(length), sum, word(outer[0]), word(inner[0]), a,
      word(outer[1]), word(inner[1]),   b,   word(outer[2]), word(inner[2])};
  const bool is_nest = count >= least_records && rows <= UINT16_MAX && length <= UINT16_MAX &&
                       fits(outer) && fits(inner) && are_sums_apart(nest.data());
  return {is_nest, at, count, nest};
}

}  // namespace

std::vector<FmaStretch> find_nests(std::span<const FmaRecord> records) {
  std::vector<FmaStretch> found;
  for (size_t at = 0; at < records.size();) {
    const FmaStretch stretch = stretch_at(records, at);
    at += stretch.count;
    if (!stretch.is_nest && !found.empty() && !found.back().is_nest)
      found.back().count += stretch.count;
    else
      found.push_back(stretch);
  }
  return found;
}

}  // namespace vecgrad

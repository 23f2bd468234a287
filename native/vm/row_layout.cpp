// Layouts of pieces: see row_layout.h.
#include "vm/row_layout.h"

#include <algorithm>

namespace vecgrad {

int64_t row_space(std::span<const Region> regions, int64_t examples) {
  int64_t space = 0;
  for (const Region& region : regions)
    if (region.is_example) space += aligned(region.size * examples);
  return space;
}

void RowLayout::lay_out(std::span<const int32_t> lengths) {
  lengths_.assign(lengths.begin(), lengths.end());
  const int32_t examples = int32_t(lengths.size());
  groups_.clear();
  counts_.assign(size_t(longest()) + 1, 0);
  starts_.assign(size_t(longest()) + 1, 0);
  group_of_.resize(size_t(examples));
  for (int32_t e = 0; e < examples; e++) {
    const int32_t length = lengths[size_t(e)];
    if (groups_.empty() || (is_uniform_ && groups_.back().length != length))
      groups_.push_back({e, 0, length});
    groups_.back().count++;
    group_of_[size_t(e)] = int32_t(groups_.size()) - 1;
    counts_[size_t(length) - 1]++;
  }
  for (int32_t p = longest() - 1; p > 0; p--) counts_[size_t(p) - 1] += counts_[size_t(p)];
  for (int32_t p = 0; p < longest(); p++)
    starts_[size_t(p) + 1] = starts_[size_t(p)] + (is_uniform_ ? 1 : counts_[size_t(p)]);
  places_.resize((numbers_.size() + ints_.size()) * groups_.size());
  numbers_size_ = place_regions(numbers_, places_.data());
  place_regions(ints_, places_.data() + numbers_.size() * groups_.size());
}

int64_t RowLayout::rows(const RowGroup& group, int32_t first, int32_t end) const {
  end = std::min(end, group.length);
  if (first >= end) return 0;
  return (start(end) - start(first)) * (is_uniform_ ? group.count : 1);
}

// Returns how many elements the regions take.
int64_t RowLayout::place_regions(std::span<const Region> regions, RegionPlace* out) const {
  int64_t base = 0;
  for (const Region& region : regions) {
    const int64_t unit = region.unit();
    int64_t before = 0;  // rows of other groups
    for (const RowGroup& group : groups_) {
      const int32_t first = std::min(region.first, group.length);
      const int32_t end = std::min(region.end(), group.length);
      const int64_t own = start(end) - start(first);
      *out++ = {base + (before - start(first)) * unit, unit, is_uniform_ ? own * unit : unit};
      before += is_uniform_ ? own * group.count : own;
    }
    if (region.is_example) base += aligned(before * unit);
  }
  return base;
}

RowLayout::Rows RowLayout::rows_of(int64_t offset, int32_t example, bool of_integers) {
  const std::span<const Region> regions = of_integers ? ints_ : numbers_;
  size_t& r = last_found_[of_integers];
  const auto lies_in = [&](const Region& region) {
    return offset >= region.offset && offset < int64_t(region.offset) + region.size;
  };
  const Rows none{nullptr, 0, 1, 0, offset};
  if (r >= regions.size() || !lies_in(regions[r])) {
    const auto after =
        std::upper_bound(regions.begin(), regions.end(), offset,
                         [](int64_t value, const Region& region) { return value < region.offset; });
    if (after == regions.begin() || !lies_in(*(after - 1))) return none;
    r = size_t(after - regions.begin()) - 1;
  }
  const Region& region = regions[r];
  if (!region.is_example) return none;
  const int32_t g = group_of_[size_t(example)];
  const RegionPlace& own = place(r, g, of_integers);
  const int32_t end = std::min(region.end(), lengths_[size_t(example)]);
  return {starts_.data() + std::min(region.first, longest()),
          own.origin + (example - groups_[size_t(g)].first) * own.step, own.unit,
          std::max(end - region.first, 0), offset - region.offset};
}

RowLayout::Found RowLayout::find(int64_t offset, int64_t count, bool of_integers) {
  const Rows rows = rows_of(offset, 0, of_integers);
  if (!rows.starts) return {};
  const int64_t row = rows.from / rows.unit, within = rows.from % rows.unit;
  if (row >= rows.count || within + count > rows.unit) return {};
  return {true, rows.origin + rows.starts[row] * rows.unit + within,
          place(last_found_[of_integers], 0, of_integers).step};
}

void RowLayout::narrow(int32_t count, int32_t length) {
  lengths_.assign(size_t(count), length);
  groups_[0].count = count;
  groups_[0].length = length;
  std::fill_n(counts_.begin(), length, count);
}

}  // namespace vecgrad

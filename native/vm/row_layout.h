// Where the rows of the examples of a piece lie (see row_plan.h).
//
// Where no instruction runs example by example, the rows of a position lie together, those of the
// longest example first: the examples that have a position are the first of all. Else examples of
// one length form a group, and the rows of an example lie together.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vm/row_plan.h"

namespace vecgrad {

// Where each region begins: on a cache line, at a multiple of this many elements.
constexpr int64_t region_alignment = 16;

inline int64_t aligned(int64_t size) {
  return (size + region_alignment - 1) / region_alignment * region_alignment;
}

// How many elements the rows of `examples` examples of any length take.
int64_t row_space(std::span<const Region> regions, int64_t examples);

// The examples [first, first + count) in the order of their lengths.
struct RowGroup {
  int32_t first, count, length;
};

// Where the rows of a group lie in a region: that of a position and example number e of the group
// is at origin + start(position) x unit + e x step.
struct RegionPlace {
  int64_t origin, unit, step;
};

// Elements of all examples: those of the first one, and how far from there the next one's are;
// nullptr: they do not follow each other in one row of each example.
template <class E>
struct RowsOf {
  E* first;
  int64_t step;
};

// From which example to the place of which.
struct RowMove {
  int32_t from, to;
};

class RowLayout {
 public:
  RowLayout(std::span<const Region> numbers, std::span<const Region> ints, bool is_uniform)
      : numbers_(numbers), ints_(ints), is_uniform_(is_uniform) {}

  // Lays out the rows of as many examples as there are lengths, the longest first.
  void lay_out(std::span<const int32_t> lengths);
  // From now on the first `count` examples run, with this length. Their rows stay where they are:
  // more examples were laid out, all with one length, at least this one.
  void narrow(int32_t count, int32_t length);

  int32_t longest() const { return lengths_[0]; }
  std::span<const int32_t> lengths() const { return lengths_; }
  std::span<const RowGroup> groups() const { return groups_; }
  // How many numbers all regions take.
  int64_t numbers_size() const { return numbers_size_; }

  // How many examples of a group have a position.
  int32_t count(int32_t g, int32_t position) const {
    const RowGroup& group = groups_[size_t(g)];
    if (position >= group.length) return 0;
    return is_uniform_ ? group.count : counts_[size_t(position)];
  }
  // How many rows of a position come before those of `position`: of an example, where its rows lie
  // together, else of all examples.
  int64_t start(int32_t position) const { return starts_[size_t(position)]; }
  // How many rows the examples of a group have at the positions from `first` up to `end`.
  int64_t rows(const RowGroup& group, int32_t first, int32_t end) const;
  const RegionPlace& place(size_t region, int32_t g, bool of_integers) const {
    const size_t r = region + (of_integers ? numbers_.size() : 0);
    return places_[r * groups_.size() + size_t(g)];
  }

  // The rows of an example in the region in which an offset lies.
  struct Rows {
    const int64_t* starts;  // of the region's first row and those behind it; null: it has no rows
    int64_t origin, unit;
    int64_t count;  // rows that the example has
    int64_t from;   // the offset, counted from the region; without rows, from 0
  };
  Rows rows_of(int64_t offset, int32_t example, bool of_integers);

  // Where `count` elements that begin at an offset lie for the first example, and how far from
  // there they do for the next one. Not found where they do not follow each other in one row of
  // each.
  struct Found {
    bool is_found = false;
    int64_t at = 0, step = 0;
    template <class E>
    RowsOf<E> of(E* rows) const {
      return {is_found ? rows + at : nullptr, step};
    }
  };
  Found find(int64_t offset, int64_t count, bool of_integers);
  // Copies what instructions behind `position` read of the positions up to that one, of some
  // examples to the places of others. All have one length.
  template <class E>
  void move(std::span<const Region> regions, bool of_integers, E* rows,
            std::span<const RowMove> moves, int32_t position) const {
    if (moves.empty()) return;
    for (size_t r = 0; r < regions.size(); r++) {
      const Region& region = regions[r];
      if (!region.is_example || region.first > position || region.last <= position) continue;
      const RegionPlace& own = place(r, 0, of_integers);
      for (int32_t p = region.first; p < std::min(region.end(), position + 1); p++) {
        E* const first = rows + own.origin + start(p) * own.unit;
        for (const RowMove& move : moves)
          std::copy_n(first + move.from * own.step, own.unit, first + move.to * own.step);
      }
    }
  }

 private:
  int64_t place_regions(std::span<const Region> regions, RegionPlace* out) const;

  const std::span<const Region> numbers_, ints_;
  const bool is_uniform_;
  std::vector<int32_t> lengths_;  // of the examples
  std::vector<RowGroup> groups_;
  std::vector<int32_t> group_of_;  // of each example
  std::vector<int32_t> counts_;    // by position: how many examples have it
  std::vector<int64_t> starts_;
  std::vector<RegionPlace> places_;  // of each region, those of numbers first, in each group
  int64_t numbers_size_ = 0;
  size_t last_found_[2] = {0, 0};  // the regions that `rows_of` found last: of numbers, of integers
};

// The elements of an example from an offset on.
template <class E>
class ExampleElements {
 public:
  ExampleElements(const RowLayout::Rows& rows, E* memory) : rows_(rows), memory_(memory) {}

  // Where element i lies; nullptr where the example has no such row.
  E* operator()(int32_t i) const {
    const int64_t from = rows_.from + i;
    if (!rows_.starts) return memory_ + from;
    const int64_t row = rows_.unit == 1 ? from : from / rows_.unit;
    if (row >= rows_.count) return nullptr;
    return memory_ + rows_.origin + rows_.starts[row] * rows_.unit + (from - row * rows_.unit);
  }
  // Copies the first `count` elements, without those of rows that the example does not have.
  template <class From>
  void put(const From* from, int32_t count) const {
    if (rows_.starts && rows_.unit == 1) {
      E* const first = memory_ + rows_.origin;
      const int64_t* const starts = rows_.starts + rows_.from;
      const int64_t there = std::min<int64_t>(count, rows_.count - rows_.from);
      for (int64_t i = 0; i < there; i++) first[starts[i]] = E(from[i]);
      return;
    }
    for (int32_t i = 0; i < count; i++)
      if (E* const to = (*this)(i)) *to = E(from[i]);
  }

 private:
  RowLayout::Rows rows_;
  E* memory_;
};

}  // namespace vecgrad

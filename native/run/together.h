// Many sequences that advance together, position by position, as rows of the same instructions
// (vm/row_run.h). Sequences that are the same so far have one row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "run/generate.h"
#include "run/pieces.h"
#include "run/random.h"
#include "run/weights.h"
#include "vm/vm.h"

namespace vecgrad {

template <class T>
class Together {
 public:
  Together(const Program& program, void* arena, int32_t* ints, const Generation& generation)
      : program_(program),
        generation_(generation),
        positions_(program.max_length()),
        first_(int32_t(generation.prefix.size())),
        tables_(row_tables_of<T>(program, *generation.rows->plan)),
        rows_(tables_, static_cast<T*>(arena), ints, static_cast<T*>(generation.rows->numbers),
              generation.rows->ints),
        weights_(program, generation, generation.rows->piece),
        child_of_(size_t(generation.choices), -1) {}

  // Writes the choices of as many sequences as there are lengths, a row of the longest length each,
  // and how many there are. Each sequence has a random number for each position that chooses, in
  // `reals`. False where a run met a fault or nothing could be chosen.
  bool run(int32_t* choices, std::span<int32_t> lengths, const double* reals) {
    choices_ = choices;
    reals_ = reals;
    sequences_.resize(lengths.size());
    std::iota(sequences_.begin(), sequences_.end(), 0);
    for (const int32_t s : sequences_)
      std::copy(generation_.prefix.begin(), generation_.prefix.end(), choices_of(s));
    std::fill(lengths.begin(), lengths.end(), positions_);
    groups_.assign(1, {0, 0, int32_t(sequences_.size())});
    if (!generation_.is_prefix) lay_out(int32_t(sequences_.size()), positions_);
    for (int32_t p = first_; p < positions_ && !groups_.empty(); p++) {
      if (!run_position(p) || !choose(p, lengths)) return false;
      if (p + 1 < positions_) place_children(p);
    }
    return true;
  }

 private:
  // The sequences [begin, end) of `sequences_`, which are the same so far, and their row.
  struct Group {
    int32_t row, begin, end;
  };
  // Those of a group that have chosen the same: how many, and the row of the group.
  struct Child {
    int32_t parent, count, row;
  };

  int32_t* choices_of(int32_t sequence) const { return choices_ + int64_t(sequence) * positions_; }
  int32_t row_count() const { return int32_t(groups_.size()); }

  void lay_out(int32_t rows, int32_t length) {
    lengths_.assign(size_t(rows), length);
    rows_.lay_out(lengths_);
  }

  // Runs a position for all rows, and reads its results. What earlier positions have computed is
  // there, unless the whole prefix runs, or nothing has run yet.
  bool run_position(int32_t position) {
    Span span{0, generation_.instructions};
    int32_t from = 0;
    if (generation_.is_prefix) {
      lay_out(row_count(), position + 1);
    } else {
      rows_.narrow(row_count(), position + 1);
      if (position > first_) {
        from = position;
        span = program_.span(position, generation_.instructions);
      }
    }
    for (int32_t p = from; p <= position; p++) feed(p);
    return rows_.run(span.begin, span.end, from).instruction < 0 && read_results(position);
  }

  // Feeds all rows what they read at a position.
  void feed(int32_t position) {
    const auto [first, step] = rows_.integer_rows(int32_t(generation_.slot) + position);
    if (!first) return;  // no instruction reads it
    for (const Group& group : groups_) {
      const int32_t* const choices = choices_of(sequences_[size_t(group.begin)]);
      first[group.row * step] = position == 0 ? generation_.start : choices[position - 1];
    }
  }

  // False where a row has no such results.
  bool read_results(int32_t position) {
    const int64_t n = generation_.choices;
    const int32_t* const at = generation_.results.data() + position * n;
    if (const auto [first, step] = results_at(at, n); first) {
      weights_.read_rows(first, step, row_count());
      return true;
    }
    for (int32_t row = 0; row < row_count(); row++) {
      for (int64_t i = 0; i < n; i++)
        if (!rows_.numbers(at[i], row)(0)) return false;
      weights_.read(row, [&](int64_t i) { return *rows_.numbers(at[i], row)(0); });
    }
    return true;
  }
  // Where the results of a position lie, if they follow each other.
  RowsOf<T> results_at(const int32_t* at, int64_t n) {
    for (int64_t i = 1; i < n; i++)
      if (at[i] != at[0] + i) return {nullptr, 0};
    return rows_.number_rows(at[0], n);
  }

  // Chooses for all sequences, and finds which of those that go on are still the same.
  bool choose(int32_t position, std::span<int32_t> lengths) {
    const size_t n = size_t(generation_.choices);
    const double* const sums = weights_.sums(row_count());
    const double* const reals = reals_ + position - first_;
    children_.clear();
    going_.clear();
    for (const Group& group : groups_) {
      const double* const own = sums + size_t(group.row) * n;
      const size_t before = going_.size();
      for (int32_t i = group.begin; i < group.end; i++) {
        const int32_t s = sequences_[size_t(i)];
        const double* const real = reals + int64_t(s) * (positions_ - first_);
        const int64_t choice = Random::index_at(own, n, [=] { return *real; });
        if (choice < 0) return false;
        choices_of(s)[position] = int32_t(choice);
        if (choice == generation_.stop) {
          lengths[size_t(s)] = position + 1;
          continue;
        }
        int32_t& child = child_of_[size_t(choice)];
        if (child < 0) {
          child = int32_t(children_.size());
          children_.push_back({group.row, 0, -1});
        }
        children_[size_t(child)].count++;
        going_.push_back({s, child});
      }
      for (size_t i = before; i < going_.size(); i++)
        child_of_[size_t(choices_of(going_[i].sequence)[position])] = -1;
    }
    return true;
  }

  // Makes groups of the children: one of each group keeps its row, and the others get a copy in
  // rows that nobody keeps, so that there are no gaps.
  void place_children(int32_t position) {
    const int32_t rows = int32_t(children_.size());
    is_taken_.assign(size_t(std::max(rows, row_count())), 0);
    for (Child& child : children_) {
      if (child.parent >= rows || is_taken_[size_t(child.parent)]) continue;
      is_taken_[size_t(child.row = child.parent)] = 1;
    }
    moves_.clear();
    int32_t free = 0;
    for (Child& child : children_) {
      if (child.row >= 0) continue;
      while (is_taken_[size_t(free)]) free++;
      moves_.push_back({child.parent, child.row = free++});
    }
    if (!generation_.is_prefix) rows_.move(moves_, position);
    groups_.clear();
    int32_t end = 0;
    for (const Child& child : children_) {
      groups_.push_back({child.row, end, end});
      end += child.count;
    }
    sequences_.resize(going_.size());
    for (const Going& going : going_)
      sequences_[size_t(groups_[size_t(going.child)].end++)] = going.sequence;
  }

  // A sequence that goes on, and the child that it belongs to.
  struct Going {
    int32_t sequence, child;
  };

  const Program& program_;
  const Generation& generation_;
  const int32_t positions_, first_;  // how many there are, and the first that chooses
  const RowTables<T> tables_;
  RowRun<T> rows_;
  Weights<T> weights_;
  int32_t* choices_ = nullptr;
  const double* reals_ = nullptr;
  std::vector<int32_t> sequences_;  // group by group
  std::vector<Group> groups_;
  std::vector<Child> children_;
  std::vector<Going> going_;
  std::vector<int32_t> child_of_;  // by choice; -1 between groups
  std::vector<int32_t> lengths_;
  std::vector<char> is_taken_;  // by row
  std::vector<RowMove> moves_;
};

}  // namespace vecgrad

// Sums of many numbers, whose error does not grow with their count.
// Included by kernels.inl, once per instruction set and type.
//
// Each addition that follows others rounds a sum as large as theirs. Numbers are therefore added in
// chains of at most `chain` additions, four side by side, and their results to a sum that keeps
// what each addition loses (2Sum of Knuth and Moller): the error is that of one chain, whatever the
// length.

constexpr idx chain = 24;

// How many numbers one round of chains takes in: a multiple of four vectors.
static inline idx numbers_at_once() { return 4 * chain * lanes(); }

// The sum with what it lost: that is NaN where the sum became infinite.
static inline V total(V sum, V lost) {
  const V whole = add(sum, lost);
  return select(is_nan(whole), sum, whole);
}

// sum += x; `lost` keeps what the addition rounds away. As soon as that is as large as the last
// digit of the sum it is added to it, so that `lost` stays small and loses nothing itself.
static inline void add_exactly(V& sum, V& lost, V x) {
  const V next = add(sum, x), added = sub(next, sum);
  lost = add(lost, add(sub(sum, sub(next, added)), sub(x, added)));
  sum = total(next, lost);
  lost = sub(lost, sub(sum, next));
}

// What `sum_of_terms` adds up: `add_to(s, j)` is s plus the terms of the vector at j, and with a
// mask, of the first lanes.
struct Numbers {
  const T* x;
  V add_to(V s, idx j) const { return add(s, load(x + j)); }
  V add_to(M m, V s, idx j) const { return add(s, load(m, x + j)); }
};
struct Products {
  const T *a, *b;
  V add_to(V s, idx j) const { return fma(load(a + j), load(b + j), s); }
  V add_to(M m, V s, idx j) const { return fma(load(m, a + j), load(m, b + j), s); }
};

// The sums of four chains over `n` terms from `j` on, added up lane by lane.
template <class Terms>
static inline V four_chains(Terms terms, idx j, idx n) {
  const idx l = lanes();
  V s0 = splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (; n >= 4 * l; n -= 4 * l, j += 4 * l) {
    s0 = terms.add_to(s0, j);
    s1 = terms.add_to(s1, j + l);
    s2 = terms.add_to(s2, j + 2 * l);
    s3 = terms.add_to(s3, j + 3 * l);
  }
  for (; n >= l; n -= l, j += l) s0 = terms.add_to(s0, j);
  if (n) s1 = terms.add_to(first(n), s1, j);
  return add(add(s0, s1), add(s2, s3));
}

template <class Terms>
static __attribute__((noinline)) T sum_of_many_terms(Terms terms, idx n) {
  const idx round = numbers_at_once();
  V sum = splat(0), lost = sum;
  for (idx j = 0; j < n; j += round)
    add_exactly(sum, lost, four_chains(terms, j, n - j < round ? n - j : round));
  return hsum(total(sum, lost));
}

template <class Terms>
static inline T sum_of_terms(Terms terms, idx n) {
  return n <= numbers_at_once() ? hsum(four_chains(terms, 0, n)) : sum_of_many_terms(terms, n);
}

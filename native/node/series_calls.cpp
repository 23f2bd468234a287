// Series for JavaScript: runs over many examples in one call, on the calling thread or another.
#include <napi.h>

#include <algorithm>
#include <span>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "node/calls.h"
#include "node/memory.h"
#include "node/reader.h"
#include "node/results.h"
#include "node/rows.h"
#include "run/series.h"

namespace vecgrad {
namespace {

bool lies(int64_t offset, int64_t count, int64_t size) {
  return offset >= 0 && count >= 0 && offset + count <= size;
}

// Each reads one kind of property (series.def).
void read_integer(Reader& in, const char* name, int32_t& to) { to = in.integer(name); }
void read_integer(Reader& in, const char* name, int64_t& to) { to = in.integer(name); }
void read_flag(Reader& in, const char* name, bool& to) { to = in.flag(name); }
template <class T>
void read_int32s(Reader& in, const char* name, std::span<T>& to) {
  static_assert(std::is_same_v<std::remove_const_t<T>, int32_t>);
  in.elements(name, to);
}
void read_doubles(Reader& in, const char* name, std::span<const double>& to) {
  in.elements(name, to);
}
template <class A, class B>
void read_floats(Reader& in, const char* name, std::variant<std::span<A>, std::span<B>>& to) {
  in.elements(name, to);
}
void read_optional_int32s(Reader& in, const char* name, std::span<const int32_t>& to) {
  in.optional_elements(name, to);
}

void read_plan(Reader& in, const char* name, const PlannedRows*& to) {
  to = in.handle<PlannedRows>(name);
}
void read_optional_plan(Reader& in, const char* name, const PlannedRows*& to) {
  const Napi::Value given = in.value(name);
  if (in.is_wrong() || given.IsUndefined()) return;
  to = from_handle<PlannedRows>(in.env(), given);
  if (!to) in.refuse(name);
}

void read_column(Reader& in, IndexColumn& column) {
#define INDEX_COLUMN(kind, name, member) read_##kind(in, #name, column.member);
#include "node/series.def"
}

void read_column(Reader& in, NumberColumn& column) {
#define NUMBER_COLUMN(kind, name, member) read_##kind(in, #name, column.member);
#include "node/series.def"
}

bool fits(const IndexColumn& column, const Program& program, int64_t examples) {
  return lies(column.slot, column.size, program.ints_size()) &&
         int64_t(column.needs.size()) == program.max_length() + 1 &&
         std::all_of(column.needs.begin(), column.needs.end(),
                     [&](int32_t n) { return n >= 0 && n <= column.size; }) &&
         int64_t(column.limits.size()) == column.size &&
         int64_t(column.positions.size()) == column.size &&
         (column.starts.empty() ? int64_t(column.values.size()) >= examples * column.size
                                : int64_t(column.starts.size()) >= examples);
}

bool fits(const NumberColumn& column, const Program& program, int64_t examples) {
  return lies(column.offset, column.size, program.arena_size()) &&
         (column.starts.empty() ? int64_t(size_of(column.values)) >= examples * column.size
                                : int64_t(column.starts.size()) >= examples);
}

// More columns than any graph has inputs: an array can claim a length for which there is no memory.
constexpr uint32_t max_columns = 1 << 20;

// Reads an array of columns. `columns` must stay where it is until its arrays have been filled.
template <class Column>
void read_columns(Reader& in, const char* name, std::vector<Column>& columns) {
  const Napi::Value value = in.value(name);
  if (in.is_wrong() || !value.IsArray()) return in.refuse("columns");
  const auto array = value.As<Napi::Array>();
  if (array.Length() > max_columns) return in.refuse("columns, more than a million");
  columns.resize(array.Length());
  for (size_t i = 0; i < columns.size() && !in.is_wrong(); i++) {
    Properties column(in, "a column", array.Get(uint32_t(i)));
    read_column(column, columns[i]);
  }
}

void read_index_columns(Reader& in, const char* name, std::vector<IndexColumn>& to) {
  read_columns(in, name, to);
}
void read_number_columns(Reader& in, const char* name, std::vector<NumberColumn>& to) {
  read_columns(in, name, to);
}

// How a step takes several examples, where it does.
struct BatchRequest {
  bool is_given = false;
  Batches batches;
  Floats numbers, sums;

  void read(Reader& in) {
    Lanes& lanes = batches.lanes;
#define BATCHES(kind, name, member) read_##kind(in, #name, member);
#include "node/series.def"
    batches.gradients.count = batches.parameters.count;
  }

  // Whether it fits a program of which a step runs the instructions [0, end); its arrays have been
  // filled.
  bool fits(const Program& program, int32_t end) {
    Lanes& lanes = batches.lanes;
    lanes.numbers = data_of(numbers);
    lanes.sums = data_of(sums);
    const auto [parameters, count] = batches.parameters;
    const int64_t size = program.arena_size();
    const bool has_counts =
        batches.size >= 1 && lanes.count >= 1 && lanes.copies >= 1 && lanes.piece >= 1;
    if (!has_counts) return false;
    if (lanes.plan && lanes.plan->program != program.id()) return false;
    const PieceSizes rows =
        lanes.plan ? piece_sizes(program, *lanes.plan, lanes.piece) : PieceSizes{};
    return are_of_type(numbers, program) && are_of_type(sums, program) &&
           (lanes.piece == 1 || lanes.plan) && lanes.stride >= size + rows.numbers &&
           lanes.int_stride >= program.ints_size() + rows.ints &&
           int64_t(size_of(numbers)) / lanes.copies >= lanes.stride &&
           int64_t(lanes.ints.size()) / lanes.copies >= lanes.int_stride &&
           int64_t(size_of(sums)) >= int64_t(count) * lanes.count &&
           lies(parameters, count, size) && lies(batches.gradients.offset, count, size) &&
           batches.backward >= 0 && batches.backward <= end;
  }
};

void read_optional_batches(Reader& in, const char* name, BatchRequest& to) {
  const Napi::Value given = in.value(name);
  to.is_given = !in.is_wrong() && !given.IsUndefined();
  if (!to.is_given) return;
  Properties batches(in, name, given);
  to.read(batches);
}

}  // namespace

namespace {

// What is read of each example, where it is.
struct OutputsRequest {
  bool is_given = false;
  Outputs outputs;
  Floats results;

  // Whether it fits a program and so many examples; its arrays have been filled.
  bool fits(const Program& program, int64_t examples) {
    outputs.results = data_of(results);
    if (outputs.ranges.size() % 2 != 0) return false;
    for (size_t r = 0; r < outputs.ranges.size(); r += 2) {
      if (!lies(outputs.ranges[r], outputs.ranges[r + 1], program.arena_size())) return false;
      outputs.width += outputs.ranges[r + 1];
    }
    return are_of_type(results, program) && outputs.width <= INT32_MAX &&
           int64_t(size_of(results)) >= examples * outputs.width;
  }
};

void read_optional_outputs(Reader& in, const char* name, OutputsRequest& to) {
  const Napi::Value given = in.value(name);
  to.is_given = !in.is_wrong() && !given.IsUndefined();
  if (!to.is_given) return;
  Properties own(in, name, given);
  auto& [is_given, outputs, results] = to;
#define OUTPUTS(kind, name, member) read_##kind(own, #name, member);
#include "node/series.def"
}

}  // namespace

void read_optional_rows(Reader& in, const char* name, RowsRequest& to) {
  const Napi::Value given = in.value(name);
  to.is_given = !in.is_wrong() && !given.IsUndefined();
  if (!to.is_given) return;
  Properties own(in, name, given);
  auto& [is_given, rows, numbers, ints] = to;
#define ROWS(kind, name, member) read_##kind(own, #name, member);
#include "node/series.def"
}

namespace {

// The arguments that both calls begin with: program, arena, ints, spec, from, losses.
struct Request {
  const Program* program = nullptr;
  Memory memory;
  Series series;
  std::vector<IndexColumn> indices;
  std::vector<NumberColumn> numbers;
  BatchRequest batch;
  RowsRequest rows;
  OutputsRequest outputs;
  int32_t from = 0;
  std::span<double> losses;

  void read(Arguments& in);
  // Whether it fits the program; its arrays have been filled.
  bool fits_program();

 private:
  void read_series(Reader& in);
};

void Request::read_series(Reader& in) {
  Examples& examples = series.examples;
  StepNumber& step = series.step_numbers;
#define SERIES(kind, name, member) read_##kind(in, #name, member);
#include "node/series.def"
}

void Request::read(Arguments& in) {
  program = in.handle<Program>("program");
  memory.read(in);
  Properties spec(in, "series");
  read_series(spec);
  from = in.integer("from");
  in.elements("losses", losses);
}

bool Request::fits_program() {
  const int64_t count = int64_t(losses.size());
  const int64_t end = from + count;  // of the examples
  const int64_t size = program->arena_size();
  const auto all_fit = [&](const auto& columns) {
    return std::all_of(columns.begin(), columns.end(),
                       [&](const auto& column) { return fits(column, *program, end); });
  };
  Examples& examples = series.examples;
  examples.indices = indices;
  examples.numbers = numbers;
  if (batch.is_given && !batch.fits(*program, series.end)) return false;
  if (rows.is_given && (batch.is_given || !rows.fits(*program, series.end))) return false;
  if (outputs.is_given && (batch.is_given || !outputs.fits(*program, count))) return false;
  series.outputs = outputs.is_given ? &outputs.outputs : nullptr;
  series.batches = batch.is_given ? &batch.batches : nullptr;
  series.rows = rows.is_given ? &rows.rows : nullptr;
  const int64_t each = batch.is_given ? batch.batches.size : 1;
  const int64_t steps = (count + each - 1) / each;
  return from >= 0 && end <= INT32_MAX - each && series.threads >= 1 &&
         (examples.lengths.empty() || int64_t(examples.lengths.size()) >= end) &&
         (examples.inverse_count == -1 || lies(examples.inverse_count, 1, size)) &&
         series.end >= 0 && series.end <= program->instruction_count() &&
         lies(series.loss, 1, size) && lies(series.rule, series.rule_size, size) &&
         int64_t(series.rules.size()) >= series.rule_size * steps &&
         std::all_of(series.step_numbers.slots.begin(), series.step_numbers.slots.end(),
                     [&](int32_t slot) { return lies(slot, 1, program->ints_size()); }) &&
         all_fit(indices) && all_fit(numbers);
}

constexpr const char* does_not_fit = "a series that does not fit the program";

Napi::Value value_of(Napi::Env env, const RunsResult& found, int32_t from) {
  if (found.end == End::done) return Napi::Number::New(env, found.runs);
  const int32_t example = from + found.example;
  if (found.end == End::fault) return fault_of_example(env, example, found.fault);
  return list(env, {double(example), double(found.feed.column), double(found.feed.element)});
}

// runSeries(program, arena, ints, spec, from, losses): runs the examples from `from` on, one for
// each place in `losses`. Returns how many it completed. If it stopped at a fault, it returns
// [example, instruction, index, limit]. If an integer was out of its limits or missing, it returns
// [example, column, element], where the columns of numbers are counted behind those of indices;
// column -1 means that the length was none. With `spec.batches` a step takes several examples: all
// of those whose batch met the fault are not completed.
Napi::Value run_series(const Napi::CallbackInfo& call) {
  Arguments in(call, "runSeries", "a program, its memory, a series, the first example and losses");
  Request request;
  request.read(in);
  if (!in.are_right()) return in.fail_usage();
  if (!request.memory.fits(*request.program)) return in.fail_with<Napi::Error>(memory_does_not_fit);
  if (!request.fits_program()) return in.fail_with<Napi::Error>(does_not_fit);
  const RunsResult found =
      run_series(*request.program, request.memory.arena(), request.memory.ints.data(),
                 request.series, request.from, request.losses);
  return value_of(call.Env(), found, request.from);
}

// A series that runs on a thread of libuv's pool. Before Node destroys an environment (a worker
// that is terminated) it waits for the series, so that what the series reads is still there.
class SeriesWork : public Napi::AsyncWorker {
 public:
  // `held` is what must stay alive until it has run.
  SeriesWork(Napi::Env env, const Request& request, const int32_t* stop, napi_value held,
             napi_deferred deferred)
      : Napi::AsyncWorker(env, "vecgrad.runSeries"),
        deferred_(deferred),
        held_(Napi::Persistent(Napi::Object(env, held))),
        program_(*request.program),
        memory_(request.memory),
        copy_(program_, request.series, request.from, int32_t(request.losses.size())),
        batches_(request.batch.batches),
        series_(copy_.series()),
        from_(request.from),
        losses_(request.losses) {
    series_.stop = stop;
    if (series_.batches) series_.batches = &batches_;
    series_.rows = nullptr;  // only evaluations use these, which nobody waits for
    series_.outputs = nullptr;
  }

 protected:
  void Execute() override {
    result_ = run_series(program_, memory_.arena(), memory_.ints.data(), series_, 0, losses_);
  }
  void OnOK() override { napi_resolve_deferred(Env(), deferred_, value_of(Env(), result_, from_)); }

 private:
  const napi_deferred deferred_;
  const Napi::ObjectReference held_;
  const Program& program_;
  const Memory memory_;
  const SeriesCopy copy_;
  const Batches batches_;
  Series series_;
  const int32_t from_;
  const std::span<double> losses_;
  RunsResult result_;
};

// The flag that stops a series. It may lie in shared memory: it is only compared with 0.
const int32_t* read_stop(napi_env env, napi_value value) {
  napi_typedarray_type type;
  void* start = nullptr;
  size_t length = 0;
  const bool is_flag =
      napi_get_typedarray_info(env, value, &type, &length, &start, nullptr, nullptr) == napi_ok &&
      type == napi_int32_array && length > 0;
  return is_flag ? static_cast<const int32_t*>(start) : nullptr;
}

// runSeriesAsync(program, arena, ints, spec, from, losses, stop): does what runSeries does on
// another thread, and returns a promise of what that returns. It ends before the next example when
// `stop`, an Int32Array on shared memory, is not 0. What `spec` holds is copied. Until the promise
// is settled, the caller must not touch arena, ints and losses, nor transfer their memory.
Napi::Value run_series_async(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Arguments in(call, "runSeriesAsync",
               "a program, its memory, a series, the first example, losses and a stop flag");
  Request request;
  request.read(in);
  if (!in.are_right()) return in.fail_usage();
  if (!request.memory.fits(*request.program)) return in.fail_with<Napi::Error>(memory_does_not_fit);
  if (!request.fits_program()) return in.fail_with<Napi::Error>(does_not_fit);
  const int32_t* const stop = read_stop(env, call[6]);
  if (!stop) return fail(env, "runSeriesAsync: expected an Int32Array that stops it");
  // All of these fail in a worker that is being terminated: then nothing would hold the arrays.
  napi_value held = nullptr, promise = nullptr;
  napi_deferred deferred = nullptr;
  bool is_held = napi_create_array(env, &held) == napi_ok;
  for (uint32_t i = 0; i < call.Length(); i++)
    is_held = is_held && napi_set_element(env, held, i, call[i]) == napi_ok;
  if (!is_held || napi_create_promise(env, &deferred, &promise) != napi_ok)
    return in.fail_with<Napi::Error>("the thread is being ended");
  (new SeriesWork(env, request, stop, held, deferred))->Queue();
  return Napi::Value(env, promise);
}

}  // namespace

void add_series_calls(Napi::Env env, Napi::Object exports) {
  exports.Set("runSeries", Napi::Function::New<run_series>(env, "runSeries"));
  exports.Set("runSeriesAsync", Napi::Function::New<run_series_async>(env, "runSeriesAsync"));
}

}  // namespace vecgrad

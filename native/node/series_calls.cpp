#include "node/series_calls.h"

#include <algorithm>
#include <vector>

#include "node/handle.h"
#include "node/memory.h"
#include "node/reader.h"
#include "node/results.h"
#include "run/series.h"

namespace vecgrad {
namespace {

bool lies(int64_t offset, int64_t count, int64_t size) {
  return offset >= 0 && count >= 0 && offset + count <= size;
}

// One column; `starts` may be missing.
void read_column(Reader& spec, Arrays& arrays, IndexColumn& column) {
  column.slot = spec.integer("slot");
  column.size = spec.integer("size");
  spec.elements("values", column.values);
  spec.elements("needs", column.needs);
  spec.elements("limits", column.limits);
  spec.elements("levels", column.levels);
  const Napi::Value starts = spec.value("starts");
  if (!starts.IsUndefined()) arrays.note("starts", starts, column.starts);
}

bool fits(const IndexColumn& column, const Program& program, int64_t documents) {
  return lies(column.slot, column.size, program.ints_size()) &&
         int64_t(column.needs.size()) == program.levels() + 1 &&
         std::all_of(column.needs.begin(), column.needs.end(),
                     [&](int32_t n) { return n >= 0 && n <= column.size; }) &&
         int64_t(column.limits.size()) == column.size &&
         int64_t(column.levels.size()) == column.size &&
         (column.starts.empty() ? int64_t(column.values.size()) >= documents * column.size
                                : int64_t(column.starts.size()) >= documents);
}

void read_column(Reader& spec, Arrays& arrays, NumberColumn& column) {
  column.offset = spec.integer("offset");
  column.size = spec.integer("size");
  spec.elements("values", column.values);
  const Napi::Value starts = spec.value("starts");
  if (!starts.IsUndefined()) arrays.note("starts", starts, column.starts);
}

bool fits(const NumberColumn& column, const Program& program, int64_t documents) {
  const auto count = [](const auto& values) { return int64_t(values.size()); };
  return lies(column.offset, column.size, program.arena_size()) &&
         (column.starts.empty() ? std::visit(count, column.values) >= documents * column.size
                                : int64_t(column.starts.size()) >= documents);
}

// More columns than any graph has inputs: an array can claim a length that no memory has room for.
constexpr uint32_t most_columns = 1 << 20;

// Says what is wrong, or nothing. Where `columns` lie must not change until arrays are looked into.
template <class Column>
std::string read_columns(Napi::Env env, const Napi::Value& value, Arrays& arrays,
                         std::vector<Column>& columns) {
  if (!value.IsArray()) return "columns";
  const auto array = value.As<Napi::Array>();
  if (array.Length() > most_columns) return "columns, more than a million";
  columns.resize(array.Length());
  for (size_t i = 0; i < columns.size(); i++) {
    Reader spec(env, array.Get(uint32_t(i)), arrays);
    read_column(spec, arrays, columns[i]);
    if (!spec.wrong.empty()) return spec.wrong;
  }
  return "";
}

// What both calls are given first: program, arena, ints, spec, from, losses.
struct Request {
  const Program* program = nullptr;
  Memory memory;
  Series series;
  int32_t from = 0;
  std::span<double> losses;

  // Says what is wrong with it, or nothing.
  std::string read(const Napi::CallbackInfo& call);

 private:
  std::vector<IndexColumn> indices_;
  std::vector<NumberColumn> numbers_;
};

std::string Request::read(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  program = from_handle<Program>(env, call[0]);
  if (!program) return "runSeries expects a program";
  Arrays arrays(env);
  Numbers arena;
  std::span<int32_t> ints;
  arena.note(arrays, "arena", call[1], *program);
  arrays.note("ints", call[2], ints);
  Reader spec(env, call[3], arrays);
  spec.elements("lengths", series.lengths);
  series.inverse_count = spec.integer("inverseCount");
  series.end = spec.integer("end");
  series.loss = spec.integer("loss");
  series.rule = spec.integer("rule");
  series.rule_size = spec.integer("ruleSize");
  spec.elements("rules", series.rules);
  spec.elements("stepSlots", series.step_slots);
  series.first_step = spec.integer("firstStep");
  series.stops = spec.integer("stops") != 0;
  arrays.note("losses", call[5], losses);
  std::string fault = spec.wrong;
  if (fault.empty()) fault = read_columns(env, spec.value("indices"), arrays, indices_);
  if (fault.empty()) fault = read_columns(env, spec.value("numbers"), arrays, numbers_);
  if (fault.empty()) fault = arrays.look();
  if (!fault.empty()) return "runSeries: unexpected " + fault;
  if (const char* wrong = memory.read(env, *program, call[1], call[2])) return wrong;
  if (napi_get_value_int32(env, call[4], &from) != napi_ok || from < 0)
    return "runSeries expects a document's number";
  const int64_t documents = from + int64_t(losses.size());
  const int64_t size = program->arena_size();
  const bool is_sound =
      documents <= INT32_MAX &&
      (series.lengths.empty() || int64_t(series.lengths.size()) >= documents) &&
      (series.inverse_count == -1 || lies(series.inverse_count, 1, size)) && series.end >= 0 &&
      series.end <= program->instruction_count() && lies(series.loss, 1, size) &&
      lies(series.rule, series.rule_size, size) &&
      int64_t(series.rules.size()) >= series.rule_size * int64_t(losses.size()) &&
      std::all_of(series.step_slots.begin(), series.step_slots.end(),
                  [&](int32_t slot) { return lies(slot, 1, program->ints_size()); });
  const auto all_fit = [&](const auto& columns) {
    return std::all_of(columns.begin(), columns.end(),
                       [&](const auto& column) { return fits(column, *program, documents); });
  };
  if (!is_sound || !all_fit(indices_) || !all_fit(numbers_))
    return "runSeries was given a series that does not fit the program";
  series.indices = indices_;
  series.numbers = numbers_;
  return "";
}

Napi::Value value_of(Napi::Env env, const SeriesResult& found, int32_t from) {
  if (found.end == SeriesEnd::done) return Napi::Number::New(env, found.runs);
  const int32_t document = from + found.runs;
  if (found.end == SeriesEnd::fault) return document_fault(env, document, found.fault);
  return list(env, {double(document), double(found.column), double(found.element)});
}

// runSeries(program, arena, ints, spec, from, losses): runs documents `from` on, one for each place
// in `losses`. Returns how many it completed; or, where it stopped at a fault, [document,
// instruction, index, limit] as `run` does, or [document, column, element] where a fed integer was
// out of its limits, its column too short, or, with column -1, the length none; columns of numbers
// count on behind those of indices.
Napi::Value run_series(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Request request;
  const std::string wrong = request.read(call);
  if (!wrong.empty()) return fail(env, wrong);
  const SeriesResult found = run_series(*request.program, request.memory.arena, request.memory.ints,
                                        request.series, request.from, request.losses);
  return value_of(env, found, request.from);
}

// A series that runs on a thread of libuv's pool. Node waits for it before it lets go of an
// environment (a worker that is terminated), so that what it holds outlives it.
class SeriesWork : public Napi::AsyncWorker {
 public:
  // `held` is what must live until it has run.
  SeriesWork(Napi::Env env, const Request& request, const int32_t* stop, napi_value held,
             napi_deferred deferred)
      : Napi::AsyncWorker(env, "vecgrad.runSeries"),
        deferred_(deferred),
        held_(Napi::Persistent(Napi::Object(env, held))),
        program_(*request.program),
        memory_(request.memory),
        copy_(program_, request.series, request.from, int32_t(request.losses.size())),
        series_(copy_.series()),
        from_(request.from),
        losses_(request.losses) {
    series_.stop = stop;
  }

 protected:
  void Execute() override {
    result_ = run_series(program_, memory_.arena, memory_.ints, series_, 0, losses_);
  }
  void OnOK() override { napi_resolve_deferred(Env(), deferred_, value_of(Env(), result_, from_)); }

 private:
  const napi_deferred deferred_;
  const Napi::ObjectReference held_;
  const Program& program_;
  const Memory memory_;
  const SeriesCopy copy_;
  Series series_;
  const int32_t from_;
  const std::span<double> losses_;
  SeriesResult result_;
};

// The flag that stops a series, which may lie in shared memory: it is only compared with 0.
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
// another thread, and returns a promise of what that returns. Ends before the next document when
// `stop`, an Int32Array on shared memory, is not 0. What `spec` holds is copied; arena, ints and
// losses must not be touched, nor their memory be taken from them, until then: the caller sees to
// it.
Napi::Value run_series_async(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Request request;
  const std::string wrong = request.read(call);
  if (!wrong.empty()) return fail(env, wrong);
  const int32_t* stop = read_stop(env, call[6]);
  if (!stop) return fail(env, "runSeriesAsync expects an Int32Array that stops it");
  // All of these fail where a worker is being terminated: then nothing would hold the arrays.
  napi_value held = nullptr, promise = nullptr;
  napi_deferred deferred = nullptr;
  bool is_held = napi_create_array(env, &held) == napi_ok;
  for (uint32_t i = 0; i < call.Length(); i++)
    is_held = is_held && napi_set_element(env, held, i, call[i]) == napi_ok;
  if (!is_held || napi_create_promise(env, &deferred, &promise) != napi_ok)
    return fail(env, "runSeriesAsync: the thread is being ended");
  (new SeriesWork(env, request, stop, held, deferred))->Queue();
  return Napi::Value(env, promise);
}

}  // namespace

void add_series_calls(Napi::Env env, Napi::Object exports) {
  exports.Set("runSeries", Napi::Function::New<run_series>(env, "runSeries"));
  exports.Set("runSeriesAsync", Napi::Function::New<run_series_async>(env, "runSeriesAsync"));
}

}  // namespace vecgrad

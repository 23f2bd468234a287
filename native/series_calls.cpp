#include "series_calls.h"

#include <algorithm>
#include <vector>

#include "handle.h"
#include "memory.h"
#include "reader.h"
#include "results.h"
#include "series.h"

namespace vecgrad {
namespace {

bool lies(int64_t offset, int64_t count, int64_t size) {
  return offset >= 0 && count >= 0 && offset + count <= size;
}

// One column; `starts` may be missing. What is wrong goes to `wrong`.
IndexColumn read_indices(Napi::Env env, const Napi::Value& value, const Program& program,
                         int64_t documents, std::string& wrong) {
  Reader spec(env, value);
  IndexColumn column;
  column.slot = spec.integer("slot");
  column.size = spec.integer("size");
  column.values = spec.elements<const int32_t>("values");
  column.needs = spec.elements<const int32_t>("needs");
  column.limits = spec.elements<const int32_t>("limits");
  column.levels = spec.elements<const int32_t>("levels");
  if (spec.wrong.empty() && !value.As<Napi::Object>().Get("starts").IsUndefined())
    column.starts = spec.elements<const int32_t>("starts");
  wrong = spec.wrong;
  if (!wrong.empty()) return column;
  const bool fits =
      lies(column.slot, column.size, program.ints_size()) &&
      int64_t(column.needs.size()) == program.levels() + 1 &&
      std::all_of(column.needs.begin(), column.needs.end(),
                  [&](int32_t n) { return n >= 0 && n <= column.size; }) &&
      int64_t(column.limits.size()) == column.size &&
      int64_t(column.levels.size()) == column.size &&
      (column.starts.empty() ? int64_t(column.values.size()) >= documents * column.size
                             : int64_t(column.starts.size()) >= documents);
  if (!fits) wrong = "an index's column";
  return column;
}

NumberColumn read_numbers(Napi::Env env, const Napi::Value& value, const Program& program,
                          int64_t documents, std::string& wrong) {
  Reader spec(env, value);
  NumberColumn column;
  column.offset = spec.integer("offset");
  column.size = spec.integer("size");
  wrong = spec.wrong;
  if (!wrong.empty()) return column;
  const Napi::Value values = value.As<Napi::Object>().Get("values");
  std::span<const float> singles;
  std::span<const double> doubles;
  int64_t count = -1;
  if (read_elements(env, values, singles)) {
    column.values = singles;
    count = int64_t(singles.size());
  } else if (read_elements(env, values, doubles)) {
    column.values = doubles;
    count = int64_t(doubles.size());
  }
  if (!lies(column.offset, column.size, program.arena_size()) || count < documents * column.size)
    wrong = "a column of numbers";
  return column;
}

template <class Column>
bool read_columns(Napi::Env env, const Napi::Value& value, const Program& program,
                  int64_t documents,
                  Column (*read)(Napi::Env, const Napi::Value&, const Program&, int64_t,
                                 std::string&),
                  std::vector<Column>& columns, std::string& wrong) {
  if (!value.IsArray()) {
    wrong = "columns";
    return false;
  }
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length() && wrong.empty(); i++)
    columns.push_back(read(env, array.Get(i), program, documents, wrong));
  return wrong.empty();
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
  if (const char* fault = memory.read(env, *program, call[1], call[2])) return fault;
  Reader spec(env, call[3]);
  series.lengths = spec.elements<const int32_t>("lengths");
  series.inverse_count = spec.integer("inverseCount");
  series.end = spec.integer("end");
  series.loss = spec.integer("loss");
  series.rule = spec.integer("rule");
  series.rule_size = spec.integer("ruleSize");
  series.rules = spec.elements<const double>("rules");
  series.step_slots = spec.elements<const int32_t>("stepSlots");
  series.first_step = spec.integer("firstStep");
  series.stops = spec.integer("stops") != 0;
  if (!spec.wrong.empty()) return "runSeries: unexpected " + spec.wrong;
  if (napi_get_value_int32(env, call[4], &from) != napi_ok || from < 0 ||
      !read_elements(env, call[5], losses))
    return "runSeries expects a document's number and room for losses";
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
  if (!is_sound) return "runSeries was given a series that does not fit the program";
  const auto object = call[3].As<Napi::Object>();
  std::string wrong;
  if (!read_columns(env, object.Get("indices"), *program, documents, read_indices, indices_,
                    wrong) ||
      !read_columns(env, object.Get("numbers"), *program, documents, read_numbers, numbers_, wrong))
    return "runSeries: unexpected " + wrong;
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
// out of its limits, its column too short, or, with column -1, the length none.
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
  std::span<const int32_t> stop;
  if (!read_elements(env, call[6], stop) || stop.empty())
    return fail(env, "runSeriesAsync expects an Int32Array that stops it");
  // All of these fail where a worker is being terminated: then nothing would hold the arrays.
  napi_value held = nullptr, promise = nullptr;
  napi_deferred deferred = nullptr;
  bool is_held = napi_create_array(env, &held) == napi_ok;
  for (uint32_t i = 0; i < call.Length(); i++)
    is_held = is_held && napi_set_element(env, held, i, call[i]) == napi_ok;
  if (!is_held || napi_create_promise(env, &deferred, &promise) != napi_ok)
    return fail(env, "runSeriesAsync: the thread is being ended");
  (new SeriesWork(env, request, stop.data(), held, deferred))->Queue();
  return Napi::Value(env, promise);
}

}  // namespace

void add_series_calls(Napi::Env env, Napi::Object exports) {
  exports.Set("runSeries", Napi::Function::New<run_series>(env, "runSeries"));
  exports.Set("runSeriesAsync", Napi::Function::New<run_series_async>(env, "runSeriesAsync"));
}

}  // namespace vecgrad

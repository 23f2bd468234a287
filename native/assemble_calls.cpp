#include "assemble_calls.h"

#include "assemble.h"
#include "reader.h"
#include "results.h"

namespace vecgrad {
namespace {

TapeGraph read_graph(Reader& spec) {
  TapeGraph graph;
  graph.ops = spec.elements<const uint8_t>("ops");
  graph.start = spec.elements<const int32_t>("start");
  graph.list = spec.elements<const int32_t>("list");
  graph.levels = spec.elements<const int32_t>("levels");
  graph.attribute_of = spec.elements<const int32_t>("attributeOf");
  const auto words = spec.elements<const int32_t>("attributes");
  constexpr size_t each = sizeof(Attribute) / sizeof(int32_t);
  graph.attributes = {reinterpret_cast<const Attribute*>(words.data()), words.size() / each};
  graph.levels_list = spec.elements<const int32_t>("levelsList");
  graph.roles = spec.elements<const int32_t>("roles");
  graph.own = spec.elements<const int32_t>("own");
  graph.adding = spec.elements<const int32_t>("adding");
  graph.count = spec.integer("count");
  graph.forward_end = spec.integer("forwardEnd");
  graph.max_level = spec.integer("maxLevel");
  return graph;
}

bool are_nodes(const TapeGraph& graph, std::span<const int32_t> nodes) {
  for (const int32_t node : nodes)
    if (node < 0 || node >= graph.count) return false;
  return true;
}

// countUses(graph, keep): how often each node is used, 0 where it is not needed.
Napi::Value count_uses_call(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Reader spec(env, call[0]);
  const TapeGraph graph = read_graph(spec);
  std::span<const int32_t> keep;
  if (!spec.wrong.empty()) return fail<Napi::TypeError>(env, "countUses: unexpected " + spec.wrong);
  const std::string fault = check_tape_graph(graph);
  if (!fault.empty()) return fail<Napi::TypeError>(env, "countUses: " + fault);
  if (!read_elements(env, call[1], keep) || !are_nodes(graph, keep))
    return fail<Napi::TypeError>(env, "countUses: expected an Int32Array of nodes to keep");
  auto uses = Napi::Int32Array::New(env, size_t(graph.count));
  count_uses(graph, keep, {uses.Data(), uses.ElementLength()});
  return uses;
}

Napi::Value span_of(Napi::Env env, const TapeSpan& span) {
  auto made = Napi::Array::New(env, 2);
  made.Set(0u, span.begin);
  made.Set(1u, span.end);
  return made;
}

Napi::Value list_of(Napi::Env env, const std::vector<int32_t>& numbers) {
  auto made = Napi::Array::New(env, numbers.size());
  for (size_t i = 0; i < numbers.size(); i++) made.Set(uint32_t(i), numbers[i]);
  return made;
}

// assembleTape(graph, plan): the tape and where its parts are, or undefined where levels leave no
// order to run in. Fills plan.slots.
Napi::Value assemble_call(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Reader spec(env, call[0]), plan(env, call[1]);
  const TapeGraph graph = read_graph(spec);
  const auto uses = plan.elements<const int32_t>("uses");
  const auto gradients = plan.elements<const int32_t>("gradients");
  const auto slots = plan.elements<int32_t>("slots");
  const int32_t zero = plan.integer("zero"), arena_size = plan.integer("arenaSize");
  const TapeUpdate update{plan.integer("update"),        plan.integer("parameters"),
                          plan.integer("moment"),        plan.integer("secondMoment"),
                          plan.integer("gradientBlock"), plan.integer("rule"),
                          plan.integer("blockSize")};
  for (const Reader* reader : {&spec, &plan})
    if (!reader->wrong.empty())
      return fail<Napi::TypeError>(env, "assembleTape: unexpected " + reader->wrong);
  std::string fault = check_tape_graph(graph);
  if (fault.empty() && (uses.size() != size_t(graph.count) || slots.size() != uses.size()))
    fault = "uses or slots that are not one for each node";
  for (size_t node = 0; fault.empty() && node < uses.size(); node++)
    if (uses[node] > 0 && (graph.levels[node] < 0 || graph.levels[node] >= graph.max_level))
      fault = "a level out of range";
  if (fault.empty() && update.size > graph.count) fault = "an update of more numbers than nodes";
  if (fault.empty() && !are_nodes(graph, gradients)) fault = "gradients that are no nodes";
  if (!fault.empty()) return fail<Napi::TypeError>(env, "assembleTape: " + fault);

  const AssembledTape made = assemble_tape(graph, uses, gradients, slots, zero, arena_size, update);
  if (!made.is_ordered) return env.Undefined();
  auto tape = Napi::Uint32Array::New(env, made.tape.size());
  std::copy(made.tape.begin(), made.tape.end(), tape.Data());
  auto result = Napi::Object::New(env);
  result.Set("tape", tape);
  result.Set("clearForward", span_of(env, made.clear_forward));
  result.Set("forward", list_of(env, made.forward));
  result.Set("afterForward", span_of(env, made.after_forward));
  result.Set("clearBackward", span_of(env, made.clear_backward));
  result.Set("beforeBackward", span_of(env, made.before_backward));
  result.Set("backward", list_of(env, made.backward));
  result.Set("update", span_of(env, made.update));
  result.Set("arenaSize", made.arena_size);
  return result;
}

}  // namespace

void add_assemble_calls(Napi::Env env, Napi::Object exports) {
  exports.Set("countUses", Napi::Function::New<count_uses_call>(env, "countUses"));
  exports.Set("assembleTape", Napi::Function::New<assemble_call>(env, "assembleTape"));
}

}  // namespace vecgrad

#include "node/assemble_calls.h"

#include <algorithm>
#include <cstdint>

#include "compile/assemble.h"
#include "node/reader.h"
#include "node/results.h"

namespace vecgrad {
namespace {

// A graph being read: its attributes are integers to JavaScript.
struct GivenGraph {
  TapeGraph graph;
  std::span<const int32_t> words;

  void read(Reader& spec) {
    spec.elements("ops", graph.ops);
    spec.elements("start", graph.start);
    spec.elements("list", graph.list);
    spec.elements("levels", graph.levels);
    spec.elements("attributeOf", graph.attribute_of);
    spec.elements("attributes", words);
    spec.elements("levelsList", graph.levels_list);
    spec.elements("roles", graph.roles);
    spec.elements("own", graph.own);
    spec.elements("adding", graph.adding);
    graph.count = spec.integer("count");
    graph.forward_end = spec.integer("forwardEnd");
    graph.max_level = spec.integer("maxLevel");
  }
  // Its arrays have been looked into.
  const TapeGraph& get() {
    constexpr size_t each = sizeof(Attribute) / sizeof(int32_t);
    graph.attributes = {reinterpret_cast<const Attribute*>(words.data()), words.size() / each};
    return graph;
  }
};

bool are_nodes(const TapeGraph& graph, std::span<const int32_t> nodes) {
  for (const int32_t node : nodes)
    if (node < 0 || node >= graph.count) return false;
  return true;
}

// countUses(graph, keep): how often each node is used, 0 where it is not needed.
Napi::Value count_uses_call(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Arrays arrays(env);
  Reader spec(env, call[0], arrays);
  GivenGraph given;
  given.read(spec);
  std::span<const int32_t> keep;
  arrays.note("nodes to keep", call[1], keep);
  std::string fault = spec.wrong.empty() ? arrays.look() : spec.wrong;
  if (!fault.empty()) return fail<Napi::TypeError>(env, "countUses: unexpected " + fault);
  const TapeGraph& graph = given.get();
  fault = check_tape_graph(graph);
  if (!fault.empty()) return fail<Napi::TypeError>(env, "countUses: " + fault);
  if (!are_nodes(graph, keep))
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
  Arrays arrays(env);
  Reader spec(env, call[0], arrays), plan(env, call[1], arrays);
  GivenGraph given;
  given.read(spec);
  std::span<const int32_t> uses, gradients;
  std::span<int32_t> slots;
  plan.elements("uses", uses);
  plan.elements("gradients", gradients);
  plan.elements("slots", slots);
  const int32_t zero = plan.integer("zero"), arena_size = plan.integer("arenaSize");
  const TapeUpdate update{plan.integer("update"),        plan.integer("parameters"),
                          plan.integer("moment"),        plan.integer("secondMoment"),
                          plan.integer("gradientBlock"), plan.integer("rule"),
                          plan.integer("blockSize")};
  std::string fault = spec.wrong + plan.wrong;
  if (fault.empty()) fault = arrays.look();
  if (!fault.empty()) return fail<Napi::TypeError>(env, "assembleTape: unexpected " + fault);
  const TapeGraph& graph = given.get();
  fault = check_tape_graph(graph);
  if (fault.empty() && (uses.size() != size_t(graph.count) || slots.size() != uses.size()))
    fault = "uses or slots that are not one for each node";
  for (size_t node = 0; fault.empty() && node < uses.size(); node++)
    if (uses[node] > 0 && (graph.levels[node] < 0 || graph.levels[node] >= graph.max_level))
      fault = "a level out of range";
  if (fault.empty() && update.size > graph.count) fault = "an update of more numbers than nodes";
  const int64_t last =
      std::max({update.parameters, update.moment, update.second_moment, update.gradients});
  if (fault.empty() && std::max(arena_size + int64_t(graph.count), last + update.size) > INT32_MAX)
    fault = "an arena of more than 2^31 - 1 numbers";
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

// The assembler of scalar bytecode for JavaScript.
#include <napi.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "compile/assemble.h"
#include "node/calls.h"
#include "node/reader.h"
#include "node/results.h"

namespace vecgrad {
namespace {

// A graph that is being read. JavaScript gives the attributes as integers.
struct GivenGraph {
  AssemblerGraph graph;
  std::span<const int32_t> attribute_words;

  void read(Reader& in) {
    in.elements("ops", graph.ops);
    in.elements("start", graph.start);
    in.elements("list", graph.list);
    in.elements("positions", graph.positions);
    in.elements("attributeOf", graph.attribute_of);
    in.elements("attributes", attribute_words);
    in.elements("positionsList", graph.position_list);
    in.elements("roles", graph.roles);
    in.elements("own", graph.opcodes);
    in.elements("adding", graph.adding_opcodes);
    graph.count = in.integer("count");
    graph.forward_end = in.integer("forwardEnd");
    graph.max_length = in.integer("maxLength");
  }
  // Its arrays have been filled.
  const AssemblerGraph& get() {
    constexpr size_t each = sizeof(Attribute) / sizeof(int32_t);
    graph.attributes = {reinterpret_cast<const Attribute*>(attribute_words.data()),
                        attribute_words.size() / each};
    return graph;
  }
};

bool are_nodes(const AssemblerGraph& graph, std::span<const int32_t> nodes) {
  return std::all_of(nodes.begin(), nodes.end(),
                     [&](int32_t node) { return node >= 0 && node < graph.count; });
}

// countUses(graph, keep): how often each node is used, 0 where it is not needed.
Napi::Value count_uses_call(const Napi::CallbackInfo& call) {
  Arguments in(call, "countUses", "a graph and an Int32Array of nodes to keep");
  GivenGraph given;
  std::span<const int32_t> keep;
  Properties spec(in, "graph");
  given.read(spec);
  in.elements("nodes to keep", keep);
  if (!in.are_right()) return in.fail_usage();
  const AssemblerGraph& graph = given.get();
  const std::string fault = check_assembler_graph(graph);
  if (!fault.empty()) return in.fail_with<Napi::TypeError>(fault);
  if (!are_nodes(graph, keep)) return in.fail_usage();
  auto uses = Napi::Int32Array::New(call.Env(), size_t(graph.count));
  count_uses(graph, keep, {uses.Data(), uses.ElementLength()});
  return uses;
}

// Where leaves and gradients lie, and the update.
struct Plan {
  std::span<const int32_t> uses, gradients;
  std::span<int32_t> slots;
  int32_t zero, arena_size;
  ScalarUpdate update;

  void read(Reader& in) {
    in.elements("uses", uses);
    in.elements("gradients", gradients);
    in.elements("slots", slots);
    zero = in.integer("zero");
    arena_size = in.integer("arenaSize");
    update = {in.integer("update"),       in.integer("parameters"),    in.integer("moment"),
              in.integer("secondMoment"), in.integer("gradientBlock"), in.integer("rule"),
              in.integer("blockSize")};
  }
  // Returns what does not fit the graph, which is sound; empty if all fits.
  std::string check(const AssemblerGraph& graph) const {
    if (uses.size() != size_t(graph.count) || slots.size() != uses.size())
      return "uses or slots that are not one for each node";
    for (int32_t node = 0; node < graph.count; node++)
      if (uses[size_t(node)] > 0 &&
          (graph.position(node) < 0 || graph.position(node) >= graph.max_length))
        return "a position out of range";
    if (update.size > graph.count) return "an update of more numbers than nodes";
    const int64_t last =
        std::max({update.parameters, update.moment, update.second_moment, update.gradients});
    if (std::max(arena_size + int64_t(graph.count), last + update.size) > INT32_MAX)
      return "an arena of more than 2^31 - 1 numbers";
    return are_nodes(graph, gradients) ? "" : "gradients that are no nodes";
  }
};

Napi::Value span_of(Napi::Env env, const WordSpan& span) {
  return list(env, {double(span.begin), double(span.end)});
}

Napi::Value list_of(Napi::Env env, const std::vector<int32_t>& numbers) {
  auto made = Napi::Array::New(env, numbers.size());
  for (size_t i = 0; i < numbers.size(); i++) made.Set(uint32_t(i), numbers[i]);
  return made;
}

// assembleScalarBytecode(graph, plan): the words and where their parts are, or undefined where
// positions leave no order to run in. Fills plan.slots.
Napi::Value assemble_call(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Arguments in(call, "assembleScalarBytecode", "a graph and a plan");
  GivenGraph given;
  Plan plan;
  Properties graph_properties(in, "graph"), plan_properties(in, "plan");
  given.read(graph_properties);
  plan.read(plan_properties);
  if (!in.are_right()) return in.fail_usage();
  const AssemblerGraph& graph = given.get();
  std::string fault = check_assembler_graph(graph);
  if (fault.empty()) fault = plan.check(graph);
  if (!fault.empty()) return in.fail_with<Napi::TypeError>(fault);

  const AssembledBytecode made = assemble(graph, plan.uses, plan.gradients, plan.slots, plan.zero,
                                          plan.arena_size, plan.update);
  if (!made.is_ordered) return env.Undefined();
  auto result = Napi::Object::New(env);
  result.Set("words", array_of<Napi::Uint32Array>(env, made.words));
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
  exports.Set("assembleScalarBytecode",
              Napi::Function::New<assemble_call>(env, "assembleScalarBytecode"));
}

}  // namespace vecgrad

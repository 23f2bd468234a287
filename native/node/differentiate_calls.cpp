// The differentiation of graphs of single numbers for JavaScript.
#include <napi.h>

#include <string>

#include "compile/differentiate.h"
#include "node/calls.h"
#include "node/reader.h"
#include "node/results.h"

namespace vecgrad {
namespace {

// Reads the graph, the next argument.
void read_graph(Arguments& in, DifferentiableGraph& graph) {
  Properties spec(in, "graph");
  spec.elements("ops", graph.ops);
  spec.elements("start", graph.start);
  spec.elements("list", graph.list);
  spec.elements("positions", graph.positions);
  spec.elements("attributeOf", graph.attribute_of);
  spec.elements("prefix", graph.prefix);
  spec.elements("leaves", graph.leaves);
  graph.count = spec.integer("count");
  graph.forward_end = spec.integer("forwardEnd");
  graph.root = spec.integer("root");
  graph.add_n = spec.integer("addN");
}

// numberKinds(graph): one node of each kind that needs rules.
Napi::Value kinds_call(const Napi::CallbackInfo& call) {
  Arguments in(call, "numberKinds", "a graph");
  DifferentiableGraph graph;
  read_graph(in, graph);
  if (!in.are_right()) return in.fail_usage();
  const std::string fault = check_differentiable_graph(graph);
  if (!fault.empty()) return in.fail_with<Napi::TypeError>(fault);
  return array_of<Napi::Int32Array>(call.Env(), kinds_of(graph));
}

// differentiateNumbers(graph, rules, seed): the graph with the nodes of its gradients, as new
// arrays. The rules are those of numberKinds, in that order.
Napi::Value differentiate_call(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Arguments in(call, "differentiateNumbers", "a graph, rules and a seed");
  DifferentiableGraph graph;
  std::span<const int32_t> rules;
  read_graph(in, graph);
  in.elements("rules", rules);
  const int32_t seed = in.integer("seed");
  if (!in.are_right()) return in.fail_usage();
  std::string fault = check_differentiable_graph(graph);
  if (fault.empty() && (seed < 0 || seed >= graph.count)) fault = "a seed that is no node";
  Derivatives made;
  if (fault.empty()) fault = differentiate(graph, rules, seed, made);
  if (!fault.empty()) return in.fail_with<Napi::TypeError>(fault);
  auto result = Napi::Object::New(env);
  result.Set("ops", array_of<Napi::Uint8Array>(env, made.ops));
  result.Set("start", array_of<Napi::Int32Array>(env, made.start));
  result.Set("list", array_of<Napi::Int32Array>(env, made.list));
  result.Set("positions", array_of<Napi::Int32Array>(env, made.positions));
  result.Set("attributeOf", array_of<Napi::Int32Array>(env, made.attribute_of));
  result.Set("gradients", array_of<Napi::Int32Array>(env, made.gradients));
  result.Set("attributes", array_of<Napi::Int32Array>(env, made.attributes));
  result.Set("termPositions", array_of<Napi::Int32Array>(env, made.term_positions));
  return result;
}

}  // namespace

void add_differentiate_calls(Napi::Env env, Napi::Object exports) {
  exports.Set("numberKinds", Napi::Function::New<kinds_call>(env, "numberKinds"));
  exports.Set("differentiateNumbers",
              Napi::Function::New<differentiate_call>(env, "differentiateNumbers"));
}

}  // namespace vecgrad

#include "node/differentiate_calls.h"

#include "compile/differentiate.h"
#include "node/reader.h"
#include "node/results.h"

namespace vecgrad {
namespace {

void read_graph(Reader& spec, NumberGraph& graph) {
  spec.elements("ops", graph.ops);
  spec.elements("start", graph.start);
  spec.elements("list", graph.list);
  spec.elements("levels", graph.levels);
  spec.elements("attributeOf", graph.attribute_of);
  spec.elements("prefix", graph.prefix);
  spec.elements("leaves", graph.leaves);
  graph.count = spec.integer("count");
  graph.forward_end = spec.integer("forwardEnd");
  graph.root = spec.integer("root");
  graph.total = spec.integer("total");
}

template <class Made, class T>
Made array_of(Napi::Env env, const std::vector<T>& numbers) {
  auto made = Made::New(env, numbers.size());
  std::copy(numbers.begin(), numbers.end(), made.Data());
  return made;
}

// numberKinds(graph): one node of each kind that needs rules.
Napi::Value kinds_call(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Arrays arrays(env);
  Reader spec(env, call[0], arrays);
  NumberGraph graph;
  read_graph(spec, graph);
  std::string fault = spec.wrong.empty() ? arrays.look() : spec.wrong;
  if (!fault.empty()) return fail<Napi::TypeError>(env, "numberKinds: unexpected " + fault);
  fault = check_number_graph(graph);
  if (!fault.empty()) return fail<Napi::TypeError>(env, "numberKinds: " + fault);
  return array_of<Napi::Int32Array>(env, kinds_of(graph));
}

// differentiateNumbers(graph, rules, seed): the graph with its gradients' nodes, as new arrays. The
// rules are those of numberKinds, in that order.
Napi::Value differentiate_call(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Arrays arrays(env);
  Reader spec(env, call[0], arrays);
  NumberGraph graph;
  read_graph(spec, graph);
  std::span<const int32_t> rules;
  arrays.note("rules", call[1], rules);
  int32_t seed = -1;
  std::string fault = spec.wrong.empty() ? arrays.look() : spec.wrong;
  if (!fault.empty())
    return fail<Napi::TypeError>(env, "differentiateNumbers: unexpected " + fault);
  fault = check_number_graph(graph);
  if (fault.empty() &&
      (napi_get_value_int32(env, call[2], &seed) != napi_ok || seed < 0 || seed >= graph.count))
    fault = "a seed that is no node";
  Derivatives made;
  if (fault.empty()) fault = differentiate(graph, rules, seed, made);
  if (!fault.empty()) return fail<Napi::TypeError>(env, "differentiateNumbers: " + fault);
  auto result = Napi::Object::New(env);
  result.Set("ops", array_of<Napi::Uint8Array>(env, made.ops));
  result.Set("start", array_of<Napi::Int32Array>(env, made.start));
  result.Set("list", array_of<Napi::Int32Array>(env, made.list));
  result.Set("levels", array_of<Napi::Int32Array>(env, made.levels));
  result.Set("attributeOf", array_of<Napi::Int32Array>(env, made.attribute_of));
  result.Set("gradients", array_of<Napi::Int32Array>(env, made.gradients));
  result.Set("attributes", array_of<Napi::Int32Array>(env, made.attributes));
  result.Set("termLevels", array_of<Napi::Int32Array>(env, made.term_levels));
  return result;
}

}  // namespace

void add_differentiate_calls(Napi::Env env, Napi::Object exports) {
  exports.Set("numberKinds", Napi::Function::New<kinds_call>(env, "numberKinds"));
  exports.Set("differentiateNumbers",
              Napi::Function::New<differentiate_call>(env, "differentiateNumbers"));
}

}  // namespace vecgrad

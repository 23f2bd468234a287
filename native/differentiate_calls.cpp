#include "differentiate_calls.h"

#include "differentiate.h"
#include "reader.h"
#include "results.h"

namespace vecgrad {
namespace {

NumberGraph read_graph(Reader& spec) {
  NumberGraph graph;
  graph.ops = spec.elements<const uint8_t>("ops");
  graph.start = spec.elements<const int32_t>("start");
  graph.list = spec.elements<const int32_t>("list");
  graph.levels = spec.elements<const int32_t>("levels");
  graph.attribute_of = spec.elements<const int32_t>("attributeOf");
  graph.prefix = spec.elements<const uint8_t>("prefix");
  graph.leaves = spec.elements<const uint8_t>("leaves");
  graph.count = spec.integer("count");
  graph.forward_end = spec.integer("forwardEnd");
  graph.root = spec.integer("root");
  graph.total = spec.integer("total");
  return graph;
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
  Reader spec(env, call[0]);
  const NumberGraph graph = read_graph(spec);
  if (!spec.wrong.empty())
    return fail<Napi::TypeError>(env, "numberKinds: unexpected " + spec.wrong);
  const std::string fault = check_number_graph(graph);
  if (!fault.empty()) return fail<Napi::TypeError>(env, "numberKinds: " + fault);
  return array_of<Napi::Int32Array>(env, kinds_of(graph));
}

// differentiateNumbers(graph, rules, seed): the graph with its gradients' nodes, as new arrays. The
// rules are those of numberKinds, in that order.
Napi::Value differentiate_call(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Reader spec(env, call[0]);
  const NumberGraph graph = read_graph(spec);
  std::span<const int32_t> rules;
  int32_t seed = -1;
  if (!spec.wrong.empty())
    return fail<Napi::TypeError>(env, "differentiateNumbers: unexpected " + spec.wrong);
  if (!read_elements(env, call[1], rules))
    return fail<Napi::TypeError>(env, "differentiateNumbers: expected an Int32Array of rules");
  std::string fault = check_number_graph(graph);
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

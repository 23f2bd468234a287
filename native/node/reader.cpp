// Conversions of JavaScript values: see reader.h.
#include "node/reader.h"

#include <cmath>

namespace vecgrad {

Napi::Value Reader::value(const char* name) {
  if (is_wrong()) return {};
  const Napi::Value found = next(name);
  if (found.IsEmpty()) refuse(name);
  return found;
}

int32_t Reader::integer(const char* name) {
  int32_t found = 0;
  if (napi_get_value_int32(call_.env, value(name), &found) != napi_ok) refuse(name);
  return found;
}

double Reader::number(const char* name) {
  double found = 0;
  if (napi_get_value_double(call_.env, value(name), &found) != napi_ok) refuse(name);
  return found;
}

double Reader::number(const char* name, double min, double max) {
  const double found = number(name);
  if (found >= min && found <= max) return found;
  refuse(name);
  return min;
}

int64_t Reader::whole(const char* name, int64_t min, int64_t max) {
  const double found = number(name, double(min), double(max));
  if (found != std::floor(found)) refuse(name);
  return int64_t(found);
}

bool Reader::flag(const char* name) {
  bool found = false;
  if (napi_get_value_bool(call_.env, value(name), &found) != napi_ok) refuse(name);
  return found;
}

std::string Reader::text(const char* name) {
  const Napi::Value found = value(name);
  if (!is_wrong() && found.IsString()) return found.As<Napi::String>().Utf8Value();
  refuse(name);
  return "";
}

std::string Reader::isa(const char* name) {
  const Napi::Value found = value(name);
  if (is_wrong() || found.IsUndefined()) return "";
  if (found.IsString()) return found.As<Napi::String>().Utf8Value();
  refuse(name);
  return "";
}

Properties::Properties(Reader& from, const char* name, const Napi::Value& object)
    : Reader(from.call_) {
  if (!is_wrong() && object.IsObject())
    object_ = object.As<Napi::Object>();
  else
    refuse(name);
}

Napi::Value Arguments::fail_usage() const {
  const std::string wrong = is_wrong() ? "; unexpected " + shared_.wrong : "";
  return fail<Napi::TypeError>(shared_.env, std::string(name_) + ": expected " + usage_ + wrong);
}

}  // namespace vecgrad

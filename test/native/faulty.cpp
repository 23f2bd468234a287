// A fault for each sanitizer, which must find it: a sanitizer that is asleep finds nothing
// anywhere.
//
//   faulty NAME                      a program commits it
//   VECGRAD_FAULT=NAME, faulty.node  loaded by Node, as the addon is
//
// NAME is address, undefined or thread; ends with 0 where nothing stopped it.
#include <cstdlib>
#include <cstring>
#include <thread>

namespace {

// Volatile: what the compiler can foresee it may leave out.
volatile int sink = 0;

void read_behind_an_array() {
  volatile size_t size = 4;
  int* const numbers = new int[size]();
  sink = numbers[size];
  delete[] numbers;
}

void overflow() {
  volatile int most = 0x7fffffff;
  sink = most + 1;
}

int counted = 0;

void race() {
  const auto count = [] {
    for (int i = 0; i < 1000; i++) *const_cast<volatile int*>(&counted) += 1;
  };
  std::thread other(count);
  count();
  other.join();
}

void commit(const char* name) {
  if (!std::strcmp(name, "address")) read_behind_an_array();
  if (!std::strcmp(name, "undefined")) overflow();
  if (!std::strcmp(name, "thread")) race();
}

}  // namespace

#ifdef VECGRAD_FAULTY_PROGRAM
int main(int argc, char** argv) { commit(argc > 1 ? argv[1] : ""); }
#else
// What Node calls when it has loaded an addon; the exports are returned as they came.
extern "C" __attribute__((visibility("default"))) void* napi_register_module_v1(void*,
                                                                                void* exports) {
  if (const char* name = std::getenv("VECGRAD_FAULT")) commit(name);
  return exports;
}
#endif

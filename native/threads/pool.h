// The process's pool of threads, which programs of all of Node's threads share. It is made when
// work is first shared out, and has at most as many threads as the process has processors to run
// on, the calling thread counted.
#pragma once

#include <cstdint>
#include <functional>

namespace vecgrad {

// Lets what the calling thread shares out run on up to `threads` threads at once, itself included,
// while this object lives; work that is shared out within shared work counts too. Without such an
// object a thread shares nothing out.
class ThreadLimit {
 public:
  explicit ThreadLimit(int32_t threads);
  ~ThreadLimit();
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

  // How many threads the calling thread may have, itself included.
  static int32_t threads();

 private:
  friend class Pool;

  const int32_t threads_;
  int32_t free_;  // more threads of the pool may join; guarded by the pool's mutex
  ThreadLimit* const outer_;
};

// Calls work(part) once for each part of [0, parts), on the calling thread and on as many threads
// of the pool as its limit allows and are free. Which thread takes a part must not matter. `work`
// must not throw; what it shares out itself stays on its thread.
void share_out(int32_t parts, const std::function<void(int32_t)>& work);

// Calls work(0) on the calling thread and work(1) to work(most - 1) on threads of the pool, as far
// as the thread's limit allows and some are free before work(0) has returned. Returns when all
// calls that began have returned: they divide the work among themselves. `work` must not throw.
void with_helpers(int32_t most, const std::function<void(int32_t)>& work);

}  // namespace vecgrad

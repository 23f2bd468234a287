// The process's pool of threads, which programs of all of Node's threads share. It is made when
// work is first shared out, and has at most as many threads as the process has processors to run
// on, the calling thread counted.
#pragma once

#include <cstdint>
#include <functional>

namespace vecgrad {

// How many processors this process may use at once: what its affinity and its control group allow.
int32_t available_processors();

// Calls work(0) on the calling thread and work(1) to work(most - 1) on threads of the pool, as far
// as some are free before work(0) has returned. Returns when all calls that began have returned:
// they divide the work among themselves. `work` must not throw.
void with_helpers(int32_t most, const std::function<void(int32_t)>& work);

}  // namespace vecgrad

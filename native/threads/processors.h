// How many processors this process may use at once.
#pragma once

#include <cstdint>
#include <string>

namespace vecgrad {

// What the processors of the machine, the process's affinity and the quotas of its control groups
// allow, at least 1. It is found out once.
int32_t available_processors();

// The processors that the quotas of the process's control groups allow, rounded down, at least 1;
// 0: no quota is known. The files are read below `root`, which is empty but for tests.
int32_t control_group_processors(const std::string& root);

}  // namespace vecgrad

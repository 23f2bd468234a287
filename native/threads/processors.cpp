// The processors of this process: see processors.h.
#include "threads/processors.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

namespace vecgrad {
namespace {

// Whether `name` is one of the names in a list that commas separate.
bool has_name(const std::string& list, const char* name) {
  std::istringstream names(list);
  for (std::string one; std::getline(names, one, ',');)
    if (one == name) return true;
  return false;
}

// Reads `count` numbers of a file, at most two. A limit that is the word "max" is no number.
bool read_numbers(const std::string& path, double* numbers, int count) {
  std::FILE* const file = std::fopen(path.c_str(), "re");
  if (!file) return false;
  const int found = count == 1 ? std::fscanf(file, "%lf", numbers)
                               : std::fscanf(file, "%lf %lf", numbers, numbers + 1);
  std::fclose(file);
  return found == count;
}

// The processors that one control group allows; 0 where it has no quota.
double quota_of_group(const std::string& folder, bool is_version_2) {
  double of[2] = {0, 0};
  const bool is_known = is_version_2 ? read_numbers(folder + "/cpu.max", of, 2)
                                     : read_numbers(folder + "/cpu.cfs_quota_us", of, 1) &&
                                           read_numbers(folder + "/cpu.cfs_period_us", of + 1, 1);
  return is_known && of[0] > 0 && of[1] > 0 ? of[0] / of[1] : 0;
}

// A mounted hierarchy of control groups that can limit processors: the group that the mount shows
// as its top, and where.
struct Hierarchy {
  bool is_version_2;
  std::string top, mount;
};

// A line of mountinfo: "id parent device top mount options [more ...] - type source options".
std::vector<Hierarchy> hierarchies(const std::string& root) {
  std::vector<Hierarchy> found;
  std::ifstream lines(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string skip, top, mount, type, options;
    words >> skip >> skip >> skip >> top >> mount;
    while (words >> skip && skip != "-") {
    }
    words >> type >> skip >> options;
    if (type == "cgroup2" || (type == "cgroup" && has_name(options, "cpu")))
      found.push_back({type == "cgroup2", top, mount});
  }
  return found;
}

// The path of the process's group in a hierarchy. A line of the file: "number:controllers:path",
// where version 2 has number 0 and no controllers.
std::string group_of(const std::string& root, bool is_version_2) {
  std::ifstream lines(root + "/proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (is_version_2 ? controllers.empty() : has_name(controllers, "cpu"))
      return line.substr(second + 1);
  }
  return "/";
}

}  // namespace

int32_t control_group_processors(const std::string& root) {
  double least = 0;
  for (const auto& [is_version_2, top, mount] : hierarchies(root)) {
    const std::string group = group_of(root, is_version_2);
    // The group below the mount. A group outside of what the mount shows is the mount's top, as in
    // a container that knows its group by the path that it has outside.
    const std::string above = top == "/" ? "" : top;
    const bool is_below = group.compare(0, above.size(), above) == 0 &&
                          (group.size() == above.size() || group[above.size()] == '/');
    std::string below = is_below ? group.substr(above.size()) : "";
    // Each group around it limits it too.
    for (;;) {
      const double quota = quota_of_group(root + mount + below, is_version_2);
      if (quota > 0) least = least > 0 ? std::min(least, quota) : quota;
      if (below.empty()) break;
      below.resize(below.rfind('/') == std::string::npos ? 0 : below.rfind('/'));
    }
  }
  return least > 0 ? std::max(1, int32_t(std::min(least, 1e6))) : 0;
}

int32_t available_processors() {
  static const int32_t count = [] {
    int32_t most = std::max(1, int32_t(std::thread::hardware_concurrency()));
#ifdef __linux__
    // Not every C++ library asks for the affinity.
    cpu_set_t own;
    if (sched_getaffinity(0, sizeof own, &own) == 0) most = std::min(most, CPU_COUNT(&own));
#endif
    const int32_t groups = control_group_processors("");
    return groups > 0 ? std::min(most, groups) : most;
  }();
  return count;
}

}  // namespace vecgrad

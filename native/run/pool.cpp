// The pool of threads: see pool.h.
#include "run/pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <dlfcn.h>
#include <pthread.h>
#endif
#ifdef __linux__
#include <sched.h>
#endif

namespace vecgrad {
namespace {

// How long a thread that has nothing to do looks for work before it sleeps: waking up takes about
// as long. Steps on batches follow each other faster.
constexpr std::chrono::microseconds spin_time{50};

// Lets the other thread of the processor's core run for a moment.
inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ __volatile__("yield");
#endif
}

// Looks at `is_done` for a while; whether it was true.
template <class Done>
bool spin_until(const Done& is_done) {
  const auto end = std::chrono::steady_clock::now() + spin_time;
  do
    for (int i = 0; i < 64; i++) {
      if (is_done()) return true;
      relax();
    }
  while (std::chrono::steady_clock::now() < end);
  return is_done();
}

struct Job {
  const std::function<void(int32_t)>& work;
  int32_t most;                     // calls, that of the thread that has the job included
  int32_t begun = 1;                // guarded by the pool's mutex
  std::atomic<int32_t> running{0};  // on threads of the pool
};

class Pool {
 public:
  void run(int32_t most, const std::function<void(int32_t)>& work) {
    Job job{work, most};
    {
      const std::lock_guard lock(mutex_);
      grow(most - 1);
      jobs_.push_back(&job);
      is_open_.store(true, std::memory_order_release);
      if (sleeping_ > 0) wake_.notify_all();
    }
    work(0);
    {
      const std::lock_guard lock(mutex_);
      close(&job);
    }
    const auto is_over = [&] { return job.running.load(std::memory_order_acquire) == 0; };
    while (!spin_until(is_over)) std::this_thread::yield();
  }

 private:
  // Has `count` threads, or as many as there can be.
  void grow(int32_t count) {
    for (; threads_ < count; threads_++) {
      try {
        std::thread([this] { serve(); }).detach();
      } catch (const std::system_error&) {
        return;  // there are no more threads
      }
    }
  }

  // What each thread of the pool does until the process ends.
  void serve() {
    for (;;) {
      spin_until([&] { return is_open_.load(std::memory_order_acquire); });
      Job* job;
      int32_t number;
      {
        std::unique_lock lock(mutex_);
        sleeping_++;
        wake_.wait(lock, [&] { return !jobs_.empty(); });
        sleeping_--;
        job = jobs_.front();
        number = job->begun++;
        job->running.fetch_add(1, std::memory_order_relaxed);
        if (job->begun >= job->most) close(job);
      }
      job->work(number);
      job->running.fetch_sub(1, std::memory_order_release);
    }
  }

  // No more threads join in a job.
  void close(Job* job) {
    std::erase(jobs_, job);
    is_open_.store(!jobs_.empty(), std::memory_order_release);
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job*> jobs_;            // that threads may join, oldest first
  std::atomic<bool> is_open_{false};  // whether there is one
  int32_t sleeping_ = 0, threads_ = 0;
};

// Never destroyed: its threads run until the process ends.
std::atomic<Pool*> shared_pool{nullptr};

#if defined(__unix__) || defined(__APPLE__)
// The threads run this library's code, so it must stay where it is after the worker that loaded it
// has ended. A forked process has none of them, and makes a pool of its own.
void prepare_process() {
  static std::once_flag once;
  std::call_once(once, [] {
    Dl_info info;
    if (dladdr(reinterpret_cast<const void*>(&prepare_process), &info) && info.dli_fname)
      dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE);
    pthread_atfork(nullptr, nullptr, [] { shared_pool.store(nullptr); });
  });
}
#else
void prepare_process() {}
#endif

Pool& pool() {
  Pool* found = shared_pool.load(std::memory_order_acquire);
  if (found) return *found;
  prepare_process();
  auto* const made = new Pool;
  if (shared_pool.compare_exchange_strong(found, made)) return *made;
  delete made;  // another thread was faster; no thread has seen this one
  return *found;
}

// The processors of a control group: the quota of each period, as the files of version 2 ("max
// 100000", "150000 100000") or version 1 tell. 0: no limit is known.
int32_t control_group_processors() {
  double quota = -1, period = 0;
  const auto read = [](const char* path, double* first, double* second) {
    std::FILE* const file = std::fopen(path, "re");
    if (!file) return 0;
    const int count =
        second ? std::fscanf(file, "%lf %lf", first, second) : std::fscanf(file, "%lf", first);
    std::fclose(file);
    return count;
  };
  const bool is_known = read("/sys/fs/cgroup/cpu.max", &quota, &period) == 2 ||
                        (read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", &quota, nullptr) == 1 &&
                         read("/sys/fs/cgroup/cpu/cpu.cfs_period_us", &period, nullptr) == 1);
  if (!is_known || quota <= 0 || period <= 0) return 0;
  return std::max(1, int32_t(quota / period));
}

}  // namespace

int32_t available_processors() {
  static const int32_t count = [] {
    int32_t most = std::max(1, int32_t(std::thread::hardware_concurrency()));
#ifdef __linux__
    // Not every C++ library asks for the affinity.
    cpu_set_t own;
    if (sched_getaffinity(0, sizeof own, &own) == 0) most = std::min(most, CPU_COUNT(&own));
#endif
    const int32_t group = control_group_processors();
    return group > 0 ? std::min(most, group) : most;
  }();
  return count;
}

void with_helpers(int32_t most, const std::function<void(int32_t)>& work) {
  most = std::min(most, available_processors());
  if (most <= 1)
    work(0);
  else
    pool().run(most, work);
}

}  // namespace vecgrad

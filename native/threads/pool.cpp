// The pool of threads: see pool.h.
#include "threads/pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "threads/processors.h"

#if defined(__unix__) || defined(__APPLE__)
#include <dlfcn.h>
#include <pthread.h>
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

// The limit of the calling thread, or of the work that a thread of the pool is doing.
thread_local ThreadLimit* current_limit = nullptr;

// The calling thread shares nothing out while an object of this class lives.
class Alone {
 public:
  Alone() : limit_(std::exchange(current_limit, nullptr)) {}
  ~Alone() { current_limit = limit_; }
  Alone(const Alone&) = delete;
  Alone& operator=(const Alone&) = delete;

 private:
  ThreadLimit* const limit_;
};

struct Job {
  const std::function<void(int32_t)>& work;
  const int32_t most;               // calls, that of the thread that has the job included
  ThreadLimit* const limit;         // of that thread
  int32_t begun = 1;                // guarded by the pool's mutex
  std::atomic<int32_t> running{0};  // on threads of the pool
};

// A lock that is held for some nanoseconds: waiting for it takes no call of the operating system,
// which would take longer than most work that is shared out.
class SpinLock {
 public:
  void lock() {
    for (int tries = 0; is_held_.exchange(true, std::memory_order_acquire); tries++)
      tries < 1000 ? relax() : std::this_thread::yield();
  }
  void unlock() { is_held_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> is_held_{false};
};

}  // namespace

class Pool {
 public:
  void run(int32_t most, const std::function<void(int32_t)>& work) {
    Job job{work, most, current_limit};
    {
      const std::lock_guard lock(lock_);
      grow(most - 1);
      jobs_.push_back(&job);
      see_jobs();
    }
    wake(most - 1);
    work(0);
    {
      const std::lock_guard lock(lock_);
      std::erase(jobs_, &job);
      see_jobs();
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
      int32_t number;
      Job* const job = join(number);
      if (!job) {
        rest();
        continue;
      }
      current_limit = job->limit;
      job->work(number);
      current_limit = nullptr;
      const std::lock_guard lock(lock_);
      job->limit->free_++;
      see_jobs();
      job->running.fetch_sub(1, std::memory_order_release);  // the last use of the job
    }
  }

  // Joins in the oldest job that another thread may join in; nullptr: there is none.
  Job* join(int32_t& number) {
    if (!is_open_.load(std::memory_order_acquire)) return nullptr;
    const std::lock_guard lock(lock_);
    Job* const job = find();
    if (!job) return nullptr;
    number = job->begun++;
    job->limit->free_--;
    job->running.fetch_add(1, std::memory_order_relaxed);
    see_jobs();
    return job;
  }
  Job* find() const {
    for (Job* const job : jobs_)
      if (job->limit->free_ > 0 && job->begun < job->most) return job;
    return nullptr;
  }
  void see_jobs() { is_open_.store(find() != nullptr); }

  // Waits for a job: looks for one for a while, then sleeps. Whoever brings one looks for sleepers
  // after it, and a thread that goes to sleep looks for a job after it has said so: one sees the
  // other.
  void rest() {
    const auto is_open = [&] { return is_open_.load(); };
    if (spin_until(is_open)) return;
    const uint32_t seen = calls_.load();
    sleeping_.fetch_add(1);
    if (!is_open()) calls_.wait(seen);
    sleeping_.fetch_sub(1);
  }
  void wake(int32_t most) {
    if (sleeping_.load() == 0) return;
    calls_.fetch_add(1);
    if (most == 1)
      calls_.notify_one();
    else
      calls_.notify_all();
  }

  SpinLock lock_;
  std::vector<Job*> jobs_;            // oldest first
  std::atomic<bool> is_open_{false};  // whether a thread may join in one of them
  std::atomic<uint32_t> calls_{0};    // what sleeping threads wait for
  std::atomic<int32_t> sleeping_{0};
  int32_t threads_ = 0;
};

namespace {

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

}  // namespace

ThreadLimit::ThreadLimit(int32_t threads)
    : threads_(std::min(threads, available_processors())),
      free_(threads_ - 1),
      outer_(current_limit) {
  current_limit = this;
}
ThreadLimit::~ThreadLimit() { current_limit = outer_; }
int32_t ThreadLimit::threads() { return current_limit ? current_limit->threads_ : 1; }

void share_out(int32_t parts, const std::function<void(int32_t)>& work) {
  const int32_t most = std::min(parts, ThreadLimit::threads());
  if (most <= 1) {
    for (int32_t part = 0; part < parts; part++) work(part);
    return;
  }
  // Each thread takes the parts of a range of its own, in order: what it computed by an earlier
  // call, from the same rows, is in its cache. Then it takes what others have left.
  struct alignas(64) Range {
    std::atomic<int32_t> next;
    int32_t end;
  };
  std::vector<Range> ranges((size_t(most)));
  for (int32_t t = 0; t < most; t++) {
    ranges[size_t(t)].next = int32_t(int64_t(parts) * t / most);
    ranges[size_t(t)].end = int32_t(int64_t(parts) * (t + 1) / most);
  }
  with_helpers(most, [&](int32_t thread) {
    const Alone alone;
    for (size_t i = 0; i < ranges.size(); i++) {
      Range& range = ranges[(size_t(thread) + i) % ranges.size()];
      for (int32_t part; (part = range.next.fetch_add(1, std::memory_order_relaxed)) < range.end;)
        work(part);
    }
  });
}

void with_helpers(int32_t most, const std::function<void(int32_t)>& work) {
  most = std::min(most, ThreadLimit::threads());
  if (most <= 1)
    work(0);
  else
    pool().run(most, work);
}

}  // namespace vecgrad

// The pool of threads: see pool.h.
#include "threads/pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
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

struct Job {
  const std::function<void(int32_t)>& work;
  const int32_t most;               // calls, that of the thread that has the job included
  ThreadLimit* const limit;         // of that thread
  int32_t begun = 1;                // guarded by the pool's mutex
  std::atomic<int32_t> running{0};  // on threads of the pool
};

}  // namespace

class Pool {
 public:
  void run(int32_t most, const std::function<void(int32_t)>& work) {
    Job job{work, most, current_limit};
    {
      const std::lock_guard lock(mutex_);
      grow(most - 1);
      jobs_.push_back(&job);
      is_open_.store(true, std::memory_order_release);
      for (int32_t i = std::min(sleeping_, most - 1); i > 0; i--) wake_.notify_one();
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
    std::unique_lock lock(mutex_);
    for (;;) {
      Job* job = nullptr;
      const auto finds = [&] { return (job = find()) != nullptr; };
      if (!finds()) {
        lock.unlock();
        spin_until([&] { return is_open_.load(std::memory_order_acquire); });
        lock.lock();
        sleeping_++;
        wake_.wait(lock, finds);
        sleeping_--;
      }
      const int32_t number = job->begun++;
      job->limit->free_--;
      job->running.fetch_add(1, std::memory_order_relaxed);
      if (job->begun >= job->most) close(job);
      lock.unlock();
      current_limit = job->limit;
      job->work(number);
      current_limit = nullptr;
      lock.lock();
      job->limit->free_++;
      job->running.fetch_sub(1, std::memory_order_release);  // the last use of the job
    }
  }

  // The oldest job that another thread may join in; nullptr: there is none.
  Job* find() const {
    for (Job* const job : jobs_)
      if (job->limit->free_ > 0) return job;
    return nullptr;
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

void with_helpers(int32_t most, const std::function<void(int32_t)>& work) {
  most = std::min(most, ThreadLimit::threads());
  if (most <= 1)
    work(0);
  else
    pool().run(most, work);
}

}  // namespace vecgrad

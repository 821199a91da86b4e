#include "systems/mgs/run/team.h"

namespace isomer::mgs {

Team::Team(int threads) {
  for (int i = 1; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

Team::~Team() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  begins_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

// The lock is held between parts, not during them.
void Team::take_parts() {
  std::unique_lock lock(mutex_);
  while (next_ < count_ && failure_ == nullptr) {
    const std::size_t own = next_++;
    lock.unlock();
    std::exception_ptr failure;
    try {
      (*part_)(own);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    if (failure != nullptr && failure_ == nullptr) failure_ = failure;
  }
}

void Team::work() {
  std::size_t seen = 0;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      begins_.wait(lock, [&] { return closing_ || round_ != seen; });
      if (closing_) return;
      seen = round_;
    }
    take_parts();
    const std::lock_guard lock(mutex_);
    if (--busy_ == 0) ends_.notify_one();
  }
}

void Team::share(std::size_t count, bool worthwhile, const std::function<void(std::size_t)>& part) {
  if (!worthwhile || threads_.empty() || count < 2) {
    for (std::size_t i = 0; i < count; ++i) part(i);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    part_ = &part;
    next_ = 0;
    count_ = count;
    busy_ = threads_.size();
    failure_ = nullptr;
    ++round_;
  }
  begins_.notify_all();
  take_parts();
  std::unique_lock lock(mutex_);
  ends_.wait(lock, [&] { return busy_ == 0; });
  if (failure_ != nullptr) std::rethrow_exception(failure_);
}

}  // namespace isomer::mgs

#pragma once

// Threads that share a loop.

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace isomer::mgs {

/// Parts of a loop are given to whoever is free; which part runs where changes nothing.
class Team {
 public:
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  /// Calls `part` with 0 to `count` - 1; several at a time where `worthwhile`. Throws what one of
  /// them throws.
  void share(std::size_t count, bool worthwhile, const std::function<void(std::size_t)>& part);

 private:
  void work();
  void take_parts();

  std::vector<std::thread> threads_ = {};
  std::mutex mutex_ = {};
  std::condition_variable begins_ = {};
  std::condition_variable ends_ = {};
  const std::function<void(std::size_t)>* part_ = nullptr;
  std::size_t next_ = 0;
  std::size_t count_ = 0;
  std::size_t busy_ = 0;
  std::size_t round_ = 0;
  bool closing_ = false;
  std::exception_ptr failure_ = {};
};

}  // namespace isomer::mgs

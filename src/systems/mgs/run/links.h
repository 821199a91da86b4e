#pragma once

// What a node is connected to. Connections are many and mostly regular, all nodes of a layer one
// after the other, so they are kept as runs: no edge has an object of its own.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace isomer::mgs {

struct Layer;

/// One connection: what is read, whose it is, and what came with it.
struct Link {
  const void* source = nullptr;  // the member of the source that its interface hands out
  const Layer* layer = nullptr;  // of the source; null for a constant
  std::uint32_t node = 0;        // the source's place in its layer
  std::int64_t number = 0;       // an index or a tag
  double weight = 0;
};

class Links {
 public:
  /// Connections whose sources, and whose numbers, are equally far apart.
  struct Run {
    Link first;
    std::ptrdiff_t stride = 0;  // of the source, in bytes
    std::int64_t step = 0;      // of the node
    std::int64_t number_step = 0;
    std::size_t count = 1;

    Link at(std::size_t i) const;
    /// The same connections, whatever they carry.
    friend bool operator==(const Run& a, const Run& b);
  };

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<const Run> runs() const { return runs_; }
  Link at(std::size_t i) const;
  void push(const Link& link);

  /// Calls `action` with each link, in the order in which they were made.
  template <class Action>
  void each(const Action& action) const {
    for (const Run& run : runs_)
      for (std::size_t i = 0; i < run.count; ++i) action(run.at(i));
  }
  /// Calls `action` with each scalar that is read, in that order.
  template <class Action>
  void each_value(const Action& action) const {
    for (const Run& run : runs_) {
      const auto* source = static_cast<const std::byte*>(run.first.source);
      for (std::size_t i = 0; i < run.count; ++i, source += run.stride)
        action(*reinterpret_cast<const double*>(source));
    }
  }
  double value(std::size_t i) const { return *static_cast<const double*>(at(i).source); }

 private:
  std::vector<Run> runs_;
  std::size_t size_ = 0;
};

}  // namespace isomer::mgs

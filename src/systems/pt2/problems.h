#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "systems/pt2/schema.h"

namespace isomer::pt2 {

/// "node 'conv2d' (aten.conv2d.default), in encoder.0, net.py:12"
std::string describe(const ExportNode& node);

/// What of a program is not read: collected, so that it can be told all at once.
class Problems {
 public:
  /// `reason` may be empty: the operator is not known at all.
  void add(const ExportNode& node, std::string_view reason);
  /// Those of a graph inside.
  void add(const Problems& inner);
  bool empty() const { return problems_.empty(); }
  /// Throws Fault::unsupported with the whole list, and with what helps where that is known. The
  /// program may be decomposed already.
  void throw_if_any(bool decomposed) const;

 private:
  struct Problem {
    std::string what;
    int count = 0;
    std::string first;        // where it stands first
    bool decomposes = false;  // into what is read
  };
  void add(Problem problem);

  std::vector<Problem> problems_;
};

}  // namespace isomer::pt2

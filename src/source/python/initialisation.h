#pragma once

// The lines of a module's __init__.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "source/python/construction.h"
#include "source/python/modules.h"

namespace isomer::python {

class Initialisation {
 public:
  explicit Initialisation(const Modules& modules);

  /// What the module makes and registers, after super().__init__(). `own` gives the construction of
  /// a module with a class of its own.
  std::vector<InitLine> lines(std::size_t module,
                              const std::function<Construction(std::size_t)>& own) const;
  /// The model as one nn.Sequential: what it hands to super().__init__.
  Construction sequence(const std::function<Construction(std::size_t)>& own) const;
  /// Tied and frozen tensors: said by the nearest class around all the modules concerned.
  std::vector<std::string> fixes(std::size_t module) const;

 private:
  const Modules& modules_;
  std::map<std::size_t, std::vector<const Tie*>> ties_;      // by who says them
  std::map<std::size_t, std::vector<const Layer*>> layers_;  // with tensors, by who makes them
  bool trainable_ = false;                                   // whether anything is
};

}  // namespace isomer::python

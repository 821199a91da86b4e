#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "graph/attribute.h"
#include "graph/tensor.h"
#include "run/engine.h"

namespace isomer {

/// Runs single operators of the catalog, for systems whose documents have an executor of their own.
/// What was prepared for one operator, its attributes and its input types is kept, so that repeated
/// calls are cheap. Belongs to one thread.
class Operators {
 public:
  /// A result has at most as many elements as `most_elements`, or as its largest input. `engine`
  /// gives who runs operators of many elements, and is asked only when there has been so much to do
  /// that a start of its library pays; all others run on the reference.
  explicit Operators(std::int64_t most_elements = std::numeric_limits<std::int64_t>::max(),
                     const Engine& (*engine)() = reference_engine, EngineOptions options = {});
  ~Operators();

  /// Says that the tensor will be an input again and again: then it is prepared for an operator but
  /// once, and stays in memory as the operator takes it, as far as that is not too much.
  void keep(const Tensor& tensor);

  /// The outputs of `op`; null stands for an absent optional input, and trailing ones may be left
  /// out. Throws Fault::model, naming the operator, for what its type rule refuses.
  std::vector<Tensor> run(std::string_view op, std::span<const Tensor* const> inputs,
                          const Attributes& attributes = {});
  std::vector<Tensor> run(std::string_view op, std::span<const Tensor> inputs,
                          const Attributes& attributes = {});

 private:
  struct Plans;
  std::unique_ptr<Plans> plans_;
};

}  // namespace isomer

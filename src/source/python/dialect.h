#pragma once

// What a library makes of a model as Python modules: its calls, layers, containers and names. This
// room knows Python and modules; a system that is Python source gives its dialect.

#include <span>
#include <string>
#include <string_view>

#include "source/python/layer_finder.h"
#include "source/python/modules.h"
#include "source/python/parameters.h"
#include "source/python/spelling.h"

namespace isomer::python {

/// All that a file of source is made of.
struct Program {
  const Modules& modules;
  const Parameters& parameters;
  std::string_view stem;     // of its files
  const std::string& model;  // the name of the model's class
  const std::string& functions;
  const std::string& classes;
  bool weights = false;   // beside it stand weights,
  bool hidden = false;    // some of them outside the state_dict, under `hidden_prefix`
  bool training = false;  // something behaves so only in training mode
};

/// Weights without a name in the state_dict are stored under this prefix, which no module has.
constexpr std::string_view hidden_prefix = "constant:";

/// Lists of words are separated by blanks.
struct Dialect {
  std::string_view name;  // "PyTorch", for messages

  // Operators

  bool (*spells)(std::string_view op);
  /// The call of an operator that it spells.
  PythonAssignments (*spell)(const PythonCall& call);
  std::string (*dtype)(DType dtype);  // "torch.float32"
  /// A tensor with these elements: "torch.tensor([0.5, 2.0])".
  std::string (*tensor)(std::string_view elements, DType dtype);
  /// The statement that makes a buffer of a module something else: no gradient flows into it.
  std::string (*keep)(std::string_view object, std::string_view name, std::string_view value);
  /// Makes of an expression one with memory of its own: ".clone()".
  std::string_view copied;

  // Modules

  std::string_view module;      // the base of classes: "nn.Module"
  std::string_view sequential;  // containers
  std::string_view list;
  std::string_view dict;
  std::string_view parameters;
  std::string_view identity;  // the layer that does nothing
  std::span<const LayerRule> layers;
  std::string_view layer_parameters;  // their names; other tensors of layers are buffers
  /// Arguments of layers that are widths, besides "..._features" and "..._channels".
  std::string_view widths;

  // What an __init__ says

  /// A tensor of that type, whatever its elements.
  Construction (*zeros)(const TensorType& type);
  /// "self.weight = nn.Parameter(...)"
  InitLine (*registered)(const OwnTensor& tensor, const TensorType& type);
  /// A buffer of the module `object` that is another tensor.
  std::string (*buffer)(std::string_view object, std::string_view name, std::string_view value);
  /// A module or tensor that is not trained.
  std::string (*frozen)(std::string_view object);
  /// The model's weights outside the state_dict get their values.
  std::string_view filled;

  // Names, which no other thing may have

  std::string_view globals;          // what a program imports and defines
  std::string_view attributes;       // what each module has
  std::string_view dict_attributes;  // what a dict of modules has

  /// The text of the file.
  std::string (*program)(const Program& program);
};

}  // namespace isomer::python

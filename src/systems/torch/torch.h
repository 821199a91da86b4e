#pragma once

// PyTorch source: written in PyTorch's dialect of Python modules, and run in a Python of its own.
// Nothing here links Python or libtorch.

#include <string_view>

#include "systems/system.h"

namespace isomer::torch {

/// `entry`, "net.py", with an nn.Module class per module, `load()` and `example_inputs()`, and
/// net.safetensors with the weights under their state_dict names. Throws Fault::unsupported
/// with every operator that has no spelling.
Written write(const Graph& graph, std::string_view entry);
bool spells(std::string_view op);

/// Runs the model of a `.py` file in a Python process of its own: what `load()` gives, or else the
/// one nn.Module class that takes no arguments, with the weights in `<stem>.safetensors`. The
/// interpreter is $ISOMER_PYTHON, else that of the build, else python3. Types of inputs and outputs
/// are known where the file has `example_inputs()`; elsewhere inputs are called f32[] and outputs
/// are not listed.
Runnable simulate(const Files& files, std::string_view entry, const RunOptions& options = {});

/// What torch.export saves of that model in a Python process of its own, for what
/// `example_inputs()` gives: axes that follow a length among its arguments may vary, or what
/// `dynamic_shapes()` says. No folder of this machine stands in it.
Bytes exported(const Files& files, std::string_view entry, const RunOptions& options = {});

}  // namespace isomer::torch

#pragma once

// PyTorch source, run in a Python of its own. Nothing here links Python or libtorch.

#include <string_view>

#include "systems/system.h"

namespace isomer::torch {

/// Runs the model of a `.py` file in a Python process of its own: what `load()` gives, or else the
/// one nn.Module class that takes no arguments, with the weights in `<stem>.safetensors`. The
/// interpreter is $ISOMER_PYTHON, else that of the build, else python3. Types of inputs and outputs
/// are known where the file has `example_inputs()`; elsewhere inputs are called f32[] and outputs
/// are not listed.
Simulation simulate(const Files& files, std::string_view entry, Precision precision);

}  // namespace isomer::torch

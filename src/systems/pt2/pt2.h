#pragma once

// PyTorch's exports, read without libtorch.

#include <string_view>

#include "systems/system.h"

namespace isomer::pt2 {

/// Whether the file is an archive of `torch.export.save`, of whatever release.
bool recognises(const Files& files, std::string_view entry);

/// Reads what torch 2.6 or newer saved: the training form of `torch.export.export` as well as the
/// one after `run_decompositions()`. Weights stay parts of the mapped file.
///
/// In-place operators become values, changed buffers states, tied weights one constant with several
/// names. Throws Fault::file for a damaged archive, Fault::model for a program that contradicts
/// itself, and Fault::unsupported with every operator that is not read: how often, and first where.
Loaded read(const Files& files, std::string_view entry);
/// The same; for an operator that is not read PyTorch is asked, in a process of its own, to say it
/// in others: by its name, the types of its tensors and its settings, never by the file.
Loaded read_decomposed(const Files& files, std::string_view entry);

}  // namespace isomer::pt2

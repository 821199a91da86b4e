#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "systems/system.h"

namespace isomer::cli {

/// One tensor for each port, from one file of tensors (safetensors, npz, or pt read as data) or
/// from npy files: by the ports' names, or in0, in1, ... by position; npy files stand in the ports'
/// order. Throws Fault::model with all that are missing, or of those that no port takes.
std::vector<Tensor> read_inputs(std::span<const std::string> paths, std::span<const Port> ports);
/// The same of some: nothing for a port that the files have no tensor for and `optional` says need
/// not be given, in the ports' order; where `optional` is empty, all must be.
std::vector<std::optional<Tensor>> read_some_inputs(std::span<const std::string> paths,
                                                    std::span<const Port> ports,
                                                    const std::vector<bool>& optional);

/// The same from each file of tensors in a folder, behind its path, in the order of their names.
std::vector<std::pair<std::string, std::vector<Tensor>>> read_cases(const std::string& folder,
                                                                    std::span<const Port> ports);

/// Throws Fault::usage for a path that `write_outputs` should not write to.
void check_tensor_file(const std::string& path, std::span<const std::string> inputs);

/// Goes on from a safetensors file: with one tensor for each state, by its name, and with what else
/// it tells of a run. Throws as `read_inputs`.
void read_states(const std::string& path, Runnable& model);
/// Writes such a file.
void write_states(const std::string& path, const Runnable& model, std::span<const Tensor> states);

/// What an output is called: by the model, else by its place.
std::string name_of_output(const Runnable& model, std::size_t i);

/// Writes out0, out1, ... to a safetensors file, or the only output to an npy file.
void write_outputs(const std::string& path, std::span<const Tensor> outputs);

}  // namespace isomer::cli

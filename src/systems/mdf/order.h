#pragma once

// In which order the nodes of a document can run.

#include <cstddef>
#include <vector>

namespace isomer::mdf {

/// Nodes by rank, those of one rank as they stand in the document. A node's rank is one more than
/// the largest of its senders', or, where `within_rank`, no more than that of senders that stand
/// before it. Nodes in a cycle, and all behind one, are left out.
std::vector<std::size_t> running_order(const std::vector<std::vector<std::size_t>>& senders,
                                       bool within_rank);

/// Of `count` nodes, those that an order leaves out, as they stand in the document.
std::vector<std::size_t> left_out(const std::vector<std::size_t>& order, std::size_t count);

}  // namespace isomer::mdf

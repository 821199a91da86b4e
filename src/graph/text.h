#pragma once

// The text form and its pieces, printed. graph/text_reader.h and ops/text.h read them back.

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "graph/graph.h"

namespace isomer {

/// `text` between two `quote`s, with \\, \n, \t, \xNN and the quote itself escaped. Everything else
/// stays as it is.
std::string quoted_with(std::string_view text, char quote);

/// As it is where it is of letters, digits and those in `more`, so that a reader can tell its end,
/// else in double quotes.
std::string word_or_quoted(std::string_view text, std::string_view more);

/// Reading it back gives the same bits, of a NaN, too: "0.1", "nan(7ff8000000000001)".
std::string exact_text(double value);

/// The elements, nested: "[[1.0, 2.0], [3.0, nan]]"; "[]" when there are none; "0.5" at rank 0.
/// Exact: reading them back gives the same bits. A complex element is "(re, im)", a NaN that is not
/// the usual one "nan(7fc00001)".
std::string elements_text(const Tensor& tensor);

/// How a bare literal is written.
enum class LiteralKind { boolean, integer, real };

/// The dtype of a bare literal: that of the first operand of its kind (real: floating; integer:
/// integer, else floating); a boolean's is bool. `operands` are the node's operands that are not
/// literals. Nothing: it cannot be bare.
std::optional<DType> bare_literal(LiteralKind kind, std::span<const DType> operands);

/// What stands behind "=" on the line of a weight, buffer or state, given the name it is printed
/// with. Empty: nothing.
using DataText = std::function<std::string(const Tensor& data, std::string_view name,
                                           const std::vector<std::string>& names)>;

/// The text form with data as `data_text` says.
std::string to_text(const Graph& graph, const DataText& data_text);

/// "s0: 2..1024", "s0: 2..", "n = input 1: 0..".
std::string to_text(const LengthRange& range);

/// "layers.0: Block": a module and what the author called its class.
std::string module_text(std::string_view path, std::string_view name);

/// The end of a node's line: "  @encoder.0 net.py:12"; empty where nothing is known.
std::string origin_text(const std::string& scope, const Place& place);

/// "(*, *) {'mask': *} -> *", without the lengths.
std::string to_text(const Signature& signature);

/// "(*, {'key': *}, none)": each leaf a star, but "int" in quotes where it is no tensor.
std::string to_text(const Structure& structure);
/// The leaves of a structure.
std::size_t count_leaves(const Structure& structure);

}  // namespace isomer

#pragma once

#include <string>
#include <string_view>

namespace isomer {

/// The text as it may stand in XML and in Graphviz's labels, between tags and in attributes: what
/// marks up is escaped, what is no character of UTF-8 or may not stand there is replaced.
std::string escaped_markup(std::string_view text);

}  // namespace isomer

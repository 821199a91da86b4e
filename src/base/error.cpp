#include "base/error.h"

namespace isomer {

std::string_view name_of(Fault fault) {
  switch (fault) {
    case Fault::usage: return "usage";
    case Fault::file: return "file";
    case Fault::model: return "model";
    case Fault::unsupported: return "unsupported";
    case Fault::bug: return "bug";
  }
  return "bug";
}

Error::Error(Fault fault, std::string where, std::string_view what)
    : std::runtime_error(where.empty() ? std::string(what) : where + ": " + std::string(what)),
      fault_(fault),
      where_(std::move(where)),
      text_(what) {}

void expect(bool condition, std::string_view claim) {
  if (!condition)
    throw Error(Fault::bug, "", std::string("this should hold: ") + std::string(claim));
}

}  // namespace isomer

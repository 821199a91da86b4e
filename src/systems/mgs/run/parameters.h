#pragma once

// Values of a script into members of nodes and attributes of connections, by MGS's rules of types.

#include <stdexcept>
#include <string>

#include "systems/mgs/run/values.h"

namespace isomer::mgs {

/// Why a value does not become a member; whoever has the place makes a problem of it.
struct Mismatch {
  Mistake mistake = Mistake::type;
  std::string what = {};
  std::string instead = {};
};

/// Sets a member of a node or of a shared part. Arrays are replaced, or appended to where `appends`
/// says so. Throws Mismatch; `strict` also refuses what a conversion would change.
void assign(const TypeInUse& type, bool shared, void* data, const std::string& name,
            const Value& value, bool appends, bool strict);

/// A connection's attributes without values: zeros and empty texts.
Attributes no_attributes(const TypeInUse& type);
/// Throws Mismatch.
void assign(Attributes& attributes, const std::string& name, const Value& value);

}  // namespace isomer::mgs

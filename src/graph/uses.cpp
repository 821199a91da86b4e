#include "graph/uses.h"

namespace isomer {

std::span<const std::size_t> Uses::users(ValueId id) const {
  const Entry* entry = find(id);
  return entry == nullptr ? std::span<const std::size_t>() : entry->users;
}

Uses::Entry& Uses::at(ValueId id) {
  const auto index = static_cast<std::size_t>(id);
  if (index >= entries_.size()) entries_.resize(index + 1);
  return entries_[index];
}

void Uses::make(ValueId id, By by, std::size_t number) {
  Entry& entry = at(id);
  entry.by = by;
  entry.number = number;
}

const Uses::Entry* Uses::find(ValueId id) const {
  const auto index = static_cast<std::size_t>(id);
  return index < entries_.size() ? &entries_[index] : nullptr;
}

std::optional<std::size_t> Uses::number(ValueId id, By by) const {
  const Entry* entry = find(id);
  return entry != nullptr && entry->by == by ? std::optional(entry->number) : std::nullopt;
}

}  // namespace isomer

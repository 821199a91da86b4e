#pragma once

// What a node type is to us: members in C++ that are found by the names of MDL, and functions for
// what MGS runs. MDL has no arithmetic, so a type runs only where it has a row in `native_types`.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "systems/mgs/run/links.h"

namespace isomer::mgs {

struct Attributes;
struct Visit;

using Reals = std::vector<double>;

enum class Kind {
  boolean,
  character,
  short_integer,
  integer,
  long_integer,
  unsigned_integer,
  real32,
  real64,
  text,
  integers,
  unsigned_integers,
  reals32,
  reals,
  texts,
  scalar_pointer,
  array_pointer,
  links,  // pointers, or structures of a pointer and what comes with it
};

template <class T>
constexpr Kind kind_of() {
  if constexpr (std::is_same_v<T, bool>) return Kind::boolean;
  if constexpr (std::is_same_v<T, signed char>) return Kind::character;
  if constexpr (std::is_same_v<T, short>) return Kind::short_integer;
  if constexpr (std::is_same_v<T, int>) return Kind::integer;
  if constexpr (std::is_same_v<T, long>) return Kind::long_integer;
  if constexpr (std::is_same_v<T, unsigned>) return Kind::unsigned_integer;
  if constexpr (std::is_same_v<T, float>) return Kind::real32;
  if constexpr (std::is_same_v<T, double>) return Kind::real64;
  if constexpr (std::is_same_v<T, std::string>) return Kind::text;
  if constexpr (std::is_same_v<T, std::vector<int>>) return Kind::integers;
  if constexpr (std::is_same_v<T, std::vector<unsigned>>) return Kind::unsigned_integers;
  if constexpr (std::is_same_v<T, std::vector<float>>) return Kind::reals32;
  if constexpr (std::is_same_v<T, Reals>) return Kind::reals;
  if constexpr (std::is_same_v<T, std::vector<std::string>>) return Kind::texts;
  if constexpr (std::is_same_v<T, const double*>) return Kind::scalar_pointer;
  if constexpr (std::is_same_v<T, const Reals*>) return Kind::array_pointer;
  if constexpr (std::is_same_v<T, Links>) return Kind::links;
}

/// A member: its name in MDL, and where it lies in a node.
struct Field {
  std::string_view name;
  Kind kind;
  void* (*at)(void* node);
};

/// A connection as a user function sees it.
struct Arrival {
  std::uint32_t source = 0;  // the source's linear index in its grid
  const Layer* layer = nullptr;
  std::uint32_t node = 0;
  const Attributes& attributes;
  Link& link;  // what has been imported, and is kept when the clause ends
};

struct Method {
  std::string_view name;
  void (*run)(void* node, Visit&);
};

struct UserFunction {
  std::string_view name;
  void (*run)(void* node, const Arrival&, Visit&);
};

/// All nodes of a layer, side by side.
class Nodes {
 public:
  virtual ~Nodes() = default;
  void* at(std::size_t i) const { return first_ + i * stride_; }
  std::size_t stride() const { return stride_; }
  /// A node becomes what `prototype` is, with nothing connected.
  virtual void assign(std::size_t i, const void* prototype) = 0;

 protected:
  std::byte* first_ = nullptr;
  std::size_t stride_ = 0;
};

template <class T>
class NodesOf final : public Nodes {
 public:
  explicit NodesOf(std::size_t count) : nodes_(count) {
    first_ = reinterpret_cast<std::byte*>(nodes_.data());
    stride_ = sizeof(T);
  }
  void assign(std::size_t i, const void* prototype) override {
    nodes_[i] = *static_cast<const T*>(prototype);
  }

 private:
  std::vector<T> nodes_;
};

struct NativeType {
  std::string_view name;
  std::span<const Field> fields;
  std::span<const Method> methods;
  std::unique_ptr<Nodes> (*make)(std::size_t count);
  std::span<const UserFunction> functions = {};
  std::span<const Field> shared_fields = {};
  std::unique_ptr<Nodes> (*make_shared)(std::size_t count) = nullptr;
};

template <class T>
std::unique_ptr<Nodes> make_nodes(std::size_t count) {
  return std::make_unique<NodesOf<T>>(count);
}

template <class Pointer>
struct MemberOf;
template <class Class, class Value>
struct MemberOf<Value Class::*> {
  using Owner = Class;
  using Type = Value;
};

template <auto Member>
constexpr Field field(std::string_view name) {
  using Of = MemberOf<decltype(Member)>;
  return {name, kind_of<typename Of::Type>(),
          [](void* node) -> void* { return &(static_cast<typename Of::Owner*>(node)->*Member); }};
}

template <auto Function>
constexpr Method method(std::string_view name) {
  using Owner = typename MemberOf<decltype(Function)>::Owner;
  return {name, [](void* node, Visit& visit) { (static_cast<Owner*>(node)->*Function)(visit); }};
}

template <auto Function>
constexpr UserFunction user_function(std::string_view name) {
  using Owner = typename MemberOf<decltype(Function)>::Owner;
  return {name, [](void* node, const Arrival& arrival, Visit& visit) {
            (static_cast<Owner*>(node)->*Function)(arrival, visit);
          }};
}

/// The types whose C++ is known; null where there is none of that name.
const NativeType* find_native(std::string_view name);
std::vector<std::string_view> native_names();

const Field* find_field(std::span<const Field> fields, std::string_view name);

}  // namespace isomer::mgs

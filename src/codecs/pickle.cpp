#include "codecs/pickle.h"

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "base/text.h"
#include "codecs/refuse.h"

namespace isomer {
namespace {

using Ref = Pickle::Ref;

/// Carries out a pickle's operations on a stack, as Python's module pickletools describes them.
class PickleReader {
 public:
  explicit PickleReader(std::string_view text) : rest_(text) {}

  Pickle read() && {
    while (step(static_cast<unsigned char>(take(1)[0]))) {
    }
    pickle_.root = pop();
    return std::move(pickle_);
  }

 private:
  bool step(unsigned char operation) {
    if (operation == '.') return false;
    if (!number(operation) && !text(operation) && !container(operation) && !object(operation)) {
      refuse_operation(operation);
    }
    return true;
  }

  [[noreturn]] void refuse_operation(unsigned char operation) const {
    constexpr unsigned char make_object = 0x81;
    const Pickle::Name* name = operation == make_object && stack_.size() > 1
                                   ? pickle_.as<Pickle::Name>(stack_.end()[-2])
                                   : nullptr;
    if (name != nullptr) {
      std::string of = name->text;
      std::ranges::replace(of, ' ', '.');
      refuse_file(
          fmt::format("holds an object of the class {}; tensors in lists, tuples and dictionaries "
                      "are read, as data: save what model.state_dict() gives",
                      quoted(of)));
    }
    refuse_file(
        fmt::format("holds the pickle operation 0x{:02x}, which tensors and containers do not "
                    "need",
                    operation));
  }

  bool number(unsigned char operation) {
    switch (operation) {
      case 'N': push(Pickle::None{}); return true;
      case 0x88: push(true); return true;
      case 0x89: push(false); return true;
      case 'K': push(static_cast<std::int64_t>(unsigned_number(1))); return true;
      case 'M': push(static_cast<std::int64_t>(unsigned_number(2))); return true;
      case 'J':
        push(std::int64_t{
            static_cast<std::int32_t>(static_cast<std::uint32_t>(unsigned_number(4)))});
        return true;
      case 0x8a: push(long_number()); return true;
      case 'G': push(std::bit_cast<double>(__builtin_bswap64(unsigned_number(8)))); return true;
      default: return false;
    }
  }

  bool text(unsigned char operation) {
    switch (operation) {
      case 'X': push(std::string(take(unsigned_number(4)))); return true;
      case 0x8c: push(std::string(take(unsigned_number(1)))); return true;
      case 'c': {
        const std::string_view module = line();
        push(Pickle::Name{fmt::format("{} {}", module, line())});
        return true;
      }
      case 0x93: {
        const std::vector<Ref> both = popped(2);
        const auto* module = pickle_.as<std::string>(both[0]);
        const auto* name = pickle_.as<std::string>(both[1]);
        if (module == nullptr || name == nullptr)
          refuse_file("names a function by what is no text");
        push(Pickle::Name{fmt::format("{} {}", *module, *name)});
        return true;
      }
      default: return false;
    }
  }

  bool container(unsigned char operation) {
    switch (operation) {
      case '(': marks_.push_back(stack_.size()); return true;
      case ')':
      case ']': push(Pickle::List{}); return true;
      case '}': push(Pickle::Dict{}); return true;
      case 0x85: push(Pickle::List{popped(1)}); return true;
      case 0x86: push(Pickle::List{popped(2)}); return true;
      case 0x87: push(Pickle::List{popped(3)}); return true;
      case 't': push(Pickle::List{since_mark()}); return true;
      case 'a': extend(popped(1)); return true;
      case 'e': extend(since_mark()); return true;
      case 's': set_items(popped(2)); return true;
      case 'u': set_items(since_mark()); return true;
      default: return false;
    }
  }

  bool object(unsigned char operation) {
    switch (operation) {
      case 0x80: take(1); return true;  // the version: what is not known is refused when it comes
      case 0x95: take(8); return true;  // how long what follows is
      case 0x94: memo_[memo_.size()] = top(); return true;
      case 'q': memo_[unsigned_number(1)] = top(); return true;
      case 'r': memo_[unsigned_number(4)] = top(); return true;
      case 'h': stack_.push_back(remembered(unsigned_number(1))); return true;
      case 'j': stack_.push_back(remembered(unsigned_number(4))); return true;
      case 'Q': push(Pickle::Outside{pop()}); return true;
      case 'R': {
        const Ref arguments = pop();
        push(Pickle::Call{pop(), arguments});
        return true;
      }
      case 'b': pop(); return true;  // attributes besides
      default: return false;
    }
  }

  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) refuse_file("is truncated: its pickle ends too early");
    const std::string_view part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return part;
  }

  std::uint64_t unsigned_number(std::size_t size) {
    const std::string_view bytes = take(size);
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;)
      value = (value << 8U) | static_cast<unsigned char>(bytes[i]);
    return value;
  }

  std::int64_t long_number() {
    const std::size_t size = unsigned_number(1);
    if (size > 8) refuse_file("holds a number beyond 64 bits");
    if (size == 0) return 0;
    const unsigned shift = 64U - 8U * static_cast<unsigned>(size);
    return static_cast<std::int64_t>(unsigned_number(size) << shift) >> shift;
  }

  std::string_view line() {
    const std::size_t end = rest_.find('\n');
    if (end == std::string_view::npos) refuse_file("is truncated: its pickle ends inside a name");
    const std::string_view part = take(end);
    take(1);
    return part;
  }

  void push(Pickle::Value value) {
    stack_.push_back(pickle_.values.size());
    pickle_.values.push_back(std::move(value));
  }

  Ref top() const {
    if (stack_.empty()) refuse_file("takes from an empty pickle stack");
    return stack_.back();
  }

  Ref pop() {
    const Ref ref = top();
    stack_.pop_back();
    return ref;
  }

  std::vector<Ref> popped(std::size_t count) {
    if (count > stack_.size()) refuse_file("takes from an empty pickle stack");
    const auto begin = stack_.end() - static_cast<std::ptrdiff_t>(count);
    std::vector<Ref> refs(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    return refs;
  }

  std::vector<Ref> since_mark() {
    if (marks_.empty() || marks_.back() > stack_.size()) refuse_file("lacks a mark in its pickle");
    const std::size_t mark = marks_.back();
    marks_.pop_back();
    return popped(stack_.size() - mark);
  }

  void extend(const std::vector<Ref>& items) {
    auto* list = std::get_if<Pickle::List>(&pickle_.values[top()]);
    if (list == nullptr) refuse_file("appends to what is no list");
    list->items.insert(list->items.end(), items.begin(), items.end());
  }

  /// An ordered dictionary is one that was called for.
  void set_items(const std::vector<Ref>& items) {
    Pickle::Value& owner = pickle_.values[top()];
    if (const auto* call = std::get_if<Pickle::Call>(&owner)) {
      const auto* name = pickle_.as<Pickle::Name>(call->function);
      if (name != nullptr && name->text == "collections OrderedDict") owner = Pickle::Dict{};
    }
    auto* dict = std::get_if<Pickle::Dict>(&owner);
    if (dict == nullptr || items.size() % 2 != 0)
      refuse_file("sets an item of what is no dictionary");
    for (std::size_t i = 0; i < items.size(); i += 2)
      dict->items.emplace_back(items[i], items[i + 1]);
  }

  Ref remembered(std::uint64_t place) const {
    const auto found = memo_.find(place);
    if (found == memo_.end()) refuse_file("names a value that its pickle does not hold");
    return found->second;
  }

  std::string_view rest_;
  Pickle pickle_;
  std::vector<Ref> stack_;
  std::vector<std::size_t> marks_;  // the size of the stack at each
  std::map<std::uint64_t, Ref> memo_;
};

}  // namespace

Pickle read_pickle(std::string_view text) { return PickleReader(text).read(); }

}  // namespace isomer

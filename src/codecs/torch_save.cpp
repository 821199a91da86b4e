#include "codecs/torch_save.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "codecs/budget.h"
#include "codecs/pickle.h"
#include "codecs/refuse.h"
#include "codecs/zip.h"

namespace isomer {
namespace {

using Ref = Pickle::Ref;

/// The classes of storages that a pickle may name, and the words of safetensors for their elements.
struct Storage {
  std::string_view name;
  std::string_view stored;
  std::uint64_t size;
};

constexpr std::array storages = {
    Storage{"torch FloatStorage", "F32", 4},        Storage{"torch DoubleStorage", "F64", 8},
    Storage{"torch HalfStorage", "F16", 2},         Storage{"torch BFloat16Storage", "BF16", 2},
    Storage{"torch LongStorage", "I64", 8},         Storage{"torch IntStorage", "I32", 4},
    Storage{"torch ShortStorage", "I16", 2},        Storage{"torch CharStorage", "I8", 1},
    Storage{"torch ByteStorage", "U8", 1},          Storage{"torch BoolStorage", "BOOL", 1},
    Storage{"torch ComplexFloatStorage", "C64", 8},
};

/// Finds the tensors of a pickle in its containers.
class Collector {
 public:
  /// `size` is the file's.
  Collector(const Zip& zip, std::string folder, const Pickle& pickle, std::size_t size)
      : zip_(zip),
        folder_(std::move(folder)),
        pickle_(pickle),
        made_(made_of(size)),
        named_(named_of(size)) {}

  std::vector<SavedTensor> collect(Ref root) && {
    walk(root, "", 0);
    return std::move(tensors_);
  }

 private:
  void walk(Ref ref, const std::string& name, int depth) {
    constexpr int deepest = 32;
    constexpr std::size_t most = 1'000'000;
    if (depth > deepest) refuse_file("nests containers too deep");
    if (++visited_ > most) refuse_file(fmt::format("holds more than {} values", most));
    if (const auto* list = pickle_.as<Pickle::List>(ref)) {
      for (std::size_t i = 0; i < list->items.size(); ++i) {
        walk(list->items[i], name.empty() ? "" : fmt::format("{}_{}", name, i), depth + 1);
      }
    } else if (const auto* dict = pickle_.as<Pickle::Dict>(ref)) {
      for (const auto& [key, value] : dict->items) {
        const std::string part = key_text(key);
        walk(value, name.empty() ? part : fmt::format("{}_{}", name, part), depth + 1);
      }
    } else if (const auto* call = pickle_.as<Pickle::Call>(ref)) {
      add(*call, name);
    } else if (pickle_.as<Pickle::None>(ref) == nullptr) {
      refuse_file(fmt::format("holds {} where a tensor should be{}", kind_of(ref),
                              name.empty() ? "" : ", at " + quoted(name)));
    }
  }

  std::string key_text(Ref ref) const {
    if (const auto* text = pickle_.as<std::string>(ref)) return *text;
    if (const auto* number = pickle_.as<std::int64_t>(ref)) return std::to_string(*number);
    refuse_file("has a dictionary with keys that are neither texts nor integers");
  }

  std::string kind_of(Ref ref) const {
    if (pickle_.as<std::string>(ref) != nullptr) return "a text";
    if (const auto* name = pickle_.as<Pickle::Name>(ref)) return dotted(name->text);
    return pickle_.as<Pickle::Outside>(ref) != nullptr ? "a bare storage" : "a number of Python's";
  }

  static std::string dotted(std::string text) {
    std::ranges::replace(text, ' ', '.');
    return quoted(text);
  }

  /// The name of the function that is called, and its arguments. Of all there are in Python some
  /// are known, and none is run.
  std::pair<std::string_view, std::vector<Ref>> parts_of(const Pickle::Call& call) const {
    const auto* function = pickle_.as<Pickle::Name>(call.function);
    const auto* arguments = pickle_.as<Pickle::List>(call.arguments);
    if (function == nullptr || arguments == nullptr) refuse_file("calls what has no name");
    return {function->text, arguments->items};
  }

  void add(const Pickle::Call& call, const std::string& name) {
    const auto [function, arguments] = parts_of(call);
    if (function == "collections OrderedDict") return;  // an empty one
    if (function == "torch._utils _rebuild_parameter" && arguments.size() >= 2) {
      const bool* trainable = pickle_.as<bool>(arguments[1]);
      if (const auto* inner = pickle_.as<Pickle::Call>(arguments[0]))
        return add_tensor(*inner, name, trainable != nullptr && *trainable);
    }
    add_tensor(call, name, false);
  }

  void add_tensor(const Pickle::Call& call, const std::string& name, bool trainable) {
    const auto [function, arguments] = parts_of(call);
    if (function != "torch._utils _rebuild_tensor_v2") {
      refuse_file(
          fmt::format("calls {}; plain tensors in lists, tuples and dictionaries are read, as "
                      "data",
                      dotted(std::string(function))));
    }
    if (arguments.size() < 4) refuse_file("has a tensor of another form than torch 2 writes");
    const auto* outside = pickle_.as<Pickle::Outside>(arguments[0]);
    if (outside == nullptr) refuse_file("has a tensor without a storage");
    std::string chosen = name.empty() ? fmt::format("in{}", unnamed_++) : name;
    if (!names_.insert(chosen).second)
      refuse_file(fmt::format("holds two tensors {}", quoted(chosen)));
    with_place("tensor " + quoted(chosen), [&] {
      SavedTensor saved = view_of(outside->id, number_at(arguments[1]), numbers_at(arguments[2]),
                                  numbers_at(arguments[3]));
      saved.tensor.name = chosen;
      saved.trainable = trainable;
      tensors_.push_back(std::move(saved));
    });
  }

  std::uint64_t number_at(Ref ref) const {
    const auto* number = pickle_.as<std::int64_t>(ref);
    if (number == nullptr || *number < 0) refuse_file("has a size that is no number of 0 or more");
    return static_cast<std::uint64_t>(*number);
  }

  std::vector<std::uint64_t> numbers_at(Ref ref) const {
    const auto* list = pickle_.as<Pickle::List>(ref);
    if (list == nullptr) refuse_file("has a shape that is no tuple");
    std::vector<std::uint64_t> numbers;
    for (const Ref item : list->items) numbers.push_back(number_at(item));
    return numbers;
  }

  /// ('storage', torch.FloatStorage, '0', 'cpu', 12): the kind of elements and where they are.
  SavedTensor view_of(Ref id, std::uint64_t offset, const std::vector<std::uint64_t>& shape,
                      const std::vector<std::uint64_t>& strides) {
    const auto* parts = pickle_.as<Pickle::List>(id);
    if (parts == nullptr || parts->items.size() < 5) refuse_file("has a storage of another form");
    const auto* name = pickle_.as<Pickle::Name>(parts->items[1]);
    const auto* key = pickle_.as<std::string>(parts->items[2]);
    if (name == nullptr || key == nullptr) refuse_file("has a storage of another form");
    const auto storage = std::ranges::find(storages, name->text, &Storage::name);
    if (storage == storages.end())
      refuse_file(fmt::format("holds elements of {}, which we do not read", dotted(name->text)));
    const auto [known, fresh] = storages_.try_emplace(*key);
    if (fresh) known->second = zip_.read(fmt::format("{}data/{}", folder_, *key));
    const Bytes& bytes = known->second;
    const std::uint64_t elements = number_at(parts->items[4]);
    if (bytes.size() / storage->size < elements || bytes.size() % storage->size != 0) {
      refuse_file(fmt::format("its storage has {} bytes; {} elements need {} each", bytes.size(),
                              elements, storage->size));
    }
    SavedTensor saved{
        .tensor = {"",
                   std::string(storage->stored),
                   std::vector<std::int64_t>(shape.begin(), shape.end()),
                   {}},
        .trainable = false,
        .storage = *key,
        .view = fmt::format("{} {} {} {} {}", *key, name->text, offset, shape, strides)};
    saved.tensor.bytes =
        taken(saved.view, bytes, storage->size, {offset, elements, shape, strides});
    return saved;
  }

  struct View {
    std::uint64_t offset, elements;
    const std::vector<std::uint64_t>& shape;
    const std::vector<std::uint64_t>& strides;
  };

  /// How many elements the view has. All of them lie in the storage, which has no fewer.
  static std::uint64_t count_of(const View& view) {
    constexpr std::size_t most_axes = 64;
    if (view.shape.size() != view.strides.size() || view.shape.size() > most_axes)
      refuse_file("its strides do not fit its shape");
    std::uint64_t count = 1, last = view.offset;
    bool outside = false;
    for (std::size_t i = 0; i < view.shape.size(); ++i) {
      std::uint64_t reach = 0;
      outside |= __builtin_mul_overflow(count, view.shape[i], &count);
      if (view.shape[i] > 0)
        outside |= __builtin_mul_overflow(view.shape[i] - 1, view.strides[i], &reach);
      outside |= __builtin_add_overflow(last, reach, &last);
    }
    if (std::ranges::count(view.shape, 0U) > 0) return 0;
    if (outside || last >= view.elements) refuse_file("reaches beyond its storage");
    if (count > view.elements)
      refuse_file("repeats elements of its storage; save what .contiguous() gives");
    return count;
  }

  /// The elements of a view, the same for equal ones.
  Bytes taken(const std::string& name, const Bytes& bytes, std::uint64_t size, const View& view) {
    const std::uint64_t count = count_of(view);
    const auto [known, fresh] = views_.try_emplace(name);
    Budget& budget = fresh ? made_ : named_;
    if (!budget.takes(count * size)) {
      refuse_file(
          fmt::format("its sizes make {} bytes, with the {} before it more than {}; its storage "
                      "has {}",
                      count * size, fresh ? "views" : "tied tensors", budget.most, bytes.size()));
    }
    if (fresh) known->second = gathered(bytes, size, view, count);
    return known->second;
  }

  static Bytes gathered(const Bytes& bytes, std::uint64_t size, const View& view,
                        std::uint64_t count) {
    std::uint64_t next = 1;
    bool contiguous = true;
    for (std::size_t i = view.shape.size(); i-- > 0;) {
      contiguous = contiguous && (view.shape[i] <= 1 || view.strides[i] == next);
      next *= view.shape[i];
    }
    if (count == 0) return bytes.part(0, 0);
    if (contiguous) return bytes.part(view.offset * size, count * size);
    const std::string_view text = bytes.text();
    std::string result;
    result.reserve(count * size);
    std::vector<std::uint64_t> index(view.shape.size());
    for (std::uint64_t i = 0; i < count; ++i) {
      std::uint64_t place = view.offset;
      for (std::size_t axis = 0; axis < index.size(); ++axis)
        place += index[axis] * view.strides[axis];
      result.append(text.substr(place * size, size));
      for (std::size_t axis = index.size(); axis-- > 0 && ++index[axis] == view.shape[axis];)
        index[axis] = 0;
    }
    return bytes_of(std::move(result));
  }

  const Zip& zip_;
  std::string folder_;
  const Pickle& pickle_;
  std::vector<SavedTensor> tensors_;
  std::unordered_set<std::string> names_;
  std::map<std::string, Bytes> storages_, views_;
  Budget made_, named_;
  std::size_t unnamed_ = 0;
  std::size_t visited_ = 0;  // what stands in several places is visited there
};

/// The archive, its folder and its pickle.
struct Saved {
  Zip zip;
  std::string folder;
  Pickle pickle;
};

Saved opened(const Bytes& file) {
  if (file.text().starts_with("\x80"))
    refuse_file("is of the form that torch wrote before 1.6; save it again");
  Zip zip(file);
  std::optional<std::string> folder;
  for (const Zip::Entry& entry : zip.entries()) {
    constexpr std::string_view pickle = "data.pkl";
    if (!entry.name.ends_with(pickle)) continue;
    if (folder) refuse_file("holds two pickles");
    folder = entry.name.substr(0, entry.name.size() - pickle.size());
  }
  if (!folder) refuse_file("is an archive without data.pkl; torch.save writes one");
  const std::string order = *folder + "byteorder";
  if (zip.find(order) != nullptr && zip.read(order).text() != "little")
    refuse_file("is big endian; save it on a little endian machine");
  Pickle pickle = read_pickle(zip.read(*folder + "data.pkl").text());
  return {std::move(zip), *std::move(folder), std::move(pickle)};
}

/// Where a checkpoint keeps its model.
Ref state_dict_in(const Pickle& pickle) {
  const auto* dict = pickle.as<Pickle::Dict>(pickle.root);
  if (dict == nullptr) return pickle.root;
  for (const std::string_view name : {"state_dict", "model_state_dict", "model"}) {
    for (const auto& [key, value] : dict->items) {
      const auto* text = pickle.as<std::string>(key);
      if (text != nullptr && *text == name && pickle.as<Pickle::Dict>(value) != nullptr)
        return value;
    }
  }
  return pickle.root;
}

}  // namespace

std::vector<SavedTensor> read_saved(const Bytes& file) {
  const Saved saved = opened(file);
  return Collector(saved.zip, saved.folder, saved.pickle, file.size()).collect(saved.pickle.root);
}

std::vector<SavedTensor> read_state_dict(const Bytes& file) {
  const Saved saved = opened(file);
  return Collector(saved.zip, saved.folder, saved.pickle, file.size())
      .collect(state_dict_in(saved.pickle));
}

std::vector<StoredTensor> read_torch_save(const Bytes& file) {
  std::vector<StoredTensor> tensors;
  for (SavedTensor& saved : read_saved(file)) tensors.push_back(std::move(saved.tensor));
  if (tensors.empty()) refuse_file("holds no tensor");
  return tensors;
}

}  // namespace isomer

#include "mdf_expected.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/bytes.h"

namespace isomer::mdf_test {
namespace {

double number_in(const Tree& tree) {
  if (const std::string* text = tree.text()) {
    if (*text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    return (*text == "Infinity" ? 1 : -1) * std::numeric_limits<double>::infinity();
  }
  if (const auto* integer = tree.integer()) return static_cast<double>(*integer);
  if (const bool* flag = std::get_if<bool>(&tree.value)) return *flag ? 1 : 0;
  return std::get<double>(tree.value);
}

void flatten(const Tree& tree, std::vector<double>& numbers) {
  if (const Tree::List* list = tree.list()) {
    for (const Tree& item : *list) flatten(item, numbers);
    return;
  }
  numbers.push_back(number_in(tree));
}

bool close(double found, double expected, double tolerance) {
  if (std::isnan(expected)) return std::isnan(found);
  if (std::isinf(expected)) return found == expected;
  return std::abs(found - expected) <= tolerance * std::max(1.0, std::abs(expected));
}

bool same(const numpy::Value& found, const numpy::Value& expected, double tolerance) {
  if (found.data.index() != expected.data.index()) return false;
  if (const auto* array = found.as<numpy::Array>()) {
    const auto* other = expected.as<numpy::Array>();
    if (array->scalar != other->scalar || array->tensor.dtype() != other->tensor.dtype())
      return false;
    if (array->tensor.shape() != other->tensor.shape()) return false;
    const auto left = array->tensor.doubles();
    const auto right = other->tensor.doubles();
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (!close(left[i], right[i], tolerance)) return false;
    }
    return true;
  }
  if (const double* number = found.as<double>())
    return close(*number, *expected.as<double>(), tolerance);
  if (const auto* number = found.as<std::int64_t>()) return *number == *expected.as<std::int64_t>();
  if (const bool* flag = found.as<bool>()) return *flag == *expected.as<bool>();
  if (const auto* text = found.as<std::string>()) return *text == *expected.as<std::string>();
  if (const auto* dict = found.as<numpy::Dict>()) {
    const auto& others = expected.as<numpy::Dict>()->items;
    if (dict->items.size() != others.size()) return false;
    for (std::size_t i = 0; i < others.size(); ++i) {
      if (dict->items[i].first != others[i].first) return false;
      if (!same(dict->items[i].second, others[i].second, tolerance)) return false;
    }
    return true;
  }
  const auto* items = numpy::items_of(found);
  if (items == nullptr) return found.is_none();
  const auto* others = numpy::items_of(expected);
  if (items->size() != others->size()) return false;
  for (std::size_t i = 0; i < items->size(); ++i) {
    if (!same((*items)[i], (*others)[i], tolerance)) return false;
  }
  return true;
}

DType type_of(std::string_view name) {
  constexpr std::pair<std::string_view, DType> types[] = {
      {"bool", DType::boolean}, {"uint8", DType::u8},    {"int8", DType::i8},
      {"int16", DType::i16},    {"int32", DType::i32},   {"int64", DType::i64},
      {"float16", DType::f16},  {"float32", DType::f32}, {"float64", DType::f64}};
  return std::ranges::find(types, name, &std::pair<std::string_view, DType>::first)->second;
}

numpy::Value array_in(const Tree& expected, bool scalar) {
  const std::string& name = *expected.find("dtype")->text();
  const DType dtype = type_of(name);
  std::vector<std::int64_t> shape;
  if (const Tree* lengths = expected.find("shape")) {
    for (const Tree& length : *lengths->list()) shape.push_back(*length.integer());
  }
  std::vector<double> numbers;
  flatten(*expected.find("v"), numbers);
  const Tensor tensor = Tensor::from_doubles(dtype, shape, numbers);
  return scalar ? numpy::result_of(tensor) : numpy::array_value(tensor);
}

}  // namespace

std::filesystem::path data_folder() {
  return std::filesystem::path(ISOMER_SOURCE) / "tests" / "data" / "mdf";
}

std::filesystem::path conformance_folder() {
  const char* given = std::getenv("ISOMER_MDF_DATA");
  const auto beside =
      std::filesystem::path(ISOMER_SOURCE).parent_path() / "shared" / "data" / "mdf";
  const std::filesystem::path folder = given != nullptr ? std::filesystem::path(given) : beside;
  return std::filesystem::exists(folder / "converted") ? folder : std::filesystem::path();
}

Tree read_document(const std::filesystem::path& path) { return read_json(map_file(path).text()); }

numpy::Value expected_value(const Tree& expected) {
  const std::string& kind = *expected.find("t")->text();
  if (kind == "none") return {};
  const Tree& value = *expected.find("v");
  if (kind == "int") return {*value.integer()};
  if (kind == "float") return {number_in(value)};
  if (kind == "bool") return {std::get<bool>(value.value)};
  if (kind == "str") return {*value.text()};
  if (kind == "array" || kind == "npscalar") return array_in(expected, kind == "npscalar");
  if (kind == "dict") {
    numpy::Dict dict;
    for (const auto& [key, item] : *value.map()) dict.items.push_back({key, expected_value(item)});
    return {std::move(dict)};
  }
  std::vector<numpy::Value> items;
  for (const Tree& item : *value.list()) items.push_back(expected_value(item));
  return kind == "list" ? numpy::Value{numpy::List{std::move(items)}}
                        : numpy::Value{numpy::Tuple{std::move(items)}};
}

testing::AssertionResult agrees(const numpy::Value& found, const Tree& expected, double tolerance) {
  if (same(found, expected_value(expected), tolerance)) return testing::AssertionSuccess();
  std::string text = "found " + numpy::describe(found);
  if (const auto* array = found.as<numpy::Array>()) {
    text += array->scalar ? " (scalar)" : " (array)";
    for (const double number : array->tensor.doubles()) text += " " + std::to_string(number);
  }
  return testing::AssertionFailure()
         << text << ", expected " << write_json(expected, {0, true, 1000});
}

void expect_snapshot(const mdf::DocumentExecutor& executor, const Tree& snapshot,
                     double tolerance) {
  const Tree none{Tree::Map{{"t", {std::string("none")}}}};
  for (const auto& [node, ports] : *snapshot.find("outputs")->map()) {
    for (const auto& [port, expected] : *ports.map()) {
      const numpy::Value* found = executor.output(node, port);
      EXPECT_TRUE(agrees(found == nullptr ? numpy::Value{} : *found, expected, tolerance))
          << node << "." << port;
    }
  }
  if (snapshot.find("parameters") == nullptr) return;
  for (const auto& [node, parameters] : *snapshot.find("parameters")->map()) {
    for (const auto& [name, expected] : *parameters.map()) {
      const numpy::Value* found = executor.parameter(node, name);
      EXPECT_TRUE(agrees(found == nullptr ? numpy::Value{} : *found, expected, tolerance))
          << node << ", " << name;
    }
  }
}

void give(mdf::DocumentExecutor& executor, const Tree* initializer) {
  if (initializer == nullptr || initializer->map() == nullptr) return;
  for (const auto& [port, value] : *initializer->map())
    executor.set_input(port, expected_value(value));
}

void run_row(mdf::DocumentExecutor& executor, const Tree& row) {
  const Tree::List& runs = *row.find("runs")->list();
  const Tree* snapshots = row.find("snapshots");
  for (std::size_t i = 0; i < runs.size(); ++i) {
    give(executor, row.find("initializer"));
    executor.evaluate(numpy::value_of(runs[i]));
    if (snapshots != nullptr) expect_snapshot(executor, (*snapshots->list())[i], 1e-12);
  }
}

std::size_t expect_table(std::string_view file, const std::function<void(const Tree&)>& run) {
  const Tree table = read_document(data_folder() / file);
  for (const Tree& row : *table.list()) {
    SCOPED_TRACE(*row.find("name")->text());
    if (row.find("error") != nullptr) {
      EXPECT_THROW(run(row), Error);
      continue;
    }
    try {
      run(row);
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  return table.list()->size();
}

}  // namespace isomer::mdf_test

#include "codecs/safetensors.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "codecs/npy.h"
#include "systems/stored.h"

namespace isomer {
namespace {

std::string file_of(const std::string& header, const std::string& data) {
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>((header.size() >> (8 * i)) & 0xff);
  return file + header + data;
}

template <class Read>
std::string fault_reading(const std::string& file, Read read) {
  try {
    read(bytes_of(file));
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::file);
    return error.what();
  }
  return "";
}

std::string fault_of(const std::string& header, const std::string& data) {
  return fault_reading(file_of(header, data), read_safetensors);
}

TEST(Safetensors, WritesWhatItReads) {
  const NamedTensors tensors = {
      {"flag", Tensor::of<bool>({3}, std::array{true, false, true})},
      {"w", Tensor::of<float>({2, 2}, std::array{1.0F, 2.0F, 3.0F, 4.0F})},
      {"scalar", Tensor::of<std::int64_t>({}, std::array{std::int64_t{7}})},
      {"none", Tensor::zeros(DType::f64, {0, 5})},
  };
  const std::string file(bytes_of(write_tensors(tensors)).text());
  EXPECT_EQ(file.find('{'), 8U);
  const SafeTensors content = read_safetensors(bytes_of(file));
  ASSERT_EQ(content.tensors.size(), 4U);
  EXPECT_EQ(content.tensors[0].name, "flag");
  const NamedTensors back = read_tensors(bytes_of(file));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(back[i].first, tensors[i].first);
    EXPECT_TRUE(back[i].second.same_bits(tensors[i].second)) << tensors[i].first;
  }
  EXPECT_EQ(find(back, "w")->doubles().at(3), 4.0);
  EXPECT_EQ(find(back, "v"), nullptr);
}

TEST(Safetensors, DataBeginAtMultiplesOfTheirElement) {
  const NamedTensors tensors = {{"b", Tensor::of<bool>({1}, std::array{true})},
                                {"d", Tensor::of<double>({1}, std::array{1.5})}};
  const Bytes file = bytes_of(write_tensors(tensors));
  const StoredTensor d = read_safetensors(file).tensors.at(1);
  EXPECT_EQ((d.bytes.data().data() - file.data().data()) % 8, 0);
  EXPECT_EQ(d.bytes.owner(), file.owner());
}

TEST(Safetensors, KeepsMetadata) {
  SafeTensors content;
  content.metadata["format"] = "pt";
  EXPECT_EQ(read_safetensors(bytes_of(write_safetensors(content))).metadata.at("format"), "pt");
}

TEST(Safetensors, RefusesWhatDoesNotFit) {
  const std::string good = R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})";
  EXPECT_EQ(fault_of(good, "12345678"), "");
  EXPECT_NE(fault_of(good, "1234567"), "");
  EXPECT_NE(fault_of(good, "123456789").find("belong to none"), std::string::npos);
  EXPECT_NE(fault_of(R"({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}})", "12345678")
                .find("make 12"),
            std::string::npos);
  EXPECT_NE(
      fault_of(R"({"a": {"dtype": "F31", "shape": [2], "data_offsets": [0, 8]}})", "12345678"), "");
  EXPECT_NE(
      fault_of(R"({"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}})", "12345678"),
      "");
  EXPECT_NE(
      fault_of(
          R"({"a": {"dtype": "F32", "shape": [4611686018427387904, 4], "data_offsets": [0, 0]}})",
          ""),
      "");
  EXPECT_NE(
      fault_of(R"({"a": {"dtype": "U8", "shape": [2], "shape": [1], "data_offsets": [0, 2]}})",
               "12")
          .find("the key 'shape' stands twice"),
      std::string::npos);
  EXPECT_NE(fault_of(" " + good, "12345678"), "");
  EXPECT_NE(fault_of(R"([1])", ""), "");
  EXPECT_NE(fault_of(R"({"a": 1})", ""), "");
  EXPECT_NE(fault_of(R"({"a": )", ""), "");
  EXPECT_NE(fault_reading("short", read_safetensors), "");
  EXPECT_NE(fault_reading(std::string(8, '\x7f') + "{}", read_safetensors), "");
}

TEST(Safetensors, RefusesOverlapsHolesAndRepeatedNames) {
  const auto two = [](const std::string& a, const std::string& b, const std::string& name) {
    return R"({"a": {"dtype": "U8", "shape": [2], "data_offsets": )" + a + R"(}, ")" + name +
           R"(": {"dtype": "U8", "shape": [2], "data_offsets": )" + b + "}}";
  };
  EXPECT_EQ(fault_of(two("[2, 4]", "[0, 2]", "b"), "1234"), "");
  EXPECT_NE(fault_of(two("[0, 2]", "[1, 3]", "b"), "123").find("'b': its bytes lie over"),
            std::string::npos);
  EXPECT_NE(fault_of(two("[0, 2]", "[3, 5]", "b"), "12345").find("hole"), std::string::npos);
  EXPECT_NE(fault_of(two("[0, 2]", "[2, 4]", "a"), "1234").find("twice"), std::string::npos);
}

TEST(Tensors, RefusesTypesThatWeDoNotHold) {
  EXPECT_THROW(tensor_of({"x", "F8_E4M3", {1}, bytes_of(std::string("a"))}), Error);
  EXPECT_THROW(tensor_of({"x", "BOOL", {1}, bytes_of(std::string("a"))}), Error);
  EXPECT_THROW(stored(Tensor::zeros(DType::c128, {1}), "x"), Error);
}

TEST(Npy, WritesWhatItReads) {
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{}, {6}, {2, 3}, {1, 2, 3}, {0, 4}, {3, 0}}) {
    const Tensor tensor = Tensor::from_doubles(
        DType::f64, shape,
        std::vector<double>(static_cast<std::size_t>(count_elements(shape)), 1.5));
    const std::string file(bytes_of(write_npy(stored(tensor, ""))).text());
    const StoredTensor back = read_npy(bytes_of(file));
    EXPECT_TRUE(tensor_of(back).same_bits(tensor));
    EXPECT_EQ((file.size() - back.bytes.size()) % 64, 0U);
  }
}

TEST(Npy, ReadsWhatNumpyWrote) {
  // numpy.save of numpy.array([[1, -2]], dtype='<i2'), numpy 2.
  std::string header = "{'descr': '<i2', 'fortran_order': False, 'shape': (1, 2), }";
  header.append(117 - header.size(), ' ');
  header += '\n';
  const std::string file =
      std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + std::string("\x01\x00\xfe\xff", 4);
  EXPECT_EQ(tensor_of(read_npy(bytes_of(file))).integers(), (std::vector<std::int64_t>{1, -2}));
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_NE(fault_reading(file.substr(0, size), read_npy), "") << size;
}

TEST(Npy, RefusesOtherOrders) {
  const auto file = [](const std::string& header, const std::string& data) {
    return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header +
           data;
  };
  EXPECT_NE(
      fault_reading(file("{'descr': '>i2', 'fortran_order': False, 'shape': (1,)}", "12"), read_npy)
          .find("big endian"),
      std::string::npos);
  EXPECT_NE(fault_reading(file("{'descr': '<i2', 'fortran_order': True, 'shape': (1, 1)}", "12"),
                          read_npy)
                .find("Fortran"),
            std::string::npos);
  EXPECT_NE(
      fault_reading(file("{'descr': [('a', '<i2')], 'fortran_order': False, 'shape': (1,)}", "12"),
                    read_npy),
      "");
  EXPECT_NE(fault_reading(file("{'descr': '<i2', 'shape': (1,)}", "12"), read_npy), "");
  // Python takes the last of two, and (1) for a number.
  EXPECT_NE(
      fault_reading(
          file("{'descr': '<i2', 'fortran_order': False, 'shape': (2,), 'shape': (1,)}", "12"),
          read_npy)
          .find("'shape' twice"),
      std::string::npos);
  EXPECT_NE(
      fault_reading(file("{'descr': '<i2', 'fortran_order': False, 'shape': (1)}", "12"), read_npy),
      "");
  EXPECT_NE(fault_reading(file("{'descr': '<i2', 'fortran_order': False, 'shape': (-1,)}", "12"),
                          read_npy),
            "");
}

}  // namespace
}  // namespace isomer

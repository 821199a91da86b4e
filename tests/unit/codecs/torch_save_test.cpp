// Files of torch.save, read as data, with each part of them made wrong.

#include "codecs/torch_save.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "zip_maker.h"

namespace isomer {
namespace {

using test::archive;
using test::Member;
using test::number;

// The operations of a pickle, as torch.save writes them.
std::string text(const std::string& word) { return "X" + number(word.size(), 4) + word; }
std::string name(const std::string& module, const std::string& word) {
  return "c" + module + "\n" + word + "\n";
}
std::string integer(std::uint64_t value) { return "J" + number(value, 4); }
std::string numbers(const std::vector<std::uint64_t>& values) {
  std::string items;
  for (const std::uint64_t value : values) items += integer(value);
  return "(" + items + "t";
}
std::string pickled(const std::string& value) { return "\x80\x02" + value + "."; }

struct View {
  std::uint64_t offset = 0;
  std::vector<std::uint64_t> shape = {2, 3};
  std::vector<std::uint64_t> strides = {3, 1};
  std::uint64_t elements = 6;
  std::string kind = "ByteStorage";
};

std::string tensor(const View& view) {
  return name("torch._utils", "_rebuild_tensor_v2") + "((" + text("storage") +
         name("torch", view.kind) + text("0") + text("cpu") + integer(view.elements) + "tQ" +
         integer(view.offset) + numbers(view.shape) + numbers(view.strides) + "\x89" +
         name("collections", "OrderedDict") + ")RtR";
}

std::vector<StoredTensor> read(const std::string& pickle) {
  return read_torch_save(bytes_of(
      archive({{"x/data.pkl", pickle}, {"x/byteorder", "little"}, {"x/data/0", "abcdef"}})));
}

std::string refusal(const std::string& pickle) {
  try {
    read(pickle);
    return "nothing";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::file);
    return error.what();
  }
}

TEST(TorchSave, ReadsTensorsInContainers) {
  const auto found =
      read(pickled("}(" + text("x") + tensor({}) + text("n") + "](" + tensor({}) + "\x85" + "eu"));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "x");
  EXPECT_EQ(found[0].dtype, "U8");
  EXPECT_EQ(found[0].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(found[0].bytes.text(), "abcdef");
  EXPECT_EQ(found[1].name, "n_0_0");
  EXPECT_EQ(read(pickled(tensor({})))[0].name, "in0");
}

TEST(TorchSave, ReadsViews) {
  const auto turned = read(pickled(tensor({.shape = {3, 2}, .strides = {1, 3}})));
  EXPECT_EQ(turned[0].bytes.text(), "adbecf");
  const auto part = read(pickled(tensor({.offset = 2, .shape = {2}, .strides = {3}})));
  EXPECT_EQ(part[0].bytes.text(), "cf");
  EXPECT_EQ(read(pickled(tensor({.shape = {0, 5}, .strides = {5, 1}})))[0].bytes.size(), 0U);
}

// Of equal views the elements are gathered once.
TEST(TorchSave, SharesEqualViews) {
  const std::string turned = tensor({.shape = {3, 2}, .strides = {1, 3}});
  const auto found = read(pickled("](" + turned + turned + "e"));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].bytes.text(), "adbecf");
  EXPECT_EQ(found[0].bytes.text().data(), found[1].bytes.text().data());
}

TEST(TorchSave, BoundsTheSumOfItsViews) {
  constexpr std::uint64_t size = 8U << 20U;
  const auto of = [&](std::size_t count, bool same) {
    std::string views;
    for (std::size_t i = 0; i < count; ++i)
      views +=
          tensor({.offset = same ? 0 : i, .shape = {size / 2}, .strides = {1}, .elements = size});
    const Member zeros{"x/data/0", std::string(size, '\0'), 8};
    try {
      read_torch_save(bytes_of(archive({{"x/data.pkl", pickled("](" + views + "e")}, zeros})));
      return std::string("nothing");
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(of(16, false), "nothing");
  EXPECT_TRUE(of(20, false).starts_with(
      "tensor 'in16': its sizes make 4194304 bytes, with the views before it more than 67"));
  EXPECT_TRUE(of(80, true).starts_with(
      "tensor 'in65': its sizes make 4194304 bytes, with the tied tensors before it more than 26"));
}

TEST(TorchSave, ReadsManyTensors) {
  std::string items;
  for (std::size_t i = 0; i < 10'001; ++i) items += tensor({});
  EXPECT_EQ(read(pickled("](" + items + "e")).size(), 10'001U);
}

TEST(TorchSave, RunsNothing) {
  const std::string call = name("os", "system") + text("rm -rf /") + "\x85R";
  EXPECT_EQ(refusal(pickled(call)),
            "calls 'os.system'; plain tensors in lists, tuples and dictionaries are read, as data");
  EXPECT_EQ(refusal(pickled("}" + text("x") + call + "s")), refusal(pickled(call)));
  EXPECT_EQ(refusal(pickled(name("os", "system"))), "holds 'os.system' where a tensor should be");
}

TEST(TorchSave, RefusesSizesThatLie) {
  const auto of = [](View view) { return refusal(pickled(tensor(view))); };
  constexpr std::uint64_t huge = 0x7fffffff;
  EXPECT_EQ(of({.offset = 1}), "tensor 'in0': reaches beyond its storage");
  EXPECT_EQ(of({.shape = {huge, huge}, .strides = {huge, huge}}),
            "tensor 'in0': reaches beyond its storage");
  EXPECT_EQ(of({.shape = {huge, huge, huge}, .strides = {0, 0, 0}}),
            "tensor 'in0': reaches beyond its storage");
  EXPECT_EQ(of({.shape = {huge}, .strides = {0}}),
            "tensor 'in0': repeats elements of its storage; save what .contiguous() gives");
  EXPECT_EQ(of({.strides = {1}}), "tensor 'in0': its strides do not fit its shape");
  EXPECT_EQ(of({.shape = {0xffffffff, 3}}),
            "tensor 'in0': has a size that is no number of 0 or more");
  EXPECT_EQ(of({.elements = 7}), "tensor 'in0': its storage has 6 bytes; 7 elements need 1 each");
  EXPECT_EQ(of({.kind = "QInt8Storage"}),
            "tensor 'in0': holds elements of 'torch.QInt8Storage', which we do not read");
}

TEST(TorchSave, RefusesDamagedPickles) {
  const std::string good = pickled(tensor({}));
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(refusal(good.substr(0, size)), "");
  EXPECT_EQ(refusal(pickled("h\x05")), "names a value that its pickle does not hold");
  EXPECT_EQ(refusal(pickled("t")), "lacks a mark in its pickle");
  EXPECT_EQ(refusal(pickled("i")),
            "holds the pickle operation 0x69, which tensors and containers do not need");
  EXPECT_EQ(refusal(pickled("K\x05")), "holds a number of Python's where a tensor should be");
  EXPECT_EQ(refusal(pickled("]")), "holds no tensor");
  EXPECT_EQ(refusal(pickled("]q\x01h\x01"
                            "a")),
            "nests containers too deep");  // a list in itself
  // Each list twice in the next: more values than there are bytes.
  std::string doubling = "]q" + number(0, 1);
  for (std::uint64_t i = 0; i < 30; ++i)
    doubling += "]q" + number(i + 1, 1) + "(h" + number(i, 1) + "h" + number(i, 1) + "e";
  EXPECT_EQ(refusal(pickled(doubling)), "holds more than 1000000 values");
}

TEST(TorchSave, RefusesOtherArchives) {
  const auto says = [](const std::string& file) {
    try {
      read_torch_save(bytes_of(std::string(file)));
      return std::string("nothing");
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(says("\x80\x02."), "is of the form that torch wrote before 1.6; save it again");
  EXPECT_EQ(says(archive({{"x", "y"}})), "is an archive without data.pkl; torch.save writes one");
  EXPECT_EQ(says(archive({{"x/data.pkl", "."}, {"x/byteorder", "big"}})),
            "is big endian; save it on a little endian machine");
}

}  // namespace
}  // namespace isomer

#include "codecs/json.h"
#include "program.h"
#include "systems/stored.h"

namespace isomer::test {
namespace {

const std::string decay = R"(isomer 1
graph decay(x: f32[n, 3], i: i64[n]) -> (y)
  length n: 1..8
  state total: f32[3] "total" = [0.0, 0.0, 0.0] -> next
  half = mul(total, 0.5)
  s = sum(x, dim=[0])
  next = add(half, s)
  k = cast(i, dtype=f32)
  c = sum(k)
  z = add(next, c)
  y = tanh(z)
)";

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const std::size_t place = text.find(what);
  EXPECT_NE(place, std::string::npos) << what;
  return text.replace(place, what.size(), with);
}

class CliProve : public Cli {
 protected:
  /// `decay` and a copy with another number, proved.
  Ended prove(std::string_view number, const std::string& options) {
    std::ofstream(at("a.isomer")) << decay;
    std::ofstream(at("b.isomer")) << replaced(decay, "0.5)", std::string(number) + ")");
    return call("prove " + at("a.isomer") + " " + at("b.isomer") + " --engine reference " +
                options);
  }
};

/// What a JSON text lacks of its schema, or has besides it: keys alone.
class Schema {
 public:
  explicit Schema(const Tree& root) : root_(root) {}

  std::vector<std::string> faults(const Tree& value) && {
    check(root_, value, "certificate");
    return std::move(faults_);
  }

 private:
  void check(const Tree& schema, const Tree& value, const std::string& place) {
    if (const Tree* reference = schema.find("$ref")) {
      const std::string_view name =
          std::string_view(*reference->text()).substr(std::string_view("#/$defs/").size());
      const Tree* definition = root_.find("$defs")->find(name);
      ASSERT_NE(definition, nullptr) << name;
      return check(*definition, value, place);
    }
    if (const Tree* either = schema.find("oneOf")) {
      if (!value.is_null()) check(either->list()->back(), value, place);
      return;
    }
    if (const Tree* items = schema.find("items"); items != nullptr && value.list() != nullptr) {
      for (const Tree& item : *value.list()) check(*items, item, place + "[]");
    }
    if (value.map() == nullptr) return;
    if (const Tree* required = schema.find("required")) {
      for (const Tree& key : *required->list()) {
        if (value.find(*key.text()) == nullptr) faults_.push_back(place + " lacks " + *key.text());
      }
    }
    for (const auto& [key, child] : *value.map()) {
      const Tree* properties = schema.find("properties");
      const Tree* property = properties ? properties->find(key) : nullptr;
      if (property != nullptr) {
        check(*property, child, place + "." + key);
      } else if (properties != nullptr) {
        faults_.push_back(place + " has " + key);
      }
    }
  }

  const Tree& root_;
  std::vector<std::string> faults_;
};

Tree schema_of_certificates() {
  return read_json(content(ISOMER_SOURCE "/docs/certificate.schema.json"));
}

TEST_F(CliProve, WritesWhatTheSchemaSays) {
  for (const std::string number : {"0.5", "0.75"}) {
    prove(number, "--allow 1e-3,1e-5 --json " + at("report.json"));
    const Tree report = read_json(content(at("report.json")));
    EXPECT_EQ(Schema(schema_of_certificates()).faults(report), std::vector<std::string>{});
    EXPECT_EQ(
        *report.find("schema")->integer(),
        *schema_of_certificates().find("properties")->find("schema")->find("const")->integer());
    const Tree& file = report.find("source_files")->list()->at(0);
    EXPECT_EQ(*file.find("bytes")->integer(), static_cast<std::int64_t>(decay.size()));
    EXPECT_EQ(report.find("seconds")->map()->empty(), false);
  }
}

TEST_F(CliProve, SavesTheInputsThatDiffer) {
  const Ended ended = prove("0.75", "--save-inputs " + at("found/here"));
  EXPECT_EQ(ended.code, 1) << ended.err;
  const std::string inputs = at("found/here/calls.safetensors");
  EXPECT_NE(ended.out.find("isomer run " + at("a.isomer") + " --inputs " + inputs),
            std::string::npos)
      << ended.out;
  EXPECT_TRUE(fs::exists(at("found/here/call3.safetensors")));
  const std::string states = fs::exists(at("found/here/states.safetensors"))
                                 ? " --states " + at("found/here/states.safetensors")
                                 : "";
  for (const std::string name : {"a", "b"}) {
    const Ended ran = call("run " + at(name + ".isomer") + " --inputs " + inputs + states +
                           " --steps 3 -o " + at(name + ".safetensors"));
    ASSERT_EQ(ran.code, 0) << ran.err;
  }
  EXPECT_NE(content(at("a.safetensors")), content(at("b.safetensors")));
}

TEST_F(CliProve, SavesNothingOfWhatIsEqual) {
  const Ended ended = prove("0.5", "--save-inputs " + at("found"));
  EXPECT_EQ(ended.code, 0) << ended.out;
  EXPECT_FALSE(fs::exists(at("found")));
  EXPECT_NE(ended.err.find("no inputs show a difference"), std::string::npos);
}

TEST_F(CliProve, AllowsWhatIsAllowed) {
  EXPECT_EQ(prove("0.50001", "").code, 1);
  const Ended ended = prove("0.50001", "--allow 1e-2,1e-2");
  EXPECT_EQ(ended.code, 0) << ended.out;
  EXPECT_TRUE(ended.out.starts_with("WITHIN")) << ended.out;
  EXPECT_EQ(prove("0.75", "--allow 1e-7,0").code, 1);
}

TEST_F(CliProve, TriesMoreWithMoreEffort) {
  std::size_t before = 0;
  for (const std::string effort : {"quick", "normal", "thorough"}) {
    const Ended ended = prove("0.75", "--effort " + effort + " --json " + at("report.json"));
    EXPECT_EQ(ended.code, 1) << ended.err;
    const std::size_t sets = read_json(content(at("report.json"))).find("inputs")->list()->size();
    EXPECT_GT(sets, before) << effort;
    before = sets;
  }
}

TEST_F(CliProve, SaysWhatWasTried) {
  const Ended ended = prove("0.5", "");
  EXPECT_NE(ended.out.find("lengths: n = 1, 2, "), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("integers: 'i' in ["), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("takes all that"), std::string::npos) << ended.out;
}

}  // namespace
}  // namespace isomer::test

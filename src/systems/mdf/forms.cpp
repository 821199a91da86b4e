#include "systems/mdf/forms.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/text.h"
#include "codecs/bson.h"
#include "codecs/json.h"
#include "codecs/yaml.h"

namespace isomer::mdf {
namespace {

struct Form {
  std::string_view ending;
  Tree (*read)(std::string_view);
  std::string (*write)(const Tree&);
  bool lines = true;
};

std::string json_text(const Tree& tree) { return write_json(tree) + "\n"; }

constexpr Form forms[] = {
    {".json", read_json, json_text},
    {".yaml", read_yaml, write_yaml},
    {".yml", read_yaml, write_yaml},
    {".bson", read_bson, write_bson, false},
};

const Form& form_of(std::string_view entry) {
  const auto found =
      std::ranges::find_if(forms, [&](const Form& form) { return entry.ends_with(form.ending); });
  if (found != std::end(forms)) return *found;
  throw Error(Fault::unsupported, "",
              fmt::format("the ending of the file says in which form a document is: {}",
                          listed(split_text(endings, ' '))));
}

}  // namespace

Content content_of(std::string_view entry, const Bytes& file) {
  const Form& form = form_of(entry);
  return {form.read(file.text()), form.lines ? file.text() : std::string_view()};
}

Bytes file_of(std::string_view entry, const Tree& tree) {
  return bytes_of(form_of(entry).write(tree));
}

Document document_in(std::string_view entry, const Bytes& file, const Dialect& dialect) {
  if (form_of(entry).read == read_json) {
    // The fast reader knows no places, and where all is sound nobody asks for them.
    const Tree quick = read_json_fast(file.text());
    auto document = repeated_keys(quick).empty() ? read_sound_document(quick, dialect)
                                                 : std::optional<Document>();
    if (document) return *std::move(document);
  }
  const auto [tree, text] = content_of(entry, file);
  Document document = read_document(tree, text, dialect);
  // The other readers keep no two keys.
  if (form_of(entry).read == read_json) refuse_repeated_keys(tree, text);
  return document;
}

}  // namespace isomer::mdf

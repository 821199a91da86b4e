#include "base/text.h"
#include "ops/text.h"
#include "systems/stored.h"
#include "systems/text/text.h"

namespace isomer {

bool recognises_text(const Files& files, std::string_view entry) {
  return files.read(entry).text().starts_with("isomer ");
}

Loaded read_text(const Files& files, std::string_view entry) {
  const Bytes bytes = files.read(entry);
  return with_place(entry, [&] {
    Cursor cursor(bytes.text());
    const TextOpening opening = read_opening(cursor);
    if (!opening.given) cursor.fail("the first line should be 'isomer 1'");
    if (opening.data.empty()) return Loaded{read_graph(cursor), {}};
    const Bytes beside = files.read(opening.data);
    const NamedTensors stored =
        with_place([&] { return quoted(opening.data); }, [&] { return read_tensors(beside); });
    return Loaded{read_graph(cursor, stored), {}};
  });
}

}  // namespace isomer

#include "systems/pt2/pt2.h"

#include "base/error.h"
#include "systems/pt2/archive.h"
#include "systems/pt2/reader.h"
#include "systems/pt2/schema.h"

namespace isomer::pt2 {

bool recognises(const Files& files, std::string_view entry) {
  return files.has(entry) && looks_exported(files.read(entry));
}

Loaded read(const Files& files, std::string_view entry) {
  return with_place(entry, [&] {
    const Archive archive = open_archive(files.read(entry), entry);
    return read_program(parse_program(archive.program), archive);
  });
}

}  // namespace isomer::pt2

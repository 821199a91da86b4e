#include "systems/pytorch/pytorch.h"

#include "base/error.h"
#include "systems/pytorch/archive.h"
#include "systems/pytorch/export_reader.h"
#include "systems/pytorch/export_schema.h"

namespace isomer {

bool recognises_pt2(const Files& files, std::string_view entry) {
  return files.has(entry) && pytorch::looks_exported(files.read(entry));
}

Loaded read_pt2(const Files& files, std::string_view entry) {
  return with_place(entry, [&] {
    const pytorch::Archive archive = pytorch::open_archive(files.read(entry));
    return pytorch::read_program(pytorch::parse_program(archive.program), archive);
  });
}

}  // namespace isomer

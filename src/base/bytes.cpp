#include "base/bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/error.h"

namespace isomer {
namespace {

Error system_error(const std::filesystem::path& path, std::string_view action) {
  return Error(Fault::file, path.string(), std::string(action) + ": " + std::strerror(errno));
}

}  // namespace

Bytes bytes_of(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  return {owner, std::as_bytes(std::span(owner->data(), owner->size()))};
}

Bytes bytes_of(std::vector<std::byte> data) {
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(data));
  return {owner, std::span(owner->data(), owner->size())};
}

Bytes map_file(const std::filesystem::path& path) {
  // Without O_NONBLOCK a pipe would wait for somebody to write into it.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) throw system_error(path, "cannot open");
  struct stat status {};
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(file);
    throw Error(Fault::file, path.string(),
                "is no regular file; save what it gives as a file first");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) {
    ::close(file);
    return {};
  }
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  ::close(file);
  if (address == MAP_FAILED) throw system_error(path, "cannot map");
  std::shared_ptr<const void> owner(address, [size](void* start) { ::munmap(start, size); });
  return {std::move(owner), {static_cast<const std::byte*>(address), size}};
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> data) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
  out.flush();
  if (!out) throw system_error(path, "cannot write");
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  write_file(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace isomer

# Finds the libtorch inside an installed torch package, and makes the target LibTorch::LibTorch.
#
# The package's own TorchConfig.cmake is not used: in a build with CUDA it insists on a CUDA toolkit, although what we
# link, libtorch_cpu and libc10, needs none. Looks where CMAKE_PREFIX_PATH points (at the package or at its share/cmake),
# then where the interpreter ISOMER_PYTHON would import it from, without importing it.

set(candidates)
foreach(prefix IN LISTS CMAKE_PREFIX_PATH)
  list(APPEND candidates ${prefix} ${prefix}/../..)
endforeach()
if(ISOMER_PYTHON)
  execute_process(
    COMMAND ${ISOMER_PYTHON} -c
            "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
    OUTPUT_VARIABLE imported OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  list(APPEND candidates ${imported})
endif()

find_path(LibTorch_INCLUDE_DIR ATen/core/Tensor.h PATHS ${candidates} PATH_SUFFIXES include NO_DEFAULT_PATH)
find_library(LibTorch_LIBRARY torch_cpu PATHS ${candidates} PATH_SUFFIXES lib NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 PATHS ${candidates} PATH_SUFFIXES lib NO_DEFAULT_PATH)
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_LIBRARY LibTorch_C10_LIBRARY)

if(LibTorch_INCLUDE_DIR)
  set(LibTorch_VERSION)
  foreach(part MAJOR MINOR PATCH)
    file(STRINGS ${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h line REGEX "define TORCH_VERSION_${part} ")
    string(REGEX REPLACE ".* " "" number "${line}")
    list(APPEND LibTorch_VERSION ${number})
  endforeach()
  list(JOIN LibTorch_VERSION "." LibTorch_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS LibTorch_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION HANDLE_VERSION_RANGE)

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE ${LibTorch_INCLUDE_DIR}
                             ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include)
  target_link_libraries(LibTorch::LibTorch INTERFACE ${LibTorch_LIBRARY} ${LibTorch_C10_LIBRARY})
endif()

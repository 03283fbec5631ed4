# Find the compilers ourselves, so that a machine without one gets one sentence and not a page.
include(CheckLanguage)
foreach(language C CXX)
  check_language(${language})
  if(NOT CMAKE_${language}_COMPILER)
    message(FATAL_ERROR "Thoth needs a C and a C++20 compiler and found none for ${language}: install one "
                        "(Debian and Ubuntu: apt install g++; Fedora: dnf install gcc-c++; "
                        "macOS: xcode-select --install; Windows: Visual Studio Build Tools) and try again.")
  endif()
  enable_language(${language})
endforeach()

# Our own code only: third-party sources keep the warnings their authors chose. They are errors in our own checks alone:
# a compiler newer than those may warn of more, and must still build a release.
add_library(thoth_warnings INTERFACE)
if(MSVC)
  target_compile_options(thoth_warnings INTERFACE /W4 /utf-8 $<$<BOOL:${THOTH_WERROR}>:/WX>)
else()
  target_compile_options(thoth_warnings INTERFACE -Wall -Wextra $<$<BOOL:${THOTH_WERROR}>:-Werror>)
  if(THOTH_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # The instrumented standard library trips this one (GCC's documentation says so of -fsanitize in general).
    target_compile_options(thoth_warnings INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()

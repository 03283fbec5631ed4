# ggml as shared libraries, with one module of CPU kernels per family of CPUs; whisper.cpp, added after this, stays static.
# engine/backends.cpp picks the module. Where they are installed: src/native/CMakeLists.txt.
if(THOTH_SANITIZE)
  message(FATAL_ERROR "THOTH_CPU_VARIANTS is for wheels: build it without THOTH_SANITIZE")
endif()
set(GGML_NATIVE OFF)
set(GGML_BACKEND_DL ON)
set(GGML_CPU_ALL_VARIANTS ON)
# ggml appends to it at every configuration.
unset(GGML_AVAILABLE_BACKENDS CACHE)
set(BUILD_SHARED_LIBS ON)
add_subdirectory(src/whisper.cpp/ggml EXCLUDE_FROM_ALL)
set(BUILD_SHARED_LIBS OFF)

set(modules ${GGML_AVAILABLE_BACKENDS})
if(NOT THOTH_CPU_VARIANTS MATCHES "^(ON|TRUE|YES|1)$")
  set(chosen ${THOTH_CPU_VARIANTS})
  list(TRANSFORM chosen PREPEND ggml-cpu-)
  foreach(module ${chosen})
    if(NOT module IN_LIST modules)
      message(FATAL_ERROR "THOTH_CPU_VARIANTS: there is no ${module}; choose among ${modules}, without ggml-cpu-")
    endif()
  endforeach()
  foreach(module ${modules})
    if(NOT module IN_LIST chosen)
      # ggml depends on all of its modules: build those left out, which nobody installs, of next to nothing.
      set_property(TARGET ${module} PROPERTY SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/src/whisper.cpp/ggml/src/ggml-threading.cpp)
      set_property(TARGET ${module} PROPERTY COMPILE_OPTIONS)  # for CPUs that the compiler may not know yet
    endif()
  endforeach()
  set(modules ${chosen})
endif()
set(THOTH_CPU_MODULES ${modules} CACHE INTERNAL "Targets of the CPU kernels")

# A loader takes a library that is loaded already for any other of its name: these names must be nobody else's.
set_target_properties(ggml-base PROPERTIES OUTPUT_NAME thoth-ggml-base)
set_target_properties(ggml PROPERTIES OUTPUT_NAME thoth-ggml)
foreach(library ggml-base ggml ${modules})
  # A wheel holds no symbolic links.
  set_property(TARGET ${library} PROPERTY VERSION)
  set_property(TARGET ${library} PROPERTY SOVERSION)
  if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    # Its own functions call each other, even in a process that loads another ggml for all to see; and what it needs is
    # looked for beside it before LD_LIBRARY_PATH is.
    target_link_options(${library} PRIVATE -Wl,-Bsymbolic -Wl,--disable-new-dtags)
  endif()
endforeach()
set_property(TARGET ggml PROPERTY PUBLIC_HEADER)
if(WIN32)
  # As whisper.cpp's own build sets it: std::mutex must work with an older runtime library that is loaded already.
  target_compile_definitions(ggml-base PRIVATE _DISABLE_CONSTEXPR_MUTEX_CONSTRUCTOR)
endif()

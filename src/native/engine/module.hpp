#pragma once

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include <filesystem>
#include <string>
#include <utility>

#include "errors.hpp"

namespace thoth {

// A shared library opened by its full path, its names visible to nobody else; closed with the object. One thread at a
// time.
class Module {
public:
    Module() = default;

    explicit Module(const std::filesystem::path& file) {
#ifdef _WIN32
        handle_ =
            LoadLibraryExW(file.c_str(), nullptr, LOAD_LIBRARY_SEARCH_DEFAULT_DIRS | LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR);
        if (handle_ == nullptr) failure_ = "Windows error " + std::to_string(GetLastError());
#else
        handle_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (handle_ == nullptr) failure_ = dlerror();
#endif
    }

    Module(Module&& other) noexcept
        : handle_(std::exchange(other.handle_, nullptr)), failure_(std::move(other.failure_)) {}

    Module& operator=(Module&& other) noexcept {
        std::swap(handle_, other.handle_);
        std::swap(failure_, other.failure_);
        return *this;
    }

    ~Module() {
        if (handle_ == nullptr) return;
#ifdef _WIN32
        FreeLibrary(handle_);
#else
        dlclose(handle_);
#endif
    }

    explicit operator bool() const noexcept { return handle_ != nullptr; }

    // Why it could not be opened.
    const std::string& failure() const noexcept { return failure_; }

    template <class Signature>
    Signature* function(const char* name) const {
#ifdef _WIN32
        return reinterpret_cast<Signature*>(reinterpret_cast<void*>(GetProcAddress(handle_, name)));
#else
        return reinterpret_cast<Signature*>(dlsym(handle_, name));
#endif
    }

    // Stays open when the object goes.
    void keep() noexcept { handle_ = nullptr; }

private:
#ifdef _WIN32
    HMODULE handle_ = nullptr;
#else
    void* handle_ = nullptr;
#endif
    std::string failure_;
};

// The folder of the library or program that this address lies in.
inline std::filesystem::path folder_of(const void* address) {
#ifdef _WIN32
    HMODULE module = nullptr;
    wchar_t name[32768];  // the longest path that Windows knows
    if (GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                           static_cast<LPCWSTR>(address), &module) == 0 ||
        GetModuleFileNameW(module, name, static_cast<DWORD>(std::size(name))) == 0) {
        throw ModelError("cannot find the folder that Thoth is installed in");
    }
    return std::filesystem::path(name).parent_path();
#else
    Dl_info info{};
    if (dladdr(address, &info) == 0) throw ModelError("cannot find the folder that Thoth is installed in");
    return std::filesystem::path(info.dli_fname).parent_path();
#endif
}

}  // namespace thoth

#include "engine/backends.hpp"

#ifndef THOTH_CPU_VARIANTS

namespace thoth {

void load_backends() {}

std::string cpu_variant() { return "native"; }

}  // namespace thoth

#else

#include <ggml-backend.h>

#include <filesystem>
#include <string_view>
#include <system_error>

#include "engine/log.hpp"
#include "engine/module.hpp"
#include "errors.hpp"

namespace thoth {
namespace {

namespace fs = std::filesystem;

struct Choice {
    Module module;
    std::string variant;
    int score = 0;  // 0: does not run on this CPU
    std::string failure = "";
};

#ifdef _WIN32
constexpr std::string_view prefix = "ggml-cpu-";
constexpr std::string_view suffix = ".dll";
#else
constexpr std::string_view prefix = "libggml-cpu-";
constexpr std::string_view suffix = ".so";
#endif

// The part of a module's file name that tells variants apart; empty for any other file.
std::string variant_in(const fs::path& file) {
    const std::string name = file.filename().string();
    const bool ours = name.size() > prefix.size() + suffix.size() && name.starts_with(prefix) && name.ends_with(suffix);
    return ours ? name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()) : "";
}

Choice examine(const fs::path& file, const std::string& variant) {
    Module module(file);
    if (!module) return {{}, variant, 0, module.failure()};
    const auto score = module.function<int()>("ggml_backend_score");
    const int points = score == nullptr ? 0 : score();
    return {std::move(module), variant, points};
}

Choice best_of(const fs::path& folder) {
    Choice best;
    std::error_code unreadable;
    for (const auto& entry : fs::directory_iterator(folder, unreadable)) {
        const std::string variant = variant_in(entry.path());
        if (variant.empty()) continue;
        Choice found = examine(entry.path(), variant);
        if (found.score > best.score || (best.score == 0 && !found.failure.empty())) best = std::move(found);
    }
    if (unreadable) best.failure = unreadable.message();
    return best;
}

std::string load_best_of(const fs::path& folder) {
    Choice best = best_of(folder);
    if (best.score == 0) {
        throw ModelError("no CPU kernels for this CPU in " + folder.string() +
                         (best.failure.empty() ? "" : " (" + best.failure + ")") + ": install thoth-speech again");
    }
    const auto init = best.module.function<ggml_backend_reg_t()>("ggml_backend_init");
    const ggml_backend_reg_t reg = init == nullptr ? nullptr : init();
    if (reg == nullptr) {
        throw ModelError("the CPU kernels " + best.variant + " do not start: install thoth-speech again");
    }
    ggml_backend_register(reg);
    // For the rest of the process: threads of ggml's may run in it to the end.
    best.module.keep();
    return best.variant;
}

const std::string& loaded_variant() {
    static const std::string variant = [] {
        capture_log();
        return load_best_of(folder_of(reinterpret_cast<const void*>(&load_backends)) / "cpu");
    }();
    return variant;
}

}  // namespace

void load_backends() { loaded_variant(); }

std::string cpu_variant() { return loaded_variant(); }

}  // namespace thoth

#endif

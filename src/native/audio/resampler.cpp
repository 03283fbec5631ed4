#include "audio/resampler.hpp"

#include <soxr.h>

#include <algorithm>
#include <array>
#include <string>

#include "audio/in_use.hpp"
#include "audio/limits.hpp"
#include "errors.hpp"

namespace thoth {
namespace {

// libsoxr queues what it is given and counts frames in int: long input goes in by pieces, small enough that
// neither its input nor its output queue grows with the caller's block.
constexpr double max_piece_frames = 16'384.0;
constexpr double max_piece_out_frames = 65'536.0;
constexpr double min_piece_frames = 64.0;

struct Recipe {
    std::string_view name;
    unsigned long soxr_recipe;
};

constexpr std::array<Recipe, 5> recipes{{
    {"QQ", SOXR_QQ},
    {"LQ", SOXR_LQ},
    {"MQ", SOXR_MQ},
    {"HQ", SOXR_HQ},
    {"VHQ", SOXR_VHQ},
}};

unsigned long recipe_named(std::string_view quality) {
    const auto* found = std::ranges::find(recipes, quality, &Recipe::name);
    if (found == recipes.end()) {
        throw InvalidOption("quality takes QQ, LQ, MQ, HQ or VHQ, not '" + std::string(quality) + "'");
    }
    return found->soxr_recipe;
}

std::size_t piece_frames_for(double out_per_in) {
    const double frames = std::min(max_piece_frames, max_piece_out_frames / out_per_in);
    return static_cast<std::size_t>(std::max(frames, min_piece_frames));
}

void throw_on(soxr_error_t error) {
    if (error != nullptr) {
        throw AudioError(std::string("libsoxr could not resample: ") + error);
    }
}

}  // namespace

void Resampler::Delete::operator()(soxr* handle) const noexcept { soxr_delete(handle); }

Resampler::Resampler(double in_rate_hz, double out_rate_hz, int channels, std::string_view quality)
    : in_rate_hz_(checked_rate("in_rate_hz", in_rate_hz)),
      out_rate_hz_(checked_rate("out_rate_hz", out_rate_hz)),
      channels_(checked_channels(channels)) {
    const soxr_quality_spec_t quality_spec = soxr_quality_spec(recipe_named(quality), 0);
    if (in_rate_hz_ == out_rate_hz_) {
        return;
    }
    const soxr_io_spec_t io_spec = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
    const soxr_runtime_spec_t runtime_spec = soxr_runtime_spec(1);
    soxr_error_t error = nullptr;
    soxr_.reset(soxr_create(in_rate_hz_, out_rate_hz_, static_cast<unsigned>(channels_), &error, &io_spec,
                            &quality_spec, &runtime_spec));
    throw_on(error);
    piece_frames_ = piece_frames_for(out_rate_hz_ / in_rate_hz_);
}

void Resampler::process(std::span<const float> in, std::vector<float>& out) {
    const InUse in_use(in_use_, "Resampler");
    if (flushed_) {
        throw AudioError("this Resampler was flushed, its stream has ended: make a new one for the next stream");
    }
    if (in.size() % channels_ != 0) {
        throw AudioError(std::to_string(in.size()) + " interleaved samples are no whole number of frames of " +
                         std::to_string(channels_) + " channels");
    }
    if (!soxr_) {
        out.insert(out.end(), in.begin(), in.end());
        return;
    }
    const std::size_t piece_samples = piece_frames_ * channels_;
    if (in.size() > piece_samples) {  // one allocation of the right size for a long input
        out.reserve(out.size() + ready_frames_bound(in.size() / channels_) * channels_);
    }
    while (!in.empty()) {
        const auto piece = in.first(std::min(piece_samples, in.size()));
        drain(piece.data(), piece.size() / channels_, out);
        in = in.subspan(piece.size());
    }
}

void Resampler::flush(std::vector<float>& out) {
    const InUse in_use(in_use_, "Resampler");
    if (flushed_) {
        return;
    }
    flushed_ = true;
    if (!soxr_) {
        return;
    }
    // libsoxr's own sum. It must not be asked to drain when nothing is due: it would take a count below zero
    // for a very large one.
    const auto due = static_cast<std::int64_t>(static_cast<double>(in_frames_) / (in_rate_hz_ / out_rate_hz_) + .5);
    if (due > out_frames_) {
        drain(nullptr, 0, out);
    }
}

// The most frames that can be ready once `more` frames have gone in, and never less than two: libsoxr loads,
// without using it, a pointer's width per channel from the output buffer.
std::size_t Resampler::ready_frames_bound(std::size_t more) const noexcept {
    const double in_frames = static_cast<double>(in_frames_) + static_cast<double>(more);
    const double held_back = in_frames * out_rate_hz_ / in_rate_hz_ - static_cast<double>(out_frames_);
    return static_cast<std::size_t>(std::max(held_back, 0.0)) + 2;
}

// Gives libsoxr `in_frames` frames (a null `in` ends the stream) and appends all that it returns.
void Resampler::drain(const float* in, std::size_t in_frames, std::vector<float>& out) {
    const std::size_t room_frames = ready_frames_bound(in_frames);
    in_frames_ += static_cast<std::int64_t>(in_frames);
    std::size_t done_frames = 0;
    do {
        const std::size_t begin = out.size();
        out.resize(begin + room_frames * channels_);
        // No count of frames taken is asked for: libsoxr then takes them all and output alone is limited.
        const soxr_error_t error =
            soxr_process(soxr_.get(), in, in_frames, nullptr, out.data() + begin, room_frames, &done_frames);
        out.resize(begin + (error == nullptr ? done_frames : 0) * channels_);
        throw_on(error);
        out_frames_ += static_cast<std::int64_t>(done_frames);
        in_frames = 0;
    } while (done_frames == room_frames);
}

}  // namespace thoth

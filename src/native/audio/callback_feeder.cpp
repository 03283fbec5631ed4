#include "audio/callback_feeder.hpp"

#include <algorithm>
#include <sstream>
#include <thread>

#include "audio/limits.hpp"
#include "errors.hpp"

namespace thoth {
namespace {

using std::chrono::duration;
using std::chrono::duration_cast;

constexpr std::chrono::milliseconds longest_wait{10};
constexpr std::chrono::milliseconds room_poll{1};
// Blocks that are late by less come at once, as a sound card's do when its thread was held up.
constexpr std::chrono::seconds most_made_up{1};

void require(bool holds, const char* option, const char* takes, double value) {
    if (holds) return;
    std::ostringstream message;
    message << option << " takes " << takes << ", not " << value;
    throw InvalidOption(message.str());
}

}  // namespace

CallbackFeeder::CallbackFeeder(PaStreamCallback* callback, void* user_data, double rate_hz, int channels,
                               std::size_t block_frames, double speed, std::size_t keep_durations)
    : callback_(callback),
      user_data_(user_data),
      rate_hz_(checked_rate("rate_hz", rate_hz)),
      channels_(checked_channels(channels)),
      block_frames_(block_frames),
      speed_(speed),
      keep_durations_(keep_durations) {
    require(block_frames >= 1, "block_frames", "1 or more", static_cast<double>(block_frames));
    require(speed >= 0.0 && speed <= 1e6, "speed", "0 (no pace) to 1000000", speed);
    durations_s_.reserve(keep_durations);
}

std::vector<double> CallbackFeeder::durations_s() const { return durations_s_; }

bool CallbackFeeder::ready(std::size_t frames) {
    if (capture_ != nullptr && capture_->room() < std::min(frames, capture_->capacity())) return false;
    if (speed_ == 0.0) return true;
    if (!clock_runs_) {
        clock_runs_ = true;
        begin_ = Clock::now();
        frames_fed_ = 0;
    }
    const auto late = Clock::now() - due();
    if (late > most_made_up)
        clock_runs_ = false;  // the process was stopped, or nobody pushed: go on at the pace from here
    return late >= Clock::duration::zero();
}

CallbackFeeder::Clock::time_point CallbackFeeder::due() const {
    const duration<double> due_s(static_cast<double>(frames_fed_) / (rate_hz_ * speed_));
    return begin_ + duration_cast<Clock::duration>(due_s);
}

void CallbackFeeder::wait_a_moment() const {
    if (speed_ == 0.0 || !clock_runs_) {
        std::this_thread::sleep_for(room_poll);
        return;
    }
    const auto now = Clock::now();
    std::this_thread::sleep_until(due() > now ? std::min(due(), now + longest_wait) : now + room_poll);
}

void CallbackFeeder::call(std::span<const float> block) {
    const auto frames = block.size() / channels_;
    const double stream_time_s = static_cast<double>(frames_in_all_) / rate_hz_;
    const PaStreamCallbackTimeInfo time{stream_time_s, stream_time_s, 0.0};
    const auto begin = Clock::now();
    callback_(block.data(), nullptr, static_cast<unsigned long>(frames), &time, 0, user_data_);
    if (durations_s_.size() < keep_durations_) durations_s_.push_back(duration<double>(Clock::now() - begin).count());
    frames_fed_ += frames;
    frames_in_all_ += frames;
}

}  // namespace thoth

#include "audio/readers.hpp"

#include <algorithm>
#include <limits>

namespace thoth {
namespace {

bool holds(const Taps& taps, const std::shared_ptr<Tap>& tap) { return std::ranges::find(taps, tap) != taps.end(); }

}  // namespace

void Readers::add(const Taps& taps) {
    for (const auto& tap : taps) readers_.push_back({tap});
}

void Readers::remove(const Taps& taps) {
    std::erase_if(readers_, [&](const Reader& reader) {
        if (!holds(taps, reader.tap)) return false;
        reader.tap->end();
        return true;
    });
}

void Readers::end_all() {
    for (const auto& reader : readers_) reader.tap->end();
    readers_.clear();
}

void Readers::set_paused(const Taps& taps, bool paused) {
    for (auto& reader : readers_) {
        if (holds(taps, reader.tap)) reader.paused = paused;
    }
}

void Readers::write(std::span<const float> samples) {
    drop_unwanted();
    for (const auto& reader : readers_) {
        if (!reader.paused) reader.tap->write(samples);
    }
}

void Readers::drop_unwanted() {
    std::erase_if(readers_, [](const Reader& reader) { return !reader.tap->wanted(); });
}

void Readers::note(Loss loss, std::uint64_t ahead) {
    for (const auto& reader : readers_) {
        if (reader.paused || !reader.tap->wanted()) continue;
        loss.sample = reader.tap->offered() + ahead;
        reader.tap->note(loss);
    }
}

std::size_t Readers::room() {
    drop_unwanted();
    constexpr auto any = std::numeric_limits<std::size_t>::max();
    std::size_t least = any;
    for (const auto& reader : readers_) {
        if (!reader.paused) least = std::min(least, reader.tap->room());
    }
    return least == any ? 0 : least;
}

}  // namespace thoth

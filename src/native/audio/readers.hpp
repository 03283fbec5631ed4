#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "audio/loss.hpp"
#include "audio/tap.hpp"

namespace thoth {

using Taps = std::vector<std::shared_ptr<Tap>>;

// All who read one stream. One thread at a time.
class Readers {
public:
    void add(const Taps& taps);
    // They get their end.
    void remove(const Taps& taps);
    void end_all();
    // While paused a tap gets nothing, and loses nothing.
    void set_paused(const Taps& taps, bool paused);

    void write(std::span<const float> samples);
    // A loss whose place is `ahead` samples after the latest written; each tap counts its places from its own first
    // sample.
    void note(Loss loss, std::uint64_t ahead);

    // How many samples the slowest can take. None while nobody reads: whoever comes, or goes on, gets them.
    [[nodiscard]] std::size_t room();

private:
    void drop_unwanted();

    struct Reader {
        std::shared_ptr<Tap> tap;
        bool paused = false;
    };
    std::vector<Reader> readers_;
};

}  // namespace thoth

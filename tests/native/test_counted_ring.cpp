// What the counted ring promises: every frame offered is either read, in its place, or in a gap that says exactly where
// and how many; with any block size, capacity and number of channels, alone and between two threads.
// Usage: test_counted_ring [elements that the two threads move [seed]]
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "audio/counted_ring.hpp"
#include "require.hpp"

using thoth::CountedRing;
using thoth::Gap;

namespace {

constexpr std::size_t most_gaps = 64;  // that wait to be met; what is lost beyond makes the last one longer

// The endless stream of numbered samples: sample n is n modulo a prime, as a float, which is exact. Blocks are cut from
// one table, so that making and checking them costs little under a sanitizer.
class Numbered {
public:
    static constexpr std::uint64_t period = 1'000'003;

    explicit Numbered(std::size_t longest) : table_(period + longest) {
        for (std::size_t n = 0; n < table_.size(); ++n) table_[n] = static_cast<float>(n % period);
    }
    [[nodiscard]] std::span<const float> samples(std::uint64_t first, std::size_t count) const {
        return std::span(table_).subspan(static_cast<std::size_t>(first % period), count);
    }
    [[nodiscard]] bool are(std::uint64_t first, std::span<const float> samples_read) const {
        const auto right = samples(first, samples_read.size());
        return samples_read.empty() || std::memcmp(right.data(), samples_read.data(), samples_read.size_bytes()) == 0;
    }

private:
    std::vector<float> table_;
};

// Lost stretches, those that touch as one: how the ring cuts them is its own business.
class Stretches {
public:
    void add(std::uint64_t position, std::uint64_t frames) {
        if (frames == 0) return;
        if (!all_.empty() && all_.back().position + all_.back().frames == position) {
            all_.back().frames += frames;
        } else {
            all_.push_back({position, frames});
        }
    }
    [[nodiscard]] const std::vector<Gap>& all() const { return all_; }
    [[nodiscard]] std::uint64_t frames() const {
        std::uint64_t sum = 0;
        for (const auto& gap : all_) sum += gap.frames;
        return sum;
    }

private:
    std::vector<Gap> all_;
};

bool operator==(const Stretches& a, const Stretches& b) {
    return std::ranges::equal(a.all(), b.all(), [](const Gap& one, const Gap& other) {
        return one.position == other.position && one.frames == other.frames;
    });
}

// The producer, and what it must have lost by its contract: of a block, whatever is not taken from its front.
class Writer {
public:
    Writer(CountedRing::Producer producer, std::size_t channels, const Numbered& stream)
        : producer_(std::move(producer)), channels_(channels), stream_(stream) {}

    void write(std::size_t frames, std::uint64_t lost_before, const CountedRing::Consumer& ring) {
        REQUIRE(producer_.position() == offered_);
        producer_.write(stream_.samples(offered_ * channels_, frames * channels_));
        const auto lost_now = ring.lost() - lost_before;
        REQUIRE(lost_now <= frames);
        lost_.add(offered_ + frames - lost_now, lost_now);
        offered_ += frames;
        REQUIRE(producer_.position() == offered_);
    }
    void lose(std::size_t frames) {
        producer_.lose(frames);
        lost_.add(offered_, frames);
        offered_ += frames;
    }
    [[nodiscard]] std::size_t room() { return producer_.room(); }
    [[nodiscard]] std::uint64_t offered() const { return offered_; }
    [[nodiscard]] const Stretches& lost() const { return lost_; }

private:
    CountedRing::Producer producer_;
    std::size_t channels_;
    const Numbered& stream_;
    std::uint64_t offered_ = 0;
    Stretches lost_;
};

// The consumer, which checks each frame against its place.
class Reader {
public:
    Reader(CountedRing::Consumer consumer, std::size_t channels, std::size_t largest_block, const Numbered& stream)
        : consumer_(std::move(consumer)), channels_(channels), stream_(stream), block_(largest_block * channels) {}

    // Whether there was anything.
    bool read(std::size_t most_frames) {
        if (const auto gap = consumer_.gap()) {
            REQUIRE(gap->position == position_ && gap->frames > 0);
            step_over(*gap);
            return true;
        }
        const auto frames = consumer_.read(std::span(block_).first(most_frames * channels_));
        REQUIRE(frames <= most_frames);
        REQUIRE(stream_.are(position_ * channels_, std::span(block_).first(frames * channels_)));
        position_ += frames;
        frames_read_ += frames;
        REQUIRE(consumer_.position() == position_);
        return frames > 0;
    }
    void read_all() {
        while (read(block_.size() / channels_)) {
        }
    }
    // With the producer at rest: all there is, and the gap that is still open.
    void finish() {
        read_all();
        REQUIRE(consumer_.available() == 0);
        if (const auto gap = consumer_.last_gap()) {
            REQUIRE(gap->position == position_ && gap->frames > 0);
            step_over(*gap);
        }
        REQUIRE(!consumer_.last_gap() && !consumer_.gap() && !read(1));
        REQUIRE(consumer_.lost() == gaps_.frames());
    }
    [[nodiscard]] CountedRing::Consumer& ring() { return consumer_; }
    [[nodiscard]] std::uint64_t frames_read() const { return frames_read_; }
    [[nodiscard]] const Stretches& gaps() const { return gaps_; }

private:
    void step_over(const Gap& gap) {
        gaps_.add(gap.position, gap.frames);
        position_ += gap.frames;
        REQUIRE(consumer_.position() == position_);
    }

    CountedRing::Consumer consumer_;
    std::size_t channels_;
    const Numbered& stream_;
    std::vector<float> block_;
    std::uint64_t position_ = 0;
    std::uint64_t frames_read_ = 0;
    Stretches gaps_;
};

void require_account(const Writer& writer, const Reader& reader) {
    REQUIRE(reader.frames_read() + reader.gaps().frames() == writer.offered());
    REQUIRE(reader.gaps() == writer.lost());
}

struct Pair {
    Pair(std::size_t channels, std::size_t capacity, std::size_t largest_block, const Numbered& stream)
        : Pair(CountedRing::create(channels, capacity), channels, largest_block, stream) {}

    void write(std::size_t frames) { writer.write(frames, reader.ring().lost(), reader.ring()); }
    void finish() {
        reader.finish();
        require_account(writer, reader);
    }

    Writer writer;
    Reader reader;

private:
    Pair(CountedRing::Ends ends, std::size_t channels, std::size_t largest_block, const Numbered& stream)
        : writer(std::move(ends.producer), channels, stream),
          reader(std::move(ends.consumer), channels, largest_block, stream) {}
};

bool lost_exactly(const Pair& pair, const std::vector<Gap>& gaps) {
    Stretches expected;
    for (const auto& gap : gaps) expected.add(gap.position, gap.frames);
    return pair.writer.lost() == expected;
}

void takes_the_front_of_what_does_not_fit(const Numbered& stream) {
    Pair pair(2, 10, 10, stream);
    pair.write(7);
    pair.write(7);  // three fit
    REQUIRE(lost_exactly(pair, {{10, 4}}));
    REQUIRE(pair.reader.ring().available() == 10 && pair.reader.ring().lost() == 4);
    pair.finish();
    REQUIRE(pair.reader.frames_read() == 10);
}

void after_a_loss_takes_whole_blocks_only(const Numbered& stream) {
    Pair pair(1, 10, 10, stream);
    pair.write(12);  // two too many
    REQUIRE(pair.reader.read(4));
    pair.write(5);  // four fit: none is taken
    REQUIRE(lost_exactly(pair, {{10, 7}}));
    pair.write(4);
    REQUIRE(pair.writer.room() == 0 && lost_exactly(pair, {{10, 7}}));
    pair.finish();
    REQUIRE(pair.reader.frames_read() == 14);
}

void a_gap_comes_right_before_the_frame_that_follows_it(const Numbered& stream) {
    Pair pair(3, 8, 8, stream);
    pair.writer.lose(5);  // before the first frame
    REQUIRE(!pair.reader.ring().gap() && pair.reader.ring().lost() == 5);
    pair.write(4);
    pair.writer.lose(2);
    pair.writer.lose(1);  // the same gap
    pair.write(2);
    const auto first = pair.reader.ring().gap();
    REQUIRE(first && first->position == 0 && first->frames == 5);
    std::vector<float> frames(3 * 8);
    REQUIRE(pair.reader.ring().read(frames) == 4);  // no further than the gap
    REQUIRE(stream.are(3 * 5, std::span(frames).first(3 * 4)));
    REQUIRE(pair.reader.ring().read(frames) == 0);  // not over it
    const auto second = pair.reader.ring().gap();
    REQUIRE(second && second->position == 9 && second->frames == 3);
    REQUIRE(!pair.reader.ring().gap());
    REQUIRE(pair.reader.ring().read(frames) == 2 && stream.are(3 * 12, std::span(frames).first(3 * 2)));
    REQUIRE(!pair.reader.ring().last_gap());
}

void the_last_gap_is_told_when_nothing_follows(const Numbered& stream) {
    Pair pair(1, 4, 4, stream);
    pair.write(4);
    pair.write(4);
    pair.writer.lose(3);
    pair.reader.read_all();
    REQUIRE(!pair.reader.ring().gap());
    const auto last = pair.reader.ring().last_gap();
    REQUIRE(last && last->position == 4 && last->frames == 7);
    REQUIRE(pair.reader.ring().position() == 11 && !pair.reader.ring().last_gap());
}

void losses_merge_when_nobody_meets_the_gaps(const Numbered& stream) {
    Pair pair(1, 1000, 1000, stream);
    for (std::size_t i = 0; i < 3 * most_gaps; ++i) {
        pair.write(1);
        pair.writer.lose(1);
    }
    // A frame is taken as long as the gap before it finds a place; then all is one gap.
    REQUIRE(pair.reader.ring().available() == most_gaps + 1);
    REQUIRE(pair.writer.lost().all().size() == most_gaps + 1);
    REQUIRE(pair.reader.ring().lost() == 6 * most_gaps - (most_gaps + 1));
    pair.reader.read_all();
    pair.write(1);  // and once the gaps are met, it goes on
    REQUIRE(pair.reader.ring().available() == 1);
    pair.writer.lose(9);
    pair.finish();
    REQUIRE(pair.reader.frames_read() == most_gaps + 2);
}

// A device may deliver more at once than the buffer holds: what fits is worth having, again and again.
void blocks_larger_than_the_ring_do_not_lose_all_for_ever(const Numbered& stream) {
    for (const std::size_t block : {9U, 10U, 1000U}) {
        Pair pair(2, 8, 8, stream);
        for (int i = 0; i < 5; ++i) {
            pair.write(block);
            pair.reader.read_all();
        }
        pair.finish();
        REQUIRE(pair.reader.frames_read() == 5 * 8);
    }
}

void a_ring_without_room_counts_all_as_lost(const Numbered& stream) {
    Pair pair(4, 0, 8, stream);
    for (std::size_t block = 1; block < 8; ++block) pair.write(block);
    pair.finish();
    REQUIRE(pair.reader.gaps().frames() == 28);
}

void empty_blocks_change_nothing(const Numbered& stream) {
    Pair pair(2, 4, 4, stream);
    pair.write(0);
    pair.writer.lose(0);
    pair.write(6);
    for (std::size_t i = 0; i < 2 * most_gaps; ++i) pair.write(0);
    pair.writer.lose(1);
    pair.reader.read_all();
    pair.write(3);
    REQUIRE(lost_exactly(pair, {{4, 3}}));
    pair.finish();
    REQUIRE(pair.reader.frames_read() == 7);
}

std::size_t one_to(std::size_t most, std::mt19937& random) { return 1 + random() % most; }

// What a write must take, seen from outside.
void write_and_check(Pair& pair, std::size_t frames, bool loss_open, std::size_t gaps_unmet, std::size_t capacity) {
    const auto room = pair.writer.room();
    const auto lost_before = pair.reader.ring().lost();
    pair.write(frames);
    const auto lost_now = pair.reader.ring().lost() - lost_before;
    if (!loss_open) {
        REQUIRE(lost_now == frames - std::min(frames, room));
    } else if (frames <= room && gaps_unmet < most_gaps) {
        REQUIRE(lost_now == 0);
    } else if (frames > room && frames <= capacity) {
        REQUIRE(lost_now == frames);
    }
}

void random_steps_in_one_thread(const Numbered& stream, unsigned seed) {
    std::mt19937 random(seed);
    const std::size_t channels = one_to(8, random);
    const std::size_t capacity = one_to(random() % 2 == 0 ? 8 : 300, random);
    const std::size_t largest_block = one_to(capacity + capacity / 2 + 1, random);
    const unsigned reads_in_eight = random() % 9;
    Pair pair(channels, capacity, largest_block, stream);
    for (int step = 0; step < 3000; ++step) {
        if (random() % 8 < reads_in_eight) {
            pair.reader.read(one_to(largest_block, random));
        } else if (random() % 16 == 0) {
            pair.writer.lose(random() % (2 * largest_block));
        } else {
            const auto& lost = pair.writer.lost().all();
            const bool loss_open = !lost.empty() && lost.back().position + lost.back().frames == pair.writer.offered();
            // All stretches lost but the open one have been published; the reader may have met their last in part.
            const auto unmet = lost.size() - std::min(lost.size(), pair.reader.gaps().all().size());
            write_and_check(pair, one_to(largest_block, random), loss_open, unmet, capacity);
        }
    }
    pair.finish();
}

// Mostly spins, so that the two ends meet on two cores, and yields at times, for a machine that has but one to give.
class Patience {
public:
    void wait() {
        if (++turns_ % 16 == 0) std::this_thread::yield();
    }

private:
    unsigned turns_ = 0;
};

struct Round {
    explicit Round(unsigned a_seed) : seed(a_seed) {
        std::mt19937 random(seed);
        channels = one_to(8, random);
        capacity = one_to(random() % 4 == 0 ? 50 : 20'000, random);
        largest_block = one_to(random() % 4 == 0 ? 16 : 4096, random);
        waits_in_eight = random() % 4 == 0 ? random() % 9 : 7 + random() % 2;
        stops = random() % 3 != 0;
    }

    unsigned seed;
    std::size_t channels;
    std::size_t capacity;
    std::size_t largest_block;
    unsigned waits_in_eight;  // how often the writer waits for room: the audio thread's pace
    bool stops;               // the reader, now and then, until something is lost
};

// Elements read.
std::uint64_t two_threads(const Round& round, std::uint64_t elements, const Numbered& stream) {
    auto [producer, consumer] = CountedRing::create(round.channels, round.capacity);
    Writer writer(std::move(producer), round.channels, stream);
    Reader reader(std::move(consumer), round.channels, round.largest_block, stream);
    const std::uint64_t frames = elements / round.channels;
    std::atomic<bool> done = false;
    std::jthread thread([&] {
        std::mt19937 random(round.seed + 1);
        Patience patience;
        while (writer.offered() < frames) {
            const std::size_t block = one_to(round.largest_block, random);
            const bool waits = random() % 8 < round.waits_in_eight;
            for (int turn = 0; waits && turn < 10'000 && writer.room() < block; ++turn) patience.wait();
            if (random() % 256 == 0) {
                writer.lose(block);
            } else {
                // The count of lost frames is stored by this thread alone.
                writer.write(block, reader.ring().lost(), reader.ring());
            }
        }
        done.store(true, std::memory_order_release);
    });
    std::mt19937 random(round.seed + 2);
    Patience patience;
    while (!done.load(std::memory_order_acquire)) {
        if (round.stops && random() % 4096 == 0) {
            const auto lost = reader.ring().lost();
            while (reader.ring().lost() == lost && !done.load(std::memory_order_acquire)) patience.wait();
        }
        const bool came = reader.read(one_to(round.largest_block, random));
        REQUIRE(reader.ring().available() <= round.capacity);
        if (!came) patience.wait();
    }
    thread.join();
    reader.finish();
    require_account(writer, reader);
    std::printf("seed %u: %zu channels, room for %zu, blocks up to %zu: read %llu frames, lost %llu in %zu gaps\n",
                round.seed, round.channels, round.capacity, round.largest_block,
                static_cast<unsigned long long>(reader.frames_read()),
                static_cast<unsigned long long>(reader.gaps().frames()), reader.gaps().all().size());
    return reader.frames_read() * round.channels;
}

void nothing_is_unaccounted_between_two_threads(const Numbered& stream, std::uint64_t elements, unsigned seed) {
    std::uint64_t read = 0;
    while (read < elements) {
        // Before, not after: a failure in the round then has its seed above it.
        std::printf("seed %u begins\n", seed);
        read += two_threads(Round(seed), std::max<std::uint64_t>(elements / 16, 1000), stream);
        seed += 10;
    }
    std::printf("two threads: %llu elements read\n", static_cast<unsigned long long>(read));
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t elements = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000'000;
    const unsigned seed = argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 1;
    const Numbered stream(8 * 4096);
    takes_the_front_of_what_does_not_fit(stream);
    after_a_loss_takes_whole_blocks_only(stream);
    a_gap_comes_right_before_the_frame_that_follows_it(stream);
    the_last_gap_is_told_when_nothing_follows(stream);
    losses_merge_when_nobody_meets_the_gaps(stream);
    blocks_larger_than_the_ring_do_not_lose_all_for_ever(stream);
    a_ring_without_room_counts_all_as_lost(stream);
    empty_blocks_change_nothing(stream);
    for (unsigned i = 0; i < 200; ++i) random_steps_in_one_thread(stream, seed + i);
    nothing_is_unaccounted_between_two_threads(stream, elements, seed);
}

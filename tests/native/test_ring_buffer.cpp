// What the ring promises: first in first out, nothing lost or doubled, every slot used, at any capacity, across the
// wrap of its counters, and between two threads.
// Usage: test_ring_buffer [elements that the two threads move, 200,000 or more]
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <limits>
#include <random>
#include <span>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "audio/ring_buffer.hpp"
#include "cores.hpp"
#include "require.hpp"

using thoth::RingBuffer;

namespace {

using Ring = RingBuffer<std::uint64_t>;
static_assert(!std::is_default_constructible_v<Ring> && !std::is_copy_constructible_v<Ring>);
static_assert(!std::is_copy_constructible_v<Ring::Producer> && !std::is_copy_assignable_v<Ring::Producer>);
static_assert(!std::is_copy_constructible_v<Ring::Consumer> && !std::is_copy_assignable_v<Ring::Consumer>);
static_assert(std::is_nothrow_move_constructible_v<Ring::Producer> &&
              std::is_nothrow_move_assignable_v<Ring::Producer>);
static_assert(std::is_nothrow_move_constructible_v<Ring::Consumer> &&
              std::is_nothrow_move_assignable_v<Ring::Consumer>);
static_assert(alignof(Ring::Producer) >= 64 && alignof(Ring::Consumer) >= 64);

constexpr std::size_t last_count = std::numeric_limits<std::size_t>::max();

// Random writes and reads, some larger than the ring, beside a queue that is plainly right.
void agrees_with_a_deque(std::size_t capacity, std::size_t first_count, int steps) {
    auto [producer, consumer] = Ring::create(capacity, first_count);
    std::mt19937 random(static_cast<unsigned>(capacity));
    std::deque<std::uint64_t> model;
    std::uint64_t next = 1;
    std::vector<std::uint64_t> block;
    REQUIRE(producer.capacity() == capacity && consumer.capacity() == capacity);
    for (int step = 0; step < steps; ++step) {
        block.assign(random() % (capacity + 3), 0);
        if (random() % 2 == 0) {
            for (auto& element : block) element = next++;
            const auto written = producer.write(block);
            REQUIRE(written == std::min(block.size(), capacity - model.size()));
            next -= block.size() - written;
            model.insert(model.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(written));
        } else {
            const auto read = consumer.read(block);
            REQUIRE(read == std::min(block.size(), model.size()));
            for (std::size_t i = 0; i < block.size(); ++i) {
                REQUIRE(block[i] == (i < read ? model.front() : 0));
                if (i < read) model.pop_front();
            }
        }
        // Asking refreshes what an end knows of the other; the writes and reads must come right without it as well.
        if (random() % 4 == 0) {
            REQUIRE(producer.free() == capacity - model.size());
            REQUIRE(consumer.available() == model.size());
        }
    }
    REQUIRE(next > 2 * capacity || capacity == 0);
}

void every_capacity_agrees_with_a_deque() {
    for (std::size_t capacity = 0; capacity <= 40; ++capacity) agrees_with_a_deque(capacity, 0, 20'000);
}

void counters_wrap_at_every_offset() {
    for (const std::size_t capacity : {1U, 2U, 3U, 7U, 8U, 40U}) {
        for (std::size_t left = 0; left <= 2 * capacity + 2; ++left) {
            agrees_with_a_deque(capacity, last_count - left, 500);
        }
    }
}

void every_slot_holds_an_element() {
    auto [producer, consumer] = Ring::create(5, last_count - 2);
    const std::vector<std::uint64_t> five{1, 2, 3, 4, 5};
    REQUIRE(consumer.available() == 0 && producer.free() == 5);
    REQUIRE(producer.write(five) == 5);
    REQUIRE(consumer.available() == 5 && producer.free() == 0);
    REQUIRE(producer.write(five) == 0);
    std::vector<std::uint64_t> out(5);
    REQUIRE(consumer.read(out) == 5 && out == five);
    REQUIRE(consumer.read(out) == 0);
}

void an_end_that_moved_goes_on_where_it_was_and_keeps_the_ring_alive() {
    const auto half_used = [] {
        auto [producer, consumer] = Ring::create(3);
        const std::vector<std::uint64_t> two{7, 8};
        REQUIRE(producer.write(two) == 2);
        std::uint64_t first = 0;
        REQUIRE(consumer.read({&first, 1}) == 1 && first == 7);
        return std::pair(std::move(producer), std::move(consumer));
    };
    auto [producer, consumer] = half_used();
    const std::vector<std::uint64_t> two{9, 10};
    REQUIRE(producer.free() == 2 && producer.write(two) == 2);
    {
        const auto gone = std::move(producer);
    }
    std::vector<std::uint64_t> out(4);
    REQUIRE(consumer.read(out) == 3 && out == std::vector<std::uint64_t>({8, 9, 10, 0}));
}

// What stands in the ring need be neither small, nor evenly sized, nor of ordinary alignment.
struct Odd {
    std::uint8_t bytes[7];
};
struct alignas(64) Wide {
    std::uint64_t count = 0;
    float level = 0;
    std::uint64_t check = 0;
};
static_assert(sizeof(Odd) == 7 && std::is_trivially_copyable_v<Wide>);

template <class T>
T nth(std::uint64_t n) {
    return static_cast<T>(n);
}
template <>
Odd nth<Odd>(std::uint64_t n) {
    Odd odd{};
    for (std::size_t i = 0; i < sizeof odd.bytes; ++i) odd.bytes[i] = static_cast<std::uint8_t>(n >> (8 * i));
    return odd;
}
template <>
Wide nth<Wide>(std::uint64_t n) {
    return {.count = n, .level = static_cast<float>(n % 1000), .check = ~n};
}

template <class T>
bool same(const T& a, const T& b) {
    return a == b;
}
bool same(const Odd& a, const Odd& b) {
    return std::equal(std::begin(a.bytes), std::end(a.bytes), std::begin(b.bytes));
}
bool same(const Wide& a, const Wide& b) { return a.count == b.count && a.level == b.level && a.check == b.check; }

// Relaxed throughout: what these order, ThreadSanitizer would take for the ring's own doing.
class Meetings {
public:
    void count() { meetings_.store(so_far() + 1, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t so_far() const { return meetings_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> meetings_ = 0;  // counted by one thread
};

// Mostly spins, so that the two ends meet on two cores, and yields at times, for a machine that has but one to give.
class Patience {
public:
    void wait() {
        if (++turns_ % 64 == 0) std::this_thread::yield();
    }

private:
    unsigned turns_ = 0;
};

// One thread writes 0, 1, 2, … and another checks that it reads just that, both in blocks of random size. Each end
// meets its limit at least once, whatever pace the machine gives them: the reader begins when the ring was full, and in
// mid-run the writer waits until it was empty.
template <class T>
void two_threads(std::size_t capacity, std::size_t largest_block, std::uint64_t elements, std::size_t first_count) {
    REQUIRE(elements / 2 > capacity);
    auto ends = RingBuffer<T>::create(capacity, first_count);
    Meetings full;
    Meetings empty;
    std::jthread writer([&, producer = std::move(ends.producer)]() mutable {
        stay_on_core(1);
        std::mt19937 random(1);
        std::vector<T> block(largest_block);
        Patience patience;
        for (std::uint64_t sent = 0; sent < elements;) {
            const auto size = std::min<std::uint64_t>(1 + random() % largest_block, elements - sent);
            for (std::size_t i = 0; i < size; ++i) block[i] = nth<T>(sent + i);
            std::span<const T> rest(block.data(), size);
            while (!rest.empty()) {
                if (random() % 8 == 0) REQUIRE(producer.free() <= capacity);
                const auto written = producer.write(rest);
                if (written < rest.size()) {
                    full.count();
                    patience.wait();
                }
                rest = rest.subspan(written);
            }
            sent += size;
            while (sent >= elements / 2 && empty.so_far() == 0) patience.wait();
        }
    });
    auto consumer = std::move(ends.consumer);
    std::mt19937 random(2);
    std::vector<T> block(largest_block);
    Patience patience;
    while (full.so_far() == 0) patience.wait();
    for (std::uint64_t got = 0; got < elements;) {
        if (random() % 8 == 0) REQUIRE(consumer.available() <= capacity);
        const auto read = consumer.read(std::span(block).first(1 + random() % largest_block));
        for (std::size_t i = 0; i < read; ++i) REQUIRE(same(block[i], nth<T>(got + i)));
        got += read;
        if (read == 0) {
            empty.count();
            patience.wait();
        }
    }
    writer.join();
    REQUIRE(consumer.available() == 0);
    REQUIRE(full.so_far() > 0 && empty.so_far() > 0);
    std::printf("two threads: %llu elements, room for %zu, found full %llu times, found empty %llu times\n",
                static_cast<unsigned long long>(elements), capacity, static_cast<unsigned long long>(full.so_far()),
                static_cast<unsigned long long>(empty.so_far()));
}

void nothing_is_lost_between_two_threads(std::uint64_t elements) {
    // Mostly floats' size, and most of it through the wrap of the counters: they wrap half way.
    const auto wrap_half_way = static_cast<std::size_t>(0) - static_cast<std::size_t>(elements / 2);
    two_threads<std::uint32_t>(4093, 2000, elements, wrap_half_way);
    two_threads<Odd>(1021, 300, elements / 50, 0);
    two_threads<Wide>(100, 130, elements / 50, last_count - 1000);
    for (const std::size_t capacity : {1U, 2U, 3U}) {
        two_threads<std::uint64_t>(capacity, 4, elements / 1000, last_count - 100);
    }
}

}  // namespace

int main(int argc, char** argv) {
    every_capacity_agrees_with_a_deque();
    counters_wrap_at_every_offset();
    every_slot_holds_an_element();
    an_end_that_moved_goes_on_where_it_was_and_keeps_the_ring_alive();
    stay_on_core(0);
    nothing_is_lost_between_two_threads(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000'000);
}

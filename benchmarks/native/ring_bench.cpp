// What benchmarks/ring.py measures with: Thoth's ring and three others behind one interface, moving the same blocks
// through the same capacity. The functions at the end are its C interface. Each makes its queue anew and threads of its
// own, keeps the writer on one core and the reader on another, and goes round the queue twice before the clock starts.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <boost/lockfree/spsc_queue.hpp>
#include <boost/version.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#endif
#include <readerwriterqueue/readerwriterqueue.h>

#include "audio/ring_buffer.hpp"

namespace {

using Clock = std::chrono::steady_clock;

// PortAudio's ring as somebody compiled it: the addresses of its functions, and room for its struct, which is
// 7 words. It is a C library and holds its two indices side by side.
struct PortAudioFunctions {
    long (*initialize)(void* ring, long element_bytes, long elements, void* storage);
    long (*write)(void* ring, const void* from, long elements);
    long (*read)(void* ring, void* to, long elements);
};
PortAudioFunctions portaudio{};

// Each queue below: write() and read() move as many floats as they can and return how many.

class Thoth {
public:
    explicit Thoth(std::size_t capacity) : ends_(thoth::RingBuffer<float>::create(capacity)) {}
    std::size_t write(std::span<const float> from) { return ends_.producer.write(from); }
    std::size_t read(std::span<float> to) { return ends_.consumer.read(to); }

private:
    thoth::RingBuffer<float>::Ends ends_;
};

class Boost {
public:
    explicit Boost(std::size_t capacity) : queue_(capacity) {}
    std::size_t write(std::span<const float> from) { return queue_.push(from.data(), from.size()); }
    std::size_t read(std::span<float> to) { return queue_.pop(to.data(), to.size()); }

private:
    boost::lockfree::spsc_queue<float> queue_;
};

class PortAudio {
public:
    explicit PortAudio(std::size_t capacity) : storage_(capacity) {
        portaudio.initialize(&ring_, sizeof(float), static_cast<long>(capacity), storage_.data());
    }
    std::size_t write(std::span<const float> from) {
        return static_cast<std::size_t>(portaudio.write(&ring_, from.data(), static_cast<long>(from.size())));
    }
    std::size_t read(std::span<float> to) {
        return static_cast<std::size_t>(portaudio.read(&ring_, to.data(), static_cast<long>(to.size())));
    }

private:
    alignas(128) std::array<std::byte, 128> ring_{};
    std::vector<float> storage_;
};

// It has no call for several elements: float by float is what its interface offers for samples.
class Moodycamel {
public:
    explicit Moodycamel(std::size_t capacity) : queue_(capacity) {}
    std::size_t write(std::span<const float> from) {
        std::size_t count = 0;
        while (count < from.size() && queue_.try_enqueue(from[count])) ++count;
        return count;
    }
    std::size_t read(std::span<float> to) {
        std::size_t count = 0;
        while (count < to.size() && queue_.try_dequeue(to[count])) ++count;
        return count;
    }

private:
    moodycamel::ReaderWriterQueue<float> queue_;
};

// Or, where every block has one size that the compiler knows, a block is the element. It rounds one more than it is
// asked for up to a power of two, and is asked so that this is not above the others' capacity.
template <std::size_t block>
class MoodycamelBlocks {
    using Block = std::array<float, block>;

public:
    explicit MoodycamelBlocks(std::size_t capacity) : queue_(std::bit_floor(capacity / block) - 1) {}
    std::size_t write(std::span<const float> from) {
        return queue_.try_enqueue(*reinterpret_cast<const Block*>(from.data())) ? block : 0;
    }
    std::size_t read(std::span<float> to) {
        return queue_.try_dequeue(*reinterpret_cast<Block*>(to.data())) ? block : 0;
    }

private:
    moodycamel::ReaderWriterQueue<Block> queue_;
};

// Keeps the calling thread on the first (0) or second (1) CPU that the process was given, counted round where it was
// given but one. Where threads cannot be pinned, it does nothing.
void pin(std::size_t nth) {
#ifdef __linux__
    static const std::vector<std::size_t> cpus = [] {
        cpu_set_t given;
        sched_getaffinity(getpid(), sizeof given, &given);
        std::vector<std::size_t> found;
        for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
            if (CPU_ISSET(cpu, &given)) found.push_back(cpu);
        }
        return found;
    }();
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpus[nth % cpus.size()], &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
#else
    (void)nth;
#endif
}

void wait_a_moment() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The compiler must take it that somebody reads what was just copied.
void seen(const float* samples) { asm volatile("" : : "r"(samples) : "memory"); }

// The block that is written and the one that is read into, each at the start of a cache line.
struct alignas(128) Block {
    std::array<float, 4096> samples;
};

template <class Queue>
void write_all(Queue& queue, std::span<const float> block) {
    while (!block.empty()) {
        const auto written = queue.write(block);
        if (written == 0) wait_a_moment();
        block = block.subspan(written);
    }
}

template <class Queue>
void read_count(Queue& queue, std::span<float> block, std::size_t count) {
    while (count > 0) {
        const auto read = queue.read(block.first(std::min(block.size(), count)));
        if (read == 0) wait_a_moment();
        seen(block.data());
        count -= read;
    }
}

template <class Queue>
double one_thread(std::size_t capacity, std::size_t block, std::size_t blocks) {
    double elapsed_s = 0;
    std::thread both([&] {
        pin(0);
        Queue queue(capacity);
        auto from = std::make_unique<Block>();
        auto to = std::make_unique<Block>();
        const auto turns = [&](std::size_t count) {
            for (std::size_t i = 0; i < count; ++i) {
                write_all(queue, std::span(from->samples).first(block));
                read_count(queue, std::span(to->samples).first(block), block);
            }
        };
        turns(2 * capacity / block);
        const auto start = Clock::now();
        turns(blocks);
        elapsed_s = seconds_since(start);
    });
    both.join();
    return elapsed_s;
}

// Both threads stand here until both are here.
class Gate {
public:
    void meet(unsigned threads) {
        arrived_.fetch_add(1);
        while (arrived_.load() < threads) wait_a_moment();
    }

private:
    std::atomic<unsigned> arrived_ = 0;
};

template <class Queue>
double two_threads(std::size_t capacity, std::size_t block, std::size_t blocks) {
    Queue queue(capacity);
    const auto warm_up = 2 * capacity / block;
    Gate gate;
    std::thread writer([&] {
        pin(0);
        auto from = std::make_unique<Block>();
        gate.meet(2);
        for (std::size_t i = 0; i < warm_up + blocks; ++i) write_all(queue, std::span(from->samples).first(block));
    });
    double elapsed_s = 0;
    std::thread reader([&] {
        pin(1);
        auto to = std::make_unique<Block>();
        gate.meet(2);
        read_count(queue, std::span(to->samples).first(block), warm_up * block);
        const auto start = Clock::now();
        read_count(queue, std::span(to->samples).first(block), blocks * block);
        elapsed_s = seconds_since(start);
    });
    writer.join();
    reader.join();
    return elapsed_s;
}

// How long each write of a block takes while a reader on another core empties the queue. The writer lets the reader
// catch up to half a queue before it writes, outside the time, so that no write finds the queue full.
template <class Queue>
void time_writes(std::size_t capacity, std::size_t block, std::size_t blocks, double* durations_s) {
    Queue queue(capacity);
    Gate gate;
    std::atomic<std::size_t> read_so_far = 0;
    const auto warm_up = 2 * capacity / block;
    std::thread reader([&] {
        pin(1);
        auto to = std::make_unique<Block>();
        gate.meet(2);
        for (std::size_t i = 0; i < warm_up + blocks; ++i) {
            read_count(queue, std::span(to->samples).first(block), block);
            read_so_far.store((i + 1) * block, std::memory_order_relaxed);
        }
    });
    std::thread writer([&] {
        pin(0);
        auto from = std::make_unique<Block>();
        gate.meet(2);
        for (std::size_t i = 0; i < warm_up + blocks; ++i) {
            while (i * block - read_so_far.load(std::memory_order_relaxed) > capacity / 2) wait_a_moment();
            const auto start = Clock::now();
            write_all(queue, std::span(from->samples).first(block));
            if (i >= warm_up) durations_s[i - warm_up] = seconds_since(start);
        }
    });
    writer.join();
    reader.join();
}

// Whether what goes in comes out: whole numbers that a float holds exactly, in order, across many turns of the ring.
template <class Queue>
bool delivers(std::size_t capacity, std::size_t block, std::size_t blocks) {
    Queue queue(capacity);
    std::thread writer([&] {
        auto from = std::make_unique<Block>();
        for (std::size_t i = 0; i < blocks; ++i) {
            for (std::size_t k = 0; k < block; ++k) from->samples[k] = static_cast<float>((i * block + k) & 0xffffff);
            write_all(queue, std::span(from->samples).first(block));
        }
    });
    auto to = std::make_unique<Block>();
    bool right = true;
    for (std::size_t got = 0; got < blocks * block;) {
        const auto read = queue.read(std::span(to->samples).first(block));
        for (std::size_t k = 0; k < read; ++k) right &= to->samples[k] == static_cast<float>((got + k) & 0xffffff);
        got += read;
    }
    writer.join();
    return right;
}

struct Functions {
    double (*one_thread)(std::size_t, std::size_t, std::size_t);
    double (*two_threads)(std::size_t, std::size_t, std::size_t);
    void (*time_writes)(std::size_t, std::size_t, std::size_t, double*);
    bool (*delivers)(std::size_t, std::size_t, std::size_t);
};

template <class Queue>
Functions functions() {
    return {one_thread<Queue>, two_threads<Queue>, time_writes<Queue>, delivers<Queue>};
}

// What ring.py calls each queue.
enum QueueId { thoth_id, boost_id, portaudio_id, moodycamel_id, moodycamel_blocks_id };

// Blocks of 64, 480 or 4096 floats.
Functions of(int queue, std::size_t block) {
    switch (queue) {
        case thoth_id:
            return functions<Thoth>();
        case boost_id:
            return functions<Boost>();
        case portaudio_id:
            return functions<PortAudio>();
        case moodycamel_id:
            return functions<Moodycamel>();
        default:
            if (block == 64) return functions<MoodycamelBlocks<64>>();
            if (block == 480) return functions<MoodycamelBlocks<480>>();
            return functions<MoodycamelBlocks<4096>>();
    }
}

}  // namespace

extern "C" {

const char* boost_version() { return BOOST_LIB_VERSION; }

// What reading the clock adds to each write that time_writes() times.
double clock_reading_s() {
    constexpr int readings = 10'000;
    const auto start = Clock::now();
    for (int i = 1; i < readings; ++i) static_cast<void>(Clock::now());
    return seconds_since(start) / readings;
}

void use_portaudio(void* initialize, void* write, void* read) {
    portaudio = {reinterpret_cast<decltype(portaudio.initialize)>(initialize),
                 reinterpret_cast<decltype(portaudio.write)>(write), reinterpret_cast<decltype(portaudio.read)>(read)};
}

// Seconds for `blocks` blocks through the queue, with one thread or with two.
double move_blocks(int queue, int threads, std::size_t capacity, std::size_t block, std::size_t blocks) {
    const auto measure = threads == 1 ? of(queue, block).one_thread : of(queue, block).two_threads;
    return measure(capacity, block, blocks);
}

void time_writes(int queue, std::size_t capacity, std::size_t block, std::size_t blocks, double* durations_s) {
    of(queue, block).time_writes(capacity, block, blocks, durations_s);
}

bool delivers(int queue, std::size_t capacity, std::size_t block, std::size_t blocks) {
    return of(queue, block).delivers(capacity, block, blocks);
}
}

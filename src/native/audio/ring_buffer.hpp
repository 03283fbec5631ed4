#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

// For what is seldom called, or long: inlined, it would slow down the short calls that it stands in.
#if defined(__GNUC__)
#define THOTH_OUT_OF_LINE [[gnu::noinline]]
#else
#define THOTH_OUT_OF_LINE
#endif

namespace thoth {

// Asks for a cache line in order to write to it. No more than a hint: it reads, writes and orders nothing.
inline void claim_line(const void* address) noexcept {
#if defined(__GNUC__) && defined(__x86_64__)
    // Spelled out, since compilers that may not assume PREFETCHW take a prefetch for reading instead. That leaves the
    // line shared, and gains nothing. A processor without PREFETCHW passes over it.
    asm volatile("prefetchw (%0)" : : "r"(address));
#elif defined(__GNUC__)
    __builtin_prefetch(address, 1);
#else
    static_cast<void>(address);
#endif
}

inline void claim(const std::byte* from, std::size_t bytes) noexcept {
    constexpr std::size_t shortest_line_bytes = 64;
    for (std::size_t offset = 0; offset < bytes; offset += shortest_line_bytes) claim_line(from + offset);
}

// The processor gets this far ahead of a copy by itself.
constexpr std::size_t unclaimed_bytes = 512;

// memcpy to where another core has been reading. Left to a plain copy, the lines come over from its cache few at a
// time, and the wait for them is most of the copying; so they are claimed ahead, piece by piece.
THOTH_OUT_OF_LINE inline void copy_claiming(std::byte* to, std::span<const std::byte> from) noexcept {
    constexpr std::size_t piece_bytes = 2048;
    for (; from.size() > piece_bytes; from = from.subspan(piece_bytes)) {
        claim(to + piece_bytes, std::min(from.size() - piece_bytes, piece_bytes));
        // Not memcpy, of which GCC, where it sees that the size has a bound, makes a slower string instruction.
        std::memmove(to, from.data(), piece_bytes);
        to += piece_bytes;
    }
    if (from.size() > unclaimed_bytes) claim(to + unclaimed_bytes, from.size() - unclaimed_bytes);
    std::memmove(to, from.data(), from.size());
}

// A queue of fixed capacity between two threads. Every call is wait-free: it ends after a bounded number of its own
// steps whatever the other thread does, takes no lock, makes no system call, and allocates nothing once create() has
// returned. Full and empty are values: write() and read() say how many elements they moved, which may be none.
//
// Threads: create() makes one Producer and one Consumer, and neither can be copied. An end belongs to one thread at a
// time; handing it on needs no more than an ordinary happens-before edge. The two ends may be used at the same time.
// Each keeps the memory alive. A moved-from end may only be assigned to or destroyed.
//
// How it works: two counters of all elements ever written and ever read run freely and wrap at SIZE_MAX. Their
// difference, taken in unsigned arithmetic, is the number of elements inside, 0 to capacity, across the wrap as well;
// so full and empty differ and no slot is wasted. The slot where an end goes on is its own business: it counts
// modulo the capacity by itself, which therefore need not divide SIZE_MAX + 1.
template <class T>
class RingBuffer {
    static_assert(std::is_trivially_copyable_v<T>, "elements are moved with memcpy");
    static_assert(std::atomic<std::size_t>::is_always_lock_free, "a lock would end the wait-free promise");

    // Twice a line of 64 bytes: x86 fetches lines in pairs, and some ARM cores have lines of 128.
    static constexpr std::size_t line_bytes = 128;

public:
    class Producer;
    class Consumer;
    struct Ends;

    // Any capacity, in elements; with 0 the ring is always both full and empty. Throws std::bad_alloc. The counters
    // start at `first_count`, so that a test can put them just before their wrap.
    [[nodiscard]] static Ends create(std::size_t capacity, std::size_t first_count = 0) {
        const std::shared_ptr<RingBuffer> ring(new RingBuffer(capacity, first_count));
        return {Producer(ring, first_count), Consumer(ring, first_count)};
    }

private:
    // Blocks of whole lines then share no line with their neighbours, which the other end may be busy with.
    static constexpr std::align_val_t slots_alignment{std::max(line_bytes, alignof(T))};

    struct Release {
        // Trivially copyable elements have nothing to destroy.
        void operator()(T* slots) const noexcept { ::operator delete[](slots, slots_alignment); }
    };

    // new T[n]() writes every element, so that no page of the ring is touched for the first time, and faults, inside an
    // audio callback.
    RingBuffer(std::size_t capacity, std::size_t first_count)
        : slots_(::new(slots_alignment) T[capacity]()),
          capacity_(capacity),
          written_(first_count),
          read_(first_count) {}

    static void copy_in(T* slots, std::span<const T> from) noexcept {
        if (from.size_bytes() <= unclaimed_bytes) {
            std::memcpy(slots, from.data(), from.size_bytes());
        } else {
            copy_claiming(reinterpret_cast<std::byte*>(slots), std::as_bytes(from));
        }
    }

    const std::unique_ptr<T[], Release> slots_;
    const std::size_t capacity_;
    alignas(line_bytes) std::atomic<std::size_t> written_;  // stored by the producer only
    alignas(line_bytes) std::atomic<std::size_t> read_;     // stored by the consumer only
};

// On a line of its own, so that the two ends do not disturb each other where they lie side by side.
template <class T>
class alignas(RingBuffer<T>::line_bytes) RingBuffer<T>::Producer {
public:
    Producer(Producer&&) noexcept = default;
    Producer& operator=(Producer&&) noexcept = default;

    // Copies as many elements from the front of `from` as there is room for, and returns how many.
    [[nodiscard]] std::size_t write(std::span<const T> from) noexcept {
        // The consumer's count is fetched, from a line that the other core owns, only when the one seen last does not
        // show room enough. That one is at worst too low, and so errs towards less room.
        if (room() < from.size()) see_read();
        if (from.size() > room() || from.size() >= before_end()) return write_some(from);
        if (from.empty()) return 0;
        copy_in(slots_ + position_, from);
        position_ += from.size();
        publish(from.size());
        return from.size();
    }

    // Elements that a write is sure to take now; the consumer can only make it more.
    [[nodiscard]] std::size_t free() noexcept {
        see_read();
        return room();
    }

    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

private:
    friend class RingBuffer;

    Producer(std::shared_ptr<RingBuffer> ring, std::size_t first_count) noexcept
        : ring_(std::move(ring)),
          slots_(ring_->slots_.get()),
          capacity_(ring_->capacity_),
          written_(first_count),
          read_seen_(first_count) {}

    // What write() does when not all elements fit, or when they reach the last slot: there they go on in the first one.
    THOTH_OUT_OF_LINE std::size_t write_some(std::span<const T> from) noexcept {
        from = from.first(std::min(from.size(), room()));
        if (from.empty()) return 0;
        const auto in_front = std::min(from.size(), before_end());
        copy_in(slots_ + position_, from.first(in_front));
        copy_in(slots_, from.subspan(in_front));
        position_ = in_front < before_end() ? position_ + in_front : from.size() - in_front;
        publish(from.size());
        return from.size();
    }

    // Release: whoever sees this count sees the elements copied before. Pairs with Consumer::see_written().
    void publish(std::size_t count) noexcept {
        written_ += count;
        ring_->written_.store(written_, std::memory_order_release);
    }

    // Acquire: the consumer copied the elements out before it stored this count, so our overwriting them comes after
    // its reading them. Pairs with the store in Consumer::publish(). Later writes that go by the count seen here need
    // no new fence: that order, once made, stays.
    void see_read() noexcept { read_seen_ = ring_->read_.load(std::memory_order_acquire); }

    [[nodiscard]] std::size_t room() const noexcept { return capacity_ - (written_ - read_seen_); }

    [[nodiscard]] std::size_t before_end() const noexcept { return capacity_ - position_; }

    std::shared_ptr<RingBuffer> ring_;
    T* slots_;  // a copy of ring_'s, as is the next
    std::size_t capacity_;
    std::size_t position_ = 0;  // the next slot to fill
    std::size_t written_;       // what ring_->written_ holds: nobody else stores there, so it is never loaded
    std::size_t read_seen_;     // ring_->read_ when last looked at
};

template <class T>
class alignas(RingBuffer<T>::line_bytes) RingBuffer<T>::Consumer {
public:
    Consumer(Consumer&&) noexcept = default;
    Consumer& operator=(Consumer&&) noexcept = default;

    // Copies as many of the oldest elements as there are to the front of `to`, and returns how many; their room is
    // then free.
    [[nodiscard]] std::size_t read(std::span<T> to) noexcept {
        // As in Producer::write(): a count seen earlier is at worst too low, and so errs towards fewer elements.
        if (filled() < to.size()) see_written();
        if (to.size() > filled() || to.size() >= before_end()) return read_some(to);
        if (to.empty()) return 0;
        std::memcpy(to.data(), slots_ + position_, to.size_bytes());
        position_ += to.size();
        publish(to.size());
        return to.size();
    }

    // Elements that a read is sure to give now; the producer can only make it more.
    [[nodiscard]] std::size_t available() noexcept {
        see_written();
        return filled();
    }

    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

private:
    friend class RingBuffer;

    Consumer(std::shared_ptr<RingBuffer> ring, std::size_t first_count) noexcept
        : ring_(std::move(ring)),
          slots_(ring_->slots_.get()),
          capacity_(ring_->capacity_),
          read_(first_count),
          written_seen_(first_count) {}

    // What read() does when there are fewer elements than wanted, or when they reach the last slot.
    THOTH_OUT_OF_LINE std::size_t read_some(std::span<T> to) noexcept {
        to = to.first(std::min(to.size(), filled()));
        if (to.empty()) return 0;
        const auto in_front = std::min(to.size(), before_end());
        std::memcpy(to.data(), slots_ + position_, in_front * sizeof(T));
        std::memcpy(to.data() + in_front, slots_, (to.size() - in_front) * sizeof(T));
        position_ = in_front < before_end() ? position_ + in_front : to.size() - in_front;
        publish(to.size());
        return to.size();
    }

    // Release: the copying before may not sink below this store, for whoever sees this count overwrites those slots.
    // Pairs with Producer::see_read().
    void publish(std::size_t count) noexcept {
        read_ += count;
        ring_->read_.store(read_, std::memory_order_release);
    }

    // Acquire: the elements up to this count, written before it was stored, are visible from here on. Pairs with the
    // store in Producer::publish().
    void see_written() noexcept { written_seen_ = ring_->written_.load(std::memory_order_acquire); }

    [[nodiscard]] std::size_t filled() const noexcept { return written_seen_ - read_; }

    [[nodiscard]] std::size_t before_end() const noexcept { return capacity_ - position_; }

    std::shared_ptr<RingBuffer> ring_;
    const T* slots_;  // a copy of ring_'s, as is the next
    std::size_t capacity_;
    std::size_t position_ = 0;  // the next slot to empty
    std::size_t read_;          // what ring_->read_ holds: nobody else stores there, so it is never loaded
    std::size_t written_seen_;  // ring_->written_ when last looked at
};

template <class T>
struct RingBuffer<T>::Ends {
    Producer producer;
    Consumer consumer;
};

}  // namespace thoth

#undef THOTH_OUT_OF_LINE

#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace thoth {

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
    // make_unique writes every element, so that no page of the ring is touched for the first time, and faults, inside
    // an audio callback.
    RingBuffer(std::size_t capacity, std::size_t first_count)
        : slots_(std::make_unique<T[]>(capacity)), capacity_(capacity), written_(first_count), read_(first_count) {}

    // The end of `count` elements that start at slot `position`. No sum here exceeds the capacity.
    [[nodiscard]] std::size_t advanced(std::size_t position, std::size_t count) const noexcept {
        const auto left = capacity_ - position;
        return count < left ? position + count : count - left;
    }

    const std::unique_ptr<T[]> slots_;
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
        const auto count = std::min(from.size(), room());
        if (count == 0) return 0;
        const auto before_end = std::min(count, ring_->capacity_ - position_);
        std::memcpy(ring_->slots_.get() + position_, from.data(), before_end * sizeof(T));
        std::memcpy(ring_->slots_.get(), from.data() + before_end, (count - before_end) * sizeof(T));
        position_ = ring_->advanced(position_, count);
        written_ += count;
        // Release: whoever sees this count sees the elements copied above. Pairs with Consumer::see_written().
        ring_->written_.store(written_, std::memory_order_release);
        return count;
    }

    // Elements that a write is sure to take now; the consumer can only make it more.
    [[nodiscard]] std::size_t free() noexcept {
        see_read();
        return room();
    }

    [[nodiscard]] std::size_t capacity() const noexcept { return ring_->capacity_; }

private:
    friend class RingBuffer;

    Producer(std::shared_ptr<RingBuffer> ring, std::size_t first_count) noexcept
        : ring_(std::move(ring)), written_(first_count), read_seen_(first_count) {}

    // Acquire: the consumer copied the elements out before it stored this count, so our overwriting them comes after
    // its reading them. Pairs with the store in Consumer::read(). Later writes that go by the count seen here need no
    // new fence: that order, once made, stays.
    void see_read() noexcept { read_seen_ = ring_->read_.load(std::memory_order_acquire); }

    [[nodiscard]] std::size_t room() const noexcept { return ring_->capacity_ - (written_ - read_seen_); }

    std::shared_ptr<RingBuffer> ring_;
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
        const auto count = std::min(to.size(), filled());
        if (count == 0) return 0;
        const auto before_end = std::min(count, ring_->capacity_ - position_);
        std::memcpy(to.data(), ring_->slots_.get() + position_, before_end * sizeof(T));
        std::memcpy(to.data() + before_end, ring_->slots_.get(), (count - before_end) * sizeof(T));
        position_ = ring_->advanced(position_, count);
        read_ += count;
        // Release: the copying above may not sink below this store, for whoever sees this count overwrites those
        // slots. Pairs with Producer::see_read().
        ring_->read_.store(read_, std::memory_order_release);
        return count;
    }

    // Elements that a read is sure to give now; the producer can only make it more.
    [[nodiscard]] std::size_t available() noexcept {
        see_written();
        return filled();
    }

    [[nodiscard]] std::size_t capacity() const noexcept { return ring_->capacity_; }

private:
    friend class RingBuffer;

    Consumer(std::shared_ptr<RingBuffer> ring, std::size_t first_count) noexcept
        : ring_(std::move(ring)), read_(first_count), written_seen_(first_count) {}

    // Acquire: the elements up to this count, written before it was stored, are visible from here on. Pairs with the
    // store in Producer::write().
    void see_written() noexcept { written_seen_ = ring_->written_.load(std::memory_order_acquire); }

    [[nodiscard]] std::size_t filled() const noexcept { return written_seen_ - read_; }

    std::shared_ptr<RingBuffer> ring_;
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

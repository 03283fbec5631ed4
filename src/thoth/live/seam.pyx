# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, autotestdict=False
"""Where new text begins in a hypothesis that says again, in part, what was said before.

Words are compared by the ids of their normalised text and by the middle of their times, seconds on the stream's clock.
The arrays are only read, without the GIL: nobody may change them meanwhile. Any thread.
"""

from libc.math cimport fabs, isfinite
from libc.stdint cimport int64_t

from thoth.errors import InvalidOption

cdef enum:
    MOST_WORDS = 1024

# A word's middle, as Whisper gives it, is off by 0.1 to 0.3 s. What comes this much later than another word is another.
cdef double LATER_S = 0.2
# The text decides; times must only exclude what cannot be.
cdef double TOLERANCE_S = 1.0


def covered(
    const int64_t[:] known not None,
    const double[:] known_times not None,
    const int64_t[:] heard not None,
    const double[:] heard_times not None,
):
    """Return how many of the first words of `heard` say again what is `known`; those behind them are new text.

    - `known`, `heard`: int64, 1-D, up to 1024 ids each: the words that are settled, and those of a new hypothesis
      about a window that holds all of them.
    - `known_times`, `heard_times`: float64, as many, finite: the middle of each word in seconds.

    An alignment of the least cost by dynamic programming (Needleman and Wunsch, J. Mol. Biol. 48, 1970), with the end
    of `heard` free (Sellers, J. Algorithms 1, 1980). Text decides, of repeated words their number, and times only
    between what costs the same. Time is of the order of the product of the lengths.

    Raises InvalidOption for lengths that differ or are too great and for times that are not finite; ValueError for an
    array of another dtype or more axes.
    """
    _check("known", known, known_times)
    _check("heard", heard, heard_times)
    cdef Py_ssize_t words
    with nogil:
        words = _covered(known, known_times, heard, heard_times)
    return words


def agreed(const int64_t[:] previous not None, const int64_t[:] latest not None):
    """Return how many words two hypotheses have in common from their beginning on.

    What two hypotheses in a row agree on is settled in LocalAgreement (Liu, Spanakis and Niehues, Interspeech 2020;
    Macháček, Dabre and Bojar, 2023). `previous`, `latest`: ids, int64, 1-D, of any length. ValueError for other arrays.
    """
    cdef Py_ssize_t most = min(previous.shape[0], latest.shape[0])
    cdef Py_ssize_t words = 0
    with nogil:
        while words < most and previous[words] == latest[words]:
            words += 1
    return words


def _check(str name, const int64_t[:] ids, const double[:] times):
    cdef Py_ssize_t word
    if ids.shape[0] > MOST_WORDS:
        raise InvalidOption(f"{name} takes up to {MOST_WORDS} words, not {ids.shape[0]}: give the last ones")
    if times.shape[0] != ids.shape[0]:
        raise InvalidOption(f"{name}_times takes a time for each of {ids.shape[0]} words, not {times.shape[0]}")
    for word in range(times.shape[0]):
        if not isfinite(times[word]):
            raise InvalidOption(f"{name}_times takes seconds, and [{word}] is {times[word]}")


cdef Py_ssize_t _covered(
    const int64_t[:] known,
    const double[:] known_times,
    const int64_t[:] heard,
    const double[:] heard_times,
) noexcept nogil:
    cdef Py_ssize_t row[MOST_WORDS + 1]
    if known.shape[0] == 0 or heard.shape[0] == 0:
        return 0
    _align(known, known_times, heard, heard_times, row)
    return _cheapest(known_times[known.shape[0] - 1], heard_times, row)


cdef void _align(
    const int64_t[:] known,
    const double[:] known_times,
    const int64_t[:] heard,
    const double[:] heard_times,
    Py_ssize_t* row,
) noexcept nogil:
    """Leave in row[j] how many edits it takes to make the first j words of `heard` out of all of `known`."""
    cdef Py_ssize_t i, j, diagonal, above
    for j in range(heard.shape[0] + 1):
        row[j] = j
    for i in range(known.shape[0]):
        diagonal = row[0]
        row[0] += 1
        for j in range(heard.shape[0]):
            above = row[j + 1]
            row[j + 1] = min(
                diagonal + _pair(known[i] == heard[j], fabs(known_times[i] - heard_times[j])),
                min(above, row[j]) + 1,
            )
            diagonal = above


cdef Py_ssize_t _pair(bint same, double apart_s) noexcept nogil:
    """Cost of taking two words for one: at most that of leaving out both."""
    return 2 if apart_s > TOLERANCE_S else 0 if same else 1


cdef Py_ssize_t _cheapest(double known_until_s, const double[:] heard_times, const Py_ssize_t* row) noexcept nogil:
    """Return the j of least cost; of several, the one that fits the times best; of those, the least: nothing lost."""
    cdef Py_ssize_t j, best = 0
    # How many words stand on the wrong side of j, less those that do for j = 0.
    cdef Py_ssize_t misplaced = 0, least_misplaced = 0
    for j in range(1, heard_times.shape[0] + 1):
        misplaced += 1 if heard_times[j - 1] > known_until_s + LATER_S else -1
        if row[j] < row[best] or (row[j] == row[best] and misplaced < least_misplaced):
            best = j
            least_misplaced = misplaced
    return best

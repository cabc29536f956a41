# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
# What the kernels of contours share: rows of bits, 64 pixels a word, and runs as `runrows.find` writes them.

from libc.math cimport sqrt

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define segeval_lowest(word) __builtin_ctzll(word)
    #define segeval_highest(word) (63 - __builtin_clzll(word))
    #else
    static int segeval_lowest(unsigned long long word) {
        int place = 0;
        while (!(word >> place & 1)) place++;
        return place;
    }
    static int segeval_highest(unsigned long long word) {
        int place = 63;
        while (!(word >> place & 1)) place--;
        return place;
    }
    #endif
    """
    # The places of the lowest and the highest bit that is set, of a word that is not 0.
    int lowest "segeval_lowest"(unsigned long long word) noexcept nogil
    int highest "segeval_highest"(unsigned long long word) noexcept nogil


cdef inline void fill(unsigned long long *row, Py_ssize_t start, Py_ssize_t end, Py_ssize_t width) noexcept nogil:
    """Set the bits from `start` to before `end` that lie within a row; nothing where there are none."""
    cdef unsigned long long mask
    cdef Py_ssize_t k, last
    start = start if start > 0 else 0
    end = end if end < width else width
    if start >= end:
        return
    k = start >> 6
    last = (end - 1) >> 6
    mask = 0xFFFFFFFFFFFFFFFFULL << (start & 63)
    while k < last:
        row[k] |= mask
        mask = 0xFFFFFFFFFFFFFFFFULL
        k += 1
    row[k] |= mask & (0xFFFFFFFFFFFFFFFFULL >> (63 - ((end - 1) & 63)))


cdef inline void clear(unsigned long long *row, Py_ssize_t start, Py_ssize_t end) noexcept nogil:
    """Take the bits from `start` to before `end` away; nothing where there are none."""
    cdef unsigned long long mask
    cdef Py_ssize_t k, last
    if start >= end:
        return
    k = start >> 6
    last = (end - 1) >> 6
    mask = 0xFFFFFFFFFFFFFFFFULL << (start & 63)
    while k < last:
        row[k] &= ~mask
        mask = 0xFFFFFFFFFFFFFFFFULL
        k += 1
    row[k] &= ~(mask & (0xFFFFFFFFFFFFFFFFULL >> (63 - ((end - 1) & 63))))


cdef inline long long ones(unsigned long long word) noexcept nogil:
    """Return how many bits are set."""
    if word == 0:
        return 0
    word -= (word >> 1) & 0x5555555555555555ULL
    word = (word & 0x3333333333333333ULL) + ((word >> 2) & 0x3333333333333333ULL)
    return (((word + (word >> 4)) & 0x0F0F0F0F0F0F0F0FULL) * 0x0101010101010101ULL) >> 56


cdef inline int highest_code(
    const int[::1] starts, const unsigned char[::1] codes, const int[::1] rows, Py_ssize_t width
) noexcept nogil:
    """Return the highest code, or 256 where runs do not ascend from 0 to the width in every row."""
    cdef Py_ssize_t y, i
    cdef int highest = 0
    if rows[0] != 0 or starts.shape[0] != codes.shape[0]:
        return 256
    for y in range(rows.shape[0] - 1):
        if rows[y + 1] - rows[y] < 2 or rows[y + 1] > starts.shape[0]:
            return 256
        if starts[rows[y]] != 0 or starts[rows[y + 1] - 1] != width or codes[rows[y + 1] - 1] != 0:
            return 256
        for i in range(rows[y], rows[y + 1] - 1):
            if starts[i] >= starts[i + 1]:
                return 256
            highest = codes[i] if codes[i] > highest else highest
    return highest


cdef inline unsigned long long within(long long down, long long x, long long square) noexcept nogil:
    """Return the columns of a word that are at most the root of `square` from column `x` of a row so far down."""
    cdef long long half, start, end
    if down * down > square:
        return 0
    half = <long long>sqrt(<double>(square - down * down))
    start = x - half if x > half else 0
    end = x + half if x + half < 63 else 63
    if start > 63 or end < 0:
        return 0
    return (0xFFFFFFFFFFFFFFFFULL << start) & (0xFFFFFFFFFFFFFFFFULL >> (63 - end))

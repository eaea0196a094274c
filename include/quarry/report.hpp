// What a pool holds, to read, to process and to look at. Rung 7.
#pragma once

#include <iosfwd>

namespace quarry {

class unsynchronized_pool_resource;
class synchronized_pool_resource;
class segment_pool;

/// Each function writes one whole report about a pool as it is now. While other threads are inside calls on
/// the pool, each slab is shown as it was at some time during the report; the numbers of one report fit its
/// slabs. The pool is not changed, and not locked while the report is written.
///
/// Memory comes from operator new, about 128 bytes a slab. Throws std::bad_alloc, and what the stream throws
/// (if told to, by its exceptions()); a stream that fails is left in its failed state. What the stream is
/// set to (locale, flags, width) changes nothing.
namespace report {

/// A table of the size classes that have slabs: what the design says of a class beside what became of it.
/// Learned from tcmalloc's size_classes.cc, whose table of waste is its documentation.
///
/// Design: which sizes a block serves (at small alignments), and how much of it rounding wastes, at most and
/// in the mean of these sizes. What callers asked for is not recorded, so it is the design that says it.
/// Life: blocks by state, the memory of the slabs, and how much of it is not in use, which is idle blocks
/// (cached, free, untouched) and tails (the ends of slabs where no block fits).
void text(std::ostream& out, const unsynchronized_pool_resource& pool);
void text(std::ostream& out, const synchronized_pool_resource& pool);
void text(std::ostream& out, const segment_pool& pool);

/// One JSON object (RFC 8259), ASCII; sizes are bytes, addresses strings in hexadecimal:
///
///     { "report": "quarry", "version": 1,
///       "pool": "unsynchronized_pool_resource" | "synchronized_pool_resource" | "segment_pool",
///       "options": { "max_blocks_per_chunk", "largest_required_pool_block" }, or of a segment_pool
///                  { "slab_size", "largest_segment", "retain_bytes", and "byte_limit" if there is one },
///       "statistics": { every number of pool_statistics by its name, of bytes_held to dropped_blocks },
///       "classes": [ { "block_size", "slabs", "blocks_in_use", "blocks_cached", "blocks_free",
///                      "blocks_untouched": those of blocks_free that were never handed out,
///                      "slab_bytes", "tail_bytes": of slab_bytes,
///                      "smallest_request": the least size that the class serves } … ],
///       "chunks": [ { "address", "bytes" } … ],
///       "slabs": [ { "address", "bytes", "chunk": index into chunks, "block_size",
///                    "blocks": a letter for each block, in order of address:
///                              u used, c cached, f free, . untouched } … ] }
///
/// Of a segment_pool the chunks are the regions that are cut into slabs, and "oversized" are the regions that
/// are one segment each.
///
/// Classes are all that the pool serves, by block size; chunks and slabs are by address. Members may be added
/// in versions to come; `version` changes when one changes its meaning or goes.
void json(std::ostream& out, const unsynchronized_pool_resource& pool);
void json(std::ostream& out, const synchronized_pool_resource& pool);
void json(std::ostream& out, const segment_pool& pool);

/// A picture, SVG 1.1 in one file, to open in a browser: a tile for each slab, a cell for each block, a
/// colour for each class, filled by the block's state; and where the slabs lie in the chunks. Pointing at a
/// slab shows its address and counts.
void svg(std::ostream& out, const unsynchronized_pool_resource& pool);
void svg(std::ostream& out, const synchronized_pool_resource& pool);
void svg(std::ostream& out, const segment_pool& pool);

} // namespace report
} // namespace quarry

// How a segment core lets go of everything: release(), and the end of its pool or of the last handle.
#include <thread>

#include "segment_core.hpp"
#include "thread_call.hpp"

namespace quarry::detail {

// Calls f(found) for what is live, with no lock held. A slab is looked at once; what it has then is seen.
template <class Function>
void segment_core::for_each_live(Function f) noexcept {
  found live[slab::most_blocks];
  for (size_class c = 0; c < size_class_count; ++c) {
    const void* last = nullptr;
    for (;;) {
      std::size_t count = 0;
      const bool any = core_.pools().next_slab(c, last, [&](slab& s) {
        last = s.base;
        for (std::size_t i = 0; i < s.blocks; ++i)
          if (block_record& r = records_of(s)[i]; r.is_live()) live[count++] = look_up(r);
      });
      if (!any) break;
      for (std::size_t i = 0; i < count; ++i) f(live[i]);
    }
  }
  const void* last = nullptr;
  for (;;) {
    found region;
    const bool any = regions_.next_node(last, [&](region_node& node) {
      last = node.base;
      if (node.record.is_live()) region = look_up(node.record);
    });
    if (!any) return;
    if (region.record != nullptr) f(region);
  }
}

std::size_t segment_core::count_handles() noexcept {
  std::size_t handles = 0;
  for_each_live([&](const found& f) { handles += block_record::is_handles(f.record->seen()) ? 1 : 0; });
  return handles;
}

void segment_core::free_all_but_handles() noexcept {
  for_each_live([&](const found& f) {
    const std::uint32_t seen = f.record->seen();
    if (block_record::is_handles(seen) || !f.is_live(seen) || !exchange_for_free(*f.record, seen)) return;
    wipe(f);
    give_to_slab(f);
  });
}

void segment_core::release() noexcept {
  const only_call alone(caches_);
  caches_.flush_all(thread_magazines::when_busy::wait);
  free_all_but_handles();
  core_.trim(0);
  release_what_describes();
}

// Unless there are regions: what describes them must stay.
void segment_core::release_what_describes() noexcept {
  if (!regions_.empty()) return;
  core_.release_all();
  regions_.release_all(core_.door());
}

void segment_core::report_leaks() noexcept {
  for_each_live([&](const found& f) {
    if (f.record->holder() == block_holder::handle)
      report(violation_kind::leak, f.data, f.capacity, 1,
             "a pool was destroyed while a segment of it was out");
    else if (f.record->holder() == block_holder::span)
      report(violation_kind::leak, f.data, f.capacity, 1, "a pool was destroyed while a span of it was out");
  });
}

// Nobody is waited for with the lock held, nor upstream or an observer called: they may free handles.
void segment_core::close() noexcept {
  report_leaks();
  orphaned_.store(true, std::memory_order_seq_cst);
  wait_for_visitors();
  caches_.close();
  wait_for_visitors();
  {
    const std::lock_guard guard(orphan_mutex_);
    users_ += count_handles();
    handles_counted_ = true;
  }
  free_all_but_handles();
  core_.trim(0);
  regions_.part_from_observer(core_.door());
  leave_orphan();
}

void segment_core::wait_for_visitors() const noexcept {
  while (inside_.load(std::memory_order_seq_cst) != 0) std::this_thread::yield();
}

// A handle's block, after the pool. Who comes before handles are counted is none of those, and counts itself.
bool segment_core::try_free_orphan(const found& f, std::uint32_t seen) noexcept {
  {
    const std::lock_guard guard(orphan_mutex_); // while handles are counted none goes
    if (!exchange_for_free(*f.record, seen)) return false;
    if (!handles_counted_) ++users_;
  }
  wipe(f);
  give_to_slab(f);
  core_.trim(0);
  leave_orphan();
  return true;
}

void segment_core::leave_orphan() noexcept {
  {
    const std::lock_guard guard(orphan_mutex_);
    if (--users_ != 0) return;
  }
  end();
}

void segment_core::end() noexcept {
  core_.release_all();
  regions_.release_all(core_.door());
  this->~segment_core();
  page_resource()->deallocate(this, sizeof(segment_core), alignof(segment_core));
}

} // namespace quarry::detail

// Segment chains and their model: four sequences of bytes.
#include "../support/ledger_resource.hpp"
#include "subject.hpp"

#include <quarry/segment_chain.hpp>
#include <quarry/segment_pool.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>
#include <optional>
#include <vector>

namespace quarry::test {

namespace {

using byte_string = std::vector<std::byte>;

class chain_subject final : public subject {
public:
  explicit chain_subject(const segment_pool_options& options)
      : limited_(options.byte_limit != segment_pool_options::unlimited) {
    pool_.emplace(options, &ledger_);
    for (auto& each : chains_) each.emplace(*pool_);
  }

  void run(const step& s) override {
    ++operations_;
    const std::size_t which = s.a % chains_.size();
    segment_chain& chain = *chains_[which];
    byte_string& content = contents_[which];
    const std::size_t count = content.empty() ? 0 : s.b % (content.size() + 1);
    switch (s.what) {
    case verb::append:
      unless_refused([&] { chain.append(fresh(s.b)); },
                     [&] { content.insert(content.end(), next_.begin(), next_.end()); });
      break;
    case verb::prepend:
      unless_refused([&] { chain.prepend(fresh(s.b)); },
                     [&] { content.insert(content.begin(), next_.begin(), next_.end()); });
      break;
    case verb::push:
      unless_refused([&] { push(chain, s.b); },
                     [&] { content.insert(content.end(), next_.begin(), next_.end()); });
      break;
    case verb::consume:
      chain.consume(count);
      content.erase(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(count));
      break;
    case verb::split:
      if (const std::size_t other = s.c % chains_.size(); other != which) split(which, count, other);
      break;
    case verb::copy:
      if (const std::size_t other = s.b % chains_.size(); other != which)
        unless_refused([&] { *chains_[other] = chain.share(); }, [&] { contents_[other] = content; });
      break;
    case verb::trim:
      pool_->trim(s.a);
      break;
    case verb::refuse:
      ledger_.refuse_at(s.a, s.b);
      break;
    default:
      break;
    }
    for (std::size_t i = 0; i < chains_.size(); ++i) // what grows without end is slow, and no better a test
      if (contents_[i].size() > 200'000) {
        chains_[i]->consume(contents_[i].size());
        contents_[i].clear();
      }
  }

  void check() override {
    pool_->check_invariants();
    require(ledger_.mismatches().empty(), "upstream was given back something it had not given");
    require(pool_->statistics().bytes_held == ledger_.held(), "bytes_held is not what is held");
    for (std::size_t i = 0; i < chains_.size(); ++i) {
      require(chains_[i]->size() == contents_[i].size(), "a chain has another size");
      require(chains_[i]->empty() == contents_[i].empty(), "a chain is empty, or is not");
      for (const iovec& piece : chains_[i]->iovecs())
        require(piece.iov_len != 0, "a chain has an empty piece");
    }
  }

  void check_payloads() override {
    for (std::size_t i = 0; i < chains_.size(); ++i) {
      std::size_t at = 0;
      for (const iovec& piece : chains_[i]->pieces()) {
        const auto* const first = static_cast<const std::byte*>(piece.iov_base);
        require(piece.iov_len <= contents_[i].size() - at, "a chain has more bytes than it says");
        require(
            std::equal(first, first + piece.iov_len, contents_[i].begin() + static_cast<std::ptrdiff_t>(at)),
            "a chain has other bytes");
        at += piece.iov_len;
      }
      require(at == contents_[i].size(), "a chain has fewer bytes than it says");
    }
  }

  void end() override {
    check_payloads();
    for (std::size_t i = 0; i < chains_.size(); ++i) {
      chains_[i].reset();
      contents_[i].clear();
    }
    require(pool_->statistics().bytes_in_use == 0, "a chain that ended left something in use");
    pool_->check_invariants();
    pool_.reset();
    require(ledger_.clean(), "upstream did not get everything back");
  }

private:
  std::span<const std::byte> fresh(std::size_t count) {
    next_.resize(count % 100'000);
    for (std::byte& b : next_) b = static_cast<std::byte>(++written_ * 37 >> 3);
    return next_;
  }

  void push(segment_chain& chain, std::size_t count) {
    const std::span<const std::byte> from = fresh(count);
    segment s = pool_->allocate_segment(from.size());
    std::copy(from.begin(), from.end(), s.begin());
    if (count % 2 == 0)
      chain.push_back(std::move(s));
    else
      chain.push_back(std::move(s).share());
  }

  void split(std::size_t which, std::size_t count, std::size_t other) {
    byte_string& content = contents_[which];
    const auto middle = content.begin() + static_cast<std::ptrdiff_t>(count);
    unless_refused([&] { *chains_[other] = chains_[which]->split(count); },
                   [&] {
                     contents_[other].assign(content.begin(), middle);
                     content.erase(content.begin(), middle);
                   });
  }

  // What failed has changed nothing, which the next check sees.
  template <class Do, class Then>
  void unless_refused(Do what, Then then) {
    try {
      what();
    } catch (const std::bad_alloc&) {
      require(limited_ || ledger_.refusals() != refusals_seen_, "an exception that upstream did not throw");
      refusals_seen_ = ledger_.refusals();
      return;
    }
    then();
  }

  const bool limited_;
  ledger_resource ledger_;
  std::optional<segment_pool> pool_;
  std::array<std::optional<segment_chain>, 4> chains_;
  std::array<byte_string, 4> contents_;
  byte_string next_;
  std::size_t written_ = 0, refusals_seen_ = 0;
};

template <std::size_t slab_size, std::size_t largest, std::size_t limit>
std::unique_ptr<subject> make() {
  segment_pool_options options;
  options.slab_size = slab_size;
  options.largest_segment = largest;
  options.byte_limit = limit;
  return std::make_unique<chain_subject>(options);
}

constexpr subject_kind chain_subjects[] = {
    {"chains", 400'000, make<256 << 10, 64 << 10, segment_pool_options::unlimited>, random_chain_steps,
     chain_steps_of},
    {"chains_limited", 400'000, make<64 << 10, 4 << 10, 512 << 10>, random_chain_steps, chain_steps_of},
};

} // namespace

std::span<const subject_kind> chain_kinds() { return chain_subjects; }

} // namespace quarry::test

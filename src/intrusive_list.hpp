// A doubly linked list through the members `next` and `previous` of its items. Rung 0.
#pragma once

namespace quarry::detail {

template <class Item>
class intrusive_list {
public:
  Item* front() const noexcept { return first_; }
  bool empty() const noexcept { return first_ == nullptr; }

  void push_front(Item& item) noexcept {
    item.previous = nullptr;
    item.next = first_;
    if (first_ != nullptr) first_->previous = &item;
    first_ = &item;
  }

  void remove(Item& item) noexcept {
    (item.previous != nullptr ? item.previous->next : first_) = item.next;
    if (item.next != nullptr) item.next->previous = item.previous;
  }

private:
  Item* first_ = nullptr;
};

} // namespace quarry::detail

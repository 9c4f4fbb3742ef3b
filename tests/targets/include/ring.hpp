// SPDX-License-Identifier: MIT
// A header-only library as programs carry one in their own sources: templates that are not the compiler's.
#ifndef RING_HPP
#define RING_HPP

#include <memory>
#include <utility>
#include <vector>

namespace ring
{
template <typename T> class Ring
{
	std::unique_ptr<T[]> slots;
	std::vector<std::shared_ptr<T>> spare;
	std::size_t size;

      public:
	explicit Ring(std::size_t count) : slots(new T[count]()), size(count) /* a ring's slots */
	{
	}

	template <typename... Arguments> void keep(Arguments &&...arguments)
	{
		spare.push_back(std::make_shared<T>(std::forward<Arguments>(arguments)...)); /* a spare element */
	}

	T &operator[](std::size_t at)
	{
		return slots[at % size];
	}
};
} // namespace ring

#endif

// SPDX-License-Identifier: MIT
/*
 * A program with operator new, allocators and memory resources of its own: they are wrappers, however much they are in its sources.  Each marked
 * line keeps what its mark says: a number of bytes where it is exact.
 */
#include <cstdlib>
#include <memory_resource>
#include <new>
#include <string>
#include <vector>

static std::size_t counted;

void *operator new(std::size_t size)
{
	void *memory = std::malloc(size);

	if (!memory)
		throw std::bad_alloc();
	counted += size;
	return memory;
}

void operator delete(void *memory) noexcept
{
	std::free(memory);
}

void operator delete(void *memory, std::size_t) noexcept
{
	std::free(memory);
}

namespace
{
struct Slot {
	char bytes[72];

	static void *operator new(std::size_t size)
	{
		return ::operator new(size);
	}
	static void operator delete(void *memory)
	{
		::operator delete(memory);
	}
};

template <typename T> struct Counting {
	using value_type = T;
	Counting() = default;
	template <typename U> Counting(const Counting<U> &)
	{
	}
	T *allocate(std::size_t count)
	{
		return static_cast<T *>(::operator new(count * sizeof(T)));
	}
	void deallocate(T *memory, std::size_t)
	{
		::operator delete(memory);
	}
	bool operator==(const Counting &) const
	{
		return true;
	}
	bool operator!=(const Counting &) const
	{
		return false;
	}
};

class Resource : public std::pmr::memory_resource
{
	void *do_allocate(std::size_t size, std::size_t) override
	{
		return ::operator new(size);
	}
	void do_deallocate(void *memory, std::size_t, std::size_t) override
	{
		::operator delete(memory);
	}
	bool do_is_equal(const memory_resource &other) const noexcept override
	{
		return this == &other;
	}
};

void *volatile kept[8];
} // namespace

int main()
{
	static Resource resource;

	kept[0] = new char[501]; /* operator new 501 */
	kept[1] = new Slot; /* a class's own 72 */
	auto *counting = new std::vector<int, Counting<int>>; /* a vector 24 */
	counting->resize(250); /* an allocator 1000 */
	kept[2] = counting;
	auto *values = new std::pmr::vector<int>(&resource); /* another vector 32 */
	values->resize(100); /* a resource 400 */
	kept[3] = values;
	kept[4] = new std::string(600, 's'); /* a string 633 */
	std::_Exit(counted == 0);
}

// SPDX-License-Identifier: MIT
/*
 * Exceptions through frames that allocate and free on the way out: thrown again, nested, through a C library's callback, in threads; and
 * stacks that longjmp leaves in between.  Prints how many were caught.
 */
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct guard {
	std::string text;
	~guard()
	{
		std::vector<int> numbers(text.size(), 1); /* allocates while the stack is unwound */
		text += std::to_string(numbers.size());
	}
};

static int deep(int left, int kind)
{
	guard here{std::string(40, 'x')};
	std::map<int, std::string> names{{left, std::string(30, 'y')}};
	if (left > 0)
		return deep(left - 1, kind) + static_cast<int>(names.size());
	if (kind % 3 == 0)
		throw std::runtime_error(here.text);
	if (kind % 3 == 1)
		throw std::make_unique<std::string>(here.text);
	throw kind;
}

static int compare(const void *a, const void *b)
{
	if (*static_cast<const int *>(a) == 3)
		deep(2, 0);
	return *static_cast<const int *>(a) - *static_cast<const int *>(b);
}

static int rethrow(int left, int kind)
{
	try {
		return deep(left, kind);
	} catch (const std::exception &error) {
		std::string copy = error.what();
		std::throw_with_nested(std::logic_error(copy));
	}
}

static int caught(int kind)
{
	try {
		int numbers[] = {3, 1, 2};
		if (kind % 4 == 3)
			std::qsort(numbers, 3, sizeof(numbers[0]), compare);
		else
			rethrow(kind % 9, kind);
	} catch (const std::exception &error) {
		return error.what()[0] != 0;
	} catch (const std::unique_ptr<std::string> &text) {
		return !text->empty();
	} catch (int) {
		return 1;
	}
	return 0;
}

static void leave(std::jmp_buf &back, int depth)
{
	void *block = std::malloc(100);
	std::free(block);
	if (depth > 0)
		leave(back, depth - 1);
	std::longjmp(back, 1);
}

static int run(int rounds)
{
	int count = 0;
	for (volatile int round = 0; round < rounds; round = round + 1) {
		std::jmp_buf back;
		count += caught(round);
		if (setjmp(back) == 0)
			leave(back, round % 6);
	}
	return count;
}

int main()
{
	int counts[3] = {run(300), 0, 0};
	std::thread one([&] { counts[1] = run(100); }), two([&] { counts[2] = run(100); });
	one.join();
	two.join();
	std::printf("%d\n", counts[0] + counts[1] + counts[2]);
}

// SPDX-License-Identifier: MIT
// Templates, lambdas, constructors, exceptions and an anonymous namespace: the names and inlined frames that C++ makes.
#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace shop
{
struct Item {
	std::string name;
	int price;
	Item(const char *text, int value) : name(text), price(value)
	{
	}
	virtual ~Item() = default;
	virtual int total() const
	{
		return price;
	}
};

struct Bundle : Item {
	std::vector<int> parts;
	Bundle(const char *text, int count) : Item(text, 0)
	{
		for (int i = 0; i < count; i++)
			parts.push_back(i);
	}
	int total() const override
	{
		int sum = 0;
		for (int part : parts)
			sum += part;
		return sum;
	}
};

template <typename T> T largest(const std::vector<T> &values)
{
	if (values.empty())
		throw std::runtime_error("nothing");
	T best = values[0];
	for (const T &value : values)
		best = best < value ? value : best;
	return best;
}

namespace
{
std::map<std::string, std::unique_ptr<Item>> shelf;

void put(const char *name, int price)
{
	shelf.emplace(name, std::make_unique<Item>(name, price));
}
} // namespace

inline int each(int count, int (*call)(int))
{
	int sum = 0;
	for (int i = 0; i < count; i++)
		sum += call(i);
	return sum;
}
} // namespace shop

extern "C" int plain_name(int value)
{
	auto twice = [value](int factor) { return std::vector<int>(value * factor).size(); };
	return (int)twice(2);
}

int main(int argc, char **)
{
	shop::put("a rather long name that needs the heap", argc);
	shop::Bundle bundle("bundle of things, also long", argc + 3);
	std::vector<double> values(3, argc);
	int sum = shop::each(argc, [](int i) { return plain_name(i); });
	try {
		sum += (int)shop::largest(values) + shop::largest(bundle.parts);
		sum += shop::largest(std::vector<long>());
	} catch (const std::exception &error) {
		sum += (int)std::string(error.what()).size();
	}
	return sum + bundle.total() == -1;
}

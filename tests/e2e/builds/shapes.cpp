// SPDX-License-Identifier: MIT
// What a C++ program allocates with: containers, templates, shared pointers, lambdas.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

struct Shape {
	virtual ~Shape() = default;
	std::string name = "a name that does not fit into the string itself";
	std::vector<int> corners;
};

struct Circle : Shape {
	explicit Circle(int radius) { corners.assign(static_cast<size_t>(radius), radius); }
};

template <typename T> class Pool {
public:
	T *get(int argument)
	{
		pool.push_back(std::make_unique<T>(argument));
		return pool.back().get();
	}

private:
	std::vector<std::unique_ptr<T>> pool;
};

std::map<int, std::string> names;
std::vector<std::shared_ptr<Shape>> shapes;
std::vector<std::function<int()>> calls;
int *volatile numbers; // a compiler may leave out what nobody can see
Pool<Circle> circles;
Pool<std::vector<char>> buffers;

void fill_names(int count)
{
	for (int i = 0; i < count; i++)
		names[i] = "name number " + std::to_string(i) + " of many that are all rather long";
}

void fill_shapes(int count)
{
	for (int i = 0; i < count; i++) {
		auto shape = std::make_shared<Circle>(i + 1);
		shapes.push_back(shape);
		calls.emplace_back([shape, i, text = std::string(100, 'x')] { return static_cast<int>(text.size()) + i + static_cast<int>(shape->corners.size()); });
	}
}

} // namespace

int main()
{
	fill_names(20);
	fill_shapes(30);
	for (int i = 0; i < 10; i++) {
		circles.get(i + 5);
		buffers.get(100 + i);
	}
	numbers = new int[100]{1, 2, 3};
	int sum = numbers[1];
	for (auto &call : calls)
		sum += call();
	names.clear();
	fill_names(sum % 2 ? 7 : 7);
	std::_Exit(sum == 0); // everything lives until the end
}

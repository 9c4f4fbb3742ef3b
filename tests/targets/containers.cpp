// SPDX-License-Identifier: MIT
/*
 * About 500 kB that live at the end, nearly all of it allocated by templates of the standard library: containers of containers, smart
 * pointers, strings, functions, streams, futures and threads, and a header-only library of the program's own.  Every kind has a function of
 * its own, and each marked line allocates what its mark says.
 */
#include <any>
#include <array>
#include <cstdio>
#include <cstring>
#include <deque>
#include <forward_list>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <queue>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "include/ring.hpp"

namespace
{
/* What is kept is kept to the end: nothing of it is freed by a destructor. */
template <typename T> T &forever(T *pointer)
{
	static std::vector<void *> *all = new std::vector<void *>;
	all->push_back(pointer);
	return *pointer;
}

struct Session {
	std::string name;
	int number;
	char state[64];
	explicit Session(int number) : name("session number " + std::to_string(number)), number(number), state() /* a name */
	{
	}
	virtual ~Session() = default;
};

struct Admin : Session {
	std::vector<int> rights;
	explicit Admin(int number) : Session(number), rights(40, number) /* rights */
	{
	}
};

void vectors()
{
	auto &registry = forever(new std::vector<std::vector<int>>);
	registry.resize(100);
	for (int i = 0; i < 100; i++)
		registry[i].resize(100 + i); /* a vector's resize */
	auto &numbers = forever(new std::vector<long>);
	for (long i = 0; i < 4000; i++)
		numbers.push_back(i); /* a vector's push_back */
	forever(new std::vector<std::string>(200, std::string(48, 'x'))); /* a vector of strings */
	auto &bits = forever(new std::vector<bool>(80000)); /* bits */
	bits[7] = true;
}

void pointers()
{
	auto &shared = forever(new std::vector<std::shared_ptr<Session>>);
	auto &unique = forever(new std::vector<std::unique_ptr<Session>>);
	shared.reserve(200);
	unique.reserve(200);
	for (int i = 0; i < 200; i++) {
		shared.push_back(std::make_shared<Session>(i)); /* a shared session */
		unique.push_back(std::make_unique<Admin>(i)); /* a unique session */
		shared.emplace_back(new Session(i), [](Session *session) { delete session; }); /* a session with a deleter */
	}
}

void maps()
{
	auto &names = forever(new std::map<std::string, std::vector<std::pair<int, double>>>);
	auto &index = forever(new std::unordered_map<std::string, std::map<int, std::string>>);
	auto &seen = forever(new std::unordered_set<int>);
	auto &order = forever(new std::set<std::string>);
	for (int i = 0; i < 150; i++) {
		std::string key = "a key that does not fit inside " + std::to_string(i);
		names[key].emplace_back(i, i); /* a map's value */
		index[key][i] = key; /* a map in a map */
		order.insert(key); /* a set */
	}
	for (int i = 0; i < 1000; i++)
		seen.insert(i); /* an unordered set */
}

void lists()
{
	auto &list = forever(new std::list<std::string>);
	auto &forward = forever(new std::forward_list<int>);
	auto &deque = forever(new std::deque<std::array<int, 8>>);
	auto &queue = forever(new std::priority_queue<int>);
	for (int i = 0; i < 300; i++) {
		list.emplace_back(40, 'y'); /* a list */
		forward.push_front(i); /* a forward list */
		deque.push_back({i}); /* a deque */
		queue.push(i); /* a queue */
	}
}

void functions()
{
	auto &calls = forever(new std::vector<std::function<int(int)>>);
	auto &values = forever(new std::vector<std::any>);
	auto &either = forever(new std::vector<std::variant<int, std::string>>);
	for (int i = 0; i < 200; i++) {
		std::array<int, 20> captured{i};
		std::shared_ptr<int> count = std::make_shared<int>(i); /* a captured count */
		calls.push_back([captured, count](int at) { return captured[at] + *count; }); /* a lambda */
		values.emplace_back(std::string(60, 'z')); /* any */
		either.emplace_back(std::string(50, 'v')); /* a variant */
	}
	std::function<void(int)> each = [](int i) {
		forever(new std::string(100, static_cast<char>('a' + i))); /* inside a lambda */
	};
	for (int i = 0; i < 20; i++)
		each(i);
}

void texts()
{
	std::ostringstream stream;
	for (int i = 0; i < 3000; i++)
		stream << "line " << i << '\n';
	auto &text = forever(new std::string(stream.str())); /* a stream's text */
	text += text;
	text.append(text.substr(0, 1000)); /* and more */
	char *copy = strdup(text.substr(0, 2000).c_str()); /* strdup */
	forever(copy);
	std::optional<std::string> &perhaps = forever(new std::optional<std::string>);
	perhaps.emplace(500, 'o'); /* an optional */
}

std::vector<int> worked(int count)
{
	std::vector<int> result(count); /* in another thread */
	std::iota(result.begin(), result.end(), 0);
	return result;
}

void threads()
{
	auto &results = forever(new std::vector<std::vector<int>>);
	std::vector<std::future<std::vector<int>>> futures;
	for (int i = 0; i < 4; i++)
		futures.push_back(std::async(std::launch::async, worked, 2000));
	for (auto &future : futures)
		results.push_back(future.get());
	std::thread other([&] { results.emplace_back(3000, 7); }); /* a thread's lambda */
	other.join();
	std::packaged_task<std::vector<int>(int)> task(worked);
	auto future = task.get_future();
	task(1000);
	results.push_back(future.get());
}

void rings()
{
	auto &ring = forever(new ring::Ring<Session *>(500)); /* a ring */
	auto &texts = forever(new ring::Ring<std::string>(30));
	for (int i = 0; i < 30; i++) {
		texts[i] = std::string(70, 'r'); /* a ring's text */
		texts.keep(80, 's');
		ring[i] = nullptr;
	}
}
} // namespace

int main()
{
	vectors();
	pointers();
	maps();
	lists();
	functions();
	texts();
	threads();
	rings();
	std::printf("done\n");
	std::_Exit(0);
}

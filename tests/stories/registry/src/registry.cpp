// SPDX-License-Identifier: MIT
// Half a megabyte in the standard library's containers.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

struct Session {
	std::string user;
	std::vector<int> history;
	explicit Session(int id) : user("user-with-a-long-name-" + std::to_string(id)), history(32) {}
};

template <typename Value>
class Registry {
public:
	void add(int id)
	{
		values[id] = std::make_shared<Value>(id);
		order.push_back(values[id]);
	}

private:
	std::map<int, std::shared_ptr<Value>> values;
	std::vector<std::weak_ptr<Value>> order;
};

static Registry<Session> *registry;
static std::unordered_map<std::string, std::function<int()>> *handlers;

int main()
{
	registry = new Registry<Session>;
	handlers = new std::unordered_map<std::string, std::function<int()>>;
	for (int id = 0; id < 1500; id++) {
		registry->add(id);
		std::string name = "handler-number-" + std::to_string(id);
		handlers->emplace(name, [name, id] { return id + static_cast<int>(name.size()); });
	}
}

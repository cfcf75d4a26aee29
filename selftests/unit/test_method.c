// SPDX-License-Identifier: GPL-2.0

#include "http/method.h"
#include "unit.h"

static const char *const names[HTTP_METHOD_COUNT] = {
#define X(name) \
	[HTTP_##name] = #name,
	HTTP_METHODS(X)
#undef X
};

static enum http_method lookup(const char *s)
{
	return http_method_lookup((struct span){ unit_guard_end(s, strlen(s)), strlen(s) });
}

int main(void)
{
	enum http_method method;

	unit_begin("every method is found by its name");
	for (method = HTTP_METHOD_OTHER + 1; method < HTTP_METHOD_COUNT; method++)
		check(lookup(names[method]) == method);
	unit_end();

	unit_begin("what only resembles a method is another one");
	check(lookup("get") == HTTP_METHOD_OTHER);
	check(lookup("Get") == HTTP_METHOD_OTHER);
	check(lookup("GE") == HTTP_METHOD_OTHER);
	check(lookup("GETS") == HTTP_METHOD_OTHER);
	check(lookup("PROPFIND") == HTTP_METHOD_OTHER);
	check(lookup("") == HTTP_METHOD_OTHER);
	unit_end();
	return unit_finish();
}

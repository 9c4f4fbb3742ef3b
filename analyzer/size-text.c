/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a number of bytes, or an option's text.  Goes out: text as tracemalloc prints it, or a number.  No state.
 * A double is exact enough for every 64-bit value: at the unit that is printed, at most five digits are left.  Parsing is in integers, so that a limit of
 * "9007199254740993" means just that.
 */
#include "size-text.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

char *size_text(char buffer[SIZE_TEXT_MAX], double size, bool sign)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	int unit = 0, decimals = 0;

	for (;; unit++, size /= 1024) {
		if (unit > 0 && fabs(size) < 100) {
			decimals = 1;
			break;
		}
		if (fabs(size) < 10 * 1024 || unit == 4)
			break;
	}
	snprintf(buffer, SIZE_TEXT_MAX, sign ? "%+.*f %s" : "%.*f %s", decimals, size, units[unit]);
	return buffer;
}

/* A decimal number: whole part and billionths. */
struct decimal {
	unsigned long long whole, billionths;
	bool fraction; /* there was a decimal point */
};

static bool is_digit(char character)
{
	return character >= '0' && character <= '9';
}

/* Returns what follows the number; NULL: no number, or too large. */
static const char *parse_decimal(const char *text, struct decimal *number)
{
	*number = (struct decimal){0};
	if (!is_digit(*text))
		return NULL;
	for (; is_digit(*text); text++) {
		unsigned digit = (unsigned)(*text - '0');
		if (number->whole > (ULLONG_MAX - digit) / 10)
			return NULL;
		number->whole = number->whole * 10 + digit;
	}
	if (*text != '.')
		return text;
	number->fraction = true;
	if (!is_digit(*++text))
		return NULL;
	for (unsigned long long place = 100000000; is_digit(*text); text++, place /= 10)
		number->billionths += place * (unsigned)(*text - '0');
	return text;
}

/* number × unit, fractions of one rounded down.  0, or −1 when it does not fit. */
static int scale(const struct decimal *number, unsigned long long unit, unsigned long long *result)
{
	__uint128_t value = (__uint128_t)number->whole * unit + (__uint128_t)number->billionths * unit / 1000000000;

	if (value > ULLONG_MAX)
		return -1;
	*result = (unsigned long long)value;
	return 0;
}

int size_parse(const char *text, unsigned long long *bytes)
{
	static const char letters[] = "KMGT";
	struct decimal number;
	const char *rest = parse_decimal(text, &number);

	if (!rest)
		return -1;
	if (!*rest || !strcmp(rest, "B"))
		return number.fraction ? -1 : scale(&number, 1, bytes);
	char upper = *rest >= 'a' && *rest <= 'z' ? (char)(*rest - 'a' + 'A') : *rest;
	const char *letter = strchr(letters, upper);
	bool bare = rest[1] == '\0', full = upper == *rest && !strcmp(rest + 1, "iB");
	if (!letter || (!bare && !full))
		return -1;
	return scale(&number, 1ULL << (10 * (letter - letters + 1)), bytes);
}

int time_parse(const char *text, unsigned long long *nanoseconds)
{
	static const unsigned long long second = 1000000000;
	struct decimal number;
	const char *rest = parse_decimal(text, &number);

	if (!rest)
		return -1;
	if (!*rest || !strcmp(rest, "s"))
		return scale(&number, second, nanoseconds);
	if (!strcmp(rest, "m"))
		return scale(&number, 60 * second, nanoseconds);
	if (!strcmp(rest, "h"))
		return scale(&number, 3600 * second, nanoseconds);
	if (!strcmp(rest, "d"))
		return scale(&number, 86400 * second, nanoseconds);
	return -1;
}

/*
 * Dates and timestamps as text, by arithmetic on the proleptic Gregorian calendar
 * (penstock/value.h). libc's time functions are not used: they know time zones and locales, which
 * have no place here.
 */
#include <string.h>

#include "penstock/value.h"

#define SECONDS_A_DAY 86400
#define DAYS_400_YEARS 146097 /* the calendar repeats after that */
#define DAYS_TO_1970 719468   /* from 0000-03-01 */

struct date {
    int64_t year;
    int month, day; /* from 1 */
};

/* Division that rounds down, so that time before 1970 needs no special case. */
static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

/*
 * Years begin on the first of March here: the leap day is then a year's last, and the months'
 * lengths (31 30 31 30 31, twice, 31 and the rest) are the steps of (153 m + 2) / 5.
 */
static int64_t days_of_date(struct date date)
{
    int64_t year = date.month > 2 ? date.year : date.year - 1;
    int64_t month = date.month > 2 ? date.month - 3 : date.month + 9;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_400_YEARS + day_of_era - DAYS_TO_1970;
}

static struct date date_of_days(int64_t days)
{
    int64_t shifted = days + DAYS_TO_1970;
    int64_t era = floor_div(shifted, DAYS_400_YEARS);
    int64_t day_of_era = shifted - era * DAYS_400_YEARS;
    /* Without the leap days before it, each year has 365 days. */
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    struct date date = {.year = era * 400 + year_of_era + (month >= 10 ? 1 : 0),
                        .month = (int)(month < 10 ? month + 3 : month - 9),
                        .day = (int)(day_of_year - (153 * month + 2) / 5 + 1)};
    return date;
}

/* Writes a number with at least `width` digits; gives where it ends. */
static char *put_number(char *out, uint64_t value, int width)
{
    char digits[20];
    int count = 0;
    while (value != 0 || count < width) {
        digits[count++] = (char)('0' + (int)(value % 10));
        value /= 10;
    }
    while (count > 0) {
        *out++ = digits[--count];
    }
    return out;
}

static char *put_date(char *out, int64_t days)
{
    struct date date = date_of_days(days);
    if (date.year < 0) {
        *out++ = '-';
    }
    out = put_number(out, (uint64_t)(date.year < 0 ? -date.year : date.year), 4);
    *out++ = '-';
    out = put_number(out, (uint64_t)date.month, 2);
    *out++ = '-';
    return put_number(out, (uint64_t)date.day, 2);
}

size_t ps_date_format(int32_t days, char out[PS_VALUE_TEXT_SIZE])
{
    char *end = put_date(out, days);
    *end = '\0';
    return (size_t)(end - out);
}

size_t ps_timestamp_format(struct ps_timestamp value, bool utc, char out[PS_VALUE_TEXT_SIZE])
{
    int64_t days = floor_div(value.seconds, SECONDS_A_DAY);
    int64_t rest = value.seconds % SECONDS_A_DAY;
    uint64_t second = (uint64_t)(rest < 0 ? rest + SECONDS_A_DAY : rest);
    char *end = put_date(out, days);
    *end++ = 'T';
    end = put_number(end, second / 3600, 2);
    *end++ = ':';
    end = put_number(end, second / 60 % 60, 2);
    *end++ = ':';
    end = put_number(end, second % 60, 2);
    if (value.nanos != 0) {
        *end++ = '.';
        end = put_number(end, (uint64_t)(uint32_t)value.nanos, 9);
        while (end[-1] == '0') {
            end--;
        }
    }
    if (utc) {
        *end++ = 'Z';
    }
    *end = '\0';
    return (size_t)(end - out);
}

/* What is left of a text that is being read. */
struct reader {
    const char *at, *end;
};

/* Exactly `digits` digits that make a number from `least` to `most`. */
static bool read_number(struct reader *reader, int digits, int least, int most, int *ret_value)
{
    int value = 0;
    if (reader->end - reader->at < digits) {
        return false;
    }
    for (int i = 0; i < digits; i++) {
        char digit = *reader->at++;
        if (digit < '0' || digit > '9') {
            return false;
        }
        value = value * 10 + (digit - '0');
    }
    *ret_value = value;
    return value >= least && value <= most;
}

/* Takes the next byte where it is the one asked for. */
static bool read_byte(struct reader *reader, char byte)
{
    if (reader->at == reader->end || *reader->at != byte) {
        return false;
    }
    reader->at++;
    return true;
}

static bool read_date(struct reader *reader, int64_t *ret_days)
{
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 0, month = 0, day = 0;
    if (!read_number(reader, 4, 1, 9999, &year) || !read_byte(reader, '-') ||
        !read_number(reader, 2, 1, 12, &month) || !read_byte(reader, '-') ||
        !read_number(reader, 2, 1, month_days[month - 1], &day)) {
        return false;
    }
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month == 2 && day == 29 && !leap) {
        return false;
    }
    *ret_days = days_of_date((struct date){.year = year, .month = month, .day = day});
    return true;
}

bool ps_date_parse(const char *text, size_t size, int32_t *ret_days)
{
    struct reader reader = {.at = text, .end = text + size};
    int64_t days;
    if (!read_date(&reader, &days) || reader.at != reader.end) {
        return false;
    }
    *ret_days = (int32_t)days;
    return true;
}

/* One to nine digits after the point, or no point at all. */
static bool read_fraction(struct reader *reader, int32_t *ret_nanos)
{
    *ret_nanos = 0;
    if (!read_byte(reader, '.')) {
        return true;
    }
    int digits = 0;
    for (; reader->at != reader->end && *reader->at >= '0' && *reader->at <= '9'; digits++) {
        if (digits == 9) {
            return false;
        }
        *ret_nanos = *ret_nanos * 10 + (*reader->at++ - '0');
    }
    for (int i = digits; i < 9; i++) {
        *ret_nanos *= 10;
    }
    return digits > 0;
}

/* "Z", an offset, or nothing at the end of the text. */
static bool read_zone(struct reader *reader, int *ret_offset_seconds, bool *ret_had_zone)
{
    *ret_offset_seconds = 0;
    *ret_had_zone = reader->at != reader->end;
    if (!*ret_had_zone || read_byte(reader, 'Z')) {
        return true;
    }
    int sign = read_byte(reader, '-') ? -1 : 1, hours = 0, minutes = 0;
    if ((sign > 0 && !read_byte(reader, '+')) || !read_number(reader, 2, 0, 23, &hours)) {
        return false;
    }
    if (reader->at != reader->end) {
        (void)read_byte(reader, ':');
        if (!read_number(reader, 2, 0, 59, &minutes)) {
            return false;
        }
    }
    *ret_offset_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool ps_timestamp_parse(const char *text, size_t size, struct ps_timestamp *ret_value,
                        bool *ret_had_zone)
{
    struct reader reader = {.at = text, .end = text + size};
    int64_t days;
    int hour = 0, minute = 0, second = 0, offset = 0;
    int32_t nanos;
    bool had_zone;
    if (!read_date(&reader, &days) || (!read_byte(&reader, 'T') && !read_byte(&reader, ' ')) ||
        !read_number(&reader, 2, 0, 23, &hour) || !read_byte(&reader, ':') ||
        !read_number(&reader, 2, 0, 59, &minute) || !read_byte(&reader, ':') ||
        !read_number(&reader, 2, 0, 59, &second) || !read_fraction(&reader, &nanos) ||
        !read_zone(&reader, &offset, &had_zone) || reader.at != reader.end) {
        return false;
    }
    int64_t seconds = days * SECONDS_A_DAY + hour * 3600 + minute * 60 + second - offset;
    if (seconds < PS_TIMESTAMP_SECONDS_MIN || seconds > PS_TIMESTAMP_SECONDS_MAX) {
        return false;
    }
    *ret_value = (struct ps_timestamp){.seconds = seconds, .nanos = nanos};
    if (ret_had_zone != NULL) {
        *ret_had_zone = had_zone;
    }
    return true;
}

int ps_timestamp_compare(struct ps_timestamp a, struct ps_timestamp b)
{
    if (a.seconds != b.seconds) {
        return a.seconds < b.seconds ? -1 : 1;
    }
    return (a.nanos > b.nanos) - (a.nanos < b.nanos);
}

struct ps_timestamp ps_timestamp_add(struct ps_timestamp value, int64_t seconds)
{
    int64_t sum;
    if (__builtin_add_overflow(value.seconds, seconds, &sum)) {
        sum = seconds < 0 ? INT64_MIN : INT64_MAX;
    }
    if (sum < PS_TIMESTAMP_SECONDS_MIN) {
        return (struct ps_timestamp){.seconds = PS_TIMESTAMP_SECONDS_MIN};
    }
    if (sum > PS_TIMESTAMP_SECONDS_MAX) {
        return (struct ps_timestamp){.seconds = PS_TIMESTAMP_SECONDS_MAX, .nanos = 999999999};
    }
    return (struct ps_timestamp){.seconds = sum, .nanos = value.nanos};
}

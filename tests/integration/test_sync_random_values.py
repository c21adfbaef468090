"""Values by chance, with a seed: thousands of every type that is decoded from its binary form."""

import random
import string

import pytest
from clients.connector import sync
from clients.source_rows import assert_same
from flow import Flow

ROWS = 1500
NULLS = 0.08
TRICKY = string.ascii_letters + "\"\\{},\b\t\n\f\r\x01\x1f\x7f/ 'éß日🐻\u2028"


class Chance:
    """Literals of each type, without their quotes."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def integer(self, bits):
        """All sizes are as likely, and so are the edges."""
        size = self.random.randrange(bits)
        value = self.random.choice([0, 2**size - 1, self.random.randrange(2**size)])
        return str(-value - 1 if self.random.random() < 0.5 else value)

    def digits(self, most):
        count = self.random.randrange(1, most + 1)
        return "".join(self.random.choice("0000123456789") for _ in range(count))

    def numeric(self, whole=60, after=60):
        if self.random.random() < 0.03:
            return self.random.choice(["NaN", "Infinity", "-Infinity"])
        sign = self.random.choice(["", "-"])
        return f"{sign}{self.digits(whole)}.{self.digits(after)}"

    def decimal(self):
        return f"{self.random.choice(['', '-'])}{self.digits(20)}.{self.digits(18)}"

    def text(self):
        return "".join(self.random.choice(TRICKY) for _ in range(self.random.randrange(12)))

    def double(self):
        mantissa = self.random.randrange(-(10**17), 10**17)
        return f"{mantissa}e{self.random.randrange(-325, 290)}"

    def micros(self):
        return self.random.choice([0, 1, 500000, 999999, self.random.randrange(10**6)])

    def clock(self):
        if self.random.random() < 0.02:
            return "24:00:00"
        hour, minute, second = (self.random.randrange(n) for n in (24, 60, 60))
        return f"{hour}:{minute}:{second}.{self.micros():06}"

    def zoned(self):
        sign = self.random.choice("+-")
        zone = [f"{self.random.randrange(16):02}", f"{self.random.randrange(60):02}", "07"]
        return f"{self.clock()}{sign}{':'.join(zone[: self.random.randrange(1, 4)])}"

    def interval(self):
        def part(most):
            return self.random.choice([0, 0, 1, -1, self.random.randrange(-most, most)])

        micros = self.random.choice([0, self.random.randrange(-(10**17), 10**17)])
        return f"{part(10**8)} months {part(10**9)} days {micros} microseconds"

    def day(self):
        year = self.random.choice([1, 1969, 1970, 2000, 9999, self.random.randrange(1, 10000)])
        return f"{year:04}-{self.random.randrange(1, 13):02}-{self.random.randrange(1, 29):02}"

    def moment(self):
        return f"{self.day()} {self.random.randrange(24):02}:00:59.{self.micros():06}"

    def address(self):
        if self.random.random() < 0.4:
            host = ".".join(str(self.random.randrange(256)) for _ in range(4))
            return f"{host}/{self.random.randrange(33)}"
        words = [
            self.random.choice([0, 0, 1, 0xFFFF, self.random.randrange(65536)]) for _ in "8" * 8
        ]
        bits = self.random.choice([128, self.random.randrange(129)])
        return ":".join(f"{word:x}" for word in words) + f"/{bits}"

    def network(self):
        if self.random.random() < 0.5:
            octets = [self.random.randrange(256) for _ in range(self.random.randrange(1, 4))]
            return ".".join(map(str, octets)) + f"/{8 * len(octets)}"
        words = [self.random.randrange(65536) for _ in range(self.random.randrange(1, 7))]
        return ":".join(f"{word:x}" for word in words) + f"::/{16 * len(words)}"

    def hexadecimal(self, count):
        return "".join(self.random.choice(string.hexdigits) for _ in range(count))

    def bits(self, most):
        return "".join(self.random.choice("01") for _ in range(self.random.randrange(most)))

    def array(self, element, quoted=True):
        """Up to four dimensions, NULLs, and sometimes other bounds."""
        sizes = [self.random.randrange(1, 4) for _ in range(self.random.randrange(5))]
        if not sizes:
            return "{}"
        bounds = ""
        if self.random.random() < 0.2:
            lowers = [self.random.randrange(-3, 4) for _ in sizes]
            pairs = zip(lowers, sizes, strict=True)
            bounds = "".join(f"[{low}:{low + size - 1}]" for low, size in pairs) + "="

        def level(rest):
            if not rest:
                return self.element(element, quoted)
            return "{" + ",".join(level(rest[1:]) for _ in range(rest[0])) + "}"

        return bounds + level(sizes)

    def element(self, element, quoted):
        if self.random.random() < 0.1:
            return "NULL"
        text = element()
        if not quoted:
            return text
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def document(self):
        return self.random.choice(
            [
                "null",
                "1.50",
                '"é\\u0001"',
                "[]",
                '{"a" : [1, null, {"b": "\\""}]}',
                "true",
                "-1e300",
            ]
        )


def columns_by(chance):
    """Names and types of the columns, with what makes a literal of each."""
    return {
        "i2 smallint": lambda: chance.integer(16 - 1),
        "i4 int": lambda: chance.integer(32 - 1),
        "i8 bigint": lambda: chance.integer(64 - 1),
        "o oid": lambda: str(chance.random.randrange(2**32)),
        "f4 real": lambda: str(chance.random.uniform(-1e6, 1e6)),
        "f8 double precision": lambda: str(float(chance.double())),
        "d38 numeric(38,18)": chance.decimal,
        "n numeric": chance.numeric,
        "t text": chance.text,
        "v varchar(12)": chance.text,
        "c char(12)": chance.text,
        "d date": chance.day,
        "ts timestamp": chance.moment,
        "tz timestamptz": lambda: chance.moment() + "+00",
        "tm time": chance.clock,
        "tmz timetz": chance.zoned,
        "iv interval": chance.interval,
        "u uuid": lambda: chance.hexadecimal(32),
        "ba bytea": lambda: "\\x" + chance.hexadecimal(2 * chance.random.randrange(9)),
        "ip inet": chance.address,
        "net cidr": chance.network,
        "mac macaddr": lambda: chance.hexadecimal(12),
        "mac8 macaddr8": lambda: chance.hexadecimal(16),
        "vb varbit": lambda: chance.bits(70),
        "j jsonb": chance.document,
        "ab bool[]": lambda: chance.array(lambda: chance.random.choice("tf"), quoted=False),
        "a2 smallint[]": lambda: chance.array(lambda: chance.integer(15), quoted=False),
        "a4 int[]": lambda: chance.array(lambda: chance.integer(31), quoted=False),
        "a8 bigint[]": lambda: chance.array(lambda: chance.integer(63), quoted=False),
        "an numeric[]": lambda: chance.array(lambda: chance.numeric(12, 9), quoted=False),
        "at text[]": lambda: chance.array(chance.text),
        "au uuid[]": lambda: chance.array(lambda: chance.hexadecimal(32)),
        "aj json[]": lambda: chance.array(chance.document),
        "ajb jsonb[]": lambda: chance.array(chance.document),
        "af double precision[]": lambda: chance.array(lambda: str(float(chance.double()))),
        "ats timestamp[]": lambda: chance.array(chance.moment),
    }


def fill(database, seed):
    chance = Chance(seed)
    columns = columns_by(chance)

    def literal(make):
        if chance.random.random() < NULLS:
            return "NULL"
        return "'" + make().replace("'", "''") + "'"

    rows = (f"({k}, {', '.join(literal(make) for make in columns.values())})" for k in range(ROWS))
    database.psql(
        f"CREATE TABLE t (k int PRIMARY KEY, {', '.join(columns)});"
        f"INSERT INTO t VALUES {','.join(rows)}"
    )


@pytest.mark.parametrize("seed", [20240229, 65537])
def test_values_by_chance_arrive_in_the_warehouse(penstock_debug, database, seed):
    fill(database, seed)
    document = Flow(penstock_debug, database).sync_and_compare("t")
    assert document["totals"]["upserts"] == ROWS


@pytest.mark.parametrize("seed", [7])
def test_values_by_chance_arrive_on_the_stream(serve, database, seed):
    fill(database, seed)
    replica = sync(serve().client, database.configuration())
    assert_same(database, replica, "t")
    assert replica.warnings == []

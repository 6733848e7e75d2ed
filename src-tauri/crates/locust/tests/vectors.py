"""Tries the arrivals of locustfile.py on the vectors that Rust tries too: `vectors.py VECTORS`, beside a package."""

import json
import os
import sys

sys.path.insert(0, os.getcwd())
import locustfile  # noqa: E402

for vector in json.load(open(sys.argv[1], encoding="utf-8")):
    arrivals = list(locustfile.schedule(vector["arrivals"], vector["stages"]))
    nanos = [round(at * 1e9) for _, at in arrivals]
    assert [index for index, _ in arrivals] == list(range(vector["count"])), vector
    for place, wanted in vector["nanos"].items():
        assert abs(nanos[int(place)] - wanted) <= 1, (vector, place, nanos[int(place)])
    assert abs(sum(nanos) - vector["sum"]) <= len(nanos), vector
print("the arrivals are those of Rust")

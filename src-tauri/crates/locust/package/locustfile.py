"""A load that Holdpoint planned, sent by Locust and judged by Holdpoint.

Written by Holdpoint together with plan.json; see README.txt beside it. The master of Locust gives every worker its
share of the plan and one moment to start at, and writes down what the workers report, as it came, into the file of
evidence. It neither adds anything up nor judges: that is done by Holdpoint, with the code that judges its own loads.

Worker i of W takes the arrivals k with k % W == i, so the same plan gives the same arrivals over any number of
workers. Latency counts from the intended start of an operation, whatever the target or the worker did meanwhile.
"""

import base64
import errno
import hashlib
import json
import logging
import math
import os
import platform
import re
import socket
import ssl
import struct
import sys
import time
from importlib.metadata import version

import gevent
import gevent.queue
from gevent.fileobject import FileObjectThread
from gevent.lock import RLock
from gevent.pool import Group
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketPoolResponse
from locust import User, events, task
from locust.rpc.protocol import Message
from locust.runners import MasterRunner, WorkerRunner

HERE = os.path.dirname(os.path.abspath(__file__))
LOG = logging.getLogger("holdpoint")
# One clock for everything that is timed; the time of day only places it between computers.
now = time.perf_counter


def read(name):
    with open(os.path.join(HERE, name), "rb") as file:
        return file.read()


PLAN_BYTES = read("plan.json")
PLAN = json.loads(PLAN_BYTES)
PLAN_DIGEST = hashlib.sha256(PLAN_BYTES).hexdigest()
PROGRAM_DIGEST = hashlib.sha256(read("locustfile.py")).hexdigest()


def seconds(duration):
    """A duration as Rust writes it."""
    return duration["secs"] + duration["nanos"] / 1e9


# ---------------------------------------------------------------------------------------------- when to start what


class ChaCha8:
    """The random numbers of Holdpoint: ChaCha with 8 rounds, its key made from a seed as Rust's rand_core does."""

    def __init__(self, seed):
        words, state = [], seed
        for _ in range(8):
            state = (state * 6364136223846793005 + 11634580027462260723) & 0xFFFFFFFFFFFFFFFF
            mixed = (((state >> 18) ^ state) >> 27) & 0xFFFFFFFF
            turn = state >> 59
            words.append((mixed >> turn | mixed << (32 - turn)) & 0xFFFFFFFF)
        self.head = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *words]
        self.counter = 0
        self.ready = []

    def block(self):
        start = [*self.head, self.counter & 0xFFFFFFFF, self.counter >> 32, 0, 0]
        self.counter += 1
        words = list(start)

        def quarter(a, b, c, d):
            wa, wb, wc, wd = words[a], words[b], words[c], words[d]
            wa = (wa + wb) & 0xFFFFFFFF
            wd ^= wa
            wd = (wd << 16 | wd >> 16) & 0xFFFFFFFF
            wc = (wc + wd) & 0xFFFFFFFF
            wb ^= wc
            wb = (wb << 12 | wb >> 20) & 0xFFFFFFFF
            wa = (wa + wb) & 0xFFFFFFFF
            wd ^= wa
            wd = (wd << 8 | wd >> 24) & 0xFFFFFFFF
            wc = (wc + wd) & 0xFFFFFFFF
            wb ^= wc
            wb = (wb << 7 | wb >> 25) & 0xFFFFFFFF
            words[a], words[b], words[c], words[d] = wa, wb, wc, wd

        for _ in range(4):
            for column in range(4):
                quarter(column, column + 4, column + 8, column + 12)
            for column in range(4):
                quarter(column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
        return [(word + first) & 0xFFFFFFFF for word, first in zip(words, start)]

    def next_u64(self):
        if not self.ready:
            words = self.block()
            self.ready = [words[at] | words[at + 1] << 32 for at in range(14, -1, -2)]
        return self.ready.pop()

    def exponential(self):
        """An exponential draw with mean 1."""
        return -math.log(((self.next_u64() >> 11) + 1) / (1 << 53))


def reached(start, end, duration, count):
    """The seconds after which `count` arrivals are expected in a stage, in the form that does not cancel."""
    slope = (end - start) / duration
    if slope == 0.0:
        return count / start
    root = math.sqrt(max(start * start + 2.0 * slope * count, 0.0))
    if root + start <= 0.0:
        return 0.0
    return 2.0 * count / (root + start)


def schedule(arrivals, stages):
    """Number and time in seconds of every arrival of an open load: what `Schedule` is in Rust."""
    random = ChaCha8(arrivals["poisson"]["seed"]) if isinstance(arrivals, dict) else None
    mass = random.exponential() if random else 0.0
    index, before, begun = 0, 0.0, 0.0
    for stage in stages:
        start, end, duration = stage["from"], stage["to"], seconds(stage["duration"])
        expected = (start + end) / 2 * duration
        while mass < before + expected:
            yield index, begun + reached(start, end, duration, mass - before)
            index += 1
            mass = mass + random.exponential() if random else float(index)
        before += expected
        begun += duration


# ------------------------------------------------------------------------------------------------ what was measured

HIGHEST_MICROS = 3_600_000_000


class Histogram:
    """Durations from 1 µs to 1 h at three significant digits: the buckets of HdrHistogram, those alone that are used.

    Holdpoint reads and merges them without loss. The library of that name keeps 184 KiB for each, which are several
    for every kind of operation and interval, and takes ten times as long to record into.
    """

    __slots__ = ("counts",)

    def __init__(self):
        self.counts = {}

    def record(self, took):
        micros = min(max(int(took * 1e6), 1), HIGHEST_MICROS)
        shift = max(micros.bit_length() - 11, 0)
        at = (shift << 10) + (micros >> shift)
        self.counts[at] = self.counts.get(at, 0) + 1

    def text(self):
        """The V2 encoding, not compressed, as base64."""
        payload, last = bytearray(), -1
        for at in sorted(self.counts):
            if at > last + 1:
                number(payload, (at - last - 1) * 2 - 1)
            number(payload, self.counts[at] * 2)
            last = at
        if not payload:
            number(payload, 1)
        head = struct.pack(">IIIIQQd", 0x1C849303 | 0x10, len(payload), 0, 3, 1, HIGHEST_MICROS, 1.0)
        return base64.b64encode(head + payload).decode()


def number(payload, value):
    """A number of variable length: seven bits a byte, the lowest first."""
    while value > 0x7F:
        payload.append(value & 0x7F | 0x80)
        value >>= 7
    payload.append(value)


PHASES = ("resolve", "connect", "tls", "first_byte", "body", "longest_gap")


class Record:
    """What was recorded of one kind of operation; the fields are those of Holdpoint's own record."""

    def __init__(self):
        self.planned = self.sent = self.refused = self.abandoned = self.ok = 0
        self.failed, self.examples = {}, {}
        self.latency, self.service, self.lag, self.failed_after = Histogram(), Histogram(), Histogram(), Histogram()
        self.phases = {}

    def ended(self, latency, service, phases, failure):
        if failure is None:
            self.ok += 1
            self.latency.record(latency)
            self.service.record(service)
            for name, took in phases.items():
                if took > 0.0:
                    self.phases.setdefault(name, Histogram()).record(took)
        else:
            self.failed[failure.kind] = self.failed.get(failure.kind, 0) + 1
            self.examples.setdefault(failure.kind, failure.detail[:300])
            self.failed_after.record(latency)

    def document(self):
        document = {
            "planned": self.planned,
            "sent": self.sent,
            "refused": self.refused,
            "abandoned": self.abandoned,
            "ok": self.ok,
            "failed": self.failed,
            "latency": self.latency.text(),
            "service": self.service.text(),
            "lag": self.lag.text(),
            "examples": self.examples,
        }
        if self.failed_after.counts:
            document["failed_after"] = self.failed_after.text()
        if self.phases:
            document["phases"] = {name: histogram.text() for name, histogram in self.phases.items()}
        return document


# --------------------------------------------------------------------------------------------------- how it is asked


class Failed(Exception):
    """Why an operation failed; the kinds are Holdpoint's own."""

    def __init__(self, kind, detail):
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail = kind, detail


# No port, file or memory left: this computer's own limits, which say nothing of the target.
OWN_LIMITS = {errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
UNREACHABLE = {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH}


def of_system(error, usual):
    if error.errno in OWN_LIMITS:
        return Failed("generator", str(error))
    if error.errno in UNREACHABLE:
        return Failed("refused", str(error))
    return Failed(usual, str(error))


class Connections:
    """Connections to the one target, the one used last first. A pool as geventhttpclient's answers expect it."""

    def __init__(self, target):
        self.host, self.port = target["host"], target["port"]
        self.keep = target["keep_connections"]
        self.family = {"v4": socket.AF_INET, "v6": socket.AF_INET6}.get(target["family"], 0)
        self.limits = {name: seconds(target["timeouts"][name]) for name in ("resolve", "connect", "tls")}
        self.idle = []
        self.tls = None
        if target["tls"]:
            self.tls = ssl.create_default_context()
            if target["authorities"]:
                self.tls.load_verify_locations(cafile=os.path.join(HERE, "authorities.pem"))

    def take(self, phases):
        while self.idle:
            connection = self.idle.pop()
            if self.is_usable(connection):
                return connection
            connection.close()
        return self.open(phases)

    def is_usable(self, connection):
        """Whether an idle connection is still open: nothing is there to be read, neither data nor its end."""
        try:
            seen = connection._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        # Under TLS the server may still send what belongs to the handshake.
        return bool(seen) and self.tls is not None

    def open(self, phases):
        start = now()
        with gevent.Timeout(self.limits["resolve"], Failed("resolve_timeout", f"no address of {self.host} in time")):
            try:
                addresses = socket.getaddrinfo(self.host, self.port, self.family, socket.SOCK_STREAM)
            except OSError as error:
                raise Failed("resolve", f"{self.host}: {error}") from None
        connected = now()
        phases["resolve"] = phases.get("resolve", 0.0) + connected - start
        connection, last = None, None
        with gevent.Timeout(self.limits["connect"], Failed("connect_timeout", f"no connection to {self.host} in time")):
            for family, kind, protocol, _, address in addresses:
                try:
                    connection = socket.socket(family, kind, protocol)
                    connection.connect(address)
                    break
                except OSError as error:
                    last = of_system(error, "refused")
                    if connection is not None:
                        connection.close()
                        connection = None
        if connection is None:
            raise last or Failed("resolve", f"{self.host} has no address of the wanted kind")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secured = now()
        phases["connect"] = phases.get("connect", 0.0) + secured - connected
        if self.tls is None:
            return connection
        with gevent.Timeout(self.limits["tls"], Failed("tls_timeout", "no end of the TLS handshake in time")):
            try:
                connection = self.tls.wrap_socket(connection, server_hostname=self.host)
            except OSError as error:
                connection.close()
                raise Failed("tls", str(error)) from None
        phases["tls"] = phases.get("tls", 0.0) + now() - secured
        return connection

    def return_socket(self, connection):
        if self.keep:
            self.idle.append(connection)
        else:
            connection.close()

    def release_socket(self, connection):
        connection.close()


SECRETS = {name[17:]: value for name, value in os.environ.items() if name.startswith("HOLDPOINT_SECRET_")}


def filled(template, values):
    """A template with `${name}` replaced in every text of it; `${secret:NAME}` comes from the environment."""
    if isinstance(template, dict):
        return {name: filled(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(value, values) for value in template]
    if not isinstance(template, str) or "${" not in template:
        return template
    for name, value in values.items():
        template = template.replace("${" + name + "}", value)
    for name, value in SECRETS.items():
        template = template.replace("${secret:" + name + "}", value)
    return template


def at(document, pointer):
    """What a JSON pointer points at; none where there is nothing."""
    for part in pointer.split("/")[1:]:
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document


class Target:
    """Performs operations: each is a list of steps, and each step one request."""

    def __init__(self, plan):
        self.plan, self.http = plan, plan["http"]
        self.connections = Connections(self.http)
        self.limit = seconds(self.http["timeouts"]["request"])
        self.headers = {"Host": self.http["authority"], "User-Agent": self.http["user_agent"]}
        for name, value in self.http["headers"]:
            # Whoever gives one of ours means theirs, however it is spelled.
            self.headers = {known: kept for known, kept in self.headers.items() if known.lower() != name.lower()}
            self.headers[name] = filled(value, {})
        self.token, self.logging_in = None, RLock()
        self.bodies, self.heads = {}, {}

    def log_in(self, old=None):
        login = self.plan.get("login")
        if login is None:
            return
        with self.logging_in:
            # Another operation may have done it while this one waited.
            if self.token is not None and self.token != old:
                return
            _, document = self.request(login, {}, {}, None)
            token = at(document, login["token"])
            if not isinstance(token, str):
                raise Failed("body", "the answer to the login holds no token")
            self.token = token

    def perform(self, operation, values, phases):
        """All steps of an operation, in order; what a step captures is known to those after it."""
        for step in operation["steps"]:
            if not step.get("login", False):
                self.step(step, values, phases, None)
                continue
            if self.token is None:
                self.log_in()
            token = self.token
            try:
                self.step(step, values, phases, token)
            except Failed as failure:
                # A token that ran out: once more with a new one, as Holdpoint's own client does.
                if failure.kind != "status_401":
                    raise
                self.log_in(token)
                self.step(step, values, phases, self.token)

    def step(self, step, values, phases, token):
        _, document = self.request(step, values, phases, token)
        for name, pointer in step.get("capture", {}).items():
            value = at(document, pointer)
            if not isinstance(value, (str, int)) or not str(value) or not all(c.isalnum() or c in "-_." for c in str(value)):
                raise Failed("body", f"the answer holds no {name}")
            values[name] = str(value)
        for check in step.get("checks", []):
            seen = at(document, check["at"])
            if "equals" in check and seen != check["equals"]:
                raise Failed("content", f"{check['at']} is not {check['equals']!r}")
            if "near" in check and not (isinstance(seen, (int, float)) and abs(seen - check["near"]) <= 1e-6):
                raise Failed("assertion", f"{check['at']} is not {check['near']}")
            if "above" in check and not (isinstance(seen, (int, float)) and seen > check["above"]):
                raise Failed("content", f"{check['at']} is not above {check['above']}")
            if "records" in check:
                if isinstance(seen, dict):
                    seen = next((seen[name] for name in ("records", "data", "items", "runs") if isinstance(seen.get(name), list)), None)
                if not (isinstance(seen, list) and seen):
                    raise Failed("content", f"{check['at'] or 'the answer'} holds no list of records")

    def request(self, step, values, phases, token):
        """One request and its answer: the status and, where the step looks into it, the document."""
        limit = seconds(step["silence"]) if "silence" in step else self.limit
        connection = self.connections.take(phases)
        # Asked, and no byte of an answer; then begun, and not at its end.
        self_made = Failed("timeout", "no answer began in time")
        late = gevent.Timeout(limit, self_made)
        late.start()
        started = now()
        try:
            connection.sendall(self.message(step, values, token))
            answer = HTTPSocketPoolResponse(connection, self.connections, block_size=65536, method=step["method"])
            begun = now()
            phases["first_byte"] = phases.get("first_byte", 0.0) + begun - started
            self_made.kind, self_made.detail = "body_timeout", "the answer began and did not end in time"
            status = answer.get_code()
            expected = step.get("expect") or self.http["expected"]
            good = status in expected if expected else 200 <= status < 300
            if good and "stream" in step:
                follow(answer, step["stream"], values, phases, started, late)
                body = b""
            else:
                body = self.body(answer, "capture" in step or "checks" in step or "token" in step)
                phases["body"] = phases.get("body", 0.0) + now() - begun
        except HTTPConnectionClosed:
            raise Failed("reset", "the connection was closed before an answer began") from None
        except HTTPParseError as error:
            raise Failed("body", f"the answer is not HTTP: {error}") from None
        except OSError as error:
            raise of_system(error, "reset") from None
        except BaseException:
            connection.close()
            raise
        finally:
            late.close()
        if not good:
            raise Failed("rate_limited", "the rate limiter refused (429)") if status == 429 else Failed(f"status_{status}", "")
        return status, self.document(body) if body else None

    def body(self, answer, keep):
        pieces, left = [], self.http["body_limit"]
        while piece := answer.read(65536):
            left -= len(piece)
            if left < 0:
                raise Failed("body", "the answer is larger than allowed")
            if keep:
                pieces.append(piece)
        return b"".join(pieces)

    @staticmethod
    def document(body):
        try:
            return json.loads(body)
        except ValueError:
            raise Failed("body", "the answer is not the JSON that was expected") from None

    def message(self, step, values, token):
        """The bytes of a request. Those that are always the same are made once."""
        fixed = token is None and step.get("fixed", False)
        if fixed and id(step) in self.heads:
            return self.heads[id(step)]
        headers, body = dict(self.headers), b""
        if "json" in step:
            body = json.dumps(filled(step["json"], values)).encode()
            headers["Content-Type"] = "application/json"
        elif step.get("body"):
            body = base64.b64decode(step["body"])
        if "stream" in step:
            headers["Accept"] = "text/event-stream"
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if body or step["method"] in ("POST", "PUT", "PATCH"):
            headers["Content-Length"] = str(len(body))
        head = f"{step['method']} {filled(step['path'], values)} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        message = head.encode("latin-1") + body
        if fixed:
            self.heads[id(step)] = message
        return message


LINE_LIMIT = 1 << 20


def follow(answer, stream, values, phases, started, late):
    """Follows a stream of events to its end; each event starts the time limit anew where the stream has an end event."""
    name, data, last, ticks, seen_end = "", [], None, [], False
    end = stream.get("end")
    while True:
        line = answer.readline(b"\n")
        if len(line) > LINE_LIMIT:
            raise Failed("body", "an event is larger than 1 MiB")
        if not line and answer.message_complete:
            break
        line = line.rstrip(b"\r\n")
        if line.startswith(b"event:"):
            name = line[6:].strip().decode("utf-8", "replace")
        elif line.startswith(b"data:"):
            data.append(line[5:].strip())
        elif not line and data:
            moment = now()
            if last is None:
                phases["first_byte"] = moment - started
            else:
                phases["longest_gap"] = max(phases.get("longest_gap", 0.0), moment - last)
            last = moment
            if end is not None:
                late.cancel()
                late.start()
                if name == "error":
                    raise Failed("failed", "an error event")
                if name == stream.get("tick"):
                    ticks.append(at(Target.document(b"\n".join(data)), "/tick"))
                if name == end:
                    seen_end = True
                    break
            name, data = "", []
    if last is None:
        raise Failed("assertion", "the stream ended without an event")
    phases["body"] = now() - started - phases["first_byte"]
    if end is None:
        return
    answer.release()
    if not seen_end:
        raise Failed("closed_early", "closed without its end event")
    if "tick" in stream and ticks != list(range(stream["from"], stream["to"] + 1)):
        raise Failed("content", f"{len(ticks)} ticks came, not each of {stream['from']} to {stream['to']} once and in order")


# ----------------------------------------------------------------------------------------------------- the workers


class Watch:
    """How well this computer kept time: the longest time nothing ran, and the largest jump of its clock."""

    STEP = 0.05

    def __init__(self):
        self.stall = self.jump = self.watched = 0.0
        self.cpu, self.begun = time.process_time(), now()
        gevent.spawn(self.run)

    def run(self):
        last, wall = now(), time.time()
        while True:
            gevent.sleep(self.STEP)
            moment, day = now(), time.time()
            elapsed = moment - last
            self.stall = max(self.stall, elapsed - self.STEP)
            self.jump = max(self.jump, abs(day - wall - elapsed))
            self.watched += elapsed
            last, wall = moment, day

    def document(self):
        return {
            "stall_ms": self.stall * 1e3,
            "clock_step_ms": self.jump * 1e3,
            "watched_ms": self.watched * 1e3,
            "cpu": (time.process_time() - self.cpu) / max(now() - self.begun, 1e-9),
        }


class Worker:
    """Sends the share of one worker and reports what became of it."""

    def __init__(self, environment):
        self.environment, self.runner = environment, environment.runner
        self.kinds = [operation["name"] for operation in PLAN["operations"]]
        self.target = None
        self.began = self.over = False
        self.stopping = None
        self.running = Group()
        self.rounds = gevent.queue.Queue()
        for name, hear in (("ping", self.ping), ("hello", self.hello), ("start", self.start), ("round", self.round), ("stop", self.stop)):
            self.runner.register_message(f"holdpoint_{name}", hear)

    def say(self, name, data):
        self.runner.send_message(f"holdpoint_{name}", data)

    def ping(self, environment, msg, **_):
        self.say("pong", {**msg.data, "answered": time.time()})

    def hello(self, environment, msg, **_):
        gevent.spawn(self.introduce)

    def introduce(self):
        problem = ""
        try:
            wanted = {name.decode() for name in re.findall(rb"\$\{secret:(\w+)\}", PLAN_BYTES)}
            if missing := sorted(wanted - set(SECRETS)):
                raise Failed("secret", "it has no variable " + ", ".join("HOLDPOINT_SECRET_" + name for name in missing))
            self.target = Target(PLAN)
            self.target.log_in()
        except Exception as error:
            problem = f"it cannot begin: {error}"
        self.say("here", {**whoami(), "problem": problem})

    def start(self, environment, msg, **_):
        # A second word to start during a load changes nothing; after it, it starts the next one.
        if not self.began or self.over:
            self.began, self.over, self.stopping = True, False, None
            self.running, self.rounds = Group(), gevent.queue.Queue()
            self.index, self.workers = msg.data["worker"], msg.data["workers"]
            # The moment is told in this worker's own time of day.
            self.zero = now() + msg.data["at"] - time.time()
            gevent.spawn(self.run)

    def round(self, environment, msg, **_):
        self.rounds.put((msg.data["round"], now() + msg.data["at"] - time.time()))

    def stop(self, environment, msg, **_):
        self.stopping = msg.data["how"]
        if self.stopping == "abort":
            self.running.kill(block=False)
        self.rounds.put(None)

    def run(self):
        self.watch = Watch()
        self.fresh()
        self.sequence, self.in_flight, self.last_end, self.step, self.behind = 0, 0, 0.0, 0, 0
        every = PLAN["report_every_s"]
        model = PLAN["load"]["model"]
        cap = PLAN["load"]["in_flight"]
        self.cap = max(cap // self.workers + (self.index < cap % self.workers), 1)
        reporter = gevent.spawn(self.report_each, every)
        if "open" in model:
            self.open(model["open"])
        elif "users" in model:
            self.users(model["users"])
        else:
            self.bursts(model["rounds"])
        drain = None if self.stopping == "abort" else seconds(PLAN["load"]["drain"])
        self.running.join(timeout=drain if drain is not None else 0)
        self.running.kill(block=True, timeout=5)
        reporter.kill()
        # Locust's own figures first: both travel in order.
        figures = {}
        events.report_to_master.fire(client_id=self.runner.client_id, data=figures)
        self.runner.client.send(Message("stats", figures, self.runner.client_id))
        self.report(last=True)
        self.over = True

    def fresh(self):
        self.records = [Record() for _ in self.kinds]
        self.ledger = []

    def kind_of(self, index):
        turns = PLAN["turns"]
        return turns[index % len(turns)]

    def open(self, model):
        for index, offset in schedule(model["arrivals"], model["stages"]):
            if index % self.workers != self.index:
                continue
            due = self.zero + offset
            self.wait_until(due)
            if self.stopping:
                break
            kind = self.kind_of(index)
            self.records[kind].planned += 1
            if self.in_flight >= self.cap:
                self.records[kind].refused += 1
            else:
                self.in_flight += 1
                self.running.spawn(self.one, index, kind, due)
        else:
            self.wait_until(self.zero + sum(seconds(stage["duration"]) for stage in model["stages"]))

    def wait_until(self, moment):
        """Sleeps in short pieces, so that an order to stop is heard."""
        left = moment - now()
        if left <= 0:
            # Behind the plan: what was begun gets its turn before still more is begun.
            self.behind += 1
            if self.behind % 8 == 0:
                gevent.sleep(0)
        while not self.stopping and left > 0:
            gevent.sleep(min(left, 0.2))
            left = moment - now()

    def users(self, model):
        mine = model["users"] // self.workers + (self.index < model["users"] % self.workers)
        think, until = seconds(model["think"]), self.zero + seconds(model["duration"])
        self.next_index = self.index
        self.wait_until(self.zero)

        def user():
            due = self.zero
            while due < until and not self.stopping:
                index, self.next_index = self.next_index, self.next_index + self.workers
                kind = self.kind_of(index)
                self.records[kind].planned += 1
                self.in_flight += 1
                self.one(index, kind, due)
                due = now() + think
                if think and due < until:
                    self.wait_until(due)

        people = [self.running.spawn(user) for _ in range(mine)]
        while not all(one.dead for one in people) and not self.stopping and now() < until:
            gevent.sleep(0.1)

    def bursts(self, model):
        at_once, rounds = model["concurrency"], model["rounds"]
        for index in range(self.index, at_once * rounds, self.workers):
            self.records[self.kind_of(index)].planned += 1
        for _ in range(rounds):
            told = self.rounds.get()
            if told is None:
                break
            number, due = told
            self.wait_until(due)
            if self.stopping:
                break
            first = number * at_once
            mine = [index for index in range(first, first + at_once) if index % self.workers == self.index]
            self.in_flight += len(mine)
            burst = [self.running.spawn(self.one, index, self.kind_of(index), due) for index in mine]
            gevent.joinall(burst)
            self.say("round_over", {"round": number})

    def one(self, index, kind, due):
        began, phases, failure = now(), {}, None
        record = self.records[kind]
        record.sent += 1
        record.lag.record(began - due)
        operation = PLAN["operations"][kind]
        values = {"index": str(index), "id": f"{PLAN['tag']}-{index}"}
        try:
            self.target.perform(operation, values, phases)
        except Failed as error:
            failure = error
        except gevent.GreenletExit:
            self.in_flight -= 1
            self.records[kind].abandoned += 1
            self.enter(index, kind, values, None, "abandoned")
            return
        except Exception as error:
            failure = Failed("generator", f"a defect of the worker: {error!r}")
        ended = now()
        self.in_flight -= 1
        self.last_end = ended - self.zero
        # The interval may have changed meanwhile.
        self.records[kind].ended(ended - due, ended - began, phases, failure)
        self.enter(index, kind, values, ended - due, failure.kind if failure else "ok")
        events.request.fire(
            request_type="HTTP",
            name=operation["name"],
            response_time=(ended - began) * 1e3,
            response_length=0,
            exception=failure,
            context={},
        )

    def enter(self, index, kind, values, took, fate):
        if PLAN["ledger"]:
            line = {"index": index, "id": values["id"], "kind": self.kinds[kind], "fate": fate}
            if took is not None:
                line["took_ms"] = round(took * 1e3, 3)
            if "key" in values:
                line["key"] = values["key"]
            self.ledger.append(line)

    def report_each(self, every):
        while True:
            gevent.sleep(max(self.zero + (self.step + 1) * every - now(), 0.0))
            self.report(last=False)
            self.step += 1

    def report(self, last):
        records, ledger = self.records, self.ledger
        self.fresh()
        body = json.dumps(
            {
                "worker": self.index,
                "sequence": self.sequence,
                "plan": PLAN_DIGEST,
                "step": self.step,
                "until_s": now() - self.zero,
                "last_end_s": self.last_end,
                "last": last,
                "kinds": [record.document() for record in records],
                "fitness": self.watch.document(),
                "ledger": ledger,
            },
            separators=(",", ":"),
        )
        self.sequence += 1
        self.say("report", {"body": body, "sha256": hashlib.sha256(body.encode()).hexdigest()})


def whoami():
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "plan": PLAN_DIGEST,
        "program": PROGRAM_DIGEST,
        "locust": version("locust"),
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
    }


# ------------------------------------------------------------------------------------------------------ the master

EVIDENCE = os.environ.get("HOLDPOINT_EVIDENCE") or os.path.join(os.getcwd(), "holdpoint-evidence.ndjson")
# From the word to start to the first intended start.
LEAD = float(os.environ.get("HOLDPOINT_LEAD_S") or 3.0)
PINGS = 7


class Evidence:
    """The file of evidence: a line for everything that came, and a digest of all of it at the end."""

    def __init__(self):
        self.digest, self.lines = hashlib.sha256(), 0
        self.file = open(EVIDENCE, "w", encoding="utf-8", newline="\n")

    def write(self, line):
        text = json.dumps(line, separators=(",", ":")) + "\n"
        self.digest.update(text.encode())
        self.lines += 1
        self.file.write(text)
        self.file.flush()

    def end(self, document):
        self.write({"end": document})
        seal = {"seal": {"lines": self.lines, "sha256": self.digest.hexdigest()}}
        self.file.write(json.dumps(seal, separators=(",", ":")) + "\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()


class Conductor:
    """Tells the workers what to do and when, and writes down what they report."""

    def __init__(self, environment, web_ui):
        self.environment, self.runner, self.web_ui = environment, environment.runner, web_ui
        self.phase, self.problem, self.told = "waiting", "", None
        self.evidence = self.zero = None
        self.counts = {}
        for name, hear in (("pong", self.pong), ("here", self.here), ("report", self.report), ("round_over", self.round_over)):
            self.runner.register_message(f"holdpoint_{name}", hear)
        if web_ui:
            self.add_routes(web_ui)

    def say(self, name, data, worker):
        self.runner.send_message(f"holdpoint_{name}", data, worker)

    def begin(self):
        if self.phase in ("running", "ending"):
            return
        self.phase, self.problem, self.told = "running", "", None
        self.known, self.pings, self.finished, self.rounds_over, self.left = {}, {}, set(), {}, {}
        self.counts = dict.fromkeys(("planned", "sent", "ok", "failed", "refused"), 0)
        self.evidence = Evidence()
        self.zero = None
        gevent.spawn(self.run)

    def run(self):
        ending = "lost"
        try:
            ending = self.conduct()
        except Exception as error:
            LOG.exception("the load cannot be led to its end")
            self.problem = f"the master gave up: {error!r}"
        total = self.environment.stats.total
        self.evidence.end(
            {
                "at": time.time(),
                "ending": ending,
                "problem": self.problem,
                "locust": {
                    "requests": total.num_requests,
                    "failures": total.num_failures,
                    "p50_ms": total.get_response_time_percentile(0.5),
                    "p95_ms": total.get_response_time_percentile(0.95),
                    "p99_ms": total.get_response_time_percentile(0.99),
                    "max_ms": total.max_response_time,
                },
            }
        )
        self.phase = "ending"
        if self.environment.parsed_options.headless:
            self.runner.quit()
        else:
            # Over is a load when another one can be started.
            workers = self.runner.worker_count
            self.runner.stop()
            self.until(lambda: len(self.runner.clients.ready) >= workers, 10)
        self.phase = "ended"

    def conduct(self):
        workers = sorted(client.id for client in self.runner.clients.ready + self.runner.clients.spawning + self.runner.clients.running)
        self.evidence.write({"head": {"holdpoint_locust": 1, **whoami(), "workers": len(workers), "at": time.time()}})
        for worker in workers:
            self.say("hello", {}, worker)
        self.until(lambda: len(self.known) == len(workers), 60)
        for worker in workers:
            if worker not in self.known:
                self.lose(worker, "it did not introduce itself")
        clocks = {worker: self.clock(worker) for worker in workers}
        unlike = [one for one in self.known.values() if one["plan"] != PLAN_DIGEST or one["program"] != PROGRAM_DIGEST]
        unable = [one for one in self.known.values() if one["problem"]]
        if unlike or unable or self.left or self.told:
            # Nothing is sent that could not be judged.
            return "refused"
        self.zero = time.time() + LEAD
        self.evidence.write({"start": {"at": self.zero}})
        for index, worker in enumerate(workers):
            self.say("start", {"worker": index, "workers": len(workers), "at": self.zero + clocks[worker]}, worker)
        model = PLAN["load"]["model"]
        self.until(lambda: time.time() >= self.zero - 0.1, LEAD + 1)
        if "rounds" in model:
            self.lead_rounds(model["rounds"]["rounds"], workers, clocks)
            lasts = 0.0
        elif "users" in model:
            lasts = seconds(model["users"]["duration"])
        else:
            lasts = sum(seconds(stage["duration"]) for stage in model["open"]["stages"])
        patience = lasts + seconds(PLAN["load"]["drain"]) + PLAN["patience_s"] - (time.time() - self.zero)
        ended = self.until(lambda: len(self.finished) == len(workers) or self.told or self.look(workers), patience)
        if self.left or self.told or not ended:
            self.stop(workers, "drain" if self.told == "drain" else "abort")
            waits = seconds(PLAN["load"]["drain"]) + 5 if self.told == "drain" else 10
            self.until(lambda: self.finished | set(self.left) >= set(workers) or self.told == "abort", waits)
            if self.told == "abort":
                self.stop(workers, "abort")
                self.until(lambda: self.finished | set(self.left) >= set(workers), 10)
        for worker in workers:
            if worker not in self.finished and worker not in self.left:
                self.lose(worker, "it did not come to its end")
            elif worker in self.finished:
                self.clock(worker)
        if self.told:
            return {"drain": "drained"}.get(self.told, "aborted")
        return "lost" if self.left else "completed"

    def lead_rounds(self, rounds, workers, clocks):
        """A round starts for all workers at once, when the one before has ended everywhere."""
        for number in range(rounds):
            due = max(self.zero, time.time() + 0.25)
            for worker in workers:
                self.say("round", {"round": number, "at": due + clocks[worker]}, worker)
            limit = due - time.time() + PLAN["patience_s"]
            over = self.until(lambda: len(self.rounds_over.get(number, ())) == len(workers) or self.told or self.look(workers), limit)
            if not over or self.told or self.left:
                return

    def until(self, condition, limit):
        end = now() + limit
        while not condition():
            if now() > end:
                return False
            gevent.sleep(0.02)
        return True

    def look(self, workers):
        """Whether a worker is gone that had not finished."""
        for worker in workers:
            client = self.runner.clients.get(worker)
            if worker not in self.finished and worker not in self.left and (client is None or client.state == "missing"):
                self.lose(worker, "it vanished")
        return bool(self.left)

    def lose(self, worker, why):
        self.left[worker] = why
        self.evidence.write({"left": {"from": worker, "why": why, "at": time.time()}})

    def stop(self, workers, how):
        for worker in workers:
            if worker not in self.finished:
                self.say("stop", {"how": how}, worker)

    def clock(self, worker):
        """How far the worker's time of day is ahead of ours, by the quickest of some pings."""
        answers = self.pings.setdefault(worker, [])
        done = len(answers)
        for number in range(PINGS):
            self.say("ping", {"sent": time.time()}, worker)
            if not self.until(lambda: len(answers) > done + number, 1):
                break
        best = min(answers[done:], key=lambda one: one["received"] - one["sent"], default=None)
        return best["answered"] - (best["sent"] + best["received"]) / 2 if best else 0.0

    def pong(self, environment, msg, **_):
        one = {**msg.data, "received": time.time()}
        self.pings.setdefault(msg.node_id, []).append(one)
        self.note({"clock": {"from": msg.node_id, **one}})

    def here(self, environment, msg, **_):
        self.known[msg.node_id] = msg.data
        self.note({"worker": {"from": msg.node_id, **msg.data}})

    def report(self, environment, msg, **_):
        self.note({"report": {"from": msg.node_id, "at": time.time(), **msg.data}})
        try:
            body = json.loads(msg.data["body"])
            for record in body["kinds"]:
                for name in ("planned", "sent", "ok", "refused"):
                    self.counts[name] += record[name]
                self.counts["failed"] += sum(record["failed"].values())
            if body["last"]:
                self.finished.add(msg.node_id)
        except (ValueError, KeyError, TypeError):
            # What is damaged is in the evidence as it came.
            pass
        tell({"live": self.live()})

    def live(self):
        """What has happened so far, once a load has a beginning."""
        return {"elapsed_s": max(time.time() - self.zero, 0.0), **self.counts} if self.zero else None

    def round_over(self, environment, msg, **_):
        self.rounds_over.setdefault(msg.data["round"], set()).add(msg.node_id)

    def note(self, line):
        if self.phase == "running":
            self.evidence.write(line)

    def order(self, how):
        if self.told != "abort":
            self.told = how

    def add_routes(self, web_ui):
        from flask import jsonify, request, send_file

        @web_ui.app.route("/holdpoint")
        @web_ui.auth_required_if_enabled
        def state():
            ready = len(self.runner.clients.ready)
            told = {"phase": self.phase, "workers": ready, "problem": self.problem, "live": self.live()}
            return jsonify({**whoami(), **told})

        @web_ui.app.route("/holdpoint/start", methods=["POST"])
        @web_ui.auth_required_if_enabled
        def start():
            asked = request.get_json(silent=True) or {}
            ready = len(self.runner.clients.ready)
            if asked.get("plan") != PLAN_DIGEST:
                return jsonify({"problem": f"this master has the plan {PLAN_DIGEST}"}), 409
            if self.phase in ("running", "ending") or ready == 0:
                return jsonify({"problem": "a load is running" if ready else "no worker is connected"}), 409
            gevent.spawn(self.runner.start, ready, 100)
            return jsonify({"workers": ready})

        @web_ui.app.route("/holdpoint/stop", methods=["POST"])
        @web_ui.auth_required_if_enabled
        def stop():
            self.order("abort" if (request.get_json(silent=True) or {}).get("how") == "abort" else "drain")
            return jsonify({})

        @web_ui.app.route("/holdpoint/evidence")
        @web_ui.auth_required_if_enabled
        def evidence():
            if self.phase != "ended":
                return jsonify({"problem": "there is no evidence before the end"}), 409
            return send_file(EVIDENCE, mimetype="application/x-ndjson")


def tell(document):
    """A line to the program that started this one, if one did."""
    if os.environ.get("HOLDPOINT_CONTROL") == "stdin":
        sys.stdout.write("HOLDPOINT " + json.dumps(document) + "\n")
        sys.stdout.flush()


def hear(conductor):
    """Takes orders from the program that started this one; when it is gone, the load ends."""
    for line in FileObjectThread(sys.stdin, "r"):
        conductor.order("abort" if line.strip() == "abort" else "drain")
    conductor.order("abort")
    if conductor.phase != "running":
        conductor.runner.quit()


@events.init.add_listener
def prepare(environment, web_ui=None, **_):
    if isinstance(environment.runner, WorkerRunner):
        environment.holdpoint = Worker(environment)
    elif isinstance(environment.runner, MasterRunner):
        environment.holdpoint = Conductor(environment, web_ui)
        if os.environ.get("HOLDPOINT_CONTROL") == "stdin":
            gevent.spawn(hear, environment.holdpoint)
        tell({"port": environment.runner.server.port})
    else:
        LOG.error("Start this with --master and --worker, as README.txt says: one process alone reports to nobody")
        sys.exit(2)


@events.test_start.add_listener
def test_started(environment, **_):
    if isinstance(environment.runner, MasterRunner):
        environment.holdpoint.begin()


@events.test_stopping.add_listener
def test_stopping(environment, **_):
    if isinstance(environment.runner, MasterRunner) and environment.holdpoint.phase == "running":
        environment.holdpoint.order("drain")


class Holdpoint(User):
    """Stands for the load while it runs, so that Locust shows a running test. The worker sends by itself."""

    @task
    def load(self):
        while True:
            gevent.sleep(1)

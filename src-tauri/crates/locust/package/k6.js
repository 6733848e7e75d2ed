// NOT JUDGED BY HOLDPOINT. This script was exported by Holdpoint with the arrivals and the criteria of a load. What k6
// makes of it is k6's word: nobody looks whether everything was sent, whether this computer was fit to, or whether there
// were enough requests to tell.
//
// Each arrival has its time, as in Holdpoint. A virtual user takes the next arrival, waits for its time, and sends it; when
// all are busy an arrival leaves late, and its lateness is part of `holdpoint_latency`, which counts from the intended
// start. An operation that failed is slower than every limit, as it is in Holdpoint.
import exec from "k6/execution";
import http from "k6/http";
import { sleep } from "k6";
import { Counter, Rate, Trend } from "k6/metrics";

const PLAN = __PLAN__;

const latency = new Trend("holdpoint_latency", true);
const lag = new Trend("holdpoint_lag", true);
const failed = new Rate("holdpoint_failed");
const failures = new Counter("holdpoint_failures");
const good = new Counter("holdpoint_ok");

// An hour: the longest that Holdpoint records.
const SLOWER_THAN_EVERY_LIMIT = 3600000;

export const options = {
  scenarios: __SCENARIOS__,
  thresholds: __THRESHOLDS__,
  maxRedirects: 0,
  discardResponseBodies: true,
  userAgent: PLAN.user_agent,
  noConnectionReuse: !PLAN.keep_connections,
  summaryTrendStats: ["count", "med", "p(95)", "p(99)", "p(99.9)", "max"],
};

export function setup() {
  return { start: Date.now() + 1000 };
}

function ask(index, intended) {
  const one = PLAN.operations[index % PLAN.operations.length];
  const began = Date.now();
  lag.add(Math.max(began - intended, 0));
  const answer = http.request(one.method, PLAN.origin + one.path, one.body, {
    headers: headers(),
    timeout: PLAN.timeout_ms,
    tags: { name: one.name },
  });
  const expected = PLAN.expected.length ? PLAN.expected.includes(answer.status) : answer.status >= 200 && answer.status < 300;
  const bad = answer.error_code !== 0 && answer.error_code < 1400 ? true : !expected;
  latency.add(bad ? SLOWER_THAN_EVERY_LIMIT : Date.now() - intended, { name: one.name });
  failed.add(bad, { name: one.name });
  (bad ? failures : good).add(1, { name: one.name });
}

// Secrets come from the environment: k6 run --env HOLDPOINT_SECRET_NAME=... is seen by everybody on the computer, a
// variable that is set is not.
function headers() {
  const filled = {};
  for (const [name, value] of PLAN.headers) {
    filled[name] = value.replace(/\$\{secret:(\w+)\}/g, (_, secret) => __ENV["HOLDPOINT_SECRET_" + secret] || "");
  }
  return filled;
}

// The next arrival of an open load.
export function arrive(data) {
  const index = exec.scenario.iterationInTest;
  const intended = data.start + PLAN.arrivals_ms[index];
  const wait = intended - Date.now();
  if (wait > 0) {
    sleep(wait / 1000);
  }
  ask(index, intended);
}

// A user of a closed load.
export function use() {
  ask(exec.scenario.iterationInTest, Date.now());
  sleep(PLAN.think_s);
}

export function handleSummary(data) {
  const count = (name) => (data.metrics[name] ? data.metrics[name].values.count : 0);
  const trend = data.metrics.holdpoint_latency ? data.metrics.holdpoint_latency.values : {};
  const broken = [];
  for (const [name, metric] of Object.entries(data.metrics)) {
    for (const [threshold, outcome] of Object.entries(metric.thresholds || {})) {
      broken.push(`  ${outcome.ok ? "holds " : "BROKEN"}  ${name} ${threshold}`);
    }
  }
  const sent = count("holdpoint_ok") + count("holdpoint_failures");
  const lines = [
    "Exported by Holdpoint, sent and summed up by k6. NOT JUDGED BY HOLDPOINT.",
    `  planned ${PLAN.planned === null ? "as many as fit" : PLAN.planned}, ended ${sent}, failed ${count("holdpoint_failures")}`,
    `  latency from the intended start, ms: P50 ${trend.med}, P95 ${trend["p(95)"]}, P99 ${trend["p(99)"]}, max ${trend.max}`,
    ...broken,
  ];
  return { stdout: lines.join("\n") + "\n" };
}

import { rowAt, NO_DETAILS } from "../src/db/__fixtures__/rows.ts";
import { createRequestLog } from "../src/db/log.ts";
import { createTurnMemory } from "../src/db/turns.ts";
import { createLogWriter } from "../src/db/writer.ts";
import { createLogger } from "../src/telemetry/log.ts";
import { emptyChain } from "../src/prompt/chain.ts";
import { NO_SETTINGS } from "../src/prompt/outline.ts";
const log = createLogger({ level: "warn", format: "json" });
let bytes = 0;
const db: any = { kind: "sqlite", description: "x", bulk: async (steps: any[]) => { for (const s of steps) bytes += s.rows.length; } };
const N = 60000;
const cand = (id: string) => ({ model_id: id, reason: "prefix", predicted_read_tokens: 100, expected_dollars: 0.01, thinking_at_risk: false });
const details = { ...NO_DETAILS, attempts: [{ model_id: "a", outcome: "served", status: 200, error: "", started_at: 1763760000000, ms: 3 }], candidates: [cand("a"), cand("b"), cand("c")] };
const BLOCKS = Number(process.argv[2] ?? 8);
function finished(i: number): any {
  const chain = emptyChain(BLOCKS); for (let b = 0; b < BLOCKS; b++) { chain.high[b] = b * 1e9 + (b > 4 ? i % 32 : 0); chain.bytes[b] = b * 200; chain.level[b] = 2; chain.message[b] = b; }
  const { details: _, miss: __, ...row } = rowAt(i * 5, { id: "00000000-0000-4000-8000-" + i, session: "s-" + (i % 32) });
  return { row, details, conversation: "c" + (i % 32), bodies: null, turn: { startedAt: i, firstByteAt: i, model: "m", place: "p", modelId: "a", betas: "", variant: "", settings: NO_SETTINGS, prompt: { chain, breakpoints: [{ block: BLOCKS - 1, ttl: "5m" }] }, inputTokens: 5, readTokens: 0, writeTokens: 0, minimumTokens: 1024, collapseRuns: true, route: "", diagnosis: null } };
}
async function run(name: string, f: (i: number) => void, end: () => Promise<void>) {
  for (let i = 0; i < 5000; i++) f(i); await end();
  const c0 = process.cpuUsage();
  for (let i = 0; i < N; i++) { f(i); if (i % 500 === 499) await end(); }
  const c = process.cpuUsage(c0); console.log(name.padEnd(30), ((c.user + c.system) / N).toFixed(1), "us/row");
}
const nothing = async () => {};
await run("make facts", (i) => void finished(i), nothing);
const turns = createTurnMemory();
await run("facts+record, push dropped", (() => { const rl = createRequestLog({ push() {} }, turns); return (i: number) => void rl.record(finished(i)); })(), nothing);
const writer = createLogWriter(db, { maxQueued: 1e6, maxQueuedBytes: 1e12, log });
await run("facts+record+writer(no db)", (() => { const rl = createRequestLog(writer, createTurnMemory()); return (i: number) => void rl.record(finished(i)); })(), () => writer.flush());
console.log(bytes / (N * 1));

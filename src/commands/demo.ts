// `warmpath demo`: simulated deployments, the gateway in front of them and agent-like conversations, live in the terminal.
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parseConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { type RunningGateway, startGateway } from "../gateway.ts";
import { SimulatedAgent } from "../simulator/agent.ts";
import { seededRandom } from "../simulator/random.ts";
import { type Simulator, startSimulator } from "../simulator/server.ts";
import { createLogger } from "../telemetry/log.ts";
import { type Answer, readAnswer } from "./demo/answer.ts";
import { createLedger, type DemoLedger } from "./demo/ledger.ts";
import { createScreen, type DemoScreen } from "./demo/screen.ts";

export interface DemoOptions {
	/** `20s`, `2m`; null = until a signal on a terminal, 30 s elsewhere. */
	readonly forDuration: string | null;
	readonly conversations: number;
	readonly deployments: number;
	readonly out: NodeJS.WriteStream | NodeJS.WritableStream;
}

const MODEL = "claude-sonnet-5-5";
const NAMES = [
	"amber-fox",
	"blue-heron",
	"calm-otter",
	"dusk-lynx",
	"early-wren",
	"fern-hare",
	"gold-carp",
	"hazel-owl",
];
const REDRAW_MS = 250;

/** Runs the demo; resolves with the exit code when the time is over or a signal came. */
export async function demoCommand(options: DemoOptions): Promise<number> {
	const terminal = "isTTY" in options.out && options.out.isTTY === true;
	const forMs = options.forDuration === null ? (terminal ? null : 30_000) : durationMs(options.forDuration);
	if (forMs === undefined) {
		process.stderr.write(`warmpath: --for wants a duration such as 20s or 2m, not '${options.forDuration}'.\n`);
		return 1;
	}
	const names = Array.from({ length: options.deployments }, (_, i) => `sim-${i + 1}`);
	await using simulator = await startSimulator({
		speed: 0.15,
		deployments: names.map((name) => ({
			name,
			apiKey: `sk-${name}`,
			organization: "00000000-0000-4000-8000-00000000de40",
			workspace: `wrkspc_${name}`,
		})),
	});
	await using gateway = await startGateway(demoConfig(simulator, names), {
		log: createLogger({ level: "silent", format: "json" }, process.stderr),
	});
	const conversations = Array.from({ length: options.conversations }, (_, i) => NAMES[i] ?? `agent-${i + 1}`);
	const screen = createScreen({ out: options.out, deployments: names, conversations, url: gateway.url });
	const ledger = createLedger(names.length, seededRandom(7));
	await play({ gateway, screen, ledger, conversations, forMs });
	return 0;
}

interface Play {
	readonly gateway: RunningGateway;
	readonly screen: DemoScreen;
	readonly ledger: DemoLedger;
	readonly conversations: readonly string[];
	readonly forMs: number | null;
}

/** Lets all conversations run until the time is over; then draws the summary. */
async function play({ gateway, screen, ledger, conversations, forMs }: Play): Promise<void> {
	const stop = new AbortController();
	const onSignal = () => stop.abort();
	process.once("SIGINT", onSignal);
	process.once("SIGTERM", onSignal);
	const startedAt = Date.now();
	const timer = forMs === null ? null : setTimeout(() => stop.abort(), forMs);
	const redraw = setInterval(() => screen.draw(ledger.totals, Date.now() - startedAt), REDRAW_MS);
	await Promise.all(
		conversations.map((name, i) => converse({ name, seed: i + 1, gateway, screen, ledger, signal: stop.signal })),
	);
	clearInterval(redraw);
	if (timer !== null) clearTimeout(timer);
	process.off("SIGINT", onSignal);
	process.off("SIGTERM", onSignal);
	screen.summary(ledger.totals, Date.now() - startedAt);
}

interface Speaker {
	readonly name: string;
	readonly seed: number;
	readonly gateway: RunningGateway;
	readonly screen: DemoScreen;
	readonly ledger: DemoLedger;
	readonly signal: AbortSignal;
}

/** One conversation: turn after turn with a short pause, as an agent works. Two of three share a project, hence a system prompt. */
async function converse({ name, seed, gateway, screen, ledger, signal }: Speaker): Promise<void> {
	const agent = new SimulatedAgent({ model: MODEL, seed, project: Math.floor(seed / 2), toolCalls: 6 });
	const random = seededRandom(seed + 1000);
	await pause(random() * 1500, signal);
	while (!signal.aborted) {
		const { body, headers } = agent.request();
		const turn = agent.turn;
		const startedAt = Date.now();
		let answer: Answer;
		try {
			answer = await readAnswer(await fetch(`${gateway.url}/v1/messages`, { method: "POST", headers, body, signal }));
		} catch {
			if (signal.aborted) return;
			await pause(500, signal);
			continue;
		}
		const { read, write, uncached } = answer.usage;
		ledger.turn(body, answer.usage, { startedAt, beganAt: answer.beganAt });
		screen.turn({
			conversation: name,
			turn,
			deployment: answer.deployment,
			promptTokens: read + write + uncached,
			readTokens: read,
			affinity: answer.affinity,
			reason: answer.reason,
		});
		agent.answered(answer.content);
		await pause(200 + random() * 800, signal);
	}
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
	await delay(ms, undefined, { signal }).catch(() => {});
}

function demoConfig(simulator: Simulator, names: readonly string[]): Config {
	const deployments = names.map(
		(name) => `  - model_name: ${MODEL}
    litellm_params: { model: anthropic/${MODEL}, api_base: "${simulator.url}", api_key: sk-${name} }
    model_info: { id: ${name} }`,
	);
	const text = `model_list:\n${deployments.join("\n")}\nwarmpath:\n  listen: { port: 0 }\n`;
	const parsed = parseConfig(text, { path: "<demo>", env: {}, readFile: (path) => readFileSync(path, "utf8") });
	if (!parsed.ok) throw new Error(parsed.diagnostics.map((fault) => fault.message).join("; "));
	return parsed.config;
}

/** ms of `20s`, `1500ms`, `2m`; undefined when it is no duration. */
function durationMs(text: string): number | undefined {
	const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim());
	if (match === null) return undefined;
	const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] ?? "s"] ?? 1000;
	return Number(match[1]) * unit;
}

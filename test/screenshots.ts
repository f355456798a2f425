// Pictures of every page with hours of simulated traffic behind them, for the documentation: `npm run screenshots` writes docs/images.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import type { SimulatedAgent } from "../src/simulator/agent.ts";
import type { Clock } from "../src/simulator/clock.ts";
import { seededRandom } from "../src/simulator/random.ts";
import { installChromium, openPage, startBrowser } from "./browser.ts";
import { MASTER_KEY } from "./harness.ts";
import { DEPLOYMENTS, startUiWorld, type UiWorld } from "./ui-world.ts";

const FOLDER = join(import.meta.dirname, "..", "docs", "images");
const MINUTE = 60_000;
const HISTORY_MS = 200 * MINUTE;
/** Virtual time runs so much faster than real time while requests are under way. */
const PACE = 10;

/** Begins in the past and is brought to the present by jumps. */
class PastClock implements Clock {
	readonly #realStart = Date.now();
	#ahead = -HISTORY_MS;
	#live = false;

	now(): number {
		const real = Date.now();
		if (this.#live) return real;
		return Math.min(real, this.#realStart + this.#ahead + (real - this.#realStart) * PACE);
	}

	jump(ms: number): void {
		this.#ahead += ms;
	}

	live(): void {
		this.#live = true;
	}

	setTimeout(callback: () => void, ms: number): unknown {
		return setTimeout(callback, this.#live ? ms : ms / PACE);
	}

	clearTimeout(handle: unknown): void {
		clearTimeout(handle as NodeJS.Timeout);
	}
}

interface Speaker {
	readonly agent: SimulatedAgent;
	readonly key: string;
	/** Virtual time of its next turn. */
	next: number;
	left: number;
	readonly headers?: Record<string, string>;
}

/** What the pictures are of: the main conversation and what it would send next. */
interface Shown {
	readonly session: string;
	readonly body: string;
}

/** Teams and keys, one of them blocked. */
async function makeKeys(world: UiWorld) {
	const team = await world.call<{ readonly team_id: string }>("/team/new", {
		team_alias: "platform",
		max_budget: 250,
		budget_duration: "30d",
	});
	const keys = {
		alice: await world.key({ key_alias: "alice", team_id: team.team_id, max_budget: 40, budget_duration: "7d" }),
		bob: await world.key({
			key_alias: "bob",
			team_id: team.team_id,
			max_budget: 4,
			budget_duration: "24h",
			rpm_limit: 60,
		}),
		carol: await world.key({ key_alias: "carol", duration: "90d", models: ["claude-*"] }),
		ci: await world.key({ key_alias: "ci-review", key_type: "llm_api", tpm_limit: 500_000, max_parallel_requests: 4 }),
	};
	await world.call("/team/new", {
		team_alias: "contractors",
		max_budget: 2,
		budget_duration: "1mo",
		rpm_limit: 120,
		models: ["claude-*"],
	});
	const held = await world.call<{ readonly token: string }>("/key/generate", {
		key_alias: "intern-2025",
		max_budget: 1,
	});
	await world.call("/key/block", { key: held.token });
	return keys;
}

type Keys = Awaited<ReturnType<typeof makeKeys>>;

/** Who talks, the main conversation first. They come in waves, as people do, so that load decides where new conversations go. */
function makeSpeakers(world: UiWorld, keys: Keys, about: { start: number; random: () => number }): Speaker[] {
	const { start, random } = about;
	const main = world.agent(1, { project: 1, toolCalls: 5 });
	const speakers: Speaker[] = [{ agent: main, key: keys.alice, next: start + 92 * MINUTE, left: 70 }];
	const names = Object.values(keys);
	for (let wave = 0; wave < 6; wave += 1) {
		for (let at = 0; at < 5; at += 1) {
			speakers.push({
				agent: world.agent(10 * wave + at + 2, { project: (wave + at) % 4, toolCalls: 4, resultBytes: [400, 14_000] }),
				key: names[(wave + at) % names.length] ?? keys.ci,
				next: start + wave * 38 * MINUTE + at * 4_000 + random() * 20_000,
				left: 5 + Math.floor(random() * 12),
			});
		}
	}
	speakers.push({
		agent: world.agent(90, { project: 1, toolCalls: 5, session: main.session, toolBytes: 9_000 }),
		key: keys.alice,
		next: start + 120 * MINUTE,
		left: 9,
		headers: { "x-claude-code-agent-id": "a4f1c2d8-reviewer" },
	});
	return speakers;
}

/** Hours of a team's work: people who pause, one long silence, a rate limit in the middle, a subagent, a job, a mistake. */
async function live(world: UiWorld, clock: PastClock): Promise<Shown> {
	const random = seededRandom(11);
	const keys = await makeKeys(world);
	const speakers = makeSpeakers(world, keys, { start: clock.now(), random });
	const main = (speakers[0] as Speaker).agent;
	let limited = false;
	let silent = false;
	for (;;) {
		speakers.sort((left, right) => left.next - right.next);
		const speaker = speakers.find(({ left }) => left > 0);
		if (speaker === undefined || speaker.next > Date.now() - 20_000) break;
		clock.jump(Math.max(0, speaker.next - clock.now()));
		const isMain = speaker.agent === main;
		const turn = await world.turn(speaker.agent, speaker.key, speaker.headers);
		speaker.left -= 1;
		const pause = isMain ? 40_000 + random() * 150_000 : 8_000 + random() * 90_000;
		speaker.next = clock.now() + pause;
		if (isMain && speaker.left === 50 && !silent) {
			silent = true;
			speaker.next = clock.now() + 9 * MINUTE;
		}
		if (isMain && speaker.left === 34 && !limited) {
			limited = true;
			for (const deployment of DEPLOYMENTS.filter((id) => id.slice(0, 6) === turn.deployment.slice(0, 6)))
				world.simulator.faults.add({ kind: "status", status: 429, retryAfter: 55, deployment, times: 1 });
			speaker.next = clock.now() + 6_000;
		}
		if (isMain && limited && speaker.left > 30) speaker.next = clock.now() + 18_000;
	}
	await world.gateway.post(
		"/v1/messages",
		'{"model":"claude-opus-typo","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}',
		{ "x-api-key": keys.bob },
	);
	clock.live();
	await world.logged();
	return { session: main.session, body: main.request().body.toString() };
}

const program = installChromium();
if (program !== null) {
	await mkdir(FOLDER, { recursive: true });
	const clock = new PastClock();
	await using world = await startUiWorld({
		clock,
		speed: 1,
		extra: "warmpath: { listen: { port: 0 } }\nlitellm_settings: {}\n",
	});
	const shown = await live(world, clock);
	const browser = await startBrowser(program);
	try {
		await shoot(browser, world, shown);
	} finally {
		await browser.close();
	}
}

async function shoot(browser: Browser, world: UiWorld, { session, body }: Shown): Promise<void> {
	const { url } = world.gateway;
	const base = `${url}/ui`;
	const refused = (
		await world.call<{ readonly requests: readonly { readonly id: string }[] }>(
			`/api/requests?session=${session}&reason=diverted`,
		)
	).requests[0];
	const request = refused === undefined ? "/logs" : `/logs?session=${session}&request=${refused.id}`;
	for (const theme of ["light", "dark"] as const) {
		const { page, faults } = await openPage(browser, { origin: url, theme, height: 860 });
		await page.goto(base);
		await page.getByLabel("Key").waitFor();
		if (theme === "light") await page.screenshot({ path: join(FOLDER, "login.png") });
		await logIn(page);
		for (const [name, path, prepare] of pagesOf({ session, body, request })) {
			await page.goto(`${base}${path}`);
			await page.waitForLoadState("networkidle", { timeout: 3_000 }).catch(() => {});
			await page.locator(".loading").first().waitFor({ state: "detached" });
			await prepare?.(page);
			await page.waitForTimeout(250);
			await page.screenshot({ path: join(FOLDER, theme === "light" ? `${name}.png` : `${name}-dark.png`) });
		}
		if (faults.length > 0) process.stderr.write(`${theme}: ${faults.join("\n")}\n`);
	}
	const { page } = await openPage(browser, { origin: url, width: 390, height: 844 });
	await page.goto(base);
	await logIn(page);
	for (const [name, path] of [
		["phone-overview", "/?range=6h"],
		["phone-logs", "/logs"],
		["phone-deployments", "/deployments"],
		["phone-session", `/sessions/${session}`],
		["phone-keys", "/keys"],
		["phone-request", request],
	] as const) {
		await page.goto(`${base}${path}`);
		await page.waitForLoadState("networkidle", { timeout: 3_000 }).catch(() => {});
		await page.waitForTimeout(250);
		await page.screenshot({ path: join(FOLDER, `${name}.png`) });
	}
}

async function logIn(page: Page): Promise<void> {
	await page.getByLabel("Key").fill(MASTER_KEY);
	await page.getByRole("button", { name: "Log in" }).click();
	await page.getByRole("heading", { name: "Overview" }).waitFor();
}

/** Name, path, and what is done on the page before its picture. */
type Picture = readonly [name: string, path: string, prepare?: (page: Page) => Promise<void>];

function pagesOf({ session, body, request }: Shown & { readonly request: string }): readonly Picture[] {
	return [
		["overview", "/?range=6h"],
		["logs", "/logs"],
		["request", request],
		["sessions", "/sessions"],
		["session", `/sessions/${session}`],
		["deployments", "/deployments"],
		["keys", "/keys"],
		[
			"key",
			"/keys",
			async (page) => {
				await page.getByRole("button", { name: "Edit bob" }).click();
				await page.getByRole("button", { name: "Save" }).waitFor();
			},
		],
		["connect", "/connect"],
		[
			"explain",
			"/explain",
			async (page) => {
				await page.getByLabel("Body of POST /v1/messages").fill(body);
				await page.getByText("Who sends it").click();
				await page
					.getByLabel("anthropic-beta")
					.fill("claude-code-20250219,interleaved-thinking-2025-05-14,effort-2025-11-24");
				await page.locator("#explain-key").selectOption({ label: "alice" });
				await page.getByRole("button", { name: "Explain", exact: true }).click();
				await page.getByText("It would go to").waitFor();
			},
		],
	];
}

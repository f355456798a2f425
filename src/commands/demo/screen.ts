// Draws the demo: a live picture on a terminal, one line a turn elsewhere, a summary at the end. Leaves the figures to ledger.ts.
import { styleText } from "node:util";
import type { Totals } from "./ledger.ts";

/** One finished turn. */
interface DemoTurn {
	readonly conversation: string;
	readonly turn: number;
	/** Name of the deployment that answered. */
	readonly deployment: string;
	readonly promptTokens: number;
	readonly readTokens: number;
	readonly affinity: string;
	readonly reason: string;
}

export interface DemoScreen {
	turn(turn: DemoTurn): void;
	/** Redraws the picture; does nothing where output is not a terminal. */
	draw(totals: Totals, elapsedMs: number): void;
	summary(totals: Totals, elapsedMs: number): void;
}

export interface ScreenOptions {
	readonly out: NodeJS.WriteStream | NodeJS.WritableStream;
	readonly deployments: readonly string[];
	readonly conversations: readonly string[];
	readonly url: string;
}

const BAR_WIDTH = 30;
const LATEST = 6;
/** Turns of a conversation shown in its track. */
const TRACK = 18;

/** The screen that fits the output: a picture where the cursor can be moved, lines where it cannot. */
export function createScreen(options: ScreenOptions): DemoScreen {
	const terminal = "isTTY" in options.out && options.out.isTTY === true;
	return terminal ? new LiveScreen(options) : new LineScreen(options);
}

class LineScreen implements DemoScreen {
	readonly #options: ScreenOptions;

	constructor(options: ScreenOptions) {
		this.#options = options;
		options.out.write(`Warmpath demo: ${options.deployments.length} simulated deployments behind ${options.url}\n`);
	}

	turn(turn: DemoTurn): void {
		this.#options.out.write(`${turnLine(turn)}\n`);
	}

	draw(): void {}

	summary(totals: Totals, elapsedMs: number): void {
		this.#options.out.write(`\n${figures(totals, elapsedMs).join("\n")}\n`);
	}
}

class LiveScreen implements DemoScreen {
	readonly #options: ScreenOptions;
	readonly #tracks = new Map<string, DemoTurn[]>();
	#latest: DemoTurn[] = [];
	#drawn = 0;

	constructor(options: ScreenOptions) {
		this.#options = options;
	}

	turn(turn: DemoTurn): void {
		const track = this.#tracks.get(turn.conversation) ?? [];
		track.push(turn);
		this.#tracks.set(turn.conversation, track);
		this.#latest = [...this.#latest, turn].slice(-LATEST);
	}

	draw(totals: Totals, elapsedMs: number): void {
		const { out, deployments, url } = this.#options;
		const lines = [
			styleText("bold", "Warmpath demo") +
				styleText("gray", `  ${deployments.length} simulated deployments behind ${url}: no key, no cost`),
			"",
			...figures(totals, elapsedMs),
			"",
			...this.#picture(),
			"",
			styleText("gray", "latest turns"),
			...this.#latest.map(turnLine),
			"",
			styleText("gray", "Ctrl-C ends the demo"),
		];
		const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : "";
		out.write(`${up}${lines.map((line) => `\x1b[2K${line}`).join("\n")}\n\x1b[J`);
		this.#drawn = lines.length;
	}

	summary(totals: Totals, elapsedMs: number): void {
		this.draw(totals, elapsedMs);
		const home = [...this.#tracks.values()].filter(
			(track) => new Set(track.map((turn) => turn.deployment)).size === 1,
		).length;
		this.#options.out.write(
			`\n${home} of ${this.#tracks.size} conversations stayed on one deployment.\n` +
				"Next: copy config.example.yaml, put in your keys, and run 'warmpath --config config.yaml'.\n",
		);
	}

	/** A row a conversation, a column a deployment, a mark a turn: full where the prompt was read from cache. */
	#picture(): string[] {
		const { deployments, conversations } = this.#options;
		const head = `${"conversation".padEnd(14)}${deployments.map((name) => name.padEnd(TRACK + 2)).join("")}`;
		const rows = conversations.map((name) => {
			const track = this.#tracks.get(name) ?? [];
			const cells = deployments.map((deployment) => {
				const marks = track.filter((turn) => turn.deployment === deployment).slice(-TRACK);
				return marks.map(mark).join("") + " ".repeat(TRACK + 2 - marks.length);
			});
			return `${name.padEnd(14)}${cells.join("")}`;
		});
		const legend = `${mark({ promptTokens: 1, readTokens: 1 })} read from cache  ${mark({ promptTokens: 1, readTokens: 0.6 })} partly  ${mark({ promptTokens: 1, readTokens: 0 })} cold`;
		return [styleText("gray", head), ...rows, styleText("gray", "each mark is one turn: ") + legend];
	}
}

function mark(turn: Pick<DemoTurn, "promptTokens" | "readTokens">): string {
	const share = turn.promptTokens === 0 ? 0 : turn.readTokens / turn.promptTokens;
	if (share >= 0.75) return styleText("green", "●");
	return share >= 0.2 ? styleText("yellow", "◐") : styleText("red", "○");
}

function turnLine(turn: DemoTurn): string {
	const share = turn.promptTokens === 0 ? 0 : turn.readTokens / turn.promptTokens;
	const name = `${turn.conversation} #${turn.turn}`.padEnd(18);
	return `  ${name} → ${turn.deployment.padEnd(8)} ${tokens(turn.promptTokens).padStart(7)} tokens  ${percent(share).padStart(6)} read  ${turn.affinity}, ${turn.reason}`;
}

function figures(totals: Totals, elapsedMs: number): string[] {
	const hit = ratio(totals.readTokens, totals.inputTokens);
	const randomHit = ratio(totals.randomReadTokens, totals.inputTokens);
	const saved = ratio(totals.randomDollars - totals.dollars, totals.randomDollars);
	const head = `${Math.round(elapsedMs / 1000)} s · ${totals.turns} turns · ${tokens(totals.inputTokens)} input tokens`;
	return [
		head,
		`  read from cache   Warmpath        ${bar(hit)} ${percent(hit)}`,
		`                    random routing  ${bar(randomHit)} ${percent(randomHit)}`,
		`  input cost        Warmpath ${money(totals.dollars)} · random routing ${money(totals.randomDollars)} · no caching ${money(totals.uncachedDollars)}`,
		`  saved             ${money(totals.randomDollars - totals.dollars)} (${percent(Math.max(0, saved))}) against random routing`,
	];
}

function bar(share: number): string {
	const full = Math.round(share * BAR_WIDTH);
	return "█".repeat(full) + "░".repeat(BAR_WIDTH - full);
}

function ratio(part: number, whole: number): number {
	return whole === 0 ? 0 : part / whole;
}

function percent(share: number): string {
	return `${(share * 100).toFixed(1)} %`;
}

function money(dollars: number): string {
	return `$${dollars.toFixed(3)}`;
}

function tokens(count: number): string {
	if (count >= 1e6) return `${(count / 1e6).toFixed(2)}M`;
	return count >= 1000 ? `${(count / 1000).toFixed(1)}k` : String(Math.round(count));
}

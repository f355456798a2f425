// `warmpath replay`: what each way of routing would have made of a recorded workload. Leaves the replay itself to replay/, options to main.
import { writeFile } from "node:fs/promises";
import { formatHtml, type ReportFacts } from "../replay/html-report.ts";
import { POLICY_NAMES, type PolicyName } from "../replay/policies/index.ts";
import type { ReplayResult } from "../replay/policy-figures.ts";
import { formatJson, formatTable } from "../replay/report.ts";
import { type SimulationOptions, simulate } from "../replay/simulation.ts";
import { readTrace, TraceError } from "../replay/trace.ts";
import type { Trace } from "../replay/trace-format.ts";
import { createWorkload, type Workload } from "../replay/workload.ts";

/** What the command line was given; `REPLAY_DEFAULTS` has what it was not. */
export interface ReplayOptions {
	readonly deployments: number;
	/** Uncached input tokens a minute that each deployment admits; null = no limit. */
	readonly itpm: number | null;
	/** Requests a minute that each deployment admits; null = no limit. */
	readonly rpm: number | null;
	/** How many times every session runs. */
	readonly density: number;
	readonly head: "own" | "shared";
	readonly gateways: number;
	readonly table: "separate" | "shared";
	/** How long what one gateway publishes takes to the others, ms. */
	readonly tableDelay: number;
	/** Names out of POLICY_NAMES, or `all`. */
	readonly policies: readonly string[];
	/** Model that every request asks for; `recorded` = as the trace says. */
	readonly model: string;
	/** Only for traces whose sessions have no common clock. */
	readonly sessionsPerHour: number;
	readonly seed: number;
	readonly format: "table" | "json";
	/** File for the HTML page; null = none. */
	readonly report: string | null;
}

export const REPLAY_DEFAULTS: ReplayOptions = {
	deployments: 8,
	itpm: null,
	rpm: null,
	density: 1,
	head: "own",
	gateways: 1,
	table: "separate",
	tableDelay: 5,
	policies: ["all"],
	model: "claude-sonnet-5",
	sessionsPerHour: 72,
	seed: 1,
	format: "table",
	report: null,
};

/** Where the command writes. */
export interface ReplayIo {
	readonly write: (text: string) => void;
	readonly writeError: (text: string) => void;
	/** line: one line that is written over · quiet: nothing but results and faults. */
	readonly progress: "line" | "quiet";
}

/** The process's own output; progress only on a terminal. */
export function processIo(): ReplayIo {
	const { stdout, stderr } = process;
	return {
		write: (text) => stdout.write(text),
		writeError: (text) => stderr.write(text),
		progress: stderr.isTTY === true ? "line" : "quiet",
	};
}

/** Replays the trace under every policy asked for and prints how each did. Resolves to the exit code: 1 when it could not. */
export async function replayCommand(path: string, options: ReplayOptions, io: ReplayIo): Promise<number> {
	const policies = policiesOf(options.policies);
	if (typeof policies === "string") return fault(policies, io);
	let trace: Trace;
	try {
		trace = await readTrace(path);
	} catch (error) {
		if (!(error instanceof TraceError)) throw error;
		return fault(error.message, io);
	}
	const workload = createWorkload(trace, {
		density: options.density,
		head: options.head,
		sessionsPerHour: options.sessionsPerHour,
		model: options.model === "recorded" ? null : options.model,
		seed: options.seed,
	});
	const results = policies.map((policy, at) => {
		const label = `${policy} (${at + 1} of ${policies.length})`;
		return simulate(workload, policy, simulationOptions(options, { label, io }));
	});
	if (io.progress === "line") io.writeError("\r\u001b[K");
	io.write(options.format === "json" ? formatJson(results) : formatTable(results));
	if (options.report === null) return 0;
	return writeReport(options.report, formatHtml(results, factsOf(workload, { options, results })), io);
}

function simulationOptions(
	options: ReplayOptions,
	{ label, io }: { readonly label: string; readonly io: ReplayIo },
): SimulationOptions {
	return {
		deployments: options.deployments,
		limits: { inputTokens: options.itpm, requests: options.rpm },
		gateways: options.gateways,
		table: options.table,
		tableDelayMs: options.tableDelay,
		seed: options.seed,
		onProgress(share) {
			if (io.progress === "line") io.writeError(`\r\u001b[K${label}: ${Math.floor(share * 100)} %`);
		},
	};
}

/** The policies of these names in the order of POLICY_NAMES, or what is wrong with them. */
function policiesOf(names: readonly string[]): readonly PolicyName[] | string {
	const wanted = new Set(names.map((name) => name.trim()).filter((name) => name !== ""));
	const unknown = [...wanted].filter((name) => name !== "all" && !POLICY_NAMES.some((policy) => policy === name));
	if (unknown.length > 0)
		return `no policy is named '${unknown.join("', '")}'. Known: ${POLICY_NAMES.join(", ")}, all.`;
	if (wanted.size === 0) return `--policies names none. Known: ${POLICY_NAMES.join(", ")}, all.`;
	return POLICY_NAMES.filter((policy) => wanted.has("all") || wanted.has(policy));
}

function factsOf(
	{ trace, source, requests }: Workload,
	run: { readonly options: ReplayOptions; readonly results: readonly ReplayResult[] },
): ReportFacts {
	const { options } = run;
	const perMinute = (limit: number | null) => (limit === null ? "none" : `${limit.toLocaleString("en-US")} a minute`);
	return [
		["Trace", source === "" ? trace : `${trace} (${source})`],
		["Requests", requests.length.toLocaleString("en-US")],
		["Model", options.model],
		["Deployments", String(options.deployments)],
		["Uncached input tokens", perMinute(options.itpm)],
		["Requests a deployment", perMinute(options.rpm)],
		["Density", `every session ${options.density} time${options.density === 1 ? "" : "s"}`],
		["Tools and system", options.head === "own" ? "as recorded" : "the same for every session"],
		["Gateways", gatewaysText(options)],
		["Seed", String(options.seed)],
	];
}

function gatewaysText({ gateways, table, tableDelay }: ReplayOptions): string {
	if (gateways === 1) return "1";
	return table === "separate" ? `${gateways}, separate tables` : `${gateways}, a shared table ${tableDelay} ms late`;
}

async function writeReport(path: string, html: string, io: ReplayIo): Promise<number> {
	try {
		await writeFile(path, html);
	} catch (error) {
		return fault(`the report was not written: ${error instanceof Error ? error.message : String(error)}`, io);
	}
	io.writeError(`The report is in ${path}.\n`);
	return 0;
}

function fault(message: string, io: ReplayIo): number {
	io.writeError(`warmpath: ${message}\n`);
	return 1;
}

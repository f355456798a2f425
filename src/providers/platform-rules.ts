// What each platform is known to refuse of a Messages request: beta values, fields, members of tools, the client's billing block. One table; whatever it does
// not name is passed on, so that a platform says itself what it cannot do. Leaves changing the bytes to protocol/edit.

import type { DeploymentConfig } from "../config/schema.ts";
import { type Member, membersNamed } from "../protocol/members.ts";
import { elementsAt, membersAt } from "../protocol/walk.ts";
import { type ClaudeFit, fitToClaude } from "./claude-fit.ts";
import type { Call } from "./provider.ts";

/** Who serves Claude. `anthropic` is also Claude Platform on AWS; `bedrock` is the runtime, in both of its formats. */
export type Platform = "anthropic" | "bedrock" | "bedrock-mantle" | "vertex" | "foundry";

/** What becomes of one beta value. */
interface BetaRule {
	/** The platform's own name for the same thing; without it the value is removed. */
	readonly instead?: string;
	/** Top-level field that comes with the value and goes with it. */
	readonly field?: string;
	/** Member of every `cache_control` in system and tools that goes with the value. */
	readonly marker?: string;
	/** Stays while the body has this field: without it the client would not get what it asked for, so the platform shall refuse it. */
	readonly keptWith?: string;
}

/** What becomes of one member of tools. */
interface ToolRule {
	/** Asked for where the member says `true`: it stands for the member, or the platform takes the member with it only. */
	readonly beta?: string;
	/** It stays in any case, or beside this beta value. */
	readonly kept?: true | { readonly withBeta: string };
}

interface PlatformRules {
	readonly betas: ReadonlyMap<string, BetaRule>;
	/** Refused by count-tokens alone. */
	readonly countBetas: ReadonlySet<string>;
	/** Refused whatever the betas say. */
	readonly fields: ReadonlySet<string>;
	/** Members of tools: what is named here is removed, unless its rule says else. */
	readonly tools: ReadonlyMap<string, ToolRule>;
	/** Members of every `cache_control` in system and tools that are refused whatever the betas say. */
	readonly markers: ReadonlySet<string>;
	/** Counts `x-anthropic-billing-header` as prompt, so that no two sessions would share a prefix there (claude-code §5). */
	readonly countsBilling: boolean;
}

/** A subscription's sign-in, and Claude Code's own mark; neither changes an answer. LiteLLM's map has them for no cloud. */
const SIGN_IN = "oauth-2025-04-20";

/** The pair of prompt-caching R15: the beta without the field is refused, and the field without the beta. */
const CACHE_SCOPE: BetaRule = { marker: "scope" };
/** `speed` is a pair with it (prompt-caching §4); only api.anthropic.com has a fast mode. */
const FAST_MODE: BetaRule = { field: "speed" };
const DROPPED: BetaRule = {};

/**
 * Refused by Bedrock, Vertex and Foundry alike: LiteLLM's per-provider map (litellm §4, anthropic_beta_headers_config.json at 030dd40)
 * lists each as unsupported there, and unknown values are a 400 (providers §2).
 */
const NO_CLOUD: readonly (readonly [string, BetaRule])[] = [
	[SIGN_IN, DROPPED],
	["fast-mode-2026-02-01", FAST_MODE],
	["advisor-tool-2026-03-01", DROPPED],
	["mcp-servers-2025-12-04", { keptWith: "mcp_servers" }],
	["token-efficient-tools-2025-02-19", DROPPED],
	["token-efficient-tools-2026-03-28", DROPPED],
	["cache-diagnosis-2026-04-07", DROPPED],
];

/** As above, for Bedrock and Vertex only. Foundry takes them. */
const NOT_AWS_OR_GOOGLE: readonly (readonly [string, BetaRule])[] = [
	["prompt-caching-scope-2026-01-05", CACHE_SCOPE],
	["code-execution-2025-08-25", { keptWith: "container" }],
	["files-api-2025-04-14", DROPPED],
	["skills-2025-10-02", { keptWith: "container" }],
	["mcp-client-2025-04-04", { keptWith: "mcp_servers" }],
	["mcp-client-2025-11-20", { keptWith: "mcp_servers" }],
	["web-fetch-2025-09-10", DROPPED],
	["structured-outputs-2025-11-13", { keptWith: "output_format" }],
	// Tool search has this name there; Claude Code's own Bedrock format sends it (claude-code §9).
	["advanced-tool-use-2025-11-20", { instead: "tool-search-tool-2025-10-19" }],
];

/** The other way round, for clients that speak a cloud's format. */
const TOOL_SEARCH: readonly [string, BetaRule] = [
	"tool-search-tool-2025-10-19",
	{ instead: "advanced-tool-use-2025-11-20" },
];

/** `diagnostics` exists on Anthropic's own API only (prompt-caching R14). */
const FIRST_PARTY_FIELDS = new Set(["diagnostics"]);
const NONE: ReadonlySet<string> = new Set();

/** `cache_control.scope` is Anthropic's own (prompt-caching R15). */
const FIRST_PARTY_MARKERS = new Set(["scope"]);

/** Tools that a platform takes with its tool search only; its clients often leave the value to a gateway. */
const DEFERRED: readonly [string, ToolRule] = ["defer_loading", { kept: true, beta: "tool-search-tool-2025-10-19" }];
/** `tools.0.custom.eager_input_streaming: Extra inputs are not permitted`; BerriAI/litellm-docs #1550 asks by the beta value instead. */
const EAGER = "eager_input_streaming";
const EAGER_BY_BETA: readonly [string, ToolRule] = [EAGER, { beta: "fine-grained-tool-streaming-2025-05-14" }];
/** Programmatic tool calling is to be had on Anthropic's API and Foundry only (platform docs, its page): the model calls the tool itself. */
const CALLERS: readonly [string, ToolRule] = ["allowed_callers", {}];

/** Each is `tools.N.custom.NAME: Extra inputs are not permitted` there. */
const BEDROCK_TOOLS: ReadonlyMap<string, ToolRule> = new Map([
	// anthropics/claude-code #32820, anthropics/claude-agent-sdk-python #694.
	EAGER_BY_BETA,
	DEFERRED,
	CALLERS,
	// BerriAI/litellm #19841; AWS has a beta value of its own for it.
	["input_examples", { kept: { withBeta: "tool-examples-2025-10-29" } }],
	// Refused for Sonnet 5 and Opus 5 as late as 2026-09.
	["strict", {}],
]);
const VERTEX_TOOLS: ReadonlyMap<string, ToolRule> = new Map([
	// Its beta value is refused there too.
	[EAGER, {}],
	DEFERRED,
	CALLERS,
	["input_examples", {}],
	// Structured outputs are off by default there (Vertex docs, organisation policy constraints).
	["strict", {}],
]);
const NO_TOOLS: ReadonlyMap<string, ToolRule> = new Map();

const RULES: Readonly<Record<Platform, PlatformRules>> = {
	anthropic: {
		betas: new Map([TOOL_SEARCH]),
		countBetas: NONE,
		fields: NONE,
		tools: NO_TOOLS,
		markers: NONE,
		countsBilling: false,
	},
	bedrock: {
		betas: new Map([
			...NO_CLOUD,
			...NOT_AWS_OR_GOOGLE,
			// anthropics/claude-code #49648: "invalid beta flag" on Opus 4.7; it names the client and nothing else.
			["claude-code-20250219", DROPPED],
			// anthropics/claude-code #56595; 1-hour entries need no beta there (claude-code §9).
			["extended-cache-ttl-2025-04-11", DROPPED],
			// router-for-me/CLIProxyAPI #4750, each value tried by itself.
			["redact-thinking-2026-02-12", DROPPED],
			["web-search-2025-03-05", DROPPED],
			// Both let a message carry `output_config`; LiteLLM's map has only the second for Bedrock.
			["per-turn-control-2026-07-01", { instead: "mid-conversation-output-config-2026-07-01" }],
		]),
		countBetas: NONE,
		fields: FIRST_PARTY_FIELDS,
		tools: BEDROCK_TOOLS,
		markers: FIRST_PARTY_MARKERS,
		countsBilling: true,
	},
	"bedrock-mantle": {
		betas: new Map([...NO_CLOUD, ...NOT_AWS_OR_GOOGLE].filter(([beta]) => !takenByMantle(beta))),
		countBetas: NONE,
		fields: FIRST_PARTY_FIELDS,
		tools: new Map([EAGER_BY_BETA, CALLERS]),
		markers: FIRST_PARTY_MARKERS,
		countsBilling: true,
	},
	vertex: {
		betas: new Map([
			...NO_CLOUD,
			...NOT_AWS_OR_GOOGLE,
			// anthropics/claude-code #34802: refused as header values; effort and adaptive thinking themselves need none there.
			["effort-2025-11-24", DROPPED],
			["adaptive-thinking-2026-01-28", DROPPED],
			// QuantumNous/new-api #2975.
			["structured-outputs-2025-12-15", { keptWith: "output_format" }],
			["fine-grained-tool-streaming-2025-05-14", DROPPED],
			["output-128k-2025-02-19", DROPPED],
		]),
		// anthropics/claude-code #12429.
		countBetas: new Set(["web-search-2025-03-05"]),
		fields: FIRST_PARTY_FIELDS,
		tools: VERTEX_TOOLS,
		markers: FIRST_PARTY_MARKERS,
		countsBilling: true,
	},
	foundry: {
		betas: new Map([
			...NO_CLOUD,
			TOOL_SEARCH,
			["compact-2026-01-12", DROPPED],
			["fine-grained-tool-streaming-2025-05-14", DROPPED],
			["output-128k-2025-02-19", DROPPED],
		]),
		countBetas: NONE,
		fields: FIRST_PARTY_FIELDS,
		tools: NO_TOOLS,
		markers: NONE,
		countsBilling: true,
	},
};

/** LiteLLM's map has these for mantle, though not for the runtime. */
function takenByMantle(beta: string): boolean {
	return beta === "structured-outputs-2025-11-13" || beta === "token-efficient-tools-2025-02-19";
}

/** What a platform makes of a request. */
export interface PlatformFit {
	/** Beta values to send, in the client's order, each once. */
	readonly betas: readonly string[];
	/** Parts of the body to remove; they do not overlap, nor touch `model`, `stream`, `anthropic_version` and `anthropic_beta`. */
	readonly remove: readonly Member[];
	/** Values that the model would refuse, with what stands for them; they do not overlap with what is removed. */
	readonly replace: ClaudeFit["replace"];
	/** What was taken off, for the answer's `x-warmpath-removed`: `beta:NAME`, `field:NAME`, `block:NAME`. A renamed beta is not. */
	readonly removed: readonly string[];
}

export interface FitOptions {
	/** `litellm_params.remove_billing_block`. */
	readonly removeBillingBlock: boolean;
	/** `model_info.base_model`: the model where the upstream's id does not name it. */
	readonly baseModel?: unknown;
}

export function fitOptions({ removeBillingBlock, modelInfo }: DeploymentConfig): FitOptions {
	return { removeBillingBlock: removeBillingBlock !== false, baseModel: modelInfo["base_model"] };
}

/** Name of the client's billing block in `removed`. */
export const BILLING_BLOCK = "block:x-anthropic-billing-header";

/** Fits one request to a platform and to the model that is called there. The outcome depends on the request alone: the same prompt is always cut the same way. */
export function fitToPlatform(
	platform: Platform,
	call: Pick<Call, "body" | "members" | "betas" | "operation" | "model" | "history" | "source">,
	options: FitOptions,
): PlatformFit {
	const rules = RULES[platform];
	const { body, members } = call;
	const betas = new Set<string>();
	const fields = new Set<string>(rules.fields);
	const markers = new Set<string>(rules.markers);
	const removed: string[] = [];
	for (const beta of call.betas) {
		const rule = rules.betas.get(beta);
		const isKept = rule?.keptWith !== undefined && membersNamed(body, members, rule.keptWith).length > 0;
		const isRefused = call.operation === "count_tokens" && rules.countBetas.has(beta);
		if ((rule === undefined || isKept) && !isRefused) betas.add(beta);
		else if (rule?.instead !== undefined) betas.add(rule.instead);
		else removed.push(`beta:${beta}`);
		if (rule?.field !== undefined) fields.add(rule.field);
		if (rule?.marker !== undefined) markers.add(rule.marker);
	}
	const remove: Member[] = [];
	for (const field of fields) {
		const found = membersNamed(body, members, field);
		if (found.length === 0) continue;
		remove.push(...found);
		removed.push(`field:${field}`);
	}
	for (const [name, rule] of rules.tools) {
		const found = toolMembers(call, name);
		if (found.length === 0) continue;
		if (rule.beta !== undefined && found.some((member) => isTrue(body, member))) betas.add(rule.beta);
		if (rule.kept === true || (rule.kept !== undefined && betas.has(rule.kept.withBeta))) continue;
		remove.push(...found);
		removed.push(`field:tools.${name}`);
	}
	const billing = rules.countsBilling && options.removeBillingBlock ? billingBlocks(call) : [];
	if (billing.length > 0) removed.push(BILLING_BLOCK);
	remove.push(...billing);
	for (const marker of markers) {
		const found = markerMembers(call, marker).filter((each) => !billing.some((block) => isWithin(each, block)));
		if (found.length === 0) continue;
		remove.push(...found);
		removed.push(`field:cache_control.${marker}`);
	}
	const fit = fitToClaude(call, options.baseModel);
	return {
		betas: [...betas],
		remove: [...remove, ...fit.remove],
		replace: fit.replace,
		removed: [...removed, ...fit.removed],
	};
}

const BILLING_PREFIX = Buffer.from('"x-anthropic-billing-header:');

/**
 * The system blocks that fingerprints leave out as billing blocks. One that carries `cache_control` stays, because with it a breakpoint
 * would go; where no other block is, `system` itself goes.
 */
function billingBlocks({ body, members }: Pick<Call, "body" | "members">): Member[] {
	const [system] = membersNamed(body, members, "system");
	if (system === undefined || !isIn(body, BILLING_PREFIX, system)) return [];
	const elements = elementsAt(body, system.start);
	const blocks = elements.filter((element) => isBilling(body, element));
	return blocks.length > 0 && blocks.length === elements.length ? [system] : blocks;
}

function isBilling(body: Buffer, element: Member): boolean {
	const members = membersAt(body, element.start);
	const text = members.find(({ name }) => name === "text");
	if (text === undefined || members.some(({ name }) => name === "cache_control")) return false;
	return body.subarray(text.start, text.start + BILLING_PREFIX.length).equals(BILLING_PREFIX);
}

/** The members of this name in the tools themselves; what a tool's schema calls so is the client's own. */
function toolMembers({ body, members }: Pick<Call, "body" | "members">, name: string): Member[] {
	const [tools] = membersNamed(body, members, "tools");
	if (tools === undefined || !isIn(body, Buffer.from(`"${name}"`), tools)) return [];
	const found = elementsAt(body, tools.start).flatMap(({ start }) => membersAt(body, start));
	return found.filter((member) => member.name === name);
}

function isTrue(body: Buffer, { start, end }: Member): boolean {
	return body.toString("latin1", start, end) === "true";
}

/** The members of this name in the `cache_control` of system blocks and tools. */
function markerMembers({ body, members }: Pick<Call, "body" | "members">, name: string): Member[] {
	const found: Member[] = [];
	for (const list of ["system", "tools"]) {
		const [at] = membersNamed(body, members, list);
		if (at === undefined || !isIn(body, Buffer.from(`"${name}"`), at)) continue;
		for (const block of elementsAt(body, at.start))
			for (const member of membersAt(body, block.start))
				if (member.name === "cache_control")
					found.push(...membersAt(body, member.start).filter((each) => each.name === name));
	}
	return found;
}

function isIn(body: Buffer, text: Buffer, { start, end }: Member): boolean {
	return body.subarray(start, end).includes(text);
}

function isWithin(inner: Member, outer: Member): boolean {
	return inner.keyStart >= outer.keyStart && inner.end <= outer.end;
}

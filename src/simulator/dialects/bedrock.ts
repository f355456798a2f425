// Bedrock's InvokeModel family on the runtime endpoint: bodies, event-stream answers, CountTokens, inference profiles. Leaves keys and signatures to aws/accounts.ts.

import { answerTokens } from "../answer.ts";
import { invalid } from "../api-error.ts";
import { checkModelAccess, regionDomain } from "../aws/accounts.ts";
import { awsError, awsFaultMessage, awsHeaders } from "../aws/errors.ts";
import { listProfiles, resolveModel } from "../aws/inference-profiles.ts";
import { BedrockStream, metricHeaders } from "../aws/response-stream.ts";
import { type AwsCaller, authenticateAws } from "../aws/sender.ts";
import { type Fields, fieldsOf } from "../body.ts";
import type { Caller, Dialect, Incoming, TextAnswer, Visit } from "../dialect.ts";
import { wholeMessage } from "../message.ts";
import { findModel } from "../model-table.ts";
import { gist, MESSAGES_FORM } from "./messages.ts";

/** InvokeModel takes 20 MB (providers §2). */
const MAX_BODY_BYTES = 20 * 1024 * 1024;
const VERSIONS = new Set(["bedrock-2023-05-31", "2023-06-01", "2026-10-21"]);
/** Minimum of Opus 4.7 on AWS (prompt-caching §7.5). */
const MIN_TOKENS: Readonly<Record<string, number>> = { "claude-opus-4-7": 4_096 };

/** Betas that Bedrock knows, by the start of their names; any other is refused. */
const KNOWN_BETAS = [
	"compact-",
	"computer-use-",
	"context-1m-",
	"context-management-",
	"effort-",
	"extended-cache-ttl-",
	"fine-grained-tool-streaming-",
	"interleaved-thinking-",
	"mid-conversation-",
	"output-128k-",
	"thinking-binding-controls-",
	"thinking-token-count",
	"token-efficient-tools-",
	"tool-examples-",
	"tool-search-tool-",
];

/** Members of a Messages body that InvokeModel does not take. */
const EXTRANEOUS = [
	"model",
	"stream",
	"diagnostics",
	"service_tier",
	"inference_geo",
	"container",
	"mcp_servers",
	"betas",
	"safeguards",
];

/** Claude Code's own header is text like any other on AWS, and Opus 4.7 has a minimum of its own there. */
export const AWS_PROMPT_RULES = { stripBillingBlock: false, minTokens: (model: string) => MIN_TOKENS[model] ?? null };

export const BEDROCK: Dialect = {
	...MESSAGES_FORM,
	name: "bedrock",
	maxBodyBytes: MAX_BODY_BYTES,
	promptRules: AWS_PROMPT_RULES,
	authenticate: bedrockCaller,
	gist: (visit, json) => gist(visit, visit.route.endpoint === "count_tokens" ? null : json),
	read: readInvokeBody,
	headers: awsHeaders,
	error: awsError,
	faultMessage: awsFaultMessage,
	tooLong: () => invalid("Input is too long for requested model."),
	message: { idPrefix: "msg_bdrk_", modelName: plainModelName, fullUsage: false },
	stream: () => new BedrockStream(),
	whole: (reply) => ({
		body: JSON.stringify(wholeMessage(reply)),
		headers: metricHeaders(reply.input, answerTokens(reply.answer)),
	}),
	counted: (tokens) => ({ inputTokens: tokens }),
	other(ask): TextAnswer | null {
		if (ask.route.endpoint !== "profiles" || ask.caller === null) return null;
		const { account, region } = ask.caller as AwsCaller;
		const body = listed(listProfiles(region, account.accountId, account), ask.request.url ?? "/");
		return { status: 200, headers: {}, body: JSON.stringify(body) };
	},
};

/** A caller of the runtime endpoint, in the Region that its signature names. Throws AWS's 403s. */
export function bedrockCaller(visit: Visit): AwsCaller {
	const sender = authenticateAws(visit, { services: ["bedrock"], key: "bedrock" });
	const { account, region } = sender;
	const domains = (organization: string, workspace: string) => visit.world.domain("aws", organization, workspace);
	const domainIn = (served: string) => regionDomain(domains, account, { region: served, endpoint: "runtime" });
	return {
		deployment: account,
		account,
		region,
		domain: domainIn(region),
		serving: ({ model }) =>
			domainIn(visit.world.aws.servingRegion(account, region, resolveModel(model, region, account))),
		limitClass: (model) => `${region} ${resolveModel(model, region, account).modelId}`,
	};
}

/** The model's name as answers give it: no vendor, profile or version suffix. */
export function plainModelName(model: string): string {
	const start = model.indexOf("claude");
	return start < 0
		? model
		: model
				.slice(start)
				.replace(/-v\d+(:\d+)?$/, "")
				.replace("@", "-");
}

function readInvokeBody(visit: Visit, caller: Caller, json: unknown): Incoming {
	const { account, region } = caller as AwsCaller;
	const { endpoint } = visit.route;
	const target = resolveModel(visit.route.model ?? "", region, account);
	checkModelAccess(account, target.modelId);
	const fields = fieldsOf(endpoint === "count_tokens" ? countedBody(json) : json);
	if (fields === null) throw invalid("Malformed input request, please reformat your input and try again.");
	for (const name of EXTRANEOUS) {
		if (fields[name] !== undefined)
			throw invalid(
				`Malformed input request: #: extraneous key [${name}] is not permitted, please reformat your input and try again.`,
			);
	}
	const { anthropic_version: version, anthropic_beta: betas, ...body } = fields;
	if (version === undefined)
		throw invalid(
			"Malformed input request: #: required key [anthropic_version] not found, please reformat your input and try again.",
		);
	if (typeof version !== "string" || !VERSIONS.has(version))
		throw invalid(`anthropic_version: ${String(version)} is not a valid version`);
	checkFeatures(body, target.modelId);
	// The rest of the checks name the model as the client did.
	return {
		json: { ...body, model: target.modelId, stream: visit.route.stream === true },
		betas: readBetas(betas, visit),
	};
}

function readBetas(value: unknown, visit: Visit): ReadonlySet<string> {
	if (value === undefined || value === null) return new Set();
	if (!Array.isArray(value) || value.some((beta) => typeof beta !== "string"))
		throw invalid("anthropic_beta: Input should be a valid list");
	const refused = visit.world.options.unknownBetas ?? [];
	for (const beta of value as string[]) {
		if (refused.includes(beta) || !KNOWN_BETAS.some((start) => beta.startsWith(start)))
			throw invalid("invalid beta flag");
	}
	return new Set(value as string[]);
}

function checkFeatures(body: Fields, modelId: string): void {
	// Automatic caching came to Bedrock with Opus 4.7 (prompt-caching R3).
	const isOld = /claude-(?:(?:opus|sonnet|haiku)-(?:3|4)(?:-[0-6])?(?![0-9])|3)/.test(findModel(modelId)?.id ?? "");
	if (isOld && body["cache_control"] !== undefined) throw invalid("cache_control: Extra inputs are not permitted");
	const tools = Array.isArray(body["tools"]) ? body["tools"] : [];
	for (const [index, item] of tools.entries()) {
		const type = String(fieldsOf(item)?.["type"] ?? "custom");
		if (!/^(web_search|web_fetch|code_execution|mcp_toolset)/.test(type)) continue;
		throw invalid(
			`tools.${index}: Input tag '${type}' found using 'type' does not match any of the expected tags: 'bash_20250124', 'custom', 'memory_20250818', 'text_editor_20250728', 'tool_search_tool_regex_20251119'`,
		);
	}
}

/** CountTokens wraps an InvokeModel body in base64. */
function countedBody(json: unknown): unknown {
	const encoded = fieldsOf(fieldsOf(fieldsOf(json)?.["input"])?.["invokeModel"])?.["body"];
	if (typeof encoded !== "string")
		throw invalid(
			"1 validation error detected: Value at 'input' failed to satisfy constraint: Member must not be null",
		);
	try {
		const body: unknown = JSON.parse(Buffer.from(encoded, "base64").toString("utf8"));
		// Counting takes bodies without a limit on the answer.
		return body;
	} catch {
		throw invalid("Malformed input request, please reformat your input and try again.");
	}
}

/** The list that the query asks for: by type, at most `maxResults`. */
function listed(
	body: { readonly inferenceProfileSummaries: readonly { readonly type: string }[] },
	target: string,
): unknown {
	const query = new URL(target, "http://simulator").searchParams;
	const type = query.get("typeEquals") ?? query.get("type");
	const all = body.inferenceProfileSummaries.filter((profile) => type === null || profile.type === type);
	const most = Number(query.get("maxResults") ?? all.length);
	return { inferenceProfileSummaries: all.slice(0, most) };
}

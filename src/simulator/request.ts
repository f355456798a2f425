// A Messages body, checked and brought into one form. Leaves cache markers and hashing to prompt.ts, answers to scenarios.ts.
import { ApiError, invalid } from "./api-error.ts";
import { type Block, type Fields, fieldsOf, hasBeta, type Message } from "./body.ts";
import { findModel, type ModelRules } from "./model-table.ts";
import { checkToolPairs } from "./tool-pairs.ts";

/** A valid request. */
export interface MessagesRequest {
	/** As the client spelt it. */
	readonly model: string;
	readonly rules: ModelRules;
	readonly messages: readonly Message[];
	readonly system: readonly Block[];
	/** True when `system` came as a string: then no block of it is the attribution block. */
	readonly systemIsString: boolean;
	readonly tools: readonly Fields[];
	readonly maxTokens: number;
	readonly stream: boolean;
	readonly body: Fields;
	/** Values of the anthropic-beta header. */
	readonly betas: ReadonlySet<string>;
}

/** What decides, beside the body, whether a request is valid. */
export interface RequestContext {
	readonly betas: ReadonlySet<string>;
	/** `count_tokens` needs no max_tokens. */
	readonly kind: "messages" | "count_tokens";
	/** Rules per model in place of the built-in table's. */
	readonly findModel?: (name: string) => ModelRules | null;
}

/** Fields that the provider takes only together with a beta: field → start of the beta's name (claude-code §6, Pairs). */
const NEEDS_BETA: Readonly<Record<string, string>> = {
	context_management: "context-management-",
	safeguards: "dangerous-tool-use-",
};

/** Checks a parsed body. Throws the ApiError that the provider would answer with. */
export function readRequest(json: unknown, context: RequestContext): MessagesRequest {
	const body = fieldsOf(json);
	if (body === null) throw invalid("Input should be a valid dictionary");
	const { model, rules } = readModel(body, context);
	const messages = readMessages(body["messages"], rules);
	const system = readSystem(body["system"]);
	const request: MessagesRequest = {
		model,
		rules,
		messages,
		system,
		systemIsString: typeof body["system"] === "string",
		tools: readTools(body["tools"]),
		maxTokens: context.kind === "messages" ? readMaxTokens(body, rules) : 0,
		stream: readStream(body["stream"]),
		body,
		betas: context.betas,
	};
	for (const [field, beta] of Object.entries(NEEDS_BETA)) {
		if (body[field] === undefined || body[field] === null || hasBeta(context.betas, beta)) continue;
		throw invalid(`${field}: Extra inputs are not permitted`);
	}
	checkThinking(request);
	if (context.kind === "messages" && request.maxTokens === 0) checkPrewarm(request);
	checkToolPairs(messages);
	return request;
}

function readModel(body: Fields, context: RequestContext): { model: string; rules: ModelRules } {
	const model = body["model"];
	if (model === undefined) throw invalid("model: Field required");
	if (typeof model !== "string") throw invalid("model: Input should be a valid string");
	const rules = (context.findModel ?? findModel)(model);
	if (rules === null) throw new ApiError(404, `model: ${model}`);
	return { model, rules };
}

function readMaxTokens(body: Fields, rules: ModelRules): number {
	const value = body["max_tokens"];
	if (value === undefined) throw invalid("max_tokens: Field required");
	if (typeof value !== "number" || !Number.isInteger(value))
		throw invalid("max_tokens: Input should be a valid integer");
	if (value < 0) throw invalid("max_tokens: Input should be greater than or equal to 0");
	if (value > rules.maxOutputTokens) {
		throw invalid(
			`max_tokens: ${value} > ${rules.maxOutputTokens}, which is the maximum allowed number of output tokens for ${rules.id}`,
		);
	}
	return value;
}

function readStream(value: unknown): boolean {
	if (value === undefined || value === null) return false;
	if (typeof value !== "boolean") throw invalid("stream: Input should be a valid boolean");
	return value;
}

function readMessages(value: unknown, rules: ModelRules): Message[] {
	if (value === undefined) throw invalid("messages: Field required");
	if (!Array.isArray(value)) throw invalid("messages: Input should be a valid list");
	if (value.length === 0) throw invalid("messages: at least one message is required");
	return value.map((item, index) => readMessage(item, index, { rules, last: index === value.length - 1 }));
}

function readMessage(item: unknown, index: number, place: { rules: ModelRules; last: boolean }): Message {
	const path = `messages.${index}`;
	const message = fieldsOf(item);
	if (message === null) throw invalid(`${path}: Input should be a valid dictionary`);
	const { role, content, ...fields } = message;
	if (role === undefined) throw invalid(`${path}.role: Field required`);
	if (role !== "user" && role !== "assistant" && role !== "system") {
		throw invalid(`${path}.role: Input should be 'user' or 'assistant'`);
	}
	if (role === "system" && !place.rules.systemRole) {
		throw invalid(`${path}.role: role 'system' is not supported on this model`);
	}
	if (role === "system" && index === 0) throw invalid(`${path}.role: the first message must use the role 'user'`);
	if (content === undefined) throw invalid(`${path}.content: Field required`);
	const blocks = readContent(content, `${path}.content`);
	const mayBeEmpty = (role === "assistant" && place.last) || (role === "system" && Object.keys(fields).length > 0);
	const isEmpty = blocks.length === 0 || (typeof content === "string" && content === "");
	if (isEmpty && !mayBeEmpty) {
		throw invalid(`${path}: all messages must have non-empty content except for the optional final assistant message`);
	}
	return { role, content: isEmpty ? [] : blocks, fields };
}

function readContent(content: unknown, path: string): Block[] {
	if (typeof content === "string") return [{ type: "text", text: content }];
	if (!Array.isArray(content)) throw invalid(`${path}: Input should be a valid list`);
	return content.map((item, index) => readBlock(item, `${path}.${index}`));
}

function readBlock(item: unknown, path: string): Block {
	const block = fieldsOf(item);
	if (block === null) throw invalid(`${path}: Input should be a valid dictionary`);
	const type = block["type"];
	if (typeof type !== "string") throw invalid(`${path}.type: Field required`);
	if (type === "text") {
		if (typeof block["text"] !== "string") throw invalid(`${path}.text.text: Field required`);
		// A marked empty block has its own message, given where markers are read.
		if (block["text"] === "" && (block["cache_control"] ?? null) === null) {
			throw invalid(`${path.split(".")[0]}: text content blocks must be non-empty`);
		}
	}
	return block as Block;
}

function readSystem(value: unknown): Block[] {
	if (value === undefined || value === null || value === "") return [];
	return readContent(value, "system");
}

function readTools(value: unknown): Fields[] {
	if (value === undefined || value === null) return [];
	if (!Array.isArray(value)) throw invalid("tools: Input should be a valid list");
	return value.map((item, index) => {
		const tool = fieldsOf(item);
		if (tool === null) throw invalid(`tools.${index}: Input should be a valid dictionary`);
		if (typeof tool["name"] !== "string") throw invalid(`tools.${index}.custom.name: Field required`);
		const isCustom = tool["type"] === undefined || tool["type"] === "custom";
		if (isCustom && tool["input_schema"] === undefined)
			throw invalid(`tools.${index}.custom.input_schema: Field required`);
		return tool;
	});
}

function checkThinking(request: MessagesRequest): void {
	const thinking = fieldsOf(request.body["thinking"]);
	if (thinking === null || thinking["type"] !== "enabled" || request.maxTokens === 0) return;
	const budget = thinking["budget_tokens"];
	if (typeof budget !== "number") throw invalid("thinking.enabled.budget_tokens: Field required");
	if (budget < 1024) {
		throw invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024");
	}
	if (budget >= request.maxTokens) throw invalid("`max_tokens` must be greater than `thinking.budget_tokens`.");
}

/** What a request that only warms the cache must not ask for (prompt-caching R13). */
function checkPrewarm(request: MessagesRequest): void {
	const refuse = (field: string) => invalid(`max_tokens: 0 is not allowed together with ${field}`);
	if (request.stream) throw refuse("stream: true");
	if (fieldsOf(request.body["thinking"])?.["type"] === "enabled") throw refuse("thinking.enabled");
	if ((fieldsOf(request.body["output_config"])?.["format"] ?? null) !== null) throw refuse("output_config.format");
	const choice = fieldsOf(request.body["tool_choice"])?.["type"];
	if (choice === "any" || choice === "tool") throw refuse("a forced tool_choice");
}
